"""Rooms in the planning process: what each is learned to be, its part of the problem, what it is set to."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from bridge.loads.asked import LoadStep
from bridge.loads.asked_room import AskedRoom, RoomTold
from bridge.loads.learned import usual_day
from bridge.planner.past import STEP
from optimizer.forecast.room import Room, learned_room, usual_room
from optimizer.plan import Wish
from optimizer.thermal_store import ThermalStore

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bridge.planner.past import RoomPast
    from bridge.planner.question import Question
    from optimizer.formulation.program import Floats
    from optimizer.horizon import Horizon
    from optimizer.plan import Plan, Violation

SMALL_K: Final = 0.3
"""Less discomfort than this is the play of a thermostat, and none."""
_EDGE_K: Final = 0.01
_SMALL_SHARE: Final = 0.02
"""Of its power, below which it is taken not to run."""
_FULL_SHARE: Final = 0.7
"""From which on it is to run without a pause."""
_DEGREES: Final = 10
"""Parts of a degree that thermostats are set in."""
_DAY: Final = 86_400 // STEP


class RoomParts(NamedTuple):
    """What rooms are in the problem.

    :ivar asked: what was asked of each, by the part's name, which is the module's key
    :ivar told: what each is taken for
    :ivar notes: why something that is asked is not in the problem
    """

    stores: tuple[ThermalStore, ...]
    asked: dict[str, AskedRoom]
    told: dict[str, RoomTold]
    notes: tuple[str, ...]


def room_parts(question: Question, horizon: Horizon, known: Mapping[str, RoomPast]) -> RoomParts:
    """Return the rooms of a question as parts of its problem.

    :param known: what was recorded of each
    """
    wish = 10 * max(0.1, *map(abs, question.import_price), *map(abs, question.export_price))
    stores, notes = [], []
    asked: dict[str, AskedRoom] = {}
    told: dict[str, RoomTold] = {}
    for each in question.rooms:
        past = known.get(each.key)
        power = each.power_w
        if power is None and past is not None and (usual := usual_day(past.power_w)) is not None:
            power = usual.power_w
        if power is None:
            notes.append(
                f"{each.title}: what it takes is not known yet: say its power, "
                "or let it run for a day as usual."
            )
            continue
        before, coming = _outside(each, question, past)
        room = None
        if past is not None:
            room = _learned(
                past.temperature_c.tobytes(),
                past.power_w.tobytes(),
                None if before is None else before.tobytes(),
                past.start,
                heats=each.heats,
            )
        if room is None or (room.knows_outside and coming is None):
            room = usual_room(power, heats=each.heats, knows_outside=coming is not None)
        told[each.key] = RoomTold(room.loss_w_per_k, room.capacity_wh_per_k, power, room.explained, room.days)
        asked[each.key] = each
        ends = np.array(horizon.offsets_s, float)
        outside = room.outside(question.start + (ends[:-1] + ends[1:]) / 2)
        if room.knows_outside and coming is not None:
            outside = outside + coming
        # Where there is not enough for all, what people gave a higher priority comes first.
        stores.append(_store(each, room, horizon, outside, (power, wish * (0.55 + 0.1 * each.priority))))
    return RoomParts(tuple(stores), asked, told, tuple(notes))


def room_steps(parts: RoomParts, plan: Plan) -> list[dict[str, LoadStep]]:
    """Return what each room's thermostat does in each step of a plan, and what it is set to."""
    steps: list[dict[str, LoadStep]] = [{} for _ in plan.horizon.steps_s]
    for load in plan.loads:
        asked = parts.asked.get(load.name)
        if asked is None or load.temperature_c is None:
            continue
        most = parts.told[load.name].power_w
        setpoints = setpoints_of(asked, load.power_w, load.temperature_c, most)
        rows = zip(steps, load.power_w, load.reasons, load.temperature_c, setpoints, strict=True)
        for step, watts, reason, temperature, setpoint in rows:
            step[load.name] = LoadStep(
                watts,
                watts > _SMALL_SHARE * most,
                reason.code,
                reason.sentence,
                round(temperature, 2),
                setpoint,
            )
    return steps


def setpoints_of(
    asked: AskedRoom, power_w: Sequence[float], temperature_c: Sequence[float], most_w: float
) -> list[float]:
    """Return what a thermostat is set to in each step, so that its own control does what is planned.

    While it is to wait, it is set to the end of the band at which it would have to run. While it is to run at
    full power, it is set to where it is to get without a pause; else to where it is to be at the step's end.
    """
    sign = 1.0 if asked.heats else -1.0
    runs = [watts > _SMALL_SHARE * most_w for watts in power_w]
    towards = [sign * each for each in temperature_c]
    goals: list[float] = []
    before = [sign * asked.temperature_c, *towards]
    for step in reversed(range(len(runs))):
        goal = towards[step]
        rises = towards[step] > before[step] + _EDGE_K / 10
        goes_on = step + 1 < len(runs) and runs[step + 1] and towards[step + 1] > towards[step]
        if rises and goes_on and power_w[step] >= _FULL_SHARE * most_w:
            goal = max(goal, goals[-1])
        goals.append(goal if runs[step] else -math.inf)
    setpoints = []
    for goal, low, high in zip(reversed(goals), asked.lowest_c, asked.highest_c, strict=True):
        # As a thermostat has it, and rather a little more than not to get there.
        wanted = (
            sign * math.ceil(goal * _DEGREES - _EDGE_K) / _DEGREES if math.isfinite(goal) else sign * goal
        )
        setpoints.append(min(max(wanted, low), high))
    return setpoints


