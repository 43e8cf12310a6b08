"""One module's queue: which of its commands is in force, and what to write next.

Everything that happens (a command, an expiry, a write that ended, a module that answers again) leads to
`evaluate`, which settles who wins each aspect and starts at most one write. The winner is the command of the
weightiest origin; when it ends, the next one down takes over by itself.
"""

from __future__ import annotations

import asyncio
import logging
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from bridge.command import PRIVILEGES, Aspect, Command, CommandState, Origin
from bridge.full_scale import full_scale
from hw.module import ModuleError, ModuleKind
from hw.setpoint import Applied, AppliedState, Setpoint, SetpointKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.registry import RegisteredModule
    from matter_node.clock import Clock, Timer

SPACING: Final = 5.0
"""Seconds from one write to a device to the next that takes something back, or that tries again."""
DEADBAND: Final = 0.01
"""Share of the full scale below which a change is not worth a write."""
REVERT: Final = 60.0
"""Seconds after which a device falls back by itself from what takes something back."""
ATTEMPTS: Final = 3
"""Writes of a command that may fail before it has failed."""
PATIENCE: Final = 30.0
"""Seconds that a command waits for a module to answer before it has failed."""
LONGEST_PAUSE: Final = 30.0
"""Seconds between two attempts of a command that is tried for as long as it lives, at most."""

