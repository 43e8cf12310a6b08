"""Fault codes of drivers in the few words that the Power Source cluster has for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from clusters.definitions.power_source import BatChargeFaultEnum, BatFaultEnum, WiredFaultEnum

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from enum import IntEnum

F = TypeVar("F", bound="IntEnum")

_WIRED = {("OVER", "VOLT"): WiredFaultEnum.OVER_VOLTAGE, ("UNDER", "VOLT"): WiredFaultEnum.UNDER_VOLTAGE}
_BATTERY = {("OVER", "TEMP"): BatFaultEnum.OVER_TEMP, ("UNDER", "TEMP"): BatFaultEnum.UNDER_TEMP}
_CHARGE = {
    ("OVER", "TEMP"): BatChargeFaultEnum.BATTERY_TOO_HOT,
    ("UNDER", "TEMP"): BatChargeFaultEnum.BATTERY_TOO_COLD,
    ("OVER", "VOLT"): BatChargeFaultEnum.BATTERY_OVER_VOLTAGE,
    ("UNDER", "VOLT"): BatChargeFaultEnum.BATTERY_UNDER_VOLTAGE,
}


def wired_faults(codes: Collection[str]) -> tuple[WiredFaultEnum, ...]:
    """Return the faults of a wired source; what it has no word for is unspecified."""
    return _said(codes, _WIRED, WiredFaultEnum.UNSPECIFIED)


def battery_faults(codes: Collection[str]) -> tuple[BatFaultEnum, ...]:
    """Return the faults of a battery."""
    return _said(codes, _BATTERY, BatFaultEnum.UNSPECIFIED)


def charge_faults(codes: Collection[str]) -> tuple[BatChargeFaultEnum, ...]:
    """Return what keeps a battery from charging; what is not about charging is left out."""
    return tuple(sorted(fault for fault in _matches(codes, _CHARGE) if fault is not None))


def _said(codes: Iterable[str], words: Mapping[tuple[str, str], F], otherwise: F) -> tuple[F, ...]:
    return tuple(sorted({otherwise if fault is None else fault for fault in _matches(codes, words)}))


def _matches(codes: Iterable[str], words: Mapping[tuple[str, str], F]) -> set[F | None]:
    """Return for each code the fault all of whose words it contains, or None."""
    return {
        next((fault for parts, fault in words.items() if all(part in code.upper() for part in parts)), None)
        for code in codes
    }
