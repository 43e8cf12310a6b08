"""What is kept of a reading: its numbers by name, each with a unit and the precision that is kept.

A metric is called as the reading's field is (`power_w`, `energy_imported_wh`), those of phases and strings
with the phase or string before it (`phase_a_power_w`, `string_1_energy_wh`). States are kept as codes.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from hw.reading import ChargeState, OperatingState, PlugState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hw.reading import Reading

LARGEST: Final = 1e12
"""A magnitude beyond this is no measurement of a home: it is not kept."""


@dataclass(frozen=True, slots=True)
class MetricSpec:
    """What a metric is."""

    name: str
    unit: str
    scale: int = 0
    """Decimal exponent of the smallest step that is kept, as SunSpec's scale factors are: -1 is a tenth."""
    counter: bool = False
    """Whether it only counts up, such as an energy meter; history then knows the increase."""
    estimated: bool = False
    """Whether the hub worked it out instead of the device."""

    def quantity(self, value: float) -> int:
        """Return `value` in steps of the scale."""
        return round(value * 10.0**-self.scale)

    def value(self, quantity: float) -> float:
        """Return what so many steps are, rounded as the decimal number that is meant."""
        return quantity / 10.0**-self.scale


_UNITS: Final = {
    # how a name ends: unit, decimal exponent
    "_var": ("var", -1),
    "_va": ("VA", -1),
    "_wh": ("Wh", -1),
    "_w": ("W", -1),
    "_hz": ("Hz", -3),
    "_ohm": ("Ω", 0),
    "_percent": ("%", -1),
    "_v": ("V", -2),
    "_a": ("A", -3),
    "_c": ("°C", -1),
}
_COUNTERS: Final = frozenset({"energy_imported_wh", "energy_exported_wh"})
_MODULE: Final = (
    *("power_w", "voltage_v", "current_a", "frequency_hz", "apparent_power_va", "reactive_power_var"),
    *("power_factor", "energy_imported_wh", "energy_exported_wh", "temperature_c", "dc_power_w", "connected"),
    *("power_limit_percent", "power_limit_w", "grid_forming", "isolation_ohm"),
)
_BATTERY: Final = (
    *("soc_percent", "soh_percent", "capacity_wh", "available_wh", "voltage_v", "current_a"),
    *("cell_voltage_min_v", "cell_voltage_max_v", "cycles", "reserve_percent"),
    *("charge_limit_w", "discharge_limit_w"),
)
_EVSE: Final = (
    "session_energy_wh",
    "current_offered_a",
    "current_min_a",
    "current_max_a",
    "car_soc_percent",
    "car_capacity_wh",
)
_THERMOSTAT: Final = ("setpoint_c", "running", "outdoor_c")
_PHASE: Final = ("power_w", "voltage_v", "current_a")
_STRING: Final = ("power_w", "voltage_v", "current_a", "energy_wh", "temperature_c")
_SHARED: Final = frozenset({"voltage_v", "current_a"})
"""What a battery has at its DC terminals while its module has it at the AC terminals."""
_OTHER_SCALES: Final = {"power_factor": -3, "cell_voltage_min_v": -3, "cell_voltage_max_v": -3}
_PART: Final = re.compile(
    r"(?:phase|string)_[a-z0-9_]{1,24}?_(power_w|voltage_v|current_a|energy_wh|temperature_c)"
)

STATES: Final = {
    OperatingState.UNKNOWN: 0,
    OperatingState.OFF: 1,
    OperatingState.SLEEPING: 2,
    OperatingState.STARTING: 3,
    OperatingState.RUNNING: 4,
    OperatingState.THROTTLED: 5,
    OperatingState.STANDBY: 6,
    OperatingState.STOPPING: 7,
    OperatingState.FAULT: 8,
}
"""Codes of the metric `state`. They are in files: a code never gets another meaning."""
CHARGE_STATES: Final = {
    ChargeState.UNKNOWN: 0,
    ChargeState.OFF: 1,
    ChargeState.EMPTY: 2,
    ChargeState.DISCHARGING: 3,
    ChargeState.CHARGING: 4,
    ChargeState.FULL: 5,
    ChargeState.HOLDING: 6,
    ChargeState.TESTING: 7,
}
"""Codes of the metric `charge_state`; the same holds for them."""

PLUG_STATES: Final = {
    PlugState.UNKNOWN: 0,
    PlugState.NOT_CONNECTED: 1,
    PlugState.NO_DEMAND: 2,
    PlugState.DEMAND: 3,
    PlugState.CHARGING: 4,
    PlugState.FAULT: 5,
}
"""Codes of the metric `plug`; the same holds for them."""

