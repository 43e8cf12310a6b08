"""Delivery: how messages of exchanges leave, and how often until they are acknowledged (Matter Core 4.12).

One timer serves all exchanges, a message costs no task and no timer of its own, and jitter is drawn only for
a wait that really runs out.
"""

from __future__ import annotations

import logging
from collections import deque
from math import inf
from typing import TYPE_CHECKING

from matter_node.ids import MAX_UDP_PAYLOAD, ProtocolId
from matter_node.secure_channel import mrp
from matter_node.secure_channel.counters import CounterExhausted
from matter_node.secure_channel.exchange import OPENED_BY_US, Exchange, OutgoingMessage
from matter_node.secure_channel.message import (
    INITIATOR_FLAG,
    MIC_LENGTH,
    RELIABLE_FLAG,
    PayloadHeader,
    encode_payload_header,
)
from matter_node.secure_channel.opcode import SecureChannelOpcode
from matter_node.secure_channel.session import SecureSession, Session, SessionKind
from matter_node.secure_channel.status_report import CLOSE_SESSION

if TYPE_CHECKING:
    from collections.abc import Callable

    from matter_node.clock import Clock, Timer
    from matter_node.entropy import Entropy
    from matter_node.secure_channel.exchange import ExchangeHandler
    from matter_node.transport.address import Address

_log = logging.getLogger(__name__)

MAX_PAYLOAD = MAX_UDP_PAYLOAD - 8 - 12 - MIC_LENGTH
"""Octets that a unicast message can carry."""

_STANDALONE_ACK = SecureChannelOpcode.STANDALONE_ACK
_STATUS_REPORT = SecureChannelOpcode.STATUS_REPORT
_JITTER_STEPS = 1024
_TIMER_TOLERANCE = 1e-6


def call_handler(exchange: Exchange, function: Callable[..., None], *arguments: object) -> None:
    """Call an exchange's handler; one that raises loses its exchange, and the node goes on."""
    try:
        function(exchange, *arguments)
    except Exception:  # noqa: BLE001 - one broken handler must not stop the messages of all others
        _log.exception("The handler of an exchange of the %s failed", exchange.session.peer_label)
        exchange.close()


