"""Charging point for electric vehicles: Energy EVSE (Matter Application Clusters 9.3).

The charging preferences feature is served, which revision 3 makes mandatory. The equipment decides what is
true: a charger that somebody enabled by its own button is shown as enabled.

Currents are in mA, energies in mWh.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from clusters.charging_plan import ChargingPlan
from clusters.charging_targets import FULL_PERCENT, SetTargetsFields, judge, merged
from clusters.deadline import Deadline, is_past
from clusters.definitions.energy_evse import (
    EnableChargingRequest,
    EnergyEvse,
    GetTargetsResponse,
    StateEnum,
    SupplyStateEnum,
)
from clusters.evse_state import Condition, EvseState
from matter_node.clock import MATTER_EPOCH_OFFSET
from matter_node.codec import tlv
from matter_node.model import Urgency, command
from matter_node.status import Status, StatusError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from clusters.charging_plan import NextCharge
    from clusters.charging_targets import Schedules
    from matter_node.model import Attribute, Context, Event, NodeTree, Struct

UK_WINDOW_S = 600
"""RandomizationDelayWindow by default (9.3.8.11)."""
_PRETENDED_W = 230.0
"""Watts for each ampere that a pretended charging point counts."""
_RETRY_S = 30.0
_SAVE_S = 30.0
"""From one saving of a running session to the next."""
_NEXT_CHARGE = (
    EnergyEvse.next_charge_start_time,
    EnergyEvse.next_charge_target_time,
    EnergyEvse.next_charge_required_energy,
    EnergyEvse.next_charge_target_soc,
)
_SESSION = (EnergyEvse.session_duration, EnergyEvse.session_energy_charged)

_log = logging.getLogger(__name__)


class Charger(Protocol):
    """Who carries out what controllers want of a charging point: the arbiter of its setpoints."""

    async def enable(self, current_a: float, until: float | None) -> None:
        """Let the car charge with at most so much per phase, and return when it is so.

        :param until: seconds since 1970, UTC; `disable` is called then. None for no end
        :raises StatusError: it is not so
        """

    async def disable(self) -> None:
        """Let the car charge no more, and return when it is so.

        :raises StatusError: it is not so
        """

    async def limit(self, current_a: float) -> None:
        """Offer at most so much per phase from now on, whether the car may charge now or not.

        :raises StatusError: it is not so
        """

    def planned(self, charge: NextCharge | None) -> None:
        """Hear of the next charge that the users' targets ask for; None if there is none."""

    def mode_chosen(self, *, time_of_use: bool, solar: bool) -> None:
        """Hear what the users want charging to follow: their targets, excess solar power, or both."""