ESTIMATED: Final = {
    "energy_imported_wh": MetricSpec("energy_imported_estimated_wh", "Wh", -3, counter=True, estimated=True),
    "energy_exported_wh": MetricSpec("energy_exported_estimated_wh", "Wh", -3, counter=True, estimated=True),
}
"""What stands in for a counter that the device does not have: its power, integrated by the hub."""
STATE: Final = MetricSpec("state", "")
CHARGE_STATE: Final = MetricSpec("charge_state", "")
PLUG: Final = MetricSpec("plug", "")
CHARGING_PHASES: Final = MetricSpec("charging_phases", "")


def _spec(field: str, prefix: str = "") -> MetricSpec:
    unit, scale = next((known for end, known in _UNITS.items() if field.endswith(end)), ("", 0))
    counter = field in _COUNTERS or (field == "energy_wh" and prefix.startswith("string"))
    return MetricSpec(prefix + field, unit, _OTHER_SCALES.get(field, scale), counter=counter)


_MODULE_SPECS: Final = tuple(_spec(field) for field in _MODULE)
_BATTERY_SPECS: Final = tuple(_spec(field, "battery_" if field in _SHARED else "") for field in _BATTERY)
_EVSE_SPECS: Final = tuple(_spec(field) for field in _EVSE)
_THERMOSTAT_SPECS: Final = tuple(_spec(field) for field in _THERMOSTAT)
_KNOWN: Final = {
    spec.name: spec
    for spec in (
        *(*_MODULE_SPECS, *_BATTERY_SPECS, *_EVSE_SPECS, *_THERMOSTAT_SPECS, *ESTIMATED.values()),
        *(STATE, CHARGE_STATE, PLUG, CHARGING_PHASES),
    )
}
_of_module = attrgetter(*_MODULE)
_of_battery = attrgetter(*_BATTERY)
_of_evse = attrgetter(*_EVSE)
_of_thermostat = attrgetter(*_THERMOSTAT)
_of_phase = attrgetter(*_PHASE)
_of_string = attrgetter(*_STRING)


def known_metric(name: str) -> MetricSpec | None:
    """Return the metric of a name, or None when there is no such metric."""
    if name in _KNOWN:
        return _KNOWN[name]
    match = _PART.fullmatch(name)
    return None if match is None else _spec(match[1], name.removesuffix(match[1]))


def metric_names() -> list[str]:
    """Return the names of all metrics but those of phases and strings."""
    return list(_KNOWN)


def measurements(reading: Reading) -> Iterator[tuple[MetricSpec, float]]:
    """Yield every number of a reading that the device knows, always in the same order."""
    yield from _present(_MODULE_SPECS, _of_module(reading))
    yield STATE, STATES[reading.state]
    for phase in reading.phases:
        yield from _present(_part_specs("phase", phase.name, _PHASE), _of_phase(phase))
    for string in reading.strings:
        yield from _present(_part_specs("string", string.name, _STRING), _of_string(string))
    if reading.battery is not None:
        yield from _present(_BATTERY_SPECS, _of_battery(reading.battery))
        yield CHARGE_STATE, CHARGE_STATES[reading.battery.charge_state]
    if reading.evse is not None:
        yield from _present(_EVSE_SPECS, _of_evse(reading.evse))
        yield PLUG, PLUG_STATES[reading.evse.plug]
        if reading.evse.phases is not None:
            yield CHARGING_PHASES, reading.evse.phases
    if reading.thermostat is not None:
        yield from _present(_THERMOSTAT_SPECS, _of_thermostat(reading.thermostat))


def _present(
    specs: tuple[MetricSpec, ...], values: tuple[float | None, ...]
) -> Iterator[tuple[MetricSpec, float]]:
    for spec, value in zip(specs, values, strict=True):
        if value is not None and is_measurement(spec, value):
            yield spec, value


def is_measurement(spec: MetricSpec, value: float) -> bool:
    """Whether a number can be a value of a metric: finite, not beyond reason, of a counter not negative."""
    return math.isfinite(value) and abs(value) <= LARGEST and not (spec.counter and value < 0)


@lru_cache(maxsize=1024)
def _part_specs(kind: str, name: str, fields: tuple[str, ...]) -> tuple[MetricSpec, ...]:
    part = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[:24].strip("_") or "x"
    return tuple(_spec(field, f"{kind}_{part}_") for field in fields)
