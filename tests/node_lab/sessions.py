"""Two message layers and the wire between them."""

from __future__ import annotations

from matter_node.codec import tlv
from matter_node.crypto.keys import GROUP_ORDER
from matter_node.crypto.spake2p import (
    PakeError,
    PaseVerifier,
    Spake2pInitiator,
    pase_context,
    passcode_scalars,
)
from matter_node.ids import ProtocolId
from matter_node.secure_channel.case import CaseResponder
from matter_node.secure_channel.case_initiator import CaseInitiator
from matter_node.secure_channel.establishment import SessionEstablishment
from matter_node.secure_channel.layer import MessageLayer
from matter_node.secure_channel.parameters import SessionParameters
from matter_node.secure_channel.pase import PaseResponder
from matter_node.secure_channel.resumption import ResumptionStore
from matter_node.secure_channel.session import SecureSession, SessionKind
from matter_node.secure_channel.session_keys import SessionKeys
from matter_node.secure_channel.session_table import SessionTable
from matter_node.storage import MemoryStorage
from matter_node.subject import AuthMode, Subject

PASSCODE, SALT, ITERATIONS = 20202021, b"SPAKE2P Key Salt", 1000


class Wire:
    """Carries datagrams between addresses, at once, unless told to lose some.

    :ivar lose: called with (sender, receiver, datagram); what it says yes to is lost
    :ivar log: everything that was sent: (time, sender, receiver, datagram)
    """

    def __init__(self, clock):
        self._clock = clock
        self._layers = {}
        self._moved = {}
        self._queue = []
        self._busy = False
        self.lose = lambda *_: False
        self.log = []

    def attach(self, address, layer):
        self._layers[address] = layer

    def move(self, address, new):
        """Let who was at `address` be at `new`: what it sends comes from there."""
        self._layers[new] = self._layers.pop(address)
        self._moved[address] = new

    def detach(self, address):
        self._layers.pop(address, None)

    def sender(self, home):
        def send(datagram, destination):
            source = self._moved.get(home, home)
            self.log.append((self._clock.now, source, destination, datagram))
            if not self.lose(source, destination, datagram):
                self._queue.append((source, destination, datagram))
                self._drain()

        return send

    def _drain(self):
        if self._busy:
            return
        self._busy = True
        while self._queue:
            source, destination, datagram = self._queue.pop(0)
            if destination in self._layers:
                self._layers[destination].receive(datagram, source)
        self._busy = False

    def sent_by(self, address):
        return [(time, datagram) for time, source, _, datagram in self.log if source == address]


class Recorder:
    """A handler that keeps what it is told and, if given a function, answers with it."""

    def __init__(self, answer=None):
        self.messages = []
        self.acknowledged = 0
        self.failed = 0
        self.exchanges = []
        self._answer = answer

    def on_exchange(self, exchange, opcode, payload):
        exchange.handler = self
        self.exchanges.append(exchange)
        self.on_message(exchange, opcode, payload)

    def on_message(self, exchange, opcode, payload):
        self.messages.append((opcode, payload))
        if self._answer is not None:
            self._answer(exchange, opcode, payload)

    def on_acknowledged(self, exchange):
        self.acknowledged += 1

    def on_failed(self, exchange):
        self.failed += 1


class Node:
    """A message layer with both ways to establish sessions."""

    def __init__(self, clock, entropy, wire, address, fabrics=(), group_keys=None, **options):
        self.address = address
        self.clock = clock
        self.fabrics = fabrics
        self.sessions = SessionTable(entropy, capacity=options.pop("capacity", 256))
        self.layer = MessageLayer(clock, entropy, wire.sender(address), self.sessions, group_keys)
        self.storage = MemoryStorage()
        self.resumption = ResumptionStore(self.storage)
        self.pase = PaseResponder(self.layer)
        self.case = CaseResponder(self.layer, fabrics, self.resumption, **options)
        self.layer.register(ProtocolId.SECURE_CHANNEL, SessionEstablishment(self.pase, self.case))
        self.initiator = CaseInitiator(self.layer, self.resumption)
        wire.attach(address, self.layer)

    def open_window(self):
        self.pase.open(PaseVerifier.from_passcode(PASSCODE, SALT, ITERATIONS), ITERATIONS, SALT)


