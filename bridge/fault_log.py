"""The faults of the home, open and past: what was seen, what was done about it, and who has taken note.

Every change is in the state file before anyone hears of it, so neither a killed nor a restarted hub forgets
a fault, or takes one that goes on for a new one.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from bridge.command import Origin
from bridge.events import CommandChanged, ModuleRemoved
from bridge.faults import ActiveFault, FaultCleared, FaultRaised, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.command import Command
    from bridge.events import EventBus
    from matter_node.clock import Clock
    from matter_node.storage import Storage

KEPT: Final = 500
"""Past faults that are remembered; the ones that ended first go first."""
_PREFIX: Final = "fault/"

_log = logging.getLogger(__name__)


class UnknownFaultError(KeyError):
    """There is no fault of that id, or it was forgotten."""

    def __str__(self) -> str:
        return str(self.args[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultRecord:
    """One fault, from its beginning.

    :ivar id: sorts by the time at which it was noted
    :ivar cleared: when it ended, UTC; None while it lasts
    :ivar action: what was done about it and what came of that, for a person; empty if nothing was
    :ivar command: id of the command that does it; empty without one
    :ivar acknowledged: when somebody took note of it, UTC
    """

    id: str
    fault: ActiveFault
    cleared: datetime | None = None
    action: str = ""
    command: str = ""
    acknowledged: datetime | None = None
    acknowledged_by: str = ""

    @property
    def open(self) -> bool:
        """Whether it lasts."""
        return self.cleared is None

    def to_json(self) -> bytes:
        """Return the record as it is stored."""
        return json.dumps(dataclasses.asdict(self), default=datetime.isoformat).encode()

    @classmethod
    def from_json(cls, data: bytes) -> FaultRecord:
        """Read a stored record. Raise ValueError, KeyError or TypeError."""
        values: dict[str, Any] = json.loads(data)
        fault = values["fault"]
        since, severity = datetime.fromisoformat(fault["since"]), Severity(fault["severity"])
        times = {
            name: None if values[name] is None else datetime.fromisoformat(values[name])
            for name in ("cleared", "acknowledged")
        }
        return cls(
            **values | times | {"fault": ActiveFault(**fault | {"since": since, "severity": severity})}
        )


@dataclass(frozen=True, slots=True)
class FaultRecordChanged:
    """A fault began, ended, was acted upon or acknowledged."""

    record: FaultRecord
    before: FaultRecord | None
    """None when it is new."""


class FaultLog:
    """All faults that are remembered."""

    def __init__(self, storage: Storage, bus: EventBus, clock: Clock) -> None:
        self._storage = storage
        self._bus = bus
        self._clock = clock
        self._records: dict[str, FaultRecord] = {}
        self._open: dict[tuple[str, str, str], str] = {}

    def start(self) -> Iterable[ActiveFault]:
        """Take up what a former run has left, and follow the faults; return those that were open."""
        for key, value in self._storage.scan(_PREFIX):
            try:
                record = FaultRecord.from_json(value)
            except (ValueError, KeyError, TypeError) as error:
                _log.warning("the fault %s cannot be read and is dropped: %r", key, error)
                self._storage.delete(key)
                continue
            self._records[record.id] = record
            if record.open:
                self._open[_name(record.fault)] = record.id
        self._bus.subscribe(FaultRaised, lambda event: self._raised(event.fault))
        self._bus.subscribe(FaultCleared, lambda event: self._ended(event.fault, event.time))
        self._bus.subscribe(ModuleRemoved, lambda event: self._module_removed(event.record.key))
        self._bus.subscribe(CommandChanged, lambda event: self._command_changed(event.command))
        return [self._records[each].fault for each in self._open.values()]

    def __getitem__(self, fault: str) -> FaultRecord:
        """Return the fault of an id. Raise UnknownFaultError."""
        try:
            return self._records[fault]
        except KeyError:
            raise UnknownFaultError(f"there is no fault {fault!r}") from None

    def records(self) -> list[FaultRecord]:
        """Return all that are remembered, the newest first."""
        return sorted(self._records.values(), key=lambda record: record.id, reverse=True)

    def open_record(self, module: str, code: str, source: str) -> FaultRecord | None:
        """Return the record of a fault that lasts, None if it does not."""
        found = self._open.get((module, code, source))
        return None if found is None else self._records[found]

    def acknowledge(self, fault: str, by: str) -> FaultRecord:
        """Note that somebody has taken note. Raise UnknownFaultError, StateError.

        The first one counts.
        """
        record = self[fault]
        if record.acknowledged is not None:
            return record
        changed = dataclasses.replace(record, acknowledged=self._now(), acknowledged_by=by)
        self._storage.put(_PREFIX + changed.id, changed.to_json())
        self._tell(record, changed)
        return changed

    def acted(self, record: FaultRecord, action: str, command: str = "") -> None:
        """Note what is done about a fault."""
        self._note(record, dataclasses.replace(record, action=action, command=command))

    # ------------------------------------------------------------------ inside

    def _raised(self, fault: ActiveFault) -> None:
        if _name(fault) in self._open:
            return
        record = FaultRecord(
            id=f"{int(self._now().timestamp() * 1000):012x}{secrets.token_hex(2)}", fault=fault
        )
        level = logging.WARNING if fault.severity >= Severity.WARNING else logging.INFO
        _log.log(level, "%s: fault %s (%s): %s", fault.module, fault.code, fault.source, fault.evidence)
        self._note(None, record)
        self._open[_name(fault)] = record.id
        self._forget_old()

    def _ended(self, fault: ActiveFault, time: datetime) -> None:
        found = self._open.pop(_name(fault), None)
        if found is not None:
            record = self._records[found]
            _log.info("%s: fault %s (%s) is over", fault.module, fault.code, fault.source)
            self._note(record, dataclasses.replace(record, cleared=time))

    def _module_removed(self, module: str) -> None:
        for name, found in tuple(self._open.items()):
            if name[0] == module:
                self._ended(self._records[found].fault, self._now())

    def _command_changed(self, command: Command) -> None:
        if command.origin is not Origin.SAFETY:
            return
        for found in tuple(self._open.values()):
            record = self._records[found]
            if record.command == command.id:
                action = described(command)
                if action != record.action:
                    self._note(record, dataclasses.replace(record, action=action))

    def _note(self, before: FaultRecord | None, record: FaultRecord) -> None:
        """Store what happened, and tell it. A full disk hides no fault."""
        try:
            self._storage.put(_PREFIX + record.id, record.to_json())
        except OSError as error:
            _log.error("cannot store the fault %s: %s", record.id, error)
        self._tell(before, record)

    def _tell(self, before: FaultRecord | None, record: FaultRecord) -> None:
        self._records[record.id] = record
        self._bus.publish(FaultRecordChanged(record, before))

    def _forget_old(self) -> None:
        past = sorted(each.id for each in self._records.values() if not each.open)
        for fault in past[: max(0, len(past) - KEPT)]:
            del self._records[fault]
            try:
                self._storage.delete(_PREFIX + fault)
            except OSError as error:
                _log.error("cannot forget the fault %s: %s", fault, error)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock.utc() or 0.0, UTC)


def described(command: Command) -> str:
    """Return what a command does and what came of it, for a person."""
    value = "" if command.value is None else f" {command.value:g}"
    reason = f" ({command.reason})" if command.reason else ""
    return f"{command.kind.value}{value}: {command.state.value}{reason}"


def _name(fault: ActiveFault) -> tuple[str, str, str]:
    return fault.module, fault.code, fault.source
