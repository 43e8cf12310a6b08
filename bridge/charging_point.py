"""What apps and energy managers want of a charging point, as commands to the arbiter."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from bridge.actions import Requester
from bridge.charging_current import MAINS_V, SMALLEST_A
from bridge.command import Aspect, Origin
from bridge.load_switch import obeyed
from bridge.loads.events import LoadChanged
from bridge.state import StateError
from clusters.definitions.energy_evse import StateEnum
from clusters.power_forecast import ForecastSlot, PowerForecast
from device_types.energy_evse import EvseStatus
from hw.reading import PlugState
from matter_node.status import Status, StatusError

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.command import Command
    from bridge.home import Home
    from bridge.registry import RegisteredModule
    from clusters.charging_plan import NextCharge
    from hw.reading import Reading

APPS: Final = Requester(Origin.USER, "evse")
"""What the arbiter knows the commands by that people give through the EVSE cluster."""
PAUSE_SOURCE: Final = "device-energy-management-pause"
START_SOURCE: Final = "device-energy-management-start"
_MANAGERS: Final = {PAUSE_SOURCE, START_SOURCE}
SHORTEST_PAUSE_S: Final = 60
"""A car that is paused for less may take it for a fault."""
_SHORTEST_S: Final = 1.0
_CAR: Final = {PlugState.NO_DEMAND, PlugState.DEMAND, PlugState.CHARGING}
_STATES: Final = {
    PlugState.NOT_CONNECTED: StateEnum.NOT_PLUGGED_IN,
    PlugState.NO_DEMAND: StateEnum.PLUGGED_IN_NO_DEMAND,
    PlugState.DEMAND: StateEnum.PLUGGED_IN_DEMAND,
    PlugState.CHARGING: StateEnum.PLUGGED_IN_CHARGING,
    PlugState.FAULT: StateEnum.FAULT,
}

_log = logging.getLogger(__name__)


class ChargingPoint:
    """One charging point: a `Charger` of the EVSE cluster, a `Pauser` and a `StartTimeAdjuster`."""

    def __init__(self, module: RegisteredModule, home: Home) -> None:
        self._module = module
        self._home = home
        self._actions = home.actions
        self.next_charge: NextCharge | None = None
        """What the users' charging targets ask for."""
        self._start: int | None = None
        """When an energy manager wants the next charge to begin."""
        self._basis: tuple[NextCharge | None, int | None] | None = None
        self._plan: PowerForecast | None = None
        self.follows_targets = False
        self.follows_sun = False
        home.charging_points[module.key] = self

    @property
    def is_planned(self) -> bool:
        """Whether users leave it to the plan when the car charges: what they let it do is a bound then."""
        record = self._module.record
        return record.wish.planned and (self.follows_targets or self.follows_sun or record.wish.is_planned)

    # ------------------------------------------------------------------ what the EVSE cluster wants

    async def enable(self, current_a: float, until: float | None) -> None:
        """Let the car charge with at most so much, and return when it is so."""
        now = self._home.clock.utc()
        duration = None if until is None or now is None else max(_SHORTEST_S, until - now)
        key, permits = self._module.key, self.is_planned
        await self._tell(
            lambda: self._actions.limit_current(key, current_a, APPS, duration=duration, permits=permits)
        )
        await self._tell(
            lambda: self._actions.connect(key, APPS, on=True, duration=duration, permits=permits)
        )

    async def disable(self) -> None:
        """Let the car charge no more, and return when it is so."""
        await self._tell(lambda: self._actions.connect(self._module.key, APPS, on=False))

    async def limit(self, current_a: float) -> None:
        """Offer at most so much from now on."""
        permits = self.is_planned
        await self._tell(
            lambda: self._actions.limit_current(self._module.key, current_a, APPS, permits=permits)
        )

    def planned(self, charge: NextCharge | None) -> None:
        """Keep what the users' targets ask for, for whoever plans."""
        self.next_charge = charge
        self._home.bus.publish(LoadChanged(self._module.key, "there is another charging target"))

    def mode_chosen(self, *, time_of_use: bool, solar: bool) -> None:
        """Keep what charging is to follow, for whoever plans."""
        self.follows_targets, self.follows_sun = time_of_use, solar
        self.leave_to_plan()
        self._home.bus.publish(LoadChanged(self._module.key, "charging is to follow something else"))

    def leave_to_plan(self) -> None:
        """Make what users let the car do a bound of the plan, or an order again, as they want now."""
        now, permits = self._home.clock.utc() or 0.0, self.is_planned
        for command in self._home.arbiter.live(self._module.key):
            if command.source != APPS.source or command.value == 0 or command.permits is permits:
                continue
            left = None if command.expires is None else max(_SHORTEST_S, command.expires - now)
            self._home.arbiter.submit(
                command.module,
                command.kind,
                command.value,
                origin=command.origin,
                source=command.source,
                duration=left,
                permits=permits,
            )

    # ------------------------------------------------------------------ what energy management wants

    async def pause(self, duration_s: int, *, grid: bool) -> None:
        """Hold charging up for a time."""
        by = Requester(Origin.DEMAND_RESPONSE if grid else Origin.USER, PAUSE_SOURCE)
        key = self._module.key
        await self._tell(
            lambda: self._actions.connect(key, by, on=False, duration=max(_SHORTEST_S, duration_s))
        )

    def resume(self) -> None:
        """Go on: nobody holds charging up any more."""
        self._withdraw(PAUSE_SOURCE, "the pause is over")

    async def start_at(self, start: int, *, grid: bool) -> None:
        """Begin the next charge at another time: until then the car is kept from charging."""
        now = self._home.clock.utc() or 0.0
        by = Requester(Origin.DEMAND_RESPONSE if grid else Origin.USER, START_SOURCE)
        if start > now + _SHORTEST_S:
            await self._tell(
                lambda: self._actions.connect(self._module.key, by, on=False, duration=start - now)
            )
        self._start = start

    def release_forecast(self) -> None:
        """Begin the next charge when its target wants it."""
        self._start = None
        self._withdraw(START_SOURCE, "the charge starts as planned")

    def _withdraw(self, source: str, reason: str) -> None:
        for command in self._home.arbiter.live(self._module.key):
            if command.source == source:
                self._actions.withdraw(command, reason)

    # ------------------------------------------------------------------ what is shown

    def forecast(self, reading: Reading) -> PowerForecast | None:
        """Return the next charge as a plan, while a car waits for it; None if nothing is planned.

        What a car takes without a target of its users nobody knows, so that is no plan. The plan is made once
        for a target and a start: it does not follow every volt.
        """
        waits = reading.evse is not None and reading.evse.plug in _CAR
        basis = (self.next_charge, self._start) if waits else None
        if basis != self._basis:
            self._basis = basis
            self._plan = None if basis is None else self._planned()
        return self._plan

    def _planned(self) -> PowerForecast | None:
        charge, plate = self.next_charge, self._module.record.nameplate
        if charge is None or charge.energy_wh is None:
            return None
        power = (plate.current_a or SMALLEST_A) * (plate.voltage_v or MAINS_V) * plate.phases
        lasts = max(SHORTEST_PAUSE_S, round(charge.energy_wh / power * 3600))
        start = round(charge.start) if self._start is None else self._start
        slack = max(0, round(charge.target) - start - lasts)
        slot = ForecastSlot(
            duration_s=lasts,
            nominal_w=power,
            min_w=0.0,
            max_w=power,
            energy_wh=charge.energy_wh,
            longest_s=lasts + slack,
            pause_s=(SHORTEST_PAUSE_S, slack) if slack >= SHORTEST_PAUSE_S else None,
        )
        now = round(self._home.clock.utc() or charge.start)
        return PowerForecast(
            start=start,
            slots=(slot,),
            earliest_start=min(now, start),
            latest_end=max(round(charge.target), start + lasts),
        )

    def status(self, reading: Reading) -> EvseStatus:
        """Return what only a charging point knows, in Matter's terms."""
        evse = reading.evse
        if evse is None:
            return EvseStatus()
        return EvseStatus(
            state=_STATES.get(evse.plug),
            allowed=None if self._is_held_up() else reading.connected,
            session_energy_wh=evse.session_energy_wh,
            offered_a=evse.current_offered_a,
            minimum_a=evse.current_min_a,
            maximum_a=evse.current_max_a,
            phases=evse.phases,
        )

    def _is_held_up(self) -> bool:
        """Tell whether it is energy management that keeps the car from charging, and no person."""
        live = self._home.arbiter.live(self._module.key)
        off = [each for each in live if each.aspect is Aspect.CONNECTION and each.value == 0]
        return bool(off) and (off[0].origin is not Origin.USER or off[0].source in _MANAGERS)

    async def _tell(self, submit: Callable[[], Command]) -> None:
        """Command the charging point, and return when it obeyed.

        :raises StatusError: it does not answer or obey, or what protects the home keeps it from doing so
        """
        if not self._module.reachable:
            raise StatusError(Status.FAILURE, self._module.unreachable_because)
        try:
            command = submit()
        except (ValueError, KeyError, StateError) as error:
            raise StatusError(Status.FAILURE, str(error)) from error
        await obeyed(self._actions, command)
