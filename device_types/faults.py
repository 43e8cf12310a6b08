"""Fault codes of drivers in the few words that the Power Source cluster has for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from clusters.definitions.energy_evse import FaultStateEnum
from clusters.definitions.power_source import BatChargeFaultEnum, BatFaultEnum, WiredFaultEnum

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from enum import IntEnum

F = TypeVar("F", bound="IntEnum")

_DIRECT = "DC_"
"""What is wrong on an inverter's DC side says nothing of the mains."""
_WIRED: Mapping[tuple[str, ...], WiredFaultEnum] = {
    ("OVER", "VOLT"): WiredFaultEnum.OVER_VOLTAGE,
    ("UNDER", "VOLT"): WiredFaultEnum.UNDER_VOLTAGE,
}
_BATTERY: Mapping[tuple[str, ...], BatFaultEnum] = {
    ("OVER", "TEMP"): BatFaultEnum.OVER_TEMP,
    ("UNDER", "TEMP"): BatFaultEnum.UNDER_TEMP,
}
_CHARGE: Mapping[tuple[str, ...], BatChargeFaultEnum] = {
    ("OVER", "TEMP"): BatChargeFaultEnum.BATTERY_TOO_HOT,
    ("UNDER", "TEMP"): BatChargeFaultEnum.BATTERY_TOO_COLD,
    ("OVER", "VOLT"): BatChargeFaultEnum.BATTERY_OVER_VOLTAGE,
    ("UNDER", "VOLT"): BatChargeFaultEnum.BATTERY_UNDER_VOLTAGE,
    ("OVER_CHARGE",): BatChargeFaultEnum.UNSPECIFIED,
    ("CONTACTOR",): BatChargeFaultEnum.UNSPECIFIED,
}
"""What keeps a battery from charging. The bank's voltage stands for that of its cells, which SunSpec's model
802 has no codes for."""
_CHARGER: Mapping[tuple[str, ...], BatChargeFaultEnum] = {
    ("OVER", "VOLT"): BatChargeFaultEnum.CHARGER_OVER_VOLTAGE,
    ("UNDER", "VOLT"): BatChargeFaultEnum.CHARGER_UNDER_VOLTAGE,
}
_EVSE: Mapping[tuple[str, ...], FaultStateEnum] = {
    ("GROUND",): FaultStateEnum.GROUND_FAULT,
    ("RESIDUAL",): FaultStateEnum.GROUND_FAULT,
    ("OVER", "TEMP"): FaultStateEnum.OVER_TEMPERATURE,
    ("OVER", "CURRENT"): FaultStateEnum.OVER_CURRENT,
    ("OVER", "VOLT"): FaultStateEnum.OVER_VOLTAGE,
    ("UNDER", "VOLT"): FaultStateEnum.UNDER_VOLTAGE,
    ("CONTACTOR", "STUCK"): FaultStateEnum.CONTACT_WET_FAILURE,
    ("CONTACTOR", "OPEN"): FaultStateEnum.CONTACT_DRY_FAILURE,
    ("PILOT",): FaultStateEnum.PILOT_SHORT_CIRCUIT,
    ("PHASE",): FaultStateEnum.POWER_LOSS,
    ("METER",): FaultStateEnum.METER_FAILURE,
}
"""The gravest first: a charging point tells one fault at a time."""


def wired_faults(codes: Collection[str]) -> tuple[WiredFaultEnum, ...]:
    """Return the faults of a wired source; what it has no word for is unspecified."""
    mains = [code for code in codes if _DIRECT not in code.upper()]
    other = {WiredFaultEnum.UNSPECIFIED} if len(mains) < len(codes) else set()
    return tuple(sorted(other.union(_said(mains, _WIRED, WiredFaultEnum.UNSPECIFIED))))


def battery_faults(codes: Collection[str]) -> tuple[BatFaultEnum, ...]:
    """Return the faults of a battery, by its own codes."""
    return _said(codes, _BATTERY, BatFaultEnum.UNSPECIFIED)


def charge_faults(codes: Collection[str], charger: Collection[str] = ()) -> tuple[BatChargeFaultEnum, ...]:
    """Return what keeps a battery from charging; what is not about charging is left out.

    :param codes: the battery's own
    :param charger: those of the inverter that charges it
    """
    mains = [code for code in charger if _DIRECT not in code.upper()]
    found = _matches(codes, _CHARGE) | _matches(mains, _CHARGER)
    return tuple(sorted(fault for fault in found if fault is not None))


def evse_fault(codes: Collection[str], *, failed: bool) -> FaultStateEnum:
    """Return the gravest fault of a charging point; NO_ERROR while it works all the same.

    :param failed: it does not work
    """
    if not failed:
        return FaultStateEnum.NO_ERROR
    found = _matches(codes, _EVSE)
    return next((fault for fault in _EVSE.values() if fault in found), FaultStateEnum.OTHER)


def _said(codes: Iterable[str], words: Mapping[tuple[str, ...], F], otherwise: F) -> tuple[F, ...]:
    return tuple(sorted({otherwise if fault is None else fault for fault in _matches(codes, words)}))


def _matches(codes: Iterable[str], words: Mapping[tuple[str, ...], F]) -> set[F | None]:
    """Return for each code the fault all of whose words it contains, or None."""
    return {
        next((fault for parts, fault in words.items() if all(part in code.upper() for part in parts)), None)
        for code in codes
    }
