"""Thermostats that the plan sets: which they are, within which band, and what is asked for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bridge.command import Aspect
from bridge.loads.asked_room import AskedRoom
from bridge.loads.comfort import Band, band_at, bands_over
from bridge.loads.posing import is_fit
from bridge.loads.wish import LoadKind
from hw.accuracy import Quantity
from hw.module import ModuleKind
from hw.reading import ThermostatMode

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import tzinfo

    from bridge.home import Home
    from bridge.hub import Hub
    from bridge.loads.asked import LoadStep
    from bridge.registry import RegisteredModule
    from hw.reading import ThermostatReading

_SETTABLE: Final = frozenset({ThermostatMode.HEAT, ThermostatMode.COOL})
"""Modes with one setpoint. One that is off stays off: the plan switches no thermostat."""


@dataclass(frozen=True, slots=True)
class PlannedRooms:
    """What a plan is to keep at a temperature.

    :ivar keys: the modules, each with what it is rated for if it measures no power
    :ivar power_w: what they take now
    """

    keys: tuple[tuple[str, float | None], ...]
    power_w: float
    asked: tuple[AskedRoom, ...]


def planned_rooms(home: Home, now: float, start: int, steps_s: Sequence[int]) -> PlannedRooms:
    """Return what is asked for the thermostats of a home.

    One that a person has set otherwise, or whose power nobody knows, is none of them: its part is foreseen
    from the past.

    :param now: UTC, seconds since 1970
    :param start: of the plan, the same
    """
    keys, asked, power = [], [], 0.0
    for module in home.registry:
        room = _asked(module, home, now, (start, steps_s))
        if room is not None:
            asked.append(room)
            rated = None if _measures(module) else module.record.wish.power_w
            keys.append((module.key, rated))
            power += power_now(module)
    return PlannedRooms(tuple(keys), power, tuple(asked))


def why_not(module: RegisteredModule, home: Home, now: float) -> str:
    """Return why the plan does not set a thermostat of which a band is wanted, for a person; or nothing."""
    reading, wish = module.reading, module.record.wish
    if reading is None or not is_fit(module, now):
        return "it does not answer, or is not to be commanded"
    if home.runs.run(module.key).person_until > now:
        return "a person set it"
    thermostat = reading.thermostat
    if thermostat is not None and thermostat.mode not in _SETTABLE:
        return f"its mode is {thermostat.mode.value}: only heat and cool are planned"
    if thermostat is None or reading.temperature_c is None or thermostat.setpoint_c is None:
        return "it does not say its temperature, or what it is set to"
    if not _measures(module) and (wish.power_w is None or thermostat.running is None):
        return "it does not measure its power: say what it takes while it runs"
    band = band_at(wish.bands, now, home.zone)
    within = None if band is None else band.within(thermostat.lowest_c, thermostat.highest_c)
    return "" if within is not None else "it cannot be set to any temperature of its band"


def setpoint_now(module: RegisteredModule, step: LoadStep, now: float, zone: tzinfo) -> float | None:
    """Return what a thermostat is to be set to by a step of the plan; None for nothing.

    That is never out of the band that its owner wants now, nor out of the device's own limits.
    """
    thermostat = None if module.reading is None else module.reading.thermostat
    band = band_at(module.record.wish.bands, now, zone)
    if thermostat is None or thermostat.mode not in _SETTABLE or band is None or step.setpoint_c is None:
        return None
    within = band.within(thermostat.lowest_c, thermostat.highest_c)
    return None if within is None else within.nearest(step.setpoint_c)


def thermostat_now(hub: Hub, module: RegisteredModule) -> dict[str, object]:
    """Return how a thermostat is of which a band is wanted, in plain values.

    `planned_c` is what its temperature is planned to be at the end of the plan's present step, `own_c` what
    it is set to again when the plan lets go of it.
    """
    home, wish = hub.home, module.record.wish
    now, reading = hub.clock.utc() or 0.0, module.reading
    thermostat = None if reading is None else reading.thermostat
    person_until = home.runs.run(module.key).person_until
    band = band_at(wish.bands, now, home.zone)
    step = None
    if hub.planner is not None and hub.planner.state.plan is not None and not hub.planner.state.waiting:
        found = hub.planner.state.plan.step(now)
        step = None if found is None else found.loads.get(module.key)
    return {
        "temperature_c": None if reading is None else reading.temperature_c,
        "setpoint_c": None if thermostat is None else thermostat.setpoint_c,
        "lowest_c": None if band is None else band.lowest_c,
        "highest_c": None if band is None else band.highest_c,
        "own_c": home.arbiter.own(module.key, Aspect.TEMPERATURE),
        "planned_c": None if step is None else step.temperature_c,
        "person_until": person_until if person_until > now else None,
        "why_not": why_not(module, home, now) if wish.planned else "",
    }


def power_now(module: RegisteredModule) -> float:
    """Return what a thermostat's load takes; of one that measures nothing its rating while it runs."""
    reading = module.reading
    if reading is None or reading.thermostat is None:
        return 0.0
    if reading.power_w is not None:
        return max(reading.power_w, 0.0)
    return (module.record.wish.power_w or 0.0) if reading.thermostat.running else 0.0


def _asked(
    module: RegisteredModule, home: Home, now: float, span: tuple[int, Sequence[int]]
) -> AskedRoom | None:
    record, reading = module.record, module.reading
    if record.kind is not ModuleKind.LOAD or record.wish.kind is not LoadKind.COMFORT:
        return None
    if not record.wish.planned or why_not(module, home, now) or reading is None:
        return None
    thermostat = reading.thermostat
    assert thermostat is not None, "why_not has looked"
    assert reading.temperature_c is not None, "why_not has looked"
    bands = [_settable(each, thermostat) for each in bands_over(record.wish.bands, *span, home.zone)]
    return AskedRoom(
        module.key,
        record.name,
        thermostat.mode is ThermostatMode.HEAT,
        reading.temperature_c,
        tuple(each.lowest_c for each in bands),
        tuple(each.highest_c for each in bands),
        record.wish.power_w,
        thermostat.outdoor_c,
        record.priority,
    )


def _settable(band: Band, thermostat: ThermostatReading) -> Band:
    """Return what of a band a thermostat can be set to; the nearest temperature when that is nothing."""
    within = band.within(thermostat.lowest_c, thermostat.highest_c)
    if within is not None:
        return within
    limit = thermostat.lowest_c if thermostat.lowest_c is not None else band.lowest_c
    if thermostat.highest_c is not None and band.lowest_c > thermostat.highest_c:
        limit = thermostat.highest_c
    return Band(limit, limit)


def _measures(module: RegisteredModule) -> bool:
    return Quantity.POWER in module.record.capabilities.measures
