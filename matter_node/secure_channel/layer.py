"""The message layer: datagrams in, messages of exchanges out (Matter Core 4.7, 4.10)."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from matter_node.crypto.aead import DecryptError
from matter_node.ids import ProtocolId
from matter_node.secure_channel.delivery import Delivery, call_handler
from matter_node.secure_channel.exchange import OPENED_BY_US, Exchange
from matter_node.secure_channel.groups import GroupReceiver
from matter_node.secure_channel.message import (
    INITIATOR_FLAG,
    RELIABLE_FLAG,
    SESSION_TYPE_MASK,
    FrameError,
    MessageHeader,
    PayloadHeader,
    decode_message_header,
    decode_payload_header,
)
from matter_node.secure_channel.opcode import SecureChannelOpcode
from matter_node.secure_channel.session import (
    GroupSession,
    SecureSession,
    Session,
    UnsecuredSession,
)
from matter_node.secure_channel.status_report import StatusReport, StatusReportError
from matter_node.secure_channel.unsecured import UnsecuredSessions

if TYPE_CHECKING:
    from collections.abc import Callable

    from matter_node.clock import Clock
    from matter_node.entropy import Entropy
    from matter_node.fabric import GroupKeySource
    from matter_node.secure_channel.exchange import ExchangeHandler, ProtocolHandler
    from matter_node.secure_channel.session_table import SessionTable
    from matter_node.transport.address import Address

_log = logging.getLogger(__name__)

MAX_PEER_EXCHANGES = 32
"""Exchanges that a peer may have open in one session: as many as the counter window can tell apart."""
MAX_EXCHANGES = 512
"""All exchanges of one session, those included that only wait for their last acknowledgement."""
MAX_UNSECURED_EXCHANGES = 8
"""All exchanges of one unsecured session: an honest initiator has one, and anybody can open a session."""

_STANDALONE_ACK = SecureChannelOpcode.STANDALONE_ACK
_STATUS_REPORT = SecureChannelOpcode.STATUS_REPORT


class MessageLayer:
    """Receives datagrams, keeps exchanges, acknowledges, repeats.

    :param clock: time and timers
    :param entropy: counters, exchange ids, jitter
    :param send: sends a datagram to an address; it does not block and does not raise
    :param sessions: the secure sessions; the layer closes them on CloseSession and tells peers of closed ones
    :param group_keys: keys of group messages, or None to drop them all
    """

    def __init__(
        self,
        clock: Clock,
        entropy: Entropy,
        send: Callable[[bytes, Address], None],
        sessions: SessionTable,
        group_keys: GroupKeySource | None = None,
    ) -> None:
        self.clock = clock
        self.entropy = entropy
        self.sessions = sessions
        self._monotonic = clock.monotonic
        self._protocols: dict[int, ProtocolHandler] = {}
        self._delivery = Delivery(clock, entropy, send, self._on_exhausted)
        self._unsecured = UnsecuredSessions(entropy, self._delivery.fail_exchanges)
        self._groups = GroupReceiver(group_keys) if group_keys is not None else None
        sessions.notify_peer = self._delivery.send_close
        sessions.fail_exchanges = self._delivery.fail_exchanges

    def register(self, protocol: int, handler: ProtocolHandler) -> None:
        """Let `handler` take the exchanges that peers open for a protocol (vendor id << 16 | protocol id)."""
        self._protocols[protocol] = handler

    def open_exchange(self, session: Session, protocol: int, handler: ExchangeHandler) -> Exchange:
        """Open an exchange in a session.

        :raises ValueError: if the session is closed
        """
        if session.closed:
            raise ValueError("the session is closed")
        return self._delivery.open_exchange(session, protocol, handler)

    def open_unsecured_session(self, address: Address) -> UnsecuredSession:
        """Return a new unsecured session to `address`, for establishing a secure one as the initiator."""
        return self._unsecured.open(address, self._monotonic())

    def close_unsecured_session(self, session: UnsecuredSession) -> None:
        """Forget an unsecured session; its exchanges fail."""
        self._unsecured.close(session)

    def close(self) -> None:
        """Send CloseSession to all peers and stop, as a node does on shutdown."""
        self.sessions.close_all()
        self._unsecured.close_all()
        self._delivery.stop()

    # ------------------------------------------------------------------ receiving

    def receive(self, datagram: bytes, source: Address) -> None:
        """Take a datagram from the network. Whatever is in it, nothing is raised."""
        try:
            header = decode_message_header(datagram)
            if header.session_id and not header.security_flags & SESSION_TYPE_MASK:
                self._receive_secured(header, datagram, source)
            elif header.security_flags & SESSION_TYPE_MASK:
                self._receive_group(header, datagram, source)
            else:
                self._receive_unsecured(header, datagram, source)
        except (FrameError, DecryptError) as error:
            _log.debug("Dropped a message from %s: %s", source[0], error)

    def _receive_secured(self, header: MessageHeader, datagram: bytes, source: Address) -> None:
        session = self.sessions.get(header.session_id)
        if session is None:
            # common after our restart: the peer finds out by itself
            _log.debug("No session %d for a message from %s", header.session_id, source[0])
            return
        payload = session.open(header, datagram)
        self._process(session, header.counter, payload, source)

    def _receive_unsecured(self, header: MessageHeader, datagram: bytes, source: Address) -> None:
        payload = datagram[header.length :]
        if header.source_node_id is not None and header.destination_node_id is None:
            session = self._unsecured.by_initiator(header.source_node_id)
            if session is None:
                first = decode_payload_header(payload)
                session = self._unsecured.accept(header.source_node_id, source, self._monotonic())
                if not first.flags & INITIATOR_FLAG or not self._may_open(session, first):
                    self._delivery.acknowledge(session, first, header.counter)
                    return
                self._unsecured.add(session)
        elif header.destination_node_id is not None and header.source_node_id is None:
            session = self._unsecured.ours(header.destination_node_id)
            if session is None:
                raise FrameError("answer to an unknown unsecured session")
        else:
            raise FrameError("unsecured message without exactly one node id")
        self._process(session, header.counter, payload, source)

    def _receive_group(self, header: MessageHeader, datagram: bytes, source: Address) -> None:
        if self._groups is None:
            raise FrameError("group message without group keys")
        subject, payload = self._groups.open(header, datagram)
        message = decode_payload_header(payload)
        handler = self._protocols.get(message.protocol)
        if handler is None or message.protocol == ProtocolId.SECURE_CHANNEL:
            raise FrameError("group message of an unknown protocol")
        if not message.flags & INITIATOR_FLAG:
            raise FrameError("group message of a responder")
        session = GroupSession(subject, header.session_id, source, self._monotonic())
        exchange = Exchange(self._delivery, session, message.protocol, message.exchange_id, initiator=False)
        self._deliver_first(handler, exchange, message.opcode, payload[message.length :])

    def _process(
        self, session: SecureSession | UnsecuredSession, counter: int, payload: bytes, source: Address
    ) -> None:
        message = decode_payload_header(payload)
        flags = message.flags
        key = message.exchange_id if flags & INITIATOR_FLAG else message.exchange_id | OPENED_BY_US
        exchange = session.exchanges.get(key)
        if (
            exchange is None
            and len(session.exchanges) >= MAX_UNSECURED_EXCHANGES
            and flags & INITIATOR_FLAG
            and _is_crowded(session)
        ):
            # its counter is not noted, so the peer's repetition finds a place when there is one
            raise FrameError("too many exchanges in the session")
        if not session.accept(counter):
            # anybody can play back what was on the air: it says nothing of where the peer is, or that it is
            self._delivery.repeat_answer(session, exchange, message, counter)
            return
        session.last_heard = self._monotonic()
        if source != session.address:
            session.address = source
            if isinstance(session, SecureSession):
                self.sessions.moved(session)
        if exchange is not None:
            self._continue_exchange(exchange, message, counter, payload)
        elif flags & INITIATOR_FLAG:
            self._start_exchange(session, message, counter, payload)
        else:
            self._delivery.acknowledge(session, message, counter)

    def _start_exchange(self, session: Session, message: PayloadHeader, counter: int, payload: bytes) -> None:
        if message.protocol == ProtocolId.SECURE_CHANNEL and message.opcode == _STATUS_REPORT:
            self._delivery.acknowledge(session, message, counter)
            self._take_status(session, payload[message.length :])
            return
        if not self._may_open(session, message):
            self._delivery.acknowledge(session, message, counter)
            return
        exchange = Exchange(self._delivery, session, message.protocol, message.exchange_id, initiator=False)
        session.exchanges[message.exchange_id] = exchange
        if message.flags & RELIABLE_FLAG:
            exchange.pending_ack = counter
        handler = self._protocols[message.protocol]
        self._deliver_first(handler, exchange, message.opcode, payload[message.length :])
        if exchange.pending_ack is not None:
            self._delivery.schedule_ack(exchange)

    def _may_open(self, session: Session, message: PayloadHeader) -> bool:
        """Tell whether a message can be the first of an exchange."""
        if message.protocol == ProtocolId.SECURE_CHANNEL:
            return (
                not session.secured
                and message.opcode in (SecureChannelOpcode.PBKDF_PARAM_REQUEST, SecureChannelOpcode.SIGMA1)
                and message.protocol in self._protocols
            )
        return session.secured and message.protocol in self._protocols

    def _take_status(self, session: Session, payload: bytes) -> None:
        if not isinstance(session, SecureSession):
            return
        try:
            report = StatusReport.decode(payload)
        except StatusReportError:
            return
        if report.is_close_session:
            _log.debug("The peer closed the %s", session.peer_label)
            self.sessions.close(session, notify=False)

    def _continue_exchange(
        self, exchange: Exchange, message: PayloadHeader, counter: int, payload: bytes
    ) -> None:
        if message.acknowledged is not None:
            self._delivery.take_acknowledgement(exchange, message.acknowledged)
        if message.flags & RELIABLE_FLAG:
            if exchange.closed:
                self._delivery.acknowledge(exchange.session, message, counter)
                return
            if exchange.pending_ack is not None:
                self._delivery.send_standalone_ack(exchange)
            exchange.pending_ack = counter
        if not exchange.closed and exchange.handler is not None and self._belongs(exchange, message, payload):
            call_handler(exchange, exchange.handler.on_message, message.opcode, payload[message.length :])
        if exchange.pending_ack is not None:
            self._delivery.schedule_ack(exchange)

    def _belongs(self, exchange: Exchange, message: PayloadHeader, payload: bytes) -> bool:
        """Tell whether a message is for the exchange's handler: its own protocol, or a status report."""
        if message.protocol != ProtocolId.SECURE_CHANNEL:
            return message.protocol == exchange.protocol
        if message.opcode == _STANDALONE_ACK:
            return False
        if message.opcode != _STATUS_REPORT:
            return exchange.protocol == ProtocolId.SECURE_CHANNEL
        self._take_status(exchange.session, payload[message.length :])
        return not exchange.closed

    def _deliver_first(
        self, handler: ProtocolHandler, exchange: Exchange, opcode: int, payload: bytes
    ) -> None:
        call_handler(exchange, handler.on_exchange, opcode, payload)
        if exchange.handler is None:
            exchange.close()

    def _on_exhausted(self, session: SecureSession) -> None:
        self.sessions.close(session, notify=False)


def _is_crowded(session: Session) -> bool:
    exchanges = session.exchanges
    if not session.secured or len(exchanges) >= MAX_EXCHANGES:
        return True
    if len(exchanges) < MAX_PEER_EXCHANGES:
        return False
    return sum(not (e.initiator or e.closed) for e in exchanges.values()) >= MAX_PEER_EXCHANGES
