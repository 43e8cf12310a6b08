"""Listens to what the hub says of itself and hands it on to be kept; on the event loop, without waiting."""

from __future__ import annotations

import logging
from collections import OrderedDict
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from bridge.choices import ChoicesChanged
from bridge.command import CommandState
from bridge.events import (
    CommandChanged,
    ModuleChanged,
    ModuleRemoved,
    ModulesRegistered,
    ReachabilityChanged,
    ReadingTaken,
)
from bridge.faults import FaultCleared, FaultRaised
from bridge.grid import GridChanged
from bridge.telemetry.frames import FrameMaker
from hw.reading import Quality
from matter_node.system_clock import EARLIEST_PLAUSIBLE_UTC

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.command import Command
    from bridge.events import EventBus
    from bridge.faults import ActiveFault
    from bridge.record import ModuleRecord
    from bridge.registry import Registry
    from bridge.telemetry.backlog import Backlog
    from bridge.telemetry.event_queue import EventQueue

_REMEMBERED: Final = 1000
"""Commands whose giving has been noted already."""

_log = logging.getLogger(__name__)


class Recorder:
    """Turns readings into frames, and what happens into events and entries of the audit trail."""

    def __init__(
        self, bus: EventBus, registry: Registry, backlog: Backlog, events: EventQueue, *, samples: bool
    ) -> None:
        """Listen to `bus` once started; `samples` says whether readings are kept, events always are."""
        self._bus = bus
        self._registry = registry
        self._backlog = backlog
        self._events = events
        self._samples = samples
        self._makers: dict[str, FrameMaker] = {}
        self._commands: OrderedDict[str, None] = OrderedDict()
        self._ends: list[Callable[[], None]] = []
        self._clock_is_wrong = False

    def start(self) -> None:
        """Begin to listen."""
        self._ends = [
            self._bus.subscribe(ReadingTaken, self._reading_taken),
            self._bus.subscribe(ReachabilityChanged, self._reachability_changed),
            self._bus.subscribe(CommandChanged, self._command_changed),
            self._bus.subscribe(ModulesRegistered, self._modules_registered),
            self._bus.subscribe(ModuleChanged, self._module_changed),
            self._bus.subscribe(ModuleRemoved, self._module_removed),
            self._bus.subscribe(FaultRaised, lambda event: self._fault("fault raised", event.fault)),
            self._bus.subscribe(FaultCleared, lambda event: self._fault("fault cleared", event.fault)),
            self._bus.subscribe(GridChanged, self._grid_changed),
            self._bus.subscribe(ChoicesChanged, self._choices_changed),
        ]

    def stop(self) -> None:
        """Listen no longer."""
        for end in self._ends:
            end()
        self._ends = []

    def _reading_taken(self, event: ReadingTaken) -> None:
        reading = event.reading
        if reading.quality is Quality.STALE:
            return
        if not self._samples or self._is_clock_wrong(reading.time.timestamp()):
            return
        maker = self._makers.get(reading.module)
        if maker is None:
            maker = self._makers[reading.module] = FrameMaker()
        self._backlog.add(maker.frame(reading, self._registry[reading.module].record.capabilities))

    def _is_clock_wrong(self, time: float) -> bool:
        wrong = time < EARLIEST_PLAUSIBLE_UTC
        if wrong and not self._clock_is_wrong:
            _log.warning("the clock of this computer was never set: readings are not recorded until it is")
        self._clock_is_wrong = wrong
        return wrong

    def _fault(self, kind: str, fault: ActiveFault) -> None:
        self._events.event(
            kind,
            fault.module,
            {"code": fault.code, "source": fault.source, "severity": fault.severity.name.lower()},
        )

    def _grid_changed(self, event: GridChanged) -> None:
        self._events.event("grid", data={"state": event.state.name.lower()})

    def _choices_changed(self, event: ChoicesChanged) -> None:
        self._events.event("choices", data={"policy": event.policy, "mode": event.mode})

    def _reachability_changed(self, event: ReachabilityChanged) -> None:
        self._events.event(
            "reachability", event.module, {"reachable": event.reachable, "reason": event.reason}
        )

    def _command_changed(self, event: CommandChanged) -> None:
        command = event.command
        self._events.event("command", command.module, command.values())
        if self._is_given_now(command):
            self._events.deed(
                f"{command.origin.name.lower()}/{command.source}",
                "command",
                command.module,
                {"id": command.id, "kind": command.kind, "value": command.value, "expires": command.expires},
            )

    def _is_given_now(self, command: Command) -> bool:
        """Whether this is the first that is heard of a command; a restart hears of old ones again."""
        if command.id in self._commands:
            return False
        self._commands[command.id] = None
        if len(self._commands) > _REMEMBERED:
            self._commands.popitem(last=False)
        fresh = command.state is CommandState.QUEUED and not command.reason
        return fresh or command.state is CommandState.REFUSED

    def _modules_registered(self, event: ModulesRegistered) -> None:
        for record in event.records:
            self._events.event("registered", record.key, _named(record))
            self._events.deed("hub", "register", record.key, _named(record))

    def _module_changed(self, event: ModuleChanged) -> None:
        before, after = asdict(event.before), asdict(event.record)
        changes = {name: [before[name], after[name]] for name in after if before[name] != after[name]}
        changes.pop("capabilities", None)
        self._events.event("changed", event.record.key, changes)

    def _module_removed(self, event: ModuleRemoved) -> None:
        self._makers.pop(event.record.key, None)
        self._events.event("removed", event.record.key, _named(event.record))
        self._events.deed("hub", "remove", event.record.key, _named(event.record))


def _named(record: ModuleRecord) -> dict[str, Any]:
    return {"name": record.name, "kind": record.kind, "address": record.address}
