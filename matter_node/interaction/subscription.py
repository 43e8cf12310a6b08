"""One subscription: what it covers, what it owes its client, and when it reports (Matter Core 8.5)."""

from __future__ import annotations

import logging
from enum import Enum
from itertools import chain
from math import inf
from typing import TYPE_CHECKING, Protocol

from matter_node.ids import ProtocolId
from matter_node.interaction.attribute_selection import AttributeSelection
from matter_node.interaction.event_selection import EventSelection, event_reports
from matter_node.interaction.keep_alive import KeepAlive
from matter_node.interaction.paths import AttributePath
from matter_node.interaction.pending_events import PendingEvents
from matter_node.interaction.pending_reports import TOLERANCE, PendingReports
from matter_node.interaction.report_exchange import Outcome, ReportExchange
from matter_node.interaction.report_messages import ReportMessages
from matter_node.model.context import Context

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from matter_node.clock import Clock, Timer
    from matter_node.interaction.pending_reports import AttributeKey
    from matter_node.interaction.served_node import ServedNode
    from matter_node.interaction.subscription_record import SubscriptionRecord
    from matter_node.model.event_log import EventRecord
    from matter_node.secure_channel.exchange import Exchange, ExchangeHandler
    from matter_node.secure_channel.session import Session

_log = logging.getLogger(__name__)

MAX_FAILURES = 3
"""Reports in a row that may be undeliverable before the session is, and its client is looked for."""
MAX_RETRY_SECONDS = 60.0
_HALF_IS_ENOUGH = 120


class State(Enum):
    """Where a subscription is in its life."""

    PRIMING = "priming"
    """Its client is getting the first report."""
    ACTIVE = "active"
    DORMANT = "dormant"
    """It was stored before a restart, and its client has not been reached yet."""
    ENDED = "ended"


class SubscriptionHost(Protocol):
    """What a subscription needs of those that hold it."""

    node: ServedNode
    clock: Clock

    def session_of(self, subscription: Subscription) -> Session | None:
        """Return the session to report over, None if there is none."""

    def open_exchange(self, session: Session, protocol: int, handler: ExchangeHandler) -> Exchange:
        """Open an exchange in a session."""

    def end(self, subscription: Subscription) -> None:
        """End a subscription for good."""

    def drop_session(self, subscription: Subscription) -> None:
        """Close the session that a subscription's reports get lost in."""

    def reconnect(self, subscription: Subscription) -> bool:
        """Begin to look for a lost client; False if that is not possible."""

    def reported(self) -> None:
        """Notice that a report is over, whatever became of it."""


def keep_alive_seconds(min_interval: int, max_interval: int) -> float:
    """Return after how long without a report an empty one goes out: early enough for repetitions."""
    early = max_interval / 2 if max_interval >= _HALF_IS_ENOUGH else max_interval * 0.8
    return max(early, min_interval)


