"""All subscriptions: how they begin and end, and how changes find those that cover them (Matter Core 8.5)."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Protocol

from matter_node.ids import ProtocolId
from matter_node.interaction.confirmation import Confirmation
from matter_node.interaction.messages import status_response, subscribe_response
from matter_node.interaction.opcode import Opcode
from matter_node.interaction.paths import InvalidAction
from matter_node.interaction.reconnection import FIRST_PAUSE, LONGEST_PAUSE, Reconnection
from matter_node.interaction.report_exchange import Outcome, ReportExchange
from matter_node.interaction.subscription import State, Subscription
from matter_node.interaction.subscription_quota import SubscriptionQuota
from matter_node.interaction.subscription_record import Peer, SubscriptionRecord, SubscriptionStore
from matter_node.model.cluster import Urgency
from matter_node.model.context import Context
from matter_node.model.qualities import Quality
from matter_node.status import Status
from matter_node.subject import AuthMode

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    from matter_node.clock import Clock
    from matter_node.interaction.messages import SubscribeRequest
    from matter_node.interaction.paths import AttributePath
    from matter_node.interaction.pending_reports import AttributeKey
    from matter_node.interaction.reconnection import Connect
    from matter_node.interaction.served_node import ServedNode
    from matter_node.model.cluster import Cluster
    from matter_node.model.endpoint import Endpoint
    from matter_node.model.event_log import EventRecord
    from matter_node.secure_channel.exchange import Exchange, ExchangeHandler
    from matter_node.secure_channel.session import SecureSession, Session
    from matter_node.secure_channel.session_table import SessionTable
    from matter_node.subject import Subject

_log = logging.getLogger(__name__)

LONGEST_INTERVAL = 3600
"""Seconds between two reports that we let pass at most: a client learns of our end no later than that."""

_MAX_ID = 0xFFFF_FFFF
_NOW = {Urgency.NOW}


class Wire(Protocol):
    """What subscriptions need of the message layer; `secure_channel.layer.MessageLayer` is one."""

    sessions: SessionTable

    def open_exchange(self, session: Session, protocol: int, handler: ExchangeHandler) -> Exchange:
        """Open an exchange in a session."""


class Subscriptions:
    """The subscriptions of all clients; a listener of the tree and its events.

    :ivar on_lost: called when a client cannot be reached in its session any more, which is closed
    """

    def __init__(self, node: ServedNode, wire: Wire, quota: SubscriptionQuota | None = None) -> None:
        self.node = node
        self.clock: Clock = node.tree.clock
        self._wire = wire
        self._quota = quota or SubscriptionQuota()
        self._store = SubscriptionStore(node.tree.storage)
        self._by_id: dict[int, Subscription] = {}
        self._next_id = node.tree.entropy.below(_MAX_ID)
        self._interested: dict[AttributeKey, tuple[Subscription, ...]] = {}
        self._changed: dict[AttributeKey, tuple[Endpoint, Cluster, set[Urgency]]] = {}
        self._touched: set[Subscription] = set()
        self._known_endpoints = dict(node.tree.endpoints)
        self._structure_changed = False
        self._flush_planned = False
        self._connect: Connect | None = None
        self._reconnections: dict[Peer, Reconnection] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._farewell: asyncio.Event | None = None
        self.on_lost: list[Callable[[], None]] = []
        node.tree.listeners.append(self)
        node.tree.events.listeners.append(self._event_recorded)
        wire.sessions.on_established.append(self._session_established)
        wire.sessions.on_closed.append(self._session_closed)

    def __iter__(self) -> Iterator[Subscription]:
        return iter(tuple(self._by_id.values()))

    def __len__(self) -> int:
        return len(self._by_id)

    async def close(self, grace: float = 0.0) -> None:
        """Send what is due, and stop all; what is stored is resumed at the next start.

        :param grace: seconds that subscribers have to take the events that wait, the ShutDown event among
            them; those go out whatever the shortest interval is
        """
        self._flush()
        if grace > 0 and self._some_report_last():
            self._farewell = asyncio.Event()
            timer = self.clock.call_later(grace, self._farewell.set)
            try:
                await self._farewell.wait()
            finally:
                timer.cancel()
        for subscription in tuple(self._by_id.values()):
            subscription.end()
        self._by_id.clear()
        self._interested.clear()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _some_report_last(self) -> bool:
        reporting = [
            subscription for subscription in tuple(self._by_id.values()) if subscription.report_last()
        ]
        return bool(reporting)

    def reported(self) -> None:
        """Notice that a report is over: while the node stops, the next may be the last."""
        if self._farewell is not None and not self._some_report_last():
            self._farewell.set()

    # ------------------------------------------------------------------ beginning

    def subscribe(self, exchange: Exchange, request: SubscribeRequest) -> None:
        """Take a request and answer it with the first report, or with a status.

        :raises InvalidAction: it selects nothing, or its intervals contradict each other
        """
        session = exchange.session
        peer = _peer_of(session)
        if not request.keep:
            for subscription in tuple(self._by_id.values()):
                if subscription.record.peer == peer:
                    self.end(subscription)
        read = request.read
        if not read.attributes and not read.events:
            raise InvalidAction("a subscription to nothing")
        if request.min_interval > request.max_interval:
            raise InvalidAction("the shortest interval is longer than the longest one")
        record = SubscriptionRecord(
            id=self._new_id(),
            peer=peer,
            min_interval=request.min_interval,
            max_interval=max(min(request.max_interval, LONGEST_INTERVAL), request.min_interval, 1),
            attributes=read.attributes,
            events=read.events,
            event_filters=read.event_filters,
            fabric_filtered=read.fabric_filtered,
        )
        subscription = Subscription(self, record, State.PRIMING, read.data_versions)
        context = Context(session.subject, session)
        if not (
            subscription.attributes.finds_anything(self.node, context)
            or subscription.events.finds_anything(self.node, context)
        ):
            raise InvalidAction("a subscription to nothing that may be read")
        status, evicted = self._quota.admit(peer.fabric_index, record.paths, self._by_id.values())
        if status is not Status.SUCCESS:
            exchange.send(Opcode.STATUS_RESPONSE, status_response(status))
            exchange.close()
            return
        for other in evicted:
            self.end(other)
        self._add(subscription)

        def primed(primer: Exchange, outcome: Outcome) -> None:
            self._primed(subscription, primer, outcome)

        messages = subscription.priming_messages(context, statuses=True)
        ReportExchange(self.clock, messages, primed, confirmed=True).start(exchange)

    def _primed(self, subscription: Subscription, exchange: Exchange, outcome: Outcome) -> None:
        if outcome is not Outcome.DELIVERED:
            self.end(subscription)
            return
        if subscription.state is not State.PRIMING:  # ended meanwhile
            exchange.send(Opcode.STATUS_RESPONSE, status_response(Status.INVALID_SUBSCRIPTION))
            exchange.close()
            return
        record = subscription.record
        if not record.peer.session_id:
            self._store.put(record)
        exchange.handler = Confirmation(subscription, self.end)
        exchange.send(Opcode.SUBSCRIBE_RESPONSE, subscribe_response(record.id, record.max_interval))
        exchange.close()

    def _new_id(self) -> int:
        while True:
            self._next_id = self._next_id % _MAX_ID + 1
            if self._next_id not in self._by_id:
                return self._next_id

    def _add(self, subscription: Subscription) -> None:
        self._by_id[subscription.id] = subscription
        self._interested.clear()

    # ------------------------------------------------------------------ ending

    def end(self, subscription: Subscription) -> None:
        """End a subscription for good."""
        self._drop(subscription)
        self._store.delete(subscription.id)

    def fabric_removed(self, fabric_index: int) -> None:
        """End the subscriptions of a fabric that is gone, the event that says so reported last."""
        for subscription in tuple(self._by_id.values()):
            if subscription.record.peer.fabric_index == fabric_index:
                subscription.report_last()
                self.end(subscription)
        for record in self._store.load():
            if record.peer.fabric_index == fabric_index:
                self._store.delete(record.id)

    def _drop(self, subscription: Subscription) -> None:
        subscription.end()
        if self._by_id.get(subscription.id) is subscription:
            del self._by_id[subscription.id]
        self._touched.discard(subscription)
        self._interested.clear()

    def _session_closed(self, session: SecureSession) -> None:
        if session.subject.auth_mode is AuthMode.PASE:
            for subscription in tuple(self._by_id.values()):
                if subscription.record.peer.session_id == session.id:
                    self.end(subscription)

    # ------------------------------------------------------------------ changes

    def attribute_changed(
        self, endpoint: Endpoint, cluster: Cluster, attribute_id: int, urgency: Urgency
    ) -> None:
        """Notice a change. All changes of one turn of the event loop are looked at together."""
        if not self._by_id:
            return
        key = (endpoint.number, cluster.ID, attribute_id)
        known = self._changed.get(key)
        if known is None:
            self._changed[key] = (endpoint, cluster, {urgency})
            self._plan_flush()
        else:
            known[2].add(urgency)

    def structure_changed(self) -> None:
        """Notice that endpoints came or went."""
        self.node.access.forget_decisions()
        self._structure_changed = True
        self._plan_flush()

    def _event_recorded(self, record: EventRecord) -> None:
        for subscription in self._by_id.values():
            if subscription.add_event(record):
                self._touched.add(subscription)
                self._plan_flush()

    def _plan_flush(self) -> None:
        if not self._flush_planned:
            self._flush_planned = True
            self.clock.call_later(0.0, self._flush)

    def _flush(self) -> None:
        """Pass the changes on to the subscriptions that cover them."""
        self._flush_planned = False
        now = self.clock.monotonic()
        if self._structure_changed:
            self._structure_changed = False
            self._mark_new_endpoints(now)
        changed, self._changed = self._changed, {}
        for key, (endpoint, cluster, urgencies) in changed.items():
            interested = self._interested.get(key)
            if interested is None:
                interested = self._interested[key] = tuple(
                    subscription
                    for subscription in self._by_id.values()
                    if subscription.attributes.covers(endpoint, cluster, key[2])
                )
            quieter = cluster.shape.attributes[key[2]].quality & Quality.QUIETER or urgencies != _NOW
            quiet_seconds = cluster.QUIET_SECONDS if quieter else 0.0
            for subscription in interested:
                for urgency in urgencies:
                    subscription.pending.mark(key, urgency, now, quiet_seconds)
            self._touched.update(interested)
        touched, self._touched = self._touched, set()
        for subscription in touched:
            subscription.plan()

    def _mark_new_endpoints(self, now: float) -> None:
        """Let wildcards pick up what endpoints have come."""
        self._interested.clear()
        endpoints = self.node.tree.endpoints
        for number, endpoint in endpoints.items():
            if self._known_endpoints.get(number) is endpoint:
                continue
            found: dict[tuple[AttributePath, ...], list[AttributeKey]] = {}
            for subscription in self._by_id.values():
                paths = subscription.record.attributes
                keys = found.get(paths)
                if keys is None:
                    keys = found[paths] = [
                        (number, cluster.ID, id_)
                        for cluster in endpoint.clusters.values()
                        for id_ in cluster.shape.attributes
                        if subscription.attributes.covers(endpoint, cluster, id_)
                    ]
                for key in keys:
                    subscription.pending.mark(key, Urgency.NOW, now)
                if keys:
                    self._touched.add(subscription)
        self._known_endpoints = dict(endpoints)

    # ------------------------------------------------------------------ sessions

    def open_exchange(self, session: Session, protocol: int, handler: ExchangeHandler) -> Exchange:
        """Open an exchange in a session."""
        return self._wire.open_exchange(session, protocol, handler)

    def session_of(self, subscription: Subscription) -> Session | None:
        """Return the session to report over: of a client with several, the one it used last."""
        return self._session_with(subscription.record.peer)

    def _session_with(self, peer: Peer) -> SecureSession | None:
        if peer.session_id:
            return self._wire.sessions.get(peer.session_id)
        return self._wire.sessions.by_peer(peer.fabric_index, peer.node_id)

    def _session_established(self, session: SecureSession) -> None:
        if session.subject.auth_mode is not AuthMode.CASE:
            return
        peer = _peer_of(session)
        if peer in self._reconnections:
            self._reconnections[peer].hurry()
        if any(subscription.record.peer == peer for subscription in self._by_id.values()):
            # not at once: the session is only just being made
            self.clock.call_later(0.0, lambda: self._retry(peer))

    def _retry(self, peer: Peer) -> None:
        for subscription in tuple(self._by_id.values()):
            if subscription.record.peer == peer:
                subscription.retry()

    def drop_session(self, subscription: Subscription) -> None:
        """Close the session that a subscription's reports get lost in: its client may have moved."""
        peer = subscription.record.peer
        session = self._session_with(peer)
        if session is not None and not peer.session_id:
            self._wire.sessions.close(session)
            for listener in self.on_lost:
                listener()

    def reconnect(self, subscription: Subscription) -> bool:
        """Begin to look for the client of a running subscription."""
        peer = subscription.record.peer
        if self._connect is None or peer.session_id:
            return False
        if peer not in self._reconnections:
            reconnection = self._begin_reconnection(peer, self._connect)
            self._start(self._find_again(peer, reconnection))
        return True

    async def _find_again(self, peer: Peer, reconnection: Reconnection) -> None:
        try:
            session = await reconnection.session()
        finally:
            del self._reconnections[peer]
        if session is not None:
            self._retry(peer)
            return
        self._forget_for_now(peer)

    def _begin_reconnection(self, peer: Peer, connect: Connect) -> Reconnection:
        reconnection = Reconnection(self.clock, peer, connect, self._session_with)
        self._reconnections[peer] = reconnection
        return reconnection

    def _start(self, coroutine: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _forget_for_now(self, peer: Peer) -> None:
        """Drop a peer's subscriptions; their records stay for the next start."""
        for subscription in tuple(self._by_id.values()):
            if subscription.record.peer == peer:
                self._drop(subscription)

    # ------------------------------------------------------------------ after a restart

    async def resume(self, connect: Connect) -> None:
        """Bring the stored subscriptions back to life: reach their clients, and report to them.

        Every client gets a first report of its subscriptions under their old ids. One that cannot be reached
        is tried again, more rarely each time; one that is never reached keeps its records for the next start.

        :param connect: opens a CASE session; from now on clients that are lost are looked for with it
        :returns: when every client was reached or given up
        """
        self._connect = connect
        by_peer: dict[Peer, list[Subscription]] = {}
        for record in self._store.load():
            if record.id in self._by_id:
                continue
            if self.node.fabrics.get(record.peer.fabric_index) is None:
                self._store.delete(record.id)
                continue
            subscription = Subscription(self, record, State.DORMANT)
            self._add(subscription)
            by_peer.setdefault(record.peer, []).append(subscription)
        tasks = [
            self._start(self._resume(peer, waiting, self._begin_reconnection(peer, connect)))
            for peer, waiting in by_peer.items()
            if peer not in self._reconnections
        ]
        await asyncio.gather(*tasks)

    async def _resume(self, peer: Peer, waiting: list[Subscription], reconnection: Reconnection) -> None:
        pause = FIRST_PAUSE
        try:
            while waiting := [item for item in waiting if item.is_dormant()]:
                session = await reconnection.session()
                if session is None:
                    self._forget_for_now(peer)
                    return
                await asyncio.gather(*(self._prime_again(item, session) for item in waiting))
                if any(item.is_dormant() for item in waiting):
                    await reconnection.pause(pause)
                    pause = min(2 * pause, LONGEST_PAUSE)
        finally:
            del self._reconnections[peer]

    async def _prime_again(self, subscription: Subscription, session: Session) -> None:
        """Send a first report; the subscription is active, ended or still dormant afterwards."""
        if session.closed or not subscription.is_dormant():
            return
        done: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

        def finished(exchange: Exchange, outcome: Outcome) -> None:
            exchange.close()
            if not done.done():
                done.set_result(outcome)

        context = Context(session.subject, session)
        messages = subscription.priming_messages(context, statuses=False)
        report = ReportExchange(self.clock, messages, finished, confirmed=True)
        report.start(self.open_exchange(session, ProtocolId.INTERACTION_MODEL, report))
        outcome = await done
        if not subscription.is_dormant():
            return
        if outcome is Outcome.DELIVERED:
            _log.info("Subscription %d is resumed", subscription.id)
            subscription.activate()
        elif outcome is Outcome.REFUSED:
            self.end(subscription)


def _peer_of(session: Session) -> Peer:
    subject: Subject = session.subject
    if subject.auth_mode is AuthMode.PASE:
        return Peer(0, 0, session.id)
    return Peer(subject.fabric_index, subject.node_id)