class Commissioner:
    """The other end of PASE, step by step.

    :ivar session: the established session
    :ivar reports: status reports received, payloads
    """

    def __init__(self, node, peer, passcode=PASSCODE, has_parameters=False):
        self.node = node
        self.passcode = passcode
        self.session = None
        self.reports = []
        self.failed = False
        self._peer = peer
        self._has_parameters = has_parameters
        self._session_id = node.sessions.reserve_id()

    def start(self, request=None):
        unsecured = self.node.layer.open_unsecured_session(self._peer)
        self.exchange = self.node.layer.open_exchange(unsecured, ProtocolId.SECURE_CHANNEL, self)
        self._request = request or tlv.encode(
            {
                1: bytes(32),
                2: self._session_id,
                3: 0,
                4: self._has_parameters,
                5: SessionParameters().to_tlv(),
            }
        )
        self.exchange.send(0x20, self._request)
        return self

    def on_message(self, exchange, opcode, payload):
        if opcode == 0x40:
            self.reports.append(payload)
            if payload == bytes(8):
                self._establish()
            exchange.close()
            return
        message = tlv.decode(payload)
        if opcode == 0x21:
            self._peer_session_id = message[3]
            w0, w1 = passcode_scalars(self.passcode, SALT, ITERATIONS)
            secret = 1 + self.node.layer.entropy.below(GROUP_ORDER - 1)
            self._pake = Spake2pInitiator(w0, w1, pase_context(self._request, payload), secret)
            exchange.send(0x22, tlv.encode({1: self._pake.share}))
        elif opcode == 0x23:
            self.on_pake2(message)

    def on_pake2(self, message):
        try:
            confirmation, self._secret = self._pake.finish(message[1], message[2])
        except PakeError:
            confirmation = bytes(32)
        self.exchange.send(0x24, tlv.encode({1: confirmation}))

    def on_acknowledged(self, exchange):
        pass

    def on_failed(self, exchange):
        self.failed = True

    def _establish(self):
        keys = SessionKeys.derive(self._secret, b"")
        self.session = SecureSession(
            SessionKind.PASE,
            self._session_id,
            self._peer_session_id,
            (keys.initiator_to_responder, keys.responder_to_initiator, keys.attestation_challenge),
            (0, 0),
            Subject(AuthMode.PASE),
            self._peer,
            SessionParameters(),
            self.node.clock.now,
            self.node.layer.entropy,
        )
        self.node.sessions.add(self.session)


CONTROLLER = ("fd00::1", 5540, 0, 0)
DEVICE = ("fd00::2", 5540, 0, 0)


def connect(clock, entropy, node, peer, kind=SessionKind.CASE, fabric_index=1, peer_node_id=22):
    """Give two nodes a session without a handshake; return both ends."""
    keys = (b"a" * 16, b"b" * 16, b"c" * 16)
    ids = (node.sessions.reserve_id(), peer.sessions.reserve_id())
    ends = []
    for end, other, own_id, peer_id, order, node_ids in (
        (node, peer, ids[0], ids[1], (0, 1), (11, peer_node_id)),
        (peer, node, ids[1], ids[0], (1, 0), (peer_node_id, 11)),
    ):
        session = SecureSession(
            kind,
            own_id,
            peer_id,
            (keys[order[0]], keys[order[1]], keys[2]),
            node_ids,
            Subject(AuthMode.CASE, fabric_index, node_ids[1]),
            other.address,
            SessionParameters(),
            clock.now,
            entropy,
        )
        end.sessions.add(session)
        ends.append(session)
    return ends