class Subscription:
    """One subscription.

    :ivar record: what was agreed
    :ivar attributes: the attributes that it covers
    :ivar events: the events that it covers
    """

    __slots__ = (
        "_clock",
        "_events",
        "_exchange",
        "_failures",
        "_host",
        "_keep_alive",
        "_last_report",
        "_pending",
        "_retry_at",
        "_sent",
        "_sent_events",
        "_timer",
        "_timer_due",
        "_transfer",
        "_urgent",
        "attributes",
        "events",
        "record",
        "state",
    )

    def __init__(
        self,
        host: SubscriptionHost,
        record: SubscriptionRecord,
        state: State,
        data_versions: Mapping[tuple[int, int], int] | None = None,
    ) -> None:
        self._host = host
        self._clock = host.clock
        self.record = record
        self.state = state
        self.attributes = AttributeSelection(record.attributes, data_versions)
        self.events = EventSelection(record.events, record.event_filters)
        self._keep_alive = keep_alive_seconds(record.min_interval, record.max_interval)
        self._last_report = self._clock.monotonic()
        self._pending = PendingReports(self._last_report)
        self._events = PendingEvents()
        self._urgent = False
        self._failures = 0
        self._retry_at = -inf
        self._exchange: Exchange | None = None
        self._transfer: ReportExchange | KeepAlive | None = None
        self._sent: list[AttributeKey] = []
        self._sent_events: list[EventRecord] = []
        self._timer: Timer | None = None
        self._timer_due = inf

    @property
    def id(self) -> int:
        """Subscription id."""
        return self.record.id

    def is_dormant(self) -> bool:
        """Tell whether it waits for its client after a restart."""
        return self.state is State.DORMANT

    # ------------------------------------------------------------------ the first report

    def priming_messages(self, context: Context, *, statuses: bool) -> ReportMessages:
        """Return the messages of the first report; what changes from now on is reported afterwards."""
        node = self._host.node
        self._last_report = self._clock.monotonic()
        self._pending = PendingReports(self._last_report)
        self._events.clear()
        filtered = self.record.fabric_filtered
        return ReportMessages(
            self.id,
            self.attributes.reports(node, context, fabric_filtered=filtered, statuses=statuses),
            self.events.reports(node, context, statuses=statuses),
            suppress_response=False,
        )

    def activate(self) -> None:
        """Begin to report: the client has the first report."""
        self.state = State.ACTIVE
        self._failures = 0
        self._last_report = self._clock.monotonic()
        self.plan()

    def end(self) -> None:
        """Stop at once."""
        self.state = State.ENDED
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._exchange is not None and self._transfer is not None:
            self._transfer.abandon(self._exchange)
            self._exchange = None

    # ------------------------------------------------------------------ what there is to report

    @property
    def pending(self) -> PendingReports:
        """Changes that wait for a report; call `plan` after marking some."""
        return self._pending

    def add_event(self, record: EventRecord) -> bool:
        """Keep an event for the next report if it is covered; tell whether that is so."""
        if not self.events.covers(record):
            return False
        self._events.add(record)
        self._urgent = self._urgent or self.events.is_urgent(record)
        return True

    # ------------------------------------------------------------------ when to report

    def plan(self) -> None:
        """Report now if that is due, else see to it that it happens when it is."""
        if self.state is not State.ACTIVE or self._must_wait():
            return
        now = self._clock.monotonic()
        due = now if self._urgent else self._pending.soonest
        due = max(due, self._last_report + self.record.min_interval)
        due = min(due, self._last_report + self._keep_alive)
        due = max(due, self._retry_at)
        if due <= now + TOLERANCE:
            self._report(now)
        else:
            self._wake_at(due, now)

    def _must_wait(self) -> bool:
        """Tell whether a report is under way that has to be over first.

        Not an empty one, once there is something to say: nobody repeats it, and changes that come one after
        the other until it is acknowledged would be told as one.
        """
        if self._exchange is None:
            return False
        something = self._urgent or self._pending.soonest < inf
        return not (something and isinstance(self._transfer, KeepAlive))

    def retry(self) -> None:
        """Try again now what could not be delivered: the client is back."""
        if self._retry_at > -inf:
            self._retry_at = self._clock.monotonic()
        self.plan()

    def report_last(self) -> bool:
        """Report events that wait at once, for the node stops; tell whether a report is on its way."""
        if self.state is not State.ACTIVE:
            return False
        if self._exchange is None and self._events and self._retry_at == -inf:
            self._report(self._clock.monotonic())
        under_way = self._exchange is not None
        return under_way and (bool(self._events) or isinstance(self._transfer, ReportExchange))

    def _wake_at(self, due: float, now: float) -> None:
        if due == inf:
            return  # whoever looks for the client will call `retry`
        if self._timer is not None:
            if self._timer_due <= due:
                return  # it will find out then that there is still time
            self._timer.cancel()
        self._timer_due = due
        self._timer = self._clock.call_later(due - now, self._wake)

    def _wake(self) -> None:
        self._timer = None
        self.plan()

    # ------------------------------------------------------------------ reporting

    def _report(self, now: float) -> None:
        session = self._host.session_of(self)
        if session is None:
            if self._host.reconnect(self):
                self._retry_at = inf
            else:
                self._fail(now)
            return
        self._retry_at = -inf
        self._sent = self._pending.take(now)
        self._sent_events = self._events.take()
        self._urgent = False
        context = Context(session.subject, session)
        attributes = self._changed(self._sent, context)
        events = event_reports(self._host.node, context, self._sent_events)
        first, first_event = next(attributes, None), next(events, None)
        if first is None and first_event is None:
            if now + TOLERANCE < self._last_report + self._keep_alive and not self._failures:
                self.plan()
                return
            self._last_report = now
            keep_alive = KeepAlive(self._clock, self._done)
            self._transfer = keep_alive
            self._exchange = exchange = self._host.open_exchange(
                session, ProtocolId.INTERACTION_MODEL, keep_alive
            )
            keep_alive.start(exchange, self.id)
            return
        messages = ReportMessages(
            self.id,
            attributes if first is None else chain((first,), attributes),
            events if first_event is None else chain((first_event,), events),
            suppress_response=False,
        )
        self._last_report = now
        report = ReportExchange(self._clock, messages, self._done, confirmed=True)
        self._transfer = report
        self._exchange = exchange = self._host.open_exchange(session, ProtocolId.INTERACTION_MODEL, report)
        report.start(exchange)

    def _changed(self, keys: list[AttributeKey], context: Context) -> Iterator[bytes]:
        if not keys:
            return iter(())
        selection = AttributeSelection(tuple(AttributePath(*key) for key in keys))
        return selection.reports(
            self._host.node, context, fabric_filtered=self.record.fabric_filtered, statuses=False
        )

    def _done(self, exchange: Exchange, outcome: Outcome) -> None:
        if outcome is Outcome.REFUSED:
            _log.info("Subscription %d is not wanted any more", self.id)
            self._host.end(self)
            return
        if exchange is not self._exchange:
            return  # an old empty report, delivered already
        self._exchange = self._transfer = None
        self._finish_report(exchange, outcome)
        self._host.reported()

    def _finish_report(self, exchange: Exchange, outcome: Outcome) -> None:
        if outcome is Outcome.DELIVERED:
            if isinstance(exchange.handler, ReportExchange):
                exchange.close()
            self._failures = 0
            self._sent, self._sent_events = [], []
            self.plan()
            return
        now = self._clock.monotonic()
        self._pending.restore(self._sent, now)
        self._events.restore(self._sent_events)
        self._urgent = self._urgent or any(self.events.is_urgent(record) for record in self._sent_events)
        self._sent, self._sent_events = [], []
        if exchange.session.closed:
            self._retry_at = now  # another session of the client may be there
            self._wake_at(now, now)
        else:
            self._fail(now)

    def _fail(self, now: float) -> None:
        self._failures += 1
        if self._failures >= MAX_FAILURES:
            _log.info("Subscription %d: its client cannot be reached", self.id)
            self._failures = 0
            self._host.drop_session(self)
            if self._host.reconnect(self):
                self._retry_at = inf
            else:
                self._host.end(self)
            return
        self._retry_at = now + min(self._keep_alive, MAX_RETRY_SECONDS)
        self._wake_at(self._retry_at, now)
