"""What an EVSE does: cars that come and go, charge and stop, faults, and what it is told (9.3.8, 9.3.10).

The state machine alone: it is told what happens and says which events that makes. A real EVSE has one that
follows its equipment; a test makes another one up and lets it go again.

Currents are in mA, energies in mWh, times in seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from clusters.definitions.energy_evse import (
    EnergyEvse,
    EnergyTransferStartedEvent,
    EnergyTransferStoppedEvent,
    EnergyTransferStoppedReasonEnum,
    EvConnectedEvent,
    EvNotDetectedEvent,
    FaultEvent,
    FaultStateEnum,
    StateEnum,
    SupplyStateEnum,
)
from matter_node.codec import tlv

if TYPE_CHECKING:
    from collections.abc import Callable

    from clusters.charging_targets import Schedules
    from matter_node.clock import Clock
    from matter_node.model import Event, Struct

DISABLED_AT_ONCE = 0
"""ChargingEnabledUntil of an EVSE that is disabled."""
_LONGEST = 0xFFFF_FFFE
_MOST: Final = 2**62
"""Highest energy in mWh that any attribute may have (the constraint of Electrical Energy Measurement)."""


@dataclass(frozen=True, slots=True)
class Condition:
    """What the equipment says of itself; None for what it does not say.

    :ivar state: NOT_PLUGGED_IN, PLUGGED_IN_NO_DEMAND, PLUGGED_IN_DEMAND or PLUGGED_IN_CHARGING
    :ivar fault: what is wrong
    :ivar allowed: it lets the car charge; None also while the home's energy management holds back a car that
        may charge, which disables nothing
    :ivar offered: current per phase that the car is offered
    :ivar limit: the most per phase that equipment and cable carry
    :ivar energy: charged since the car was plugged in
    """

    state: StateEnum | None = None
    fault: FaultStateEnum = FaultStateEnum.NO_ERROR
    allowed: bool | None = None
    offered: int | None = None
    limit: int | None = None
    energy: int | None = None


@dataclass(slots=True)
class Session:
    """From plugging in to plugging out."""

    number: int
    since: float
    """Monotonic time from which `before` goes on."""
    before: float = 0.0
    energy: int = 0
    counted: int = 0
    """What the equipment's own counter read last."""
    open: bool = True

    def duration(self, now: float) -> int:
        """Return how long it has lasted, or did last."""
        return min(int(self.before + (now - self.since if self.open else 0)), _LONGEST)

    def count(self, counter: int | None) -> None:
        """Follow the equipment's counter; one that starts anew within a session goes on from there."""
        if counter is not None:
            self.add(counter - self.counted if counter >= self.counted else counter)
            self.counted = counter

    def add(self, energy: int) -> None:
        """Count energy; what Matter has no number for is not counted any more."""
        self.energy = min(self.energy + energy, _MOST)

    def ended(self, now: float) -> Session:
        """Return it as it is when it has ended."""
        return replace(self, before=float(self.duration(now)), open=False)