def is_told(violation: Violation) -> bool:
    """Tell whether people are to hear of a broken wish: not of the play that every thermostat has."""
    return violation.wish is not Wish.COMFORT or violation.amount >= SMALL_K


@lru_cache(maxsize=64)
def _learned(
    temperature: bytes, power: bytes, outside: bytes | None, start: int, *, heats: bool
) -> Room | None:
    """Return what a room is by its past, reckoned once for each past."""
    rows = [None if each is None else np.frombuffer(each) for each in (temperature, power, outside)]
    assert rows[0] is not None, "only outside may be unknown"
    assert rows[1] is not None, "only outside may be unknown"
    return learned_room(rows[0], rows[1], rows[2], STEP, start_s=start, heats=heats)


def _outside(
    asked: AskedRoom, question: Question, past: RoomPast | None
) -> tuple[Floats | None, Floats | None]:
    """Return the temperature outside in the quarters of an hour of the past, and in the steps to come.

    A forecast tells both; a thermostat that knows it tells the past, and tomorrow is taken to be as today.
    """
    air, count = question.outlook.air, len(question.steps_s)
    begins = question.start + np.concatenate(([0], np.cumsum(question.steps_s)))
    if air is not None:
        said = np.array([np.nan if each is None else each for each in air.temperature_c])
        starts = air.start + air.step_s * np.arange(len(said))
        known = ~np.isnan(said)
        if known.any():
            middles = starts[known] + air.step_s / 2
            coming = np.interp((begins[:-1] + begins[1:]) / 2, middles, said[known])
            if past is None:
                return None, coming
            at = ((past.start + STEP * np.arange(len(past.temperature_c))) - air.start) // air.step_s
            inside = (at >= 0) & (at < len(said))
            before = np.where(inside, said[np.clip(at, 0, len(said) - 1)], np.nan)
            return before, coming
    if past is not None and not np.isnan(past.outdoor_c[-_DAY:]).all():
        day = past.outdoor_c[-_DAY:]
        day = np.where(np.isnan(day), np.nanmean(day), day)
        end = past.start + STEP * len(past.outdoor_c)
        return past.outdoor_c, day[((begins[:-1] - end) // STEP).astype(int) % _DAY]
    if asked.outdoor_c is not None:
        return None, np.full(count, asked.outdoor_c)
    return None, None


def _store(
    asked: AskedRoom, room: Room, horizon: Horizon, outside: Floats, prices: tuple[float, float]
) -> ThermalStore:
    power, price = prices
    keeps = np.exp(-np.array(horizon.hours) / room.time_constant_h)
    low, high = np.array(asked.lowest_c), np.array(asked.highest_c)
    if asked.heats:
        high, available = _coasting(asked.temperature_c, (low, high), outside, keeps)
    else:
        turned, available = _coasting(-asked.temperature_c, (-high, -low), -outside, keeps)
        low = -turned
    return ThermalStore(
        asked.key,
        asked.temperature_c,
        tuple(low.tolist()),
        tuple(high.tolist()),
        tuple(outside.tolist()),
        room.capacity_wh_per_k,
        room.resistance_k_per_w,
        power,
        heat_per_w=1.0 if asked.heats else -1.0,
        price=price,
        available=available,
        firm=True,
    )


def _coasting(
    now_c: float, band: tuple[Floats, Floats], outside: Floats, keeps: Floats
) -> tuple[Floats, tuple[bool, ...]]:
    """Return how warm a heated room may be, and whether its thermostat can have it heated, in each step.

    After a band falls, a room is above it until it has cooled: that is no discomfort, and until then it
    cannot be heated, for its thermostat is not set above the band. It may be as warm as it was allowed to be
    and cools from there; it cannot be heated while it is too warm even from where it had to be at least.
    """
    ceiling, floor = max(now_c, float(band[1][0])), now_c
    highest = np.empty(len(keeps))
    available = []
    for step, (low, high) in enumerate(zip(*band, strict=True)):
        available.append(bool(floor <= high + _EDGE_K))
        keep, air = keeps[step], outside[step]
        ceiling = max(float(high), keep * ceiling + (1 - keep) * air)
        floor = max(float(low), keep * floor + (1 - keep) * air)
        highest[step] = ceiling
    return highest, tuple(available)
