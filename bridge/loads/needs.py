"""What is needed of a load, and by when: by its wish, or by what the users' charging targets say."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

from bridge.charging_current import MAINS_V
from bridge.loads.sessions import until_full, usual
from bridge.loads.times import periods
from bridge.loads.wish import LoadKind
from hw.module import ModuleKind
from hw.reading import PlugState

if TYPE_CHECKING:
    from bridge.home import Home
    from bridge.registry import RegisteredModule
    from clusters.charging_plan import NextCharge


_CAR: Final = frozenset({PlugState.DEMAND, PlugState.CHARGING, PlugState.NO_DEMAND})


_USUAL_A: Final = 16.0
_INTO_A_CAR: Final = 0.9
"""Share of what a car draws that ends in its battery."""
_WHOLE_WH: Final = 100.0
"""What is only assumed is told in whole ones of these."""


class Need(NamedTuple):
    """Some energy between two instants (UTC, seconds since 1970); None for what is usual.

    :ivar spare_wh: what it may turn out to be more
    :ivar sessions: of how many sessions it is known what a car takes until it is full; None when it is not
        until then that it charges
    """

    start: float
    by: float
    energy_wh: float | None
    spare_wh: float = 0.0
    sessions: int | None = None


def has_car(module: RegisteredModule) -> bool:
    """Tell whether a car is at a charging point."""
    evse = None if module.reading is None else module.reading.evse
    return evse is not None and evse.plug in _CAR


def is_planned(module: RegisteredModule, home: Home) -> bool:
    """Tell whether a module is one that the plan commands at times: its part is none of the base load's."""
    wish = module.record.wish
    if module.record.kind is ModuleKind.EVSE:
        point = home.charging_points.get(module.key)
        follows = point is not None and (point.follows_targets or point.follows_sun)
        return wish.planned and (follows or wish.is_planned)
    return module.record.kind is ModuleKind.LOAD and wish.is_planned


def needs(module: RegisteredModule, home: Home, now: float, until: float) -> list[Need]:
    """Return what is needed until a time, the first deadline first."""
    wish = module.record.wish
    if not is_planned(module, home):
        return []
    point = home.charging_points.get(module.key)
    if point is not None and point.follows_targets and point.next_charge is not None:
        return _of_target(module, home, point.next_charge, now)
    if wish.kind is LoadKind.FIXED:
        return []
    coming = periods(wish, now, home.zone, until)
    if module.record.kind is ModuleKind.EVSE and wish.need_wh is None:
        # What a car takes that is full by then and away in between nobody knows.
        return [need for period in coming[:1] for need in _until_full(module, home, *period)]
    return [Need(period.start, period.by, wish.need_wh) for period in coming]


def _of_target(module: RegisteredModule, home: Home, charge: NextCharge, now: float) -> list[Need]:
    if charge.target <= now:
        return []
    if charge.energy_wh is None:
        return _until_full(module, home, now, charge.target)
    return [Need(now, charge.target, charge.energy_wh)]


def _until_full(module: RegisteredModule, home: Home, start: float, by: float) -> list[Need]:
    """Return what a car that is there, or comes, is taken to need until it is full; nothing of a full one."""
    if home.sessions.is_full(module.key):
        return []
    sessions, run, plate = home.sessions.of(module.key), home.runs.run(module.key), module.record.nameplate
    power = (plate.current_a or _USUAL_A) * (plate.voltage_v or MAINS_V) * plate.phases
    known = usual(sessions.past, power)
    rest = until_full(0.0 if sessions.now is None else sessions.now.taken_wh, known, power)
    left, spare, of = rest.left_wh, rest.spare_wh, known.of
    evse = None if module.reading is None else module.reading.evse
    if evse is not None and evse.car_soc_percent is not None and evse.car_capacity_wh is not None:
        left = max(100 - evse.car_soc_percent, 0.0) / 100 * evse.car_capacity_wh / _INTO_A_CAR
        spare, of = 0.0, 0
    taken = run.taken_wh if run.by == by else 0.0
    # It is full when it stops, and not when it has taken what was assumed.
    energy = (math.floor((taken + left) / _WHOLE_WH) + 1) * _WHOLE_WH
    return [Need(start, by, energy, spare, of)]