class EvseState:
    """One EVSE.

    :param circuit: CircuitCapacity
    :param minimum: the least current that the equipment can offer
    :param tell: hears of events: ``tell(state, event, payload)``
    :param made_up_w: there is no equipment, a car charges when it wants to and may, with so many watts for an
        ampere
    """

    def __init__(
        self,
        clock: Clock,
        circuit: int,
        minimum: int,
        tell: Callable[[EvseState, Event, Struct], None],
        *,
        made_up_w: float = 0.0,
    ) -> None:
        self._clock = clock
        self._tell = tell
        self._made_up_w = made_up_w
        self._counted = clock.monotonic()
        self.circuit = circuit
        self.least = minimum
        self.minimum = minimum
        """MinimumChargeCurrent."""
        self.commanded: int | None = None
        """The most that the last EnableCharging allowed."""
        self.user_maximum = circuit
        self.until: int | None = None
        """ChargingEnabledUntil."""
        self.allowed = False
        self.diagnosing = False
        self.schedules: Schedules = ()
        """The users' targets."""
        self.condition = Condition()
        self.session: Session | None = None
        self._known = StateEnum.NOT_PLUGGED_IN
        """What the car did when it was last known."""
        self._transfer: int | None = None
        """The session's energy when the running transfer began."""

    # ------------------------------------------------------------------ what is shown

    @property
    def state(self) -> StateEnum | None:
        """State."""
        return StateEnum.FAULT if self.fault else self.condition.state

    @property
    def fault(self) -> FaultStateEnum:
        """FaultState."""
        return self.condition.fault

    @property
    def supply(self) -> SupplyStateEnum:
        """SupplyState."""
        if self.fault:
            return SupplyStateEnum.DISABLED_ERROR
        if self.diagnosing:
            return SupplyStateEnum.DISABLED_DIAGNOSTICS
        return SupplyStateEnum.CHARGING_ENABLED if self.allowed else SupplyStateEnum.DISABLED

    def target(self, commanded: int | None) -> int:
        """Return what the car is to be offered at most while it may charge, with such a command."""
        limits = (self.circuit, self.user_maximum, commanded, self.condition.limit)
        return min(limit for limit in limits if limit is not None)

    @property
    def maximum(self) -> int:
        """MaximumChargeCurrent: what it is offered."""
        if not self.allowed:
            return 0
        target, offered = self.target(self.commanded), self.condition.offered
        return target if offered is None else min(target, offered)

    @property
    def plugged(self) -> bool:
        """Whether a car is there."""
        return self.session is not None and self.session.open

    # ------------------------------------------------------------------ what happens

    def sense(self, new: Condition) -> None:
        """Follow what the equipment says."""
        self.count()
        old = self.condition
        if new.fault is not old.fault:
            self._tell(
                self,
                EnergyEvse.fault,
                FaultEvent(
                    session_id=None if self.session is None else self.session.number,
                    state=self._known if self.state is None else self.state,
                    fault_state_previous_state=old.fault,
                    fault_state_current_state=new.fault,
                ),
            )
        self.condition = new
        if new.allowed is not None:
            self.allowed = new.allowed
        if not new.fault and new.state is not None:
            self._follow(new.state, old)

    def count(self) -> None:
        """Go on counting what a car has charged that there is no equipment to count for."""
        now = self._clock.monotonic()
        if self._made_up_w and self._transfer is not None and self.session is not None and not self.fault:
            self.session.add(round(self.maximum * self._made_up_w * (now - self._counted) / 3600))
        self._counted = now

    def enable(self, until: int | None, minimum: int, maximum: int) -> None:
        """Take note that the car may charge."""
        self.count()
        self.until, self.minimum, self.commanded, self.allowed = until, minimum, maximum, True
        # What it was offered before says nothing about what it is offered now.
        self.sense(replace(self.condition, allowed=None, offered=None))

    def disable(self) -> None:
        """Take note that the car may not charge any more."""
        self.count()
        self.until, self.minimum, self.commanded, self.allowed = DISABLED_AT_ONCE, 0, None, False
        state = self.condition.state
        if state is StateEnum.PLUGGED_IN_CHARGING:
            state = StateEnum.PLUGGED_IN_DEMAND
        self.sense(replace(self.condition, state=state, allowed=None, offered=None))

    def _follow(self, state: StateEnum, old: Condition) -> None:
        """Make what the car does now of what it did before: sessions, transfers, and their events."""
        if self._made_up_w and self.allowed and state is StateEnum.PLUGGED_IN_DEMAND:
            state = StateEnum.PLUGGED_IN_CHARGING
            self.condition = replace(self.condition, state=state)
        energy, session = self.condition.energy, self.session
        if session is not None and session.open:
            # While nobody looked one car has gone and another one come, which is why the counter has less.
            another = old.state is None and energy is not None and energy < session.counted
            if not another:
                session.count(energy)
            if another or state is StateEnum.NOT_PLUGGED_IN:
                self._end(session)
        if state is not StateEnum.NOT_PLUGGED_IN and not self.plugged:
            self._begin(old.energy)
        self._known = state
        if state is StateEnum.PLUGGED_IN_CHARGING:
            self._start()
        elif state is StateEnum.PLUGGED_IN_DEMAND:
            self._stop(EnergyTransferStoppedReasonEnum.EVSE_STOPPED)
        else:
            self._stop(EnergyTransferStoppedReasonEnum.EV_STOPPED)

    def _begin(self, idle: int | None) -> None:
        """Begin a session; the counter may show the last one's energy for a moment more."""
        number = 0 if self.session is None else (self.session.number + 1) % (_LONGEST + 1)
        self.session = session = Session(number, self._clock.monotonic())
        energy = self.condition.energy
        if energy is not None and energy == idle:
            session.counted = energy
        session.count(energy)
        self._tell(self, EnergyEvse.ev_connected, EvConnectedEvent(session_id=session.number))

    def _end(self, session: Session) -> None:
        self._stop(EnergyTransferStoppedReasonEnum.OTHER)
        now = self._clock.monotonic()
        self.session = session = session.ended(now)
        self._tell(
            self,
            EnergyEvse.ev_not_detected,
            EvNotDetectedEvent(
                session_id=session.number,
                state=self._known,
                session_duration=session.duration(now),
                session_energy_charged=session.energy,
            ),
        )

    def _start(self) -> None:
        session = self.session
        if self._transfer is None and session is not None:
            self._transfer = session.energy
            self._tell(
                self,
                EnergyEvse.energy_transfer_started,
                EnergyTransferStartedEvent(
                    session_id=session.number,
                    state=StateEnum.PLUGGED_IN_CHARGING,
                    maximum_current=self.maximum,
                ),
            )

    def _stop(self, reason: EnergyTransferStoppedReasonEnum) -> None:
        session = self.session
        if self._transfer is None or session is None:
            return
        transferred, self._transfer = session.energy - self._transfer, None
        self._tell(
            self,
            EnergyEvse.energy_transfer_stopped,
            EnergyTransferStoppedEvent(
                session_id=session.number,
                state=StateEnum.PLUGGED_IN_CHARGING,
                reason=reason,
                energy_transferred=transferred,
            ),
        )

    # ------------------------------------------------------------------ what survives a restart

    def to_tlv(self) -> bytes:
        """Return what must survive a restart."""
        kept: dict[int, Any] = {0: self.user_maximum, 1: self.minimum, 2: self.until, 3: self.commanded}
        session, utc = self.session, self._clock.utc()
        if session is not None:
            duration = session.duration(self._clock.monotonic())
            kept |= {4: session.number, 5: session.open, 6: duration, 7: session.energy, 8: session.counted}
            if utc is not None:
                kept[9] = int(utc)
        return tlv.encode(kept)

    def restore(self, stored: bytes) -> None:
        """Take up what was stored; what cannot be read is as if it had never been."""
        try:
            kept = tlv.decode(stored)
        except tlv.TlvError:
            return
        if type(kept) is not dict:
            return
        numbers = {key: value for key, value in kept.items() if type(value) is int and value >= 0}
        self.user_maximum = numbers.get(0, self.user_maximum)
        self.minimum = numbers.get(1, self.minimum)
        self.until = numbers.get(2)
        self.commanded = numbers.get(3)
        if {4, 6, 7, 8} <= numbers.keys():
            before, utc, is_open = float(numbers[6]), self._clock.utc(), kept.get(5) is True
            if is_open and utc is not None and 9 in numbers:
                before += max(0.0, utc - numbers[9])
            now = self._clock.monotonic()
            self.session = Session(numbers[4], now, before, numbers[7], numbers[8], is_open)
            if is_open:
                self._known = StateEnum.PLUGGED_IN_NO_DEMAND
