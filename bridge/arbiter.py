"""The arbiter: the only one who tells modules what to do.

Voice, apps, web page, plan and protection all command here. Who wins is the order of `Origin`; how each is
treated is the table `PRIVILEGES`; what became of a command can be followed by its id. Commands that are
acknowledged are on the disk, and so is the fact that a module is under a limit of ours, so that neither a
killed nor a stopped hub leaves a limit behind that the law does not ask for.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from bridge.choices import ChoicesChanged
from bridge.command import PRIVILEGES, Command, CommandState, Origin, command_id
from bridge.command_queue import CommandQueue
from bridge.events import (
    CommandChanged,
    ModuleChanged,
    ModuleRemoved,
    ReachabilityChanged,
    ReadingTaken,
)
from bridge.record import OperatingMode
from hw.setpoint import Setpoint, SetpointKind

if TYPE_CHECKING:
    from bridge.choices import HomeChoices
    from bridge.events import EventBus
    from bridge.record import ModuleRecord
    from bridge.registry import Registry
    from matter_node.clock import Clock
    from matter_node.storage import Storage

HISTORY: Final = 200
"""Commands that are remembered after their end."""
LONGEST: Final = 30 * 86_400.0
"""Seconds that a command may live, at most; without an end it lives until it is withdrawn."""
_COMMAND: Final = "command/"
_OWED: Final = "limited/"
_RESERVE: Final = "reserve/"
_PLANNED: Final = frozenset({Origin.DEMAND_RESPONSE, Origin.PLAN, Origin.DEFAULT})
"""Who does not command a module that is autonomous."""
_STORAGE_KINDS: Final = frozenset({SetpointKind.CHARGE_W, SetpointKind.DISCHARGE_W})

_log = logging.getLogger(__name__)


class UnknownCommandError(KeyError):
    """There is no command of that id, or it was forgotten."""

    def __str__(self) -> str:
        return str(self.args[0])


class Arbiter:
    """One queue a module, and the memory of what was commanded."""

    def __init__(
        self,
        registry: Registry,
        storage: Storage,
        bus: EventBus,
        clock: Clock,
        choices: HomeChoices | None = None,
    ) -> None:
        self._choices = choices
        self._registry = registry
        self._storage = storage
        self._bus = bus
        self._clock = clock
        self._queues: dict[str, CommandQueue] = {}
        self._commands: dict[str, Command] = {}
        self._ends: list[object] = []

    def start(self) -> None:
        """Take up what a former run has left: commands that outlive a restart, and limits to take back."""
        self._bus.subscribe(ReachabilityChanged, self._reachability_changed)
        self._bus.subscribe(ModuleRemoved, self._module_removed)
        self._bus.subscribe(ModuleChanged, self._module_changed)
        self._bus.subscribe(ChoicesChanged, self._choices_changed)
        self._bus.subscribe(ReadingTaken, self._reading_taken)
        for key, value in self._storage.scan(_RESERVE):
            module = key.removeprefix(_RESERVE)
            if module in self._registry:
                self._queue(module).own_reserve = float(value)
            else:
                self._storage.delete(key)
        for key, _ in self._storage.scan(_OWED):
            module = key.removeprefix(_OWED)
            if module in self._registry:
                self._queue(module).owed = True
            else:
                self._storage.delete(key)
        for key, value in self._storage.scan(_COMMAND):
            try:
                command = Command.from_json(value)
            except (ValueError, KeyError, TypeError) as error:
                _log.warning("the command %s cannot be read and is dropped: %r", key, error)
                self._storage.delete(key)
                continue
            self._commands[command.id] = command
            if command.state.final or command.aspect is None:
                continue
            self._resume(command)
        for queue in self._queues.values():
            queue.evaluate()

    def _resume(self, command: Command) -> None:
        now = self._clock.utc() or command.created
        if command.expires is not None and command.expires <= now:
            self._changed(replace(command, state=CommandState.EXPIRED, reason="its time was over", by=""))
        elif command.module not in self._registry or not PRIVILEGES[command.origin].outlives_restart:
            self._changed(
                replace(command, state=CommandState.WITHDRAWN, reason="the hub was restarted", by="")
            )
        else:
            queued = replace(command, state=CommandState.QUEUED, reason="the hub was restarted", by="")
            self._changed(queued)
            self._queue(command.module).add(queued)

    async def close(self) -> None:
        """Take back every limit that modules are under but those of the law.

        What lives is taken up at the next start.
        """
        await asyncio.gather(*(queue.close() for queue in self._queues.values()), return_exceptions=True)

    # Commanding

    def submit(
        self,
        module: str,
        kind: SetpointKind,
        value: float | None = None,
        *,
        origin: Origin,
        source: str,
        duration: float | None = None,
        target_percent: float | None = None,
        permits: bool = False,
    ) -> Command:
        """Command a module; return the command as accepted, or as refused when the module cannot.

        :param module: key of a registered module
        :param value: in the unit of `kind`
        :param source: who of that origin, for `vanish`
        :param duration: seconds that the command lives; None: until it is withdrawn or replaced
        :param target_percent: state of charge at which charging or discharging is done
        :param permits: it is no order but a bound for plans and programmes
        :raises UnknownModuleError: when there is no such module
        :raises ValueError: when the value or the duration cannot be meant
        :raises StateError: when it cannot be stored; then nothing was commanded
        """
        registered = self._registry[module]
        Setpoint(kind, value)  # judges the value
        if kind is SetpointKind.AUTO and duration is not None:
            raise ValueError("auto takes no duration: it ends what was commanded before")
        if duration is not None and not 1 <= duration <= LONGEST:
            raise ValueError(f"a duration is 1 s to {LONGEST / 86400:.0f} days, got {duration} s")
        if target_percent is not None and (kind not in _STORAGE_KINDS or not 0 <= target_percent <= 100):
            raise ValueError("a state of charge to reach is 0 to 100 percent, and for charge and discharge")
        now = self._clock.utc() or 0.0
        command = Command(
            id=command_id(now),
            module=module,
            kind=kind,
            value=value,
            origin=origin,
            source=source,
            created=now,
            expires=None if duration is None else now + duration,
            target_percent=target_percent,
            permits=permits,
        )
        if reason := self._refusal(registered.record, command):
            command = replace(command, state=CommandState.REFUSED, reason=reason)
        self._storage.put(_COMMAND + command.id, command.to_json())
        self._told(command)
        if not command.state.final:
            self._queue(module).add(command)
        return self._commands[command.id]

    def withdraw(self, command: str, reason: str = "taken back") -> bool:
        """End a command; return whether it lived. Raise UnknownCommandError."""
        module = self.command(command).module
        return module in self._queues and self._queues[module].withdraw(command, reason)

    def vanish(self, origin: Origin, source: str, reason: str) -> int:
        """End every command of a source that is gone, such as a removed fabric; return how many."""
        ended = 0
        for queue in tuple(self._queues.values()):
            for command in queue.commands:
                if (command.origin, command.source) == (origin, source):
                    ended += queue.withdraw(command.id, reason)
        return ended

    # Following

    def command(self, command: str) -> Command:
        """Return a command as it stands. Raise UnknownCommandError."""
        try:
            return self._commands[command]
        except KeyError:
            raise UnknownCommandError(f"there is no command {command!r}") from None

    def live(self, module: str) -> tuple[Command, ...]:
        """Return a module's live commands, the weightiest first."""
        queue = self._queues.get(module)
        return queue.commands if queue else ()

    # Inside

    def _refusal(self, record: ModuleRecord, command: Command) -> str:
        """Return why a module does not take a command, or nothing."""
        if command.kind not in record.capabilities.setpoints:
            return f"{record.name} cannot be told {command.kind.value.replace('_', ' ')}"
        if record.quarantined:
            return f"{record.name} is in quarantine: it is read and not commanded"
        if command.origin not in _PLANNED:
            return ""
        if record.mode is OperatingMode.AUTONOMOUS:
            return f"{record.name} is autonomous: plans and programmes leave it alone"
        if self._choices is not None and self._choices.mode is OperatingMode.AUTONOMOUS:
            return "the home is autonomous: plans and programmes leave its modules alone"
        return ""

    def _queue(self, module: str) -> CommandQueue:
        queue = self._queues.get(module)
        if queue is None:
            registered = self._registry[module]
            queue = CommandQueue(
                registered,
                self._clock,
                self._changed,
                owe=partial(self._owe, module),
                keep_reserve=partial(self._keep_reserve, module),
            )
            self._queues[module] = queue
        return queue

    def _owe(self, module: str, owed: bool) -> None:  # noqa: FBT001 - the queue's question has two answers
        try:
            if owed:
                self._storage.put(_OWED + module, b"")
            else:
                self._storage.delete(_OWED + module)
        except OSError as error:
            _log.error("%s: cannot note that it is under a limit: %s", module, error)

    def _keep_reserve(self, module: str, percent: float | None) -> None:
        try:
            if percent is None:
                self._storage.delete(_RESERVE + module)
            else:
                self._storage.put(_RESERVE + module, repr(percent).encode())
        except OSError as error:
            _log.error("%s: cannot note the reserve that it had: %s", module, error)

    def _changed(self, command: Command) -> None:
        """Store a command's new state, then tell it. A full disk keeps no module from being commanded."""
        try:
            self._storage.put(_COMMAND + command.id, command.to_json())
        except OSError as error:
            _log.error("cannot store the command %s: %s", command.id, error)
        self._told(command)

    def _told(self, command: Command) -> None:
        self._commands[command.id] = command
        level = logging.WARNING if command.state is CommandState.FAILED else logging.INFO
        value = "" if command.value is None else f" {command.value:g}"
        _log.log(
            level,
            "%s: %s%s by %s (%s) is %s%s",
            command.module,
            command.kind.value,
            value,
            command.origin.name.lower(),
            command.source,
            command.state.value,
            f": {command.reason}" if command.reason else "",
        )
        self._bus.publish(CommandChanged(command))
        if len(self._commands) > HISTORY + 50:
            self._forget_old()

    def _forget_old(self) -> None:
        live = {command.id for queue in self._queues.values() for command in queue.commands}
        over = sorted(key for key in self._commands if key not in live)
        with self._storage.transaction():
            for key in over[: len(over) - HISTORY]:
                self._storage.delete(_COMMAND + key)
                del self._commands[key]

    def _reachability_changed(self, event: ReachabilityChanged) -> None:
        queue = self._queues.get(event.module)
        if queue is None:
            return
        if event.reachable:
            queue.answered()
        else:
            queue.evaluate()

    def _module_changed(self, event: ModuleChanged) -> None:
        if event.record.quarantined and not event.before.quarantined:
            for command in self.live(event.record.key):
                self.withdraw(command.id, "the module was put into quarantine")
        if event.record.mode is event.before.mode or event.record.mode is not OperatingMode.AUTONOMOUS:
            return
        self._let_go(event.record.key, "the module became autonomous")

    def _choices_changed(self, event: ChoicesChanged) -> None:
        if event.mode is OperatingMode.AUTONOMOUS:
            for module in tuple(self._queues):
                self._let_go(module, "the home became autonomous")

    def _let_go(self, module: str, reason: str) -> None:
        """Take back what plans and programmes told a module."""
        for command in self.live(module):
            if command.origin in _PLANNED:
                self.withdraw(command.id, reason)

    def _reading_taken(self, event: ReadingTaken) -> None:
        battery = event.reading.battery
        queue = self._queues.get(event.reading.module)
        if queue is not None and battery is not None and battery.soc_percent is not None:
            queue.charged(battery.soc_percent)

    def _module_removed(self, event: ModuleRemoved) -> None:
        queue = self._queues.pop(event.record.key, None)
        if queue is not None:
            for command in queue.commands:
                queue.withdraw(command.id, "the module was removed")
            # What it was told goes with its own revert timer, where it has one: nobody may write to it.
            self._storage.delete(_OWED + event.record.key)
            self._storage.delete(_RESERVE + event.record.key)