class EnergyEvseServer(EnergyEvse):
    """Shows a charging point, and takes what controllers want of it.

    What was commanded, the session and the targets survive a restart. They are stored beside the attributes,
    so that what a test pretends is never stored.

    :param circuit_capacity: what the circuit can provide per phase
    :param minimum_current: the least that the equipment can offer
    :param watts_per_ampere: how much power a current is: voltage times phases
    :param local: gives the seconds that local time is ahead of UTC at a time in seconds since 1970
    """

    QUIET_SECONDS = 10.0
    set_targets = command(0x05, SetTargetsFields, access="O T", conformance="PREF")

    def __init__(
        self,
        charger: Charger,
        *,
        circuit_capacity: int,
        minimum_current: int,
        watts_per_ampere: float,
        local: Callable[[float], float] = lambda _: 0.0,
    ) -> None:
        super().__init__(
            features=EnergyEvse.Feature.PREF,
            user_maximum_charge_current=circuit_capacity,
            randomization_delay_window=UK_WINDOW_S,
            approximate_ev_efficiency=None,
        )
        self._charger = charger
        self._rating = (circuit_capacity, minimum_current)
        self._real: EvseState | None = None
        self._pretended: EvseState | None = None
        self._end: Deadline | None = None
        self._pretended_end: Deadline | None = None
        self._plan = ChargingPlan(watts_per_ampere, local)
        self._scheduled = self._test_scheduled = False
        self._told: NextCharge | None = None
        self._shown_session: tuple[int | None, bool] = (None, False)
        self._limit_owed = False
        """The charger has not taken the users' maximum: it is told again when it is back."""
        self._saved: object = None
        self._saved_at = 0.0
        self._commanding = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    # ------------------------------------------------------------------ life on an endpoint

    def attached(self) -> None:
        """Take up work where it was."""
        tree = self._tree
        real = self._real = EvseState(tree.clock, *self._rating, self._tell)
        self._end = Deadline(tree.clock, lambda: self._start(self._disable_in_time(real)))
        stored, targets = tree.storage.get(self._key()), tree.storage.get(self._key("targets"))
        if stored is not None:
            real.restore(stored)
            real.allowed = not is_past(real.until, tree.clock)
        if targets is not None:
            try:
                real.schedules = GetTargetsResponse.from_tlv(tlv.decode(targets)).charging_target_schedules
            except (StatusError, tlv.TlvError):
                _log.warning("the charging targets under %s cannot be read", self._key("targets"))
        self._end.wait(real.until)
        self._settle()

    def detached(self) -> None:
        """Let timers go: nobody would hear of what they do."""
        for deadline in (self._end, self._pretended_end):
            if deadline is not None:
                deadline.stop()
        for task in self._tasks:
            task.cancel()

    def forgotten(self) -> None:
        """Delete what was stored."""
        self._tree.storage.delete(self._key())
        self._tree.storage.delete(self._key("targets"))

    # ------------------------------------------------------------------ what the owner says

    def sense(self, condition: Condition) -> None:
        """Show what the equipment says of itself. Its word ends a diagnosis, too."""
        real = self._equipment
        real.diagnosing = False
        back = real.condition.state is None
        real.sense(condition)
        self._settle()
        if back and self._limit_owed:
            self._start(self._limit(real))

    def lost(self) -> None:
        """Say that the equipment does not answer: what the car does is not known."""
        real = self._equipment
        real.sense(replace(real.condition, state=None, allowed=None, offered=None))
        self._settle()

    def set_scheduled(self, scheduled: bool) -> None:  # noqa: FBT001 - it is or is not
        """Say whether the users want charging to follow their targets."""
        self._scheduled = scheduled
        if self._real is not None:
            self._settle()

    # ------------------------------------------------------------------ commands

    async def handle_disable(self, _: Context) -> None:
        """Let the car charge no more. Nothing keeps anybody from wanting that, no fault either."""
        async with self._commanding:
            state = self._shown
            if state is self._real:
                await self._charger.disable()
            state.disable()
            self._settle()

    async def handle_enable_charging(self, context: Context, request: EnableChargingRequest) -> None:
        """Let the car charge within limits until some time; one that is past disables it (9.3.9.2.1)."""
        low, high = request.minimum_charge_current, request.maximum_charge_current
        if low > high:
            raise StatusError(Status.CONSTRAINT_ERROR, f"at least {low} and at most {high} mA")
        if high < self._shown.least:
            raise StatusError(Status.CONSTRAINT_ERROR, f"less than {self._shown.least} mA cannot be offered")
        until = request.charging_enabled_until
        if is_past(until, self._tree.clock):
            await self.handle_disable(context)
            return
        async with self._commanding:
            state = self._shown
            if state.fault or state.diagnosing:
                raise StatusError(Status.FAILURE, f"it is {state.supply.name}")
            if state is self._real:
                utc = None if until is None else float(until + MATTER_EPOCH_OFFSET)
                await self._charger.enable(state.target(high) / 1000, utc)
            state.enable(until, low, high)
            end = self._end if state is self._real else self._pretended_end
            if end is not None:
                end.wait(until)
            self._settle()

    def handle_start_diagnostics(self, _: Context) -> None:
        """Begin a diagnosis: the equipment checks itself all the time, and its next word is the result."""
        state = self._shown
        if state.supply is not SupplyStateEnum.DISABLED:
            raise StatusError(Status.FAILURE, f"it is {state.supply.name}")
        state.diagnosing = True
        self._settle()

    def handle_set_targets(self, _: Context, request: SetTargetsFields) -> None:
        """Take the targets of some days of the week."""
        self._keep_targets(merged(self._shown.schedules, judge(request.charging_target_schedules)))

    def handle_get_targets(self, _: Context) -> GetTargetsResponse:
        """Tell the targets."""
        return GetTargetsResponse(charging_target_schedules=self._shown.schedules)

    def handle_clear_targets(self, _: Context) -> None:
        """Forget all targets."""
        self._keep_targets(())

    def write_user_maximum_charge_current(self, _: Context, value: int) -> None:
        """Take the most that the users want, and tell the charger."""
        state = self._shown
        least = max(state.least, state.minimum)
        if value < least:
            raise StatusError(Status.CONSTRAINT_ERROR, f"less than {least} mA")
        state.user_maximum = value
        self._settle()
        if state is self._real:
            self._start(self._limit(state))

    # ------------------------------------------------------------------ tests

    def pretend(self, circuit: int) -> None:
        """Pretend to be another EVSE of some capacity, disabled and without a car.

        Commands and cars reach that one until `end_pretence`; the charger hears nothing of them.
        """
        self.end_pretence()
        clock, session, least = self._tree.clock, self._equipment.session, self._rating[1]
        state = EvseState(clock, circuit, least, self._tell, made_up_w=_PRETENDED_W)
        self._pretended = state
        self._pretended_end = Deadline(clock, self._pretended_end_reached)
        state.until, state.schedules = 0, self._equipment.schedules
        state.session = None if session is None else session.ended(clock.monotonic())
        self.happen(state=StateEnum.NOT_PLUGGED_IN)

    def happen(self, **what: Any) -> None:
        """Let something happen to the pretended EVSE: new values of its `Condition`."""
        if self._pretended is not None:
            self._pretended.sense(replace(self._pretended.condition, **what))
            self._settle()

    def end_diagnosis(self) -> None:
        """End the diagnosis of the pretended EVSE."""
        if self._pretended is not None:
            self._pretended.diagnosing = False
            self._settle()

    def pretend_scheduled(self, scheduled: bool) -> None:  # noqa: FBT001 - it is or is not
        """Let a pretended EVSE follow the targets, or not."""
        self._test_scheduled = scheduled
        self._settle()

    def end_pretence(self) -> None:
        """Show what is really so again."""
        if self._pretended_end is not None:
            self._pretended_end.stop()
        self._pretended = self._pretended_end = None
        self._settle()

    def _pretended_end_reached(self) -> None:
        if self._pretended is not None:
            self._pretended.disable()
            self._settle()

    # ------------------------------------------------------------------ when nobody waits for it

    async def _disable_in_time(self, state: EvseState) -> None:
        """Disable the charger because the time is over, now or as soon as it answers."""
        async with self._commanding:
            if not state.until or not is_past(state.until, self._tree.clock):
                return
            try:
                await self._charger.disable()
            except StatusError:
                if self._end is not None:
                    self._end.wait(state.until, after=_RETRY_S)
                raise
            state.disable()
            self._settle()

    async def _limit(self, state: EvseState) -> None:
        """Tell the charger the users' maximum."""
        async with self._commanding:
            self._limit_owed = True
            await self._charger.limit(state.target(state.commanded) / 1000)
            self._limit_owed = False

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something that nobody waits for."""

        async def run() -> None:
            try:
                await work
            except StatusError as error:
                _log.warning("%s: the charger did not do it: %s", self._key(), error)

        task = asyncio.get_running_loop().create_task(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # ------------------------------------------------------------------ showing and keeping

    def urgency(self, attribute: Attribute[Any], old: Any, new: Any) -> Urgency:
        """Let a session's duration wait: everybody can count."""
        if attribute.id == EnergyEvse.session_duration.id and old is not None and new is not None:
            return Urgency.LAZY
        return super().urgency(attribute, old, new)

    def _settle(self) -> None:
        """Keep and show what is so now."""
        if self.endpoint is None or self.endpoint.tree is None:
            return
        self._save()
        state = self._shown
        state.count()
        scheduled = self._scheduled if state is self._real else self._test_scheduled
        charge = self._plan.update(
            state.target(state.commanded) if scheduled and _may_charge(state) else None,
            state.schedules,
            self.randomization_delay_window,
            self._tree,
        )
        if state is self._real and charge != self._told:
            self._told = charge
            self._charger.planned(charge)
        self._show(state, charge)

    def _show(self, state: EvseState, charge: NextCharge | None) -> None:
        session = state.session
        is_open = session is not None and session.open
        number, duration, energy = None, None, None
        if session is not None:
            number, energy = session.number, session.energy
            duration = session.duration(self._tree.clock.monotonic())
        # What a session that begins or ends has come to is reported at once.
        turned = (number, is_open) != self._shown_session
        self._shown_session = (number, is_open)
        values: tuple[tuple[Attribute[Any], Any], ...] = (
            (EnergyEvse.state, state.state),
            (EnergyEvse.supply_state, state.supply),
            (EnergyEvse.fault_state, state.fault),
            (EnergyEvse.charging_enabled_until, state.until),
            (EnergyEvse.circuit_capacity, state.circuit),
            (EnergyEvse.minimum_charge_current, state.minimum),
            (EnergyEvse.maximum_charge_current, state.maximum),
            (EnergyEvse.user_maximum_charge_current, state.user_maximum),
            *_next_charge(charge),
            (EnergyEvse.session_id, number),
            (EnergyEvse.session_duration, duration),
            (EnergyEvse.session_energy_charged, energy),
        )
        for attribute, value in values:
            old = self.value(attribute.id)
            now = turned and attribute in _SESSION
            if old != value or now:
                self.restore(attribute.id, value)
                self.changed(attribute, Urgency.NOW if now else self.urgency(attribute, old, value))

    def _save(self) -> None:
        """Store what must survive a restart when it has changed, and a running session now and then."""
        real, now = self._equipment, self._tree.clock.monotonic()
        session = real.session
        is_open = session is not None and session.open
        kept = (
            real.user_maximum,
            real.minimum,
            real.until,
            real.commanded,
            session and session.number,
            is_open,
        )
        if kept != self._saved or (is_open and now - self._saved_at >= _SAVE_S):
            self._tree.storage.put(self._key(), real.to_tlv())
            self._saved, self._saved_at = kept, now

    def _keep_targets(self, schedules: Schedules) -> None:
        state = self._shown
        if state is self._real:
            response = GetTargetsResponse(charging_target_schedules=schedules)
            self._tree.storage.put(self._key("targets"), response.to_tlv())
        state.schedules = schedules
        self._settle()

    def _tell(self, state: EvseState, event: Event, payload: Struct) -> None:
        """Report an event of the EVSE that is shown."""
        if state is self._shown:
            self.emit(event, payload)

    @property
    def _shown(self) -> EvseState:
        return self._equipment if self._pretended is None else self._pretended

    @property
    def _equipment(self) -> EvseState:
        if self._real is None:
            raise RuntimeError("a charging point is shown on an endpoint of a node")
        return self._real

    @property
    def _tree(self) -> NodeTree:
        if self.endpoint is None or self.endpoint.tree is None:
            raise RuntimeError("a charging point is shown on an endpoint of a node")
        return self.endpoint.tree

    def _key(self, what: str = "state") -> str:
        assert self.endpoint is not None
        return f"evse/{self.endpoint.number}/{what}"


def _may_charge(state: EvseState) -> bool:
    return state.plugged and state.supply is SupplyStateEnum.CHARGING_ENABLED


def _next_charge(charge: NextCharge | None) -> tuple[tuple[Attribute[Any], Any], ...]:
    """Return the NextCharge attributes and their values."""
    values: tuple[int | None, ...] = (None, None, None, None)
    if charge is not None:
        energy_wh = charge.energy_wh
        values = (
            int(charge.start - MATTER_EPOCH_OFFSET),
            int(charge.target - MATTER_EPOCH_OFFSET),
            None if energy_wh is None else round(energy_wh * 1000),
            FULL_PERCENT if energy_wh is None else None,
        )
    return tuple(zip(_NEXT_CHARGE, values, strict=True))
