"""Asking for loads: which are planned, what they are to get, and what they do whatever the plan is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bridge.charging_current import SMALLEST_A, watts_per_ampere
from bridge.command import Aspect, Origin
from bridge.loads.asked import AskedLoad, GivenLoad
from bridge.loads.needs import Need, is_planned, needs
from bridge.loads.run import LoadState, power_w
from bridge.loads.wish import Hours, LoadKind
from bridge.record import OperatingMode
from hw.accuracy import Quantity
from hw.module import ModuleKind
from hw.reading import PlugState, Quality

if TYPE_CHECKING:
    from bridge.command import Command
    from bridge.home import Home
    from bridge.registry import RegisteredModule

FRESH: Final = 90.0
"""Seconds after which a reading is too old to plan by, as for batteries."""
_DAY: Final = 86_400.0
_FOREVER: Final = 2 * _DAY
"""Longer than a plan."""
_CAR: Final = frozenset({PlugState.DEMAND, PlugState.CHARGING, PlugState.NO_DEMAND})
"""A car is there. Whether it is full it tells only while it may charge, and after a while."""


@dataclass(frozen=True, slots=True)
class PlannedLoads:
    """The loads in a plan.

    :ivar keys: modules that the plan commands, now or at another time, each with what it is rated for if it
        measures nothing
    :ivar power_w: what they take now
    """

    keys: tuple[tuple[str, float | None], ...]
    power_w: float
    asked: tuple[AskedLoad, ...]
    given: tuple[GivenLoad, ...]


def planned_loads(home: Home, now: float, span: tuple[float, float], *, learns: bool) -> PlannedLoads:
    """Return the loads of a home that a plan is to be made for.

    One that does not answer, or is not to be commanded, is none of them: its part is foreseen from the past.

    :param now: UTC, seconds since 1970
    :param span: start and end of the plan; what has begun by now may run from its start on
    :param learns: whether there is a past to learn from
    """
    asked: list[AskedLoad] = []
    given: list[GivenLoad] = []
    planned = [module for module in home.registry if is_planned(module, home) and is_fit(module, now)]
    for module in planned:
        coming = [
            need._replace(start=span[0]) if need.start <= now else need
            for need in needs(module, home, now, span[1])
        ]
        if module.record.kind is ModuleKind.EVSE:
            asked += _car(home, module, coming, now)
            continue
        running, free = _given(home, module, now, learns=learns)
        given += running
        asked += _load(home, module, coming, free, learns=learns)
    power = sum(_power(module) for module in planned)
    keys = tuple((module.key, _rated(module)) for module in planned)
    return PlannedLoads(keys, power, tuple(asked), tuple(given))


def is_fit(module: RegisteredModule, now: float) -> bool:
    """Tell whether a module answers and may be commanded by a plan."""
    reading, record = module.reading, module.record
    return (
        module.reachable
        and reading is not None
        and reading.quality is not Quality.STALE
        and now - reading.time.timestamp() <= FRESH
        and record.mode is not OperatingMode.AUTONOMOUS
        and not record.quarantined
    )


def held_until(commands: tuple[Command, ...], now: float, *, on: bool) -> float:
    """Return until when somebody weightier than the plan has something on or off; 0 if nobody has."""
    for command in commands:
        if command.aspect is Aspect.CONNECTION and command.origin < Origin.PLAN and not command.permits:
            holds = (command.value == 1) is on
            return (command.expires or now + _FOREVER) if holds else 0.0
    return 0.0


def most_current(home: Home, module: RegisteredModule) -> float:
    """Return the most current per phase that a car may be offered, as everybody but the plan has it."""
    reading, plate = module.reading, module.record.nameplate
    evse = None if reading is None else reading.evse
    limits = [plate.current_a, None if evse is None else evse.current_max_a]
    limits += [
        command.value
        for command in home.arbiter.live(module.key)
        if command.aspect is Aspect.CURRENT and command.origin is not Origin.PLAN
    ]
    return min((limit for limit in limits if limit is not None), default=SMALLEST_A)


def _given(
    home: Home, module: RegisteredModule, now: float, *, learns: bool
) -> tuple[list[GivenLoad], float]:
    """Return what a load does whatever the plan is, and from when on the plan may command it."""
    run, wish = home.runs.run(module.key), module.record.wish
    commands = home.arbiter.live(module.key)
    power = _power(module) if _power(module) > 1 else wish.power_w
    if run.state is LoadState.RUNNING:
        if wish.need_wh and run.run_s:
            power = wish.need_wh / run.run_s * 3600
        left = run.left_s(now)
        goes_on = "Its program goes on: it is not broken off."
        return [GivenLoad(module.key, power, left, goes_on, learns)], now + left
    on = held_until(commands, now, on=True)
    off = held_until(commands, now, on=False)
    why = "It was switched on."
    if run.person_until > now:
        if run.person_on:
            on, why = max(on, run.person_until), "A person switched it on."
        else:
            off = max(off, run.person_until)
    found = [GivenLoad(module.key, power, on - now, why, learns)] if on > now else []
    held = max(on, off)
    return found, held if held > now else 0.0


def _load(
    home: Home, module: RegisteredModule, coming: list[Need], free: float, *, learns: bool
) -> list[AskedLoad]:
    """Return what is asked of a load from an instant on at which it is free."""
    run, wish = home.runs.run(module.key), module.record.wish
    asked = []
    for need in coming:
        current = need.by == run.by
        if current and wish.kind is LoadKind.MACHINE and run.state in {LoadState.RUNNING, LoadState.DONE}:
            continue
        taken = run.taken_wh if current and wish.kind is LoadKind.INTERRUPTIBLE else 0.0
        asked.append(
            AskedLoad(
                module.key,
                module.record.name,
                wish.kind,
                max(need.start, free),
                need.by,
                need.energy_wh,
                taken,
                wish.run_s,
                wish.power_w,
                None,
                wish.hours,
                from_battery=True,
                takes_sun=False,
                priority=module.record.priority,
                learns=learns,
            )
        )
    return asked


def _car(home: Home, module: RegisteredModule, coming: list[Need], now: float) -> list[AskedLoad]:
    """Return what is asked of a charging point with a car."""
    reading = module.reading
    if reading is None or reading.evse is None or reading.evse.plug not in _CAR:
        return []
    if home.sessions.is_full(module.key):
        return []
    point, wish, run = home.charging_points.get(module.key), module.record.wish, home.runs.run(module.key)
    follows_sun = point is not None and point.follows_sun
    free = held_until(home.arbiter.live(module.key), now, on=False)
    ampere = watts_per_ampere(module)
    most, least = most_current(home, module), reading.evse.current_min_a or SMALLEST_A
    if most < least:
        return []
    wanted = list(coming)
    if not wanted and follows_sun:
        wanted = [Need(now, now + _DAY, 0.0)]
    return [
        AskedLoad(
            module.key,
            module.record.name,
            LoadKind.INTERRUPTIBLE,
            max(need.start, free),
            need.by,
            need.energy_wh,
            run.taken_wh if need.by == run.by else 0.0,
            None,
            most * ampere,
            least * ampere,
            wish.hours if wish.kind is LoadKind.INTERRUPTIBLE else Hours.ANY,
            from_battery=False,
            takes_sun=follows_sun,
            priority=module.record.priority,
            learns=False,
            spare_wh=need.spare_wh,
            sessions=need.sessions,
        )
        for need in wanted
    ]


def _rated(module: RegisteredModule) -> float | None:
    """Return what a load takes that measures nothing; None of one that does."""
    measures = Quantity.POWER in module.record.capabilities.measures
    return None if measures else module.record.wish.power_w


def _power(module: RegisteredModule) -> float:
    return power_w(module.reading, module.record.wish.power_w)