_NEUTRAL: Final = {
    Aspect.OUTPUT: (SetpointKind.POWER_LIMIT_PERCENT, 100.0),
    Aspect.CONNECTION: (SetpointKind.CONNECT, 1.0),
}
"""What takes back one aspect and leaves the others alone."""
_WILFUL: Final = frozenset({ModuleKind.LOAD, ModuleKind.EVSE})
"""What is on or off for reasons of its own: to be let go is not to be switched on."""
_SWITCHING: Final = frozenset({Origin.USER, Origin.PLAN})
"""Who switches loads for good."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Entry:
    """A live command."""

    command: Command
    deadline: float | None
    """Monotonic time of its expiry."""
    queued: float
    """Since when it waits for its turn, monotonic."""
    attempts: int = 0


@dataclass(slots=True)
class _Written:
    """What the module was last told about an aspect, and took."""

    command: str
    kind: SetpointKind
    value: float | None
    repeat: float | None
    """Monotonic time at which it is written again, so that the device does not fall back."""


@dataclass(frozen=True, slots=True)
class _Write:
    """What the module is told next."""

    setpoint: Setpoint
    spacing: float = SPACING
    """Seconds that it keeps from the last write."""
    entry: _Entry | None = None
    """The command behind it; None when something is taken back."""
    aspect: Aspect | None = None
    """What is taken back; None for everything."""


class CommandQueue:
    """The live commands of one module."""

    def __init__(
        self,
        module: RegisteredModule,
        clock: Clock,
        changed: Callable[[Command], None],
        *,
        owe: Callable[[bool], None],
        keep_reserve: Callable[[float | None], None],
    ) -> None:
        """Tell `changed` every new state of a command, and `owe` whether there is something to take back.

        `owe(True)` is called before the module is told anything, `owe(False)` after all was taken back. A
        reserve has no revert timer: `keep_reserve` is told the one that the module had, before another is
        written, and None when it has it again.
        """
        self.module = module
        self.owed = False
        self.own_reserve: float | None = None
        """Reserve in percent that the module had before it was told another one; None if it has its own."""
        self._clock = clock
        self._changed = changed
        self._owe = owe
        self._keep_reserve = keep_reserve
        self._entries: dict[str, _Entry] = {}
        self._autos: list[_Entry] = []
        self._written: dict[Aspect, _Written] = {}
        self._last_write = self._not_before = -math.inf
        self._failures = 0
        self._task: asyncio.Task[None] | None = None
        self._timer: Timer | None = None
        self._closed = False

    @property
    def commands(self) -> tuple[Command, ...]:
        """The live commands, the weightiest first."""
        return tuple(
            sorted((entry.command for entry in self._entries.values()), key=lambda each: each.weight)
        )

    # What happens

    def add(self, command: Command) -> None:
        """Take in a command; its origin's former one of the same aspect is replaced."""
        for entry in tuple(self._entries.values()):
            if entry.command.origin is command.origin and command.aspect in {None, entry.command.aspect}:
                self._end(entry, CommandState.REPLACED, "its origin commanded anew", by=command.id)
        now = self._clock.monotonic()
        deadline = None
        if command.expires is not None:
            deadline = now + command.expires - (self._clock.utc() or command.created)
        entry = _Entry(command, deadline, now)
        if command.aspect is None:
            self._autos.append(entry)
            self._set_owed(owed=True)
        else:
            self._entries[command.id] = entry
        self.evaluate()

    def withdraw(self, command: str, reason: str) -> bool:
        """End a command that its origin takes back; return whether it lived."""
        entry = self._entries.get(command)
        if entry is None:
            return False
        self._end(entry, CommandState.WITHDRAWN, reason)
        self.evaluate()
        return True

    def charged(self, soc_percent: float) -> None:
        """End the commands that wanted no more than the battery holds now."""
        done = [entry for entry in self._entries.values() if entry.command.reached(soc_percent)]
        for entry in done:
            self._end(entry, CommandState.DONE, f"the battery holds {soc_percent:g} %")
        if done:
            self.evaluate()

    def resume(self) -> None:
        """Take back, once the module answers, what a former run of the hub has left in it."""
        self.owed = True
        self.evaluate()

    def answered(self) -> None:
        """Tell the module everything anew: it answers again, and may have been restarted."""
        self._written.clear()
        self._failures = 0
        self.evaluate()

    async def close(self) -> None:
        """Take back what the module was told, but for what the law asks for.

        Live commands stay as they are: they are for the next run.
        """
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            await asyncio.wait([self._task])
        required = self._required
        if not self.module.reachable or self._is_shed or (required is None and not self.owed):
            return
        if required is None:
            await self._perform(_Write(Setpoint(SetpointKind.AUTO)))
            return
        # Aspect by aspect: AUTO would free the output too, if only for a moment.
        written = self._written.get(_aspect(required))
        if written is None or written.command != required.command.id:
            await self._perform(_Write(self._setpoint(required.command), entry=required))
        for aspect in tuple(self._written):
            if aspect in _NEUTRAL and aspect is not _aspect(required):
                await self._perform(_Write(Setpoint(*_NEUTRAL[aspect], REVERT), aspect=aspect))

    # Who wins

    def evaluate(self) -> None:
        """Settle who wins, and see to the next write."""
        if self._closed:
            return
        self._expire()
        winners = self._winners()
        for entry in tuple(self._entries.values()):
            winner = winners.get(_aspect(entry), entry)
            if entry is not winner:
                by = winner.command
                reason = (
                    "the grid is gone, and what keeps the home alive comes first"
                    if by.origin is Origin.ISLAND
                    else f"{by.origin.name.lower().replace('_', ' ')} comes first"
                )
                self._update(entry, CommandState.SUPERSEDED, reason, by=by.id)
            elif entry.command.state is CommandState.SUPERSEDED:
                entry.queued = self._clock.monotonic()
                self._update(entry, CommandState.QUEUED, "its turn has come")
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._task is None:
            self._proceed(winners)

    def _expire(self) -> None:
        now = self._clock.monotonic()
        for entry in tuple(self._entries.values()):
            if entry.deadline is not None and entry.deadline <= now:
                self._end(entry, CommandState.EXPIRED, "its time is over")
            elif self._out_of_patience(entry, now) and not PRIVILEGES[entry.command.origin].persists:
                self._end(entry, CommandState.FAILED, self._silence())
        for entry in tuple(self._autos):
            if self._out_of_patience(entry, now):
                self._end(entry, CommandState.FAILED, f"{self._silence()}; done as soon as it does")

    def _out_of_patience(self, entry: _Entry, now: float) -> bool:
        waiting = entry.command.state is CommandState.QUEUED and not self.module.reachable
        return waiting and entry.queued + PATIENCE <= now

    def _silence(self) -> str:
        return f"the module does not answer: {self.module.unreachable_because}"

    def _winners(self) -> dict[Aspect, _Entry]:
        winners: dict[Aspect, _Entry] = {}
        for entry in sorted(self._entries.values(), key=lambda each: each.command.weight):
            winners.setdefault(_aspect(entry), entry)
        return winners

    # What is written

    def _proceed(self, winners: dict[Aspect, _Entry]) -> None:
        """Start the next write if it is due; otherwise come back when something is."""
        now = self._clock.monotonic()
        times = [entry.deadline for entry in self._entries.values() if entry.deadline is not None]
        if self.module.reachable:
            write = self._next_write(winners, now)
            if write is None:
                for entry in tuple(self._autos):
                    self._end(entry, CommandState.APPLIED, "the module follows its own logic")
            else:
                due = self._not_before if self._failures else self._last_write + write.spacing
                if due <= now:
                    self._task = asyncio.create_task(self._run(write), name=f"command {self.module.key}")
                    return
                times.append(due)
            times += [each.repeat for each in self._written.values() if each.repeat is not None]
        else:
            times += [entry.queued + PATIENCE for entry in (*self._entries.values(), *self._autos)]
        later = [time for time in times if time > now]
        if later:
            self._timer = self._clock.call_later(min(later) - now, self.evaluate)

    def _next_write(self, winners: dict[Aspect, _Entry], now: float) -> _Write | None:
        for aspect, entry in winners.items():
            written = self._written.get(aspect)
            command = entry.command
            if self._is_lasting(command):
                return _Write(Setpoint(command.kind, command.value, None), 0.0, entry)
            if written is not None and written.command != command.id and self._close_enough(command, written):
                written.command = command.id
                self._update(entry, CommandState.APPLIED, "as good as in force already", value=written.value)
            if (
                written is None
                or written.command != command.id
                or (written.repeat is not None and written.repeat <= now)
            ):
                return _Write(self._setpoint(command), PRIVILEGES[command.origin].spacing, entry)
        return self._next_release(winners)

    def _setpoint(self, command: Command) -> Setpoint:
        longest = PRIVILEGES[command.origin].revert
        if longest is not None:
            longest = min(longest, self.module.record.capabilities.revert_s_max or longest)
        return command.setpoint(self._clock.utc() or command.created, longest)

    def _next_release(self, winners: dict[Aspect, _Entry]) -> _Write | None:
        if not winners and self.owed:
            return _Write(Setpoint(SetpointKind.AUTO))
        if self.own_reserve is not None and Aspect.RESERVE not in winners:
            own = Setpoint(SetpointKind.RESERVE_PERCENT, self.own_reserve, None)
            return _Write(own, aspect=Aspect.RESERVE)
        for aspect in tuple(self._written):
            if aspect in winners:
                continue
            if aspect is Aspect.RESERVE:
                # The module never said what it had: there is nothing to go back to.
                del self._written[aspect]
            elif aspect in _NEUTRAL and self.module.record.kind not in _WILFUL:
                return _Write(Setpoint(*_NEUTRAL[aspect], REVERT), aspect=aspect)
            else:
                return _Write(Setpoint(SetpointKind.AUTO), aspect=aspect)
        return None

    def _is_lasting(self, command: Command) -> bool:
        """Whether a command is the switching of a load, which does what a press of its button does.

        It is done at once and once, ends what plans and programmes had switched, and then the load is as it
        is: nothing is repeated, and nothing is taken back when the hub ends. People switch so, and a plan
        that starts a machine, whose program nothing may break off. So is a load given power again that was
        off in an outage: it may have lost its own timer with its power.
        """
        given_back = command.origin is Origin.ISLAND and command.value == 1
        meant = (command.origin in _SWITCHING or given_back) and command.expires is None
        return meant and command.aspect is Aspect.CONNECTION and self._is_load

    @property
    def _is_shed(self) -> bool:
        """Whether it is off because the grid is gone. An end of the hub does not give it power again."""
        winner = self._winners().get(Aspect.CONNECTION)
        return winner is not None and winner.command.origin is Origin.ISLAND and winner.command.value == 0

    @property
    def _required(self) -> _Entry | None:
        """What the law or the contract asks of the module for good: an end of the hub does not end it."""
        return next(
            (
                entry
                for entry in self._entries.values()
                if entry.command.origin is Origin.GRID_OPERATOR
                and entry.command.expires is None
                and entry.command.aspect is Aspect.OUTPUT
            ),
            None,
        )

    @property
    def _is_load(self) -> bool:
        return self.module.record.kind is ModuleKind.LOAD

    def _close_enough(self, command: Command, written: _Written) -> bool:
        """Whether a change is too small to be worth a write. The ends of the range are always written."""
        if command.kind is not written.kind:
            return False
        if command.value == written.value:
            return True
        if command.value is None or written.value is None or PRIVILEGES[command.origin].exact:
            return False
        full = full_scale(self.module, command.kind)
        return command.value not in {0, full} and abs(command.value - written.value) < DEADBAND * full

    async def _run(self, write: _Write) -> None:
        try:
            await self._perform(write)
        finally:
            self._task = None
        self.evaluate()

    async def _perform(self, write: _Write) -> None:
        """Write, read back, and note what came of it."""
        lasting = write.entry is not None and self._is_lasting(write.entry.command)
        if not lasting:
            self._set_owed(owed=True)
        if write.entry is not None and write.setpoint.kind is SetpointKind.RESERVE_PERCENT:
            self._note_own_reserve()
        applied = await self._apply(write.setpoint)
        now = self._clock.monotonic()
        if applied.state is AppliedState.FAILED:
            self._failures += 1
            self._not_before = now + min(SPACING * 2 ** min(self._failures - 1, 8), LONGEST_PAUSE)
        else:
            self._failures = 0
            self._last_write = now
        if lasting and write.entry is not None and applied.state is AppliedState.APPLIED:
            self._switched(write.entry, applied)
        elif write.entry is not None:
            self._note(write.entry, write.setpoint, applied, now)
        elif applied.state is not AppliedState.FAILED:
            self._released(write)
        elif self._failures >= ATTEMPTS:
            for entry in tuple(self._autos):
                self._end(entry, CommandState.FAILED, f"{applied.detail}; tried on")

    def _released(self, write: _Write) -> None:
        """Note that something was taken back."""
        if write.setpoint.kind is SetpointKind.AUTO:
            # It took back every aspect: the others are written anew.
            self._written.clear()
        elif write.aspect is not None:
            self._written.pop(write.aspect, None)
        if write.aspect is Aspect.RESERVE:
            self.own_reserve = None
            self._keep_reserve(None)
        if not self._entries or (self._closed and write.aspect is None):
            self._set_owed(owed=False)

    async def _apply(self, setpoint: Setpoint) -> Applied:
        try:
            async with self.module.lock:
                if self.module.device is None:
                    return Applied(setpoint, AppliedState.FAILED, detail=self._silence())
                return await self.module.device.apply(setpoint)
        except (ModuleError, OSError) as error:
            return Applied(setpoint, AppliedState.FAILED, detail=str(error))
        except Exception as error:  # noqa: BLE001 - a driver's bug must not stop the queue
            _log.exception("the driver of %s failed on %s", self.module.key, setpoint)
            return Applied(setpoint, AppliedState.FAILED, detail=f"the driver failed: {error}")

    def _note(self, entry: _Entry, setpoint: Setpoint, applied: Applied, now: float) -> None:
        aspect = _aspect(entry)
        alive = entry.command.id in self._entries
        if applied.state is AppliedState.APPLIED:
            lasts = applied.expires_in or setpoint.expires_in
            repeat = None
            if lasts is not None and self.module.record.capabilities.reverts:
                # Near the end of its life nothing is repeated: the device may fall back with the command.
                outlives = entry.deadline is None or entry.deadline > now + lasts
                repeat = now + lasts / 2 if outlives else None
            self._written[aspect] = _Written(entry.command.id, setpoint.kind, setpoint.value, repeat)
            if alive:
                self._update(entry, CommandState.APPLIED, "", value=applied.value)
        elif applied.state is AppliedState.REFUSED:
            if alive:
                self._end(entry, CommandState.REFUSED, applied.detail)
        else:
            self._written.pop(aspect, None)
            entry.attempts += 1
            if not alive:
                return
            if entry.attempts >= ATTEMPTS and not PRIVILEGES[entry.command.origin].persists:
                self._end(entry, CommandState.FAILED, applied.detail)
            else:
                entry.queued = now
                self._update(entry, CommandState.QUEUED, f"tried again: {applied.detail}")

    def _switched(self, entry: _Entry, applied: Applied) -> None:
        """End the switching of a load: it is done, and what a person outweighs with it is over."""
        aspect, command = _aspect(entry), entry.command
        self._written.pop(aspect, None)
        for other in tuple(self._entries.values()) if command.origin is Origin.USER else ():
            if other is not entry and _aspect(other) is aspect and other.command.weight > command.weight:
                self._end(other, CommandState.REPLACED, "a person switched the load", by=command.id)
        if command.id in self._entries:
            entry.command = replace(command, applied_value=applied.value)
            self._end(entry, CommandState.DONE, "the load stays so")
        if not self._written and not self._entries:
            self._set_owed(owed=False)

    # What is said about it

    def _note_own_reserve(self) -> None:
        reading = self.module.reading
        if self.own_reserve is None and reading is not None and reading.battery is not None:
            self.own_reserve = reading.battery.reserve_percent
            if self.own_reserve is not None:
                self._keep_reserve(self.own_reserve)

    def _set_owed(self, *, owed: bool) -> None:
        if owed != self.owed:
            self.owed = owed
            self._owe(owed)

    def _update(
        self, entry: _Entry, state: CommandState, reason: str, *, by: str = "", value: float | None = None
    ) -> None:
        command = replace(entry.command, state=state, reason=reason, by=by, applied_value=value)
        if command != entry.command:
            entry.command = command
            self._changed(command)

    def _end(self, entry: _Entry, state: CommandState, reason: str, *, by: str = "") -> None:
        self._entries.pop(entry.command.id, None)
        if entry in self._autos:
            self._autos.remove(entry)
        self._update(entry, state, reason, by=by, value=entry.command.applied_value)


def _aspect(entry: _Entry) -> Aspect:
    aspect = entry.command.aspect
    assert aspect is not None, "AUTO is kept apart"
    return aspect
