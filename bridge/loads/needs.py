"""What is needed of a load, and by when: by its wish, or by what the users' charging targets say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from bridge.loads.times import periods
from bridge.loads.wish import LoadKind
from hw.module import ModuleKind
from hw.reading import PlugState

if TYPE_CHECKING:
    from bridge.home import Home
    from bridge.registry import RegisteredModule


_CAR: Final = frozenset({PlugState.DEMAND, PlugState.CHARGING, PlugState.NO_DEMAND})


class Need(NamedTuple):
    """Some energy between two instants (UTC, seconds since 1970); None for what is usual."""

    start: float
    by: float
    energy_wh: float | None


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
        charge = point.next_charge
        if charge.energy_wh is None or charge.target <= now:
            # Nobody knows how much the car takes until it is full: it is charged at once, and not planned.
            return []
        return [Need(now, charge.target, charge.energy_wh)]
    if wish.kind in {LoadKind.FIXED, LoadKind.COMFORT}:
        return []
    return [Need(period.start, period.by, wish.need_wh) for period in periods(wish, now, home.zone, until)]
