"""AC measurements of the inverter models (101-103, 111-113) and of 701, in the hub's signs.

SunSpec counts what an inverter or a DER gives as positive; the hub counts what it takes as positive.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

from hw.accuracy import Quantity
from hw.reading import Fault, OperatingState, Phase
from hw.sunspec.accuracy import implemented
from hw.sunspec.module import first

if TYPE_CHECKING:
    from hw.sunspec.accuracy import Points
    from hw.sunspec.codec import View
    from hw.sunspec.module import Views

INVERTER_MODELS = (101, 102, 103, 111, 112, 113)
DER_MEASUREMENT = 701

_STATES = {
    "OFF": OperatingState.OFF,
    "SLEEPING": OperatingState.SLEEPING,
    "STARTING": OperatingState.STARTING,
    "MPPT": OperatingState.RUNNING,
    "RUNNING": OperatingState.RUNNING,
    "THROTTLED": OperatingState.THROTTLED,
    "SHUTTING_DOWN": OperatingState.STOPPING,
    "FAULT": OperatingState.FAULT,
    "STANDBY": OperatingState.STANDBY,
}
_ASLEEP = (OperatingState.OFF, OperatingState.SLEEPING)
_ALWAYS = {Quantity.POWER, Quantity.VOLTAGE, Quantity.CURRENT, Quantity.FREQUENCY}
"""What every device of these models measures, though it may be silent at night."""
_INVERTER_POINTS = {
    Quantity.POWER: "W",
    Quantity.APPARENT_POWER: "VA",
    Quantity.REACTIVE_POWER: "VAr",
    Quantity.POWER_FACTOR: "PF",
    Quantity.VOLTAGE: "PhVphA",
    Quantity.CURRENT: "A",
    Quantity.FREQUENCY: "Hz",
    Quantity.ENERGY: "WH",
}
_DER_POINTS = _INVERTER_POINTS | {
    Quantity.REACTIVE_POWER: "Var",
    Quantity.VOLTAGE: "LNV",
    Quantity.ENERGY: "TotWhInj",
}


class AcReading(TypedDict, total=False):
    """The fields of a `Reading` that come from an AC model."""

    state: OperatingState
    power_w: float | None
    voltage_v: float | None
    current_a: float | None
    frequency_hz: float | None
    apparent_power_va: float | None
    reactive_power_var: float | None
    power_factor: float | None
    phases: tuple[Phase, ...]
    energy_imported_wh: float | None
    energy_exported_wh: float | None
    temperature_c: float | None
    dc_power_w: float | None
    faults: tuple[Fault, ...]
    grid_forming: bool | None


def ac_model(views: Views | dict[int, Any]) -> int | None:
    """Return the AC model to read: 701 where the device has it, as it tells more."""
    return next((model for model in (DER_MEASUREMENT, *INVERTER_MODELS) if model in views), None)


def measured_points(model: int, view: View) -> Points:
    """Return what an AC model measures, and where."""
    points = _DER_POINTS if model == DER_MEASUREMENT else _INVERTER_POINTS
    asleep = read_ac(model, view)["state"] in _ASLEEP
    found = _ALWAYS | set(implemented(view, points, asleep=asleep))
    return {quantity: name for quantity, name in points.items() if quantity in found}


def read_ac(model: int, view: View) -> AcReading:
    """Return what an AC model says. An inverter that sleeps reads 0 W, not nothing."""
    reading = _read_701(view) if model == DER_MEASUREMENT else _read_inverter(model, view)
    if reading["power_w"] is None:
        if reading["state"] is OperatingState.UNKNOWN and reading["energy_exported_wh"] is not None:
            # SMA's night: everything unknown but the lifetime counter.
            reading["state"] = OperatingState.SLEEPING
        if reading["state"] in _ASLEEP:
            reading["power_w"] = 0.0
    return reading


def negated(value: float | None) -> float | None:
    """Return -value, and 0 for 0, never -0."""
    return None if value is None else -value or 0.0


def factor(value: float | None) -> float | None:
    """Return a power factor as -1 to 1. The models say percent; some devices send the fraction."""
    return value / 100 if value is not None and abs(value) > 1 else value


def magnitude(value: float | None) -> float | None:
    """Return |value|."""
    return None if value is None else abs(value)


def mean(values: list[float]) -> float | None:
    """Return the mean, None of nothing."""
    return sum(values) / len(values) if values else None


def faults_of(model: int, view: View, *points: str, battery: bool = False) -> tuple[Fault, ...]:
    """Return the bits set in the event points; warnings are no faults."""
    return tuple(
        Fault(code, f"{model}.{point}", battery)
        for point in points
        for code in view.bits(point)
        if not code.endswith("WARNING") and not code.startswith("RESERVED")
    )


def _state(view: View, point: str) -> OperatingState:
    # The float models write their symbols with a stray prefix: ggMPPT.
    return _STATES.get((view.symbol(point) or "").removeprefix("gg"), OperatingState.UNKNOWN)


def _read_inverter(model: int, view: View) -> AcReading:
    state = _state(view, "St")
    volts = [volt for name in ("PhVphA", "PhVphB", "PhVphC") if (volt := view.number(name)) is not None]
    phases: tuple[Phase, ...] = ()
    if len(volts) > 1:
        phases = tuple(
            Phase(letter, None, view.number(f"PhVph{letter}"), view.number(f"Aph{letter}"))
            for letter in "ABC"
            if view.number(f"PhVph{letter}") is not None
        )
    faults = faults_of(model, view, "Evt1")
    if state is OperatingState.FAULT:
        vendor = ("EvtVnd1", "EvtVnd2", "EvtVnd3", "EvtVnd4")
        faults += tuple(
            Fault(f"VENDOR_{index}_{code[4:]}", f"{model}.{point}")
            for index, point in enumerate(vendor, 1)
            for code in view.bits(point)
        )
    return AcReading(
        state=state,
        power_w=negated(view.number("W")),
        voltage_v=mean(volts),
        current_a=view.number("A"),
        frequency_hz=view.number("Hz"),
        apparent_power_va=magnitude(view.number("VA")),
        reactive_power_var=negated(view.number("VAr")),
        power_factor=factor(view.number("PF")),
        phases=phases,
        energy_exported_wh=view.number("WH"),
        temperature_c=first(*(view.number(name) for name in ("TmpCab", "TmpSnk", "TmpTrns", "TmpOt"))),
        dc_power_w=negated(view.number("DCW")),
        faults=faults,
    )


def _read_701(view: View) -> AcReading:
    phases: tuple[Phase, ...] = ()
    if view.symbol("ACType") in ("SPLIT_PHASE", "THREE_PHASE"):
        phases = tuple(
            Phase(
                letter,
                negated(view.number(f"WL{line}")),
                view.number(f"VL{line}"),
                magnitude(view.number(f"AL{line}")),
            )
            for line, letter in enumerate("ABC", 1)
            if view.number(f"WL{line}") is not None or view.number(f"VL{line}") is not None
        )
    volts = [phase.voltage_v for phase in phases if phase.voltage_v is not None]
    return AcReading(
        state=_state(view, "InvSt"),
        power_w=negated(view.number("W")),
        voltage_v=first(view.number("LNV"), mean(volts), view.number("VL1")),
        current_a=magnitude(view.number("A")),
        frequency_hz=view.number("Hz"),
        apparent_power_va=magnitude(view.number("VA")),
        reactive_power_var=negated(view.number("Var")),
        power_factor=factor(view.number("PF")),
        phases=phases,
        energy_imported_wh=view.number("TotWhAbs"),
        energy_exported_wh=view.number("TotWhInj"),
        temperature_c=first(
            *(view.number(name) for name in ("TmpCab", "TmpSnk", "TmpTrns", "TmpSw", "TmpAmb"))
        ),
        faults=faults_of(DER_MEASUREMENT, view, "Alrm"),
        grid_forming=_is_forming(view),
    )


def _is_forming(view: View) -> bool | None:
    """Return what `DERMode` says; None when it says neither that it follows a grid nor that it forms one."""
    modes = view.bits("DERMode")
    return "GRID_FORMING" in modes if {"GRID_FORMING", "GRID_FOLLOWING"} & set(modes) else None
