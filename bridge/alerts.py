"""What people are to be told: alerts of faults and whatever else `tell` is told, kept until they are old.

Each change of an alert gives it the next revision, so whoever has seen revision 41 asks for what came after
it. Every change is in the state file before anyone hears of it.
"""

from __future__ import annotations

import dataclasses
import json
import logging
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from bridge.fault_log import FaultRecordChanged
from bridge.faults import Severity

if TYPE_CHECKING:
    from bridge.events import EventBus
    from bridge.fault_log import FaultLog, FaultRecord
    from bridge.registry import Registry
    from matter_node.clock import Clock
    from matter_node.storage import Storage

KEPT: Final = 500
"""Alerts that are remembered; resolved ones that changed longest ago go first."""
LONGEST_SNOOZE: Final = 7 * 86_400.0
_PREFIX: Final = "alert/"
_FAULT: Final = "fault/"

_log = logging.getLogger(__name__)


class UnknownAlertError(KeyError):
    """There is no alert of that number, or it was forgotten."""

    def __str__(self) -> str:
        return str(self.args[0])


class AlertOverError(RuntimeError):
    """The alert is resolved: there is nothing to be done about it."""


class AlertState(StrEnum):
    """What is to be done about an alert."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    """Somebody has taken note; it still is so."""
    SNOOZED = "snoozed"
    """Nobody is told until some time has passed."""
    RESOLVED = "resolved"
    """It is not so any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One alert. Times are UTC, seconds since 1970.

    :ivar subject: what it is about: `fault/ID`, or what `tell` was told
    :ivar told: users whose channels have told them
    :ivar owed: users who were told of it and not yet that it is over
    """

    number: int
    revision: int
    time: float
    severity: Severity
    title: str
    text: str
    subject: str
    module: str = ""
    code: str = ""
    resolved: float | None = None
    acknowledged: float | None = None
    acknowledged_by: str = ""
    snoozed_until: float | None = None
    told: tuple[str, ...] = ()
    owed: tuple[str, ...] = ()

    def state(self, now: float) -> AlertState:
        """Return what is to be done about it at a time."""
        if self.resolved is not None:
            return AlertState.RESOLVED
        if self.acknowledged is not None:
            return AlertState.ACKNOWLEDGED
        if self.snoozed_until is not None and now < self.snoozed_until:
            return AlertState.SNOOZED
        return AlertState.OPEN

    def to_json(self) -> bytes:
        """Return the alert as it is stored."""
        return json.dumps(dataclasses.asdict(self)).encode()

    @classmethod
    def from_json(cls, data: bytes) -> Alert:
        """Read a stored alert. Raise ValueError, KeyError or TypeError."""
        values = json.loads(data)
        people = {name: tuple(values.get(name, ())) for name in ("told", "owed")}
        return cls(**values | people | {"severity": Severity(values["severity"])})


@dataclass(frozen=True, slots=True)
class AlertChanged:
    """An alert is new, or something about it is."""

    alert: Alert


class AlertBook:
    """All alerts that are remembered."""

    def __init__(
        self, storage: Storage, bus: EventBus, clock: Clock, registry: Registry, log: FaultLog
    ) -> None:
        self._storage = storage
        self._bus = bus
        self._clock = clock
        self._registry = registry
        self._log = log
        self._alerts: dict[int, Alert] = {}
        self._revision = 0

    @property
    def now(self) -> float:
        """UTC, seconds since 1970."""
        return self._clock.utc() or 0.0

    def start(self) -> None:
        """Take up what a former run has left, bring it up to date with the faults, and follow them."""
        for key, value in self._storage.scan(_PREFIX):
            try:
                alert = Alert.from_json(value)
            except (ValueError, KeyError, TypeError) as error:
                _log.warning("the alert %s cannot be read and is dropped: %r", key, error)
                self._storage.delete(key)
                continue
            self._alerts[alert.number] = alert
            self._revision = max(self._revision, alert.revision)
        records = {_subject(record): record for record in self._log.records()}
        for alert in self.unresolved():
            known = records.get(alert.subject)
            if alert.subject.startswith(_FAULT) and (known is None or not known.open):
                self._resolve(alert)
        subjects = {alert.subject for alert in self._alerts.values()}
        for subject, record in records.items():
            if record.open and subject not in subjects:
                self._begin(record)
        self._bus.subscribe(FaultRecordChanged, lambda event: self._fault_changed(event.record))

    def __getitem__(self, number: int) -> Alert:
        """Return the alert of a number. Raise UnknownAlertError."""
        try:
            return self._alerts[number]
        except KeyError:
            raise UnknownAlertError(f"there is no alert {number}") from None

    def alerts(self) -> list[Alert]:
        """Return all that are remembered, the newest first."""
        return sorted(self._alerts.values(), key=lambda alert: -alert.number)

    def unresolved(self) -> list[Alert]:
        """Return those that still are so, the oldest first."""
        return [alert for _, alert in sorted(self._alerts.items()) if alert.resolved is None]

    def changed_since(self, revision: int) -> list[Alert]:
        """Return the alerts that changed after a revision, in the order of their last change."""
        later = (alert for alert in self._alerts.values() if alert.revision > revision)
        return sorted(later, key=lambda alert: alert.revision)

    @property
    def revision(self) -> int:
        """The last one."""
        return self._revision

    def acknowledge(self, number: int, by: str) -> Alert:
        """Note that somebody has taken note; the first one counts.

        :raises UnknownAlertError: there is none
        :raises AlertOverError: it is resolved
        :raises StateError: it cannot be stored
        """
        alert = self._living(number)
        if alert.acknowledged is not None:
            return alert
        return self._store(
            dataclasses.replace(alert, acknowledged=self.now, acknowledged_by=by, snoozed_until=None)
        )

    def snooze(self, number: int, duration: float) -> Alert:
        """Tell nobody for some seconds, and then everybody anew, if it still is so.

        :raises UnknownAlertError: there is none
        :raises AlertOverError: it is resolved
        :raises ValueError: the duration cannot be meant
        :raises StateError: it cannot be stored
        """
        if not 0 < duration <= LONGEST_SNOOZE:
            raise ValueError(f"an alert is snoozed for up to {LONGEST_SNOOZE / 86400:.0f} days")
        alert = self._living(number)
        until = self.now + duration
        return self._store(
            dataclasses.replace(alert, snoozed_until=until, acknowledged=None, acknowledged_by="", told=())
        )

    def told(self, number: int, user: str) -> None:
        """Note that somebody's channels have told them. It is no change that anybody hears of."""
        alert = self._alerts.get(number)
        if alert is None or user in alert.told:
            return
        owed = tuple(dict.fromkeys((*alert.owed, user)))
        self._note(dataclasses.replace(alert, told=(*alert.told, user), owed=owed))

    def over(self) -> list[Alert]:
        """Return those that are over and whose end somebody has not been told of, the oldest first."""
        return [
            alert for _, alert in sorted(self._alerts.items()) if alert.resolved is not None and alert.owed
        ]

    def end_told(self, number: int, user: str) -> None:
        """Note that somebody need not be told any more that an alert is over; nobody hears of that."""
        alert = self._alerts.get(number)
        if alert is not None and user in alert.owed:
            owed = tuple(name for name in alert.owed if name != user)
            self._note(dataclasses.replace(alert, owed=owed))

    def about(self, subjects: str) -> list[Alert]:
        """Return the unresolved ones whose subject begins so, the oldest first."""
        return [alert for alert in self.unresolved() if alert.subject.startswith(subjects)]

    def tell(
        self, subject: str, severity: Severity, title: str, text: str, code: str, *, module: str = ""
    ) -> None:
        """Begin an alert, or say something else in the one of its subject that is so already.

        :param module: key of the one that it is because of
        """
        known = self._unresolved_of(subject)
        if known is None:
            self._add(severity=severity, title=title, text=text, subject=subject, module=module, code=code)
        elif (known.title, known.text) != (title, text):
            self._change(dataclasses.replace(known, title=title, text=text))

    def settle(self, subject: str) -> None:
        """Resolve the alert of a subject, if there is one."""
        known = self._unresolved_of(subject)
        if known is not None:
            self._resolve(known)

    # ------------------------------------------------------------------ inside

    def _unresolved_of(self, subject: str) -> Alert | None:
        return next((each for each in self.unresolved() if each.subject == subject), None)

    def _living(self, number: int) -> Alert:
        alert = self[number]
        if alert.resolved is not None:
            raise AlertOverError(f"alert {number} is over")
        return alert

    def _fault_changed(self, record: FaultRecord) -> None:
        known = self._unresolved_of(_subject(record))
        if known is None:
            if record.open:
                self._begin(record)
        elif not record.open:
            self._resolve(known)
        elif record.acknowledged is not None and known.acknowledged is None:
            self._change(
                dataclasses.replace(
                    known,
                    acknowledged=record.acknowledged.timestamp(),
                    acknowledged_by=record.acknowledged_by,
                )
            )
        elif known.text != _text(record):
            self._change(dataclasses.replace(known, text=_text(record)))

    def _begin(self, record: FaultRecord) -> None:
        fault = record.fault
        if fault.severity < Severity.WARNING:
            return
        name = self._registry[fault.module].record.name if fault.module in self._registry else fault.module
        self._add(
            severity=fault.severity,
            title=f"{'Test: ' if fault.test else ''}{name}: {fault.code.replace('_', ' ').lower()}",
            text=_text(record),
            subject=_subject(record),
            module=fault.module,
            code=fault.code,
        )

    def _add(
        self, *, severity: Severity, title: str, text: str, subject: str, module: str = "", code: str = ""
    ) -> None:
        number = max(self._alerts, default=0) + 1
        self._change(
            Alert(
                number=number,
                revision=0,
                time=self.now,
                severity=severity,
                title=title,
                text=text,
                subject=subject,
                module=module,
                code=code,
            )
        )
        self._forget_old()

    def _resolve(self, alert: Alert) -> None:
        self._change(dataclasses.replace(alert, resolved=self.now))

    def _change(self, alert: Alert) -> None:
        """Make a change that happened by itself. A full disk hides no alert."""
        alert = dataclasses.replace(alert, revision=self._revision + 1)
        self._keep(alert)
        self._tell(alert)

    def _store(self, alert: Alert) -> Alert:
        """Make a change that somebody asked for. Raise StateError."""
        alert = dataclasses.replace(alert, revision=self._revision + 1)
        self._storage.put(_key(alert.number), alert.to_json())
        self._tell(alert)
        return alert

    def _note(self, alert: Alert) -> None:
        """Keep what is no change that anybody hears of."""
        self._alerts[alert.number] = alert
        self._keep(alert)

    def _keep(self, alert: Alert) -> None:
        try:
            self._storage.put(_key(alert.number), alert.to_json())
        except OSError as error:
            _log.error("cannot store the alert %d: %s", alert.number, error)

    def _tell(self, alert: Alert) -> None:
        self._revision = alert.revision
        self._alerts[alert.number] = alert
        self._bus.publish(AlertChanged(alert))

    def _forget_old(self) -> None:
        # The newest number and the newest revision stay, so that neither is given twice.
        over = [
            alert
            for alert in self._alerts.values()
            if alert.resolved is not None and alert.number != max(self._alerts)
        ]
        over.sort(key=lambda alert: alert.revision)
        for alert in over[: max(0, len(self._alerts) - KEPT)]:
            del self._alerts[alert.number]
            try:
                self._storage.delete(_key(alert.number))
            except OSError as error:
                _log.error("cannot forget the alert %d: %s", alert.number, error)


def _key(number: int) -> str:
    return f"{_PREFIX}{number:010d}"


def _subject(record: FaultRecord) -> str:
    return f"{_FAULT}{record.id}"


def _text(record: FaultRecord) -> str:
    evidence = f"{record.fault.evidence[:1].upper()}{record.fault.evidence[1:]}."
    return f"{evidence} Done: {record.action}." if record.action else evidence