class Delivery:
    """The sending half of the message layer.

    :param clock: time and timers
    :param entropy: exchange ids and jitter
    :param send: sends a datagram to an address; it does not block and does not raise
    :param on_exhausted: closes a session that has used all its message counters
    """

    def __init__(
        self,
        clock: Clock,
        entropy: Entropy,
        send: Callable[[bytes, Address], None],
        on_exhausted: Callable[[SecureSession], None],
    ) -> None:
        self._clock = clock
        self._monotonic = clock.monotonic
        self._entropy = entropy
        self._send = send
        self._on_exhausted = on_exhausted
        self._next_exchange_id = entropy.below(0x10000)
        self._waiting: set[Exchange] = set()
        self._timer: Timer | None = None
        self._timer_deadline = inf

    def open_exchange(self, session: Session, protocol: int, handler: ExchangeHandler) -> Exchange:
        """Open an exchange of ours."""
        exchanges = session.exchanges
        exchange_id = self._next_exchange_id
        while exchange_id | OPENED_BY_US in exchanges:
            exchange_id = (exchange_id + 1) & 0xFFFF
        self._next_exchange_id = (exchange_id + 1) & 0xFFFF
        exchange = Exchange(self, session, protocol, exchange_id, initiator=True, handler=handler)
        exchanges[exchange.key] = exchange
        return exchange

    def stop(self) -> None:
        """Forget everything that waits."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._timer_deadline = inf
        self._waiting.clear()

    # ------------------------------------------------------------------ acknowledging

    def take_acknowledgement(self, exchange: Exchange, counter: int) -> None:
        """Note that the peer has received our message `counter`, and send what waited for that."""
        outgoing = exchange.outgoing
        if outgoing is None or outgoing.counter != counter:
            return
        exchange.outgoing = None
        exchange.resend_deadline = inf
        if exchange.ack_deadline == inf:
            self._waiting.discard(exchange)
        if exchange.queue:
            opcode, payload, protocol = exchange.queue.popleft()
            self._transmit(exchange, opcode, payload, protocol, reliable=True)
        elif exchange.closed:
            exchange.session.exchanges.pop(exchange.key, None)
        if exchange.handler is not None:
            call_handler(exchange, exchange.handler.on_acknowledged)

    def repeat_answer(
        self, session: Session, exchange: Exchange | None, message: PayloadHeader, counter: int
    ) -> None:
        """Answer a duplicate: with the reply that is on its way, or else with an acknowledgement."""
        if not message.flags & RELIABLE_FLAG:
            return
        if exchange is not None:
            outgoing = exchange.outgoing
            if outgoing is not None and outgoing.acknowledges == counter:
                self._send(outgoing.datagram, session.address)
                return
            if exchange.pending_ack == counter:
                self.send_standalone_ack(exchange)
                return
        self.acknowledge(session, message, counter)

    def schedule_ack(self, exchange: Exchange) -> None:
        """Let the pending acknowledgement go out by itself unless a message takes it along in time."""
        now = self._monotonic()
        exchange.ack_deadline = deadline = now + mrp.STANDALONE_ACK_TIMEOUT
        self._waiting.add(exchange)
        if deadline < self._timer_deadline:
            self._arm(deadline, now)

    def send_standalone_ack(self, exchange: Exchange) -> None:
        """Send the pending acknowledgement now."""
        counter = exchange.pending_ack
        exchange.pending_ack = None
        exchange.ack_deadline = inf
        self._send_ack(exchange.session, exchange.id, counter, initiator=exchange.initiator)

    def acknowledge(self, session: Session, message: PayloadHeader, counter: int) -> None:
        """Acknowledge a message that no exchange takes."""
        if message.flags & RELIABLE_FLAG:
            self._send_ack(
                session, message.exchange_id, counter, initiator=not message.flags & INITIATOR_FLAG
            )

    def _send_ack(self, session: Session, exchange_id: int, counter: int | None, *, initiator: bool) -> None:
        flags = INITIATOR_FLAG if initiator else 0
        header = encode_payload_header(
            flags, _STANDALONE_ACK, exchange_id, ProtocolId.SECURE_CHANNEL, counter
        )
        sealed = self._seal(session, header)
        if sealed is not None:
            self._send(sealed[1], session.address)

    # ------------------------------------------------------------------ sending

    def send(self, exchange: Exchange, opcode: int, payload: bytes, protocol: int, reliable: bool) -> None:  # noqa: FBT001 - called once, from Exchange.send
        """Send a message of an exchange; see `Exchange.send`."""
        if len(payload) > MAX_PAYLOAD:
            raise ValueError(f"a message of {len(payload)} octets does not fit a datagram")
        session = exchange.session
        if exchange.closed or session.closed or session.kind is SessionKind.GROUP:
            return
        if reliable and (exchange.outgoing is not None or exchange.queue):
            if exchange.queue is None:
                exchange.queue = deque()
            exchange.queue.append((opcode, payload, protocol))
            return
        self._transmit(exchange, opcode, payload, protocol, reliable=reliable)

    def _transmit(
        self, exchange: Exchange, opcode: int, payload: bytes, protocol: int, *, reliable: bool
    ) -> None:
        flags = INITIATOR_FLAG if exchange.initiator else 0
        if reliable:
            flags |= RELIABLE_FLAG
        acknowledged = exchange.pending_ack
        if acknowledged is not None:
            exchange.pending_ack = None
            exchange.ack_deadline = inf
        header = encode_payload_header(flags, opcode, exchange.id, protocol, acknowledged)
        session = exchange.session
        sealed = self._seal(session, header + payload)
        if sealed is None:
            return
        counter, datagram = sealed
        if reliable:
            now = self._monotonic()
            wait = mrp.retransmission_delay(session.interval(now), 0)
            exchange.outgoing = OutgoingMessage(counter, datagram, acknowledged, wait * mrp.BACKOFF_JITTER)
            exchange.resend_deadline = deadline = now + wait
            self._waiting.add(exchange)
            if deadline < self._timer_deadline:
                self._arm(deadline, now)
        self._send(datagram, session.address)

    def _seal(self, session: Session, payload: bytes) -> tuple[int, bytes] | None:
        if session.closed:
            return None
        try:
            return session.seal(payload)
        except CounterExhausted:
            _log.info("The %s has used all its message counters and is closed", session.peer_label)
            if isinstance(session, SecureSession):
                self._on_exhausted(session)
            return None

    def send_close(self, session: SecureSession) -> None:
        """Tell the peer that its session is over."""
        exchange_id = self._next_exchange_id
        self._next_exchange_id = (exchange_id + 1) & 0xFFFF
        header = encode_payload_header(INITIATOR_FLAG, _STATUS_REPORT, exchange_id, ProtocolId.SECURE_CHANNEL)
        try:
            _, datagram = session.seal(header + CLOSE_SESSION.encode())
        except CounterExhausted:
            return
        self._send(datagram, session.address)

    # ------------------------------------------------------------------ time

    def _arm(self, deadline: float, now: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_deadline = deadline
        self._timer = self._clock.call_later(deadline - now, self._on_timer)

    def _on_timer(self) -> None:
        """Do what is due for the exchanges that wait, and wait for the next of them."""
        self._timer = None
        self._timer_deadline = inf
        # a timer may fire a rounding error before its time
        now = self._monotonic() + _TIMER_TOLERANCE
        for exchange in tuple(self._waiting):
            if exchange.ack_deadline <= now:
                self.send_standalone_ack(exchange)
            if exchange.resend_deadline <= now:
                self._resend(exchange, now)
        nearest = inf
        for exchange in tuple(self._waiting):
            deadline = min(exchange.ack_deadline, exchange.resend_deadline)
            if deadline == inf:
                self._waiting.discard(exchange)
            elif deadline < nearest:
                nearest = deadline
        if nearest < self._timer_deadline:
            self._arm(nearest, self._monotonic())

    def _resend(self, exchange: Exchange, now: float) -> None:
        outgoing = exchange.outgoing
        if outgoing is None:
            exchange.resend_deadline = inf
            return
        if outgoing.jitter >= 0:
            prolonged = outgoing.jitter * self._entropy.below(_JITTER_STEPS) / _JITTER_STEPS
            outgoing.jitter = -1.0
            exchange.resend_deadline += prolonged
            if exchange.resend_deadline > now:
                return
        if outgoing.transmissions >= mrp.MAX_TRANSMISSIONS:
            self._give_up(exchange)
            return
        wait = mrp.retransmission_delay(exchange.session.interval(now), outgoing.transmissions)
        outgoing.transmissions += 1
        outgoing.jitter = wait * mrp.BACKOFF_JITTER
        exchange.resend_deadline = now + wait
        self._send(outgoing.datagram, exchange.session.address)

    def _give_up(self, exchange: Exchange) -> None:
        _log.debug("No acknowledgement from the %s", exchange.session.peer_label)
        exchange.session.exchanges.pop(exchange.key, None)
        self._fail(exchange)

    # ------------------------------------------------------------------ closing

    def close_exchange(self, exchange: Exchange) -> None:
        """Close an exchange; see `Exchange.close`."""
        if exchange.closed:
            return
        exchange.closed = True
        if exchange.pending_ack is not None:
            self.send_standalone_ack(exchange)
        if exchange.outgoing is None and not exchange.queue:
            self._waiting.discard(exchange)
            exchange.session.exchanges.pop(exchange.key, None)

    def fail_exchanges(self, session: Session) -> None:
        """Fail the exchanges of a session that is gone."""
        exchanges = tuple(session.exchanges.values())
        session.exchanges.clear()
        for exchange in exchanges:
            self._fail(exchange)

    def _fail(self, exchange: Exchange) -> None:
        undelivered = exchange.outgoing is not None
        concerned = undelivered or not exchange.closed
        exchange.closed = True
        exchange.pending_ack = None
        exchange.ack_deadline = exchange.resend_deadline = inf
        exchange.outgoing = None
        exchange.queue = None
        self._waiting.discard(exchange)
        if concerned and exchange.handler is not None:
            call_handler(exchange, exchange.handler.on_failed)
