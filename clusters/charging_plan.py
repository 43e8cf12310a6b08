"""When the next charge is to begin to meet the users' next target (Matter Application Clusters 9.3.8)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from clusters.charging_targets import next_target

if TYPE_CHECKING:
    from collections.abc import Callable

    from clusters.charging_targets import Schedules
    from matter_node.model import NodeTree

LEEWAY_S = 15 * 60.0
"""A car takes its time before it charges as fast as it can."""
_LAST_CHANCE_S = 60.0


@dataclass(frozen=True, slots=True)
class NextCharge:
    """The next charge that is planned; times in seconds since 1970, UTC.

    :ivar start: when it is to begin
    :ivar target: when it is to be done
    :ivar energy_wh: what is to be charged; None until the car is full
    """

    start: float
    target: float
    energy_wh: float | None


class ChargingPlan:
    """Works the next charge out when something that it stands on has changed, or its target's time is over.

    :param watts_per_ampere: how much power a current is: voltage times phases
    :param local: gives the seconds that local time is ahead of UTC at a time in seconds since 1970
    """

    def __init__(self, watts_per_ampere: float, local: Callable[[float], float]) -> None:
        self._watts_per_ampere = watts_per_ampere
        self._local = local
        self._basis: object = None
        self._charge: NextCharge | None = None

    def update(
        self, current: int | None, schedules: Schedules, window: int, tree: NodeTree
    ) -> NextCharge | None:
        """Return the next charge, None if there is none.

        :param current: what the car can be offered, mA; None while nothing is to be planned
        :param window: RandomizationDelayWindow
        """
        utc = tree.clock.utc()
        if current is None or utc is None:
            self._basis = self._charge = None
            return None
        basis = (current, schedules, window)
        if basis != self._basis or (self._charge is not None and self._charge.target <= utc):
            self._basis = basis
            delay = tree.entropy.below(window) if window else 0
            self._charge = self._work_out(current / 1000, schedules, delay, utc)
        return self._charge

    def _work_out(self, current_a: float, schedules: Schedules, delay: int, now: float) -> NextCharge | None:
        """Begin as late as is early enough, and a random delay later (9.3.8.11).

        It begins now if it is late, or if nobody knows how long it takes.
        """
        found = next_target(schedules, now, self._local)
        if found is None:
            return None
        time, target = found
        if target.target_soc is not None or target.added_energy is None:
            return NextCharge(now, time, None)
        energy_wh = target.added_energy / 1000
        power_w = current_a * self._watts_per_ampere
        start = time - LEEWAY_S - (energy_wh / power_w * 3600 if power_w > 0 else time)
        if start > now:
            return NextCharge(min(start + delay, time - _LAST_CHANCE_S), time, energy_wh)
        return NextCharge(now, time, energy_wh)
