"""A session: keys, counters and what is known about the peer (Matter Core 4.13)."""

from __future__ import annotations

from enum import IntEnum
from struct import Struct
from typing import TYPE_CHECKING

from matter_node.crypto.aead import Cipher
from matter_node.secure_channel.counters import (
    SecuredWindow,
    SessionCounter,
    UnsecuredCounter,
    UnsecuredWindow,
)
from matter_node.secure_channel.message import encode_message_header
from matter_node.secure_channel.parameters import SessionParameters
from matter_node.subject import AuthMode, Subject

if TYPE_CHECKING:
    from matter_node.entropy import Entropy
    from matter_node.secure_channel.exchange import Exchange
    from matter_node.secure_channel.message import MessageHeader
    from matter_node.transport.address import Address

_HEADER = Struct("<BHBI")
_NONCE = Struct("<BI8s")
_NO_SUBJECT = Subject(AuthMode.PASE)


class SessionKind(IntEnum):
    """What protects a session's messages and how its peer was authenticated."""

    UNSECURED = 0
    PASE = 1
    CASE = 2
    GROUP = 3


class Session:
    """What all kinds of session have in common.

    :ivar kind: how the peer was authenticated
    :ivar id: our session id, which the peer puts into its messages; 0 if unsecured
    :ivar subject: the peer for access control; AddNOC rebinds that of its PASE session
    :ivar attestation_challenge: 16 bytes that attestation signs, empty if unsecured
    :ivar address: where the last authentic message came from and answers go to
    :ivar parameters: what the peer said about itself
    :ivar last_heard: monotonic time of the last authentic message
    :ivar closed: whether the session is gone; its exchanges have failed then
    :ivar exchanges: its open exchanges by exchange id, those that we opened with bit 16 set
    """

    __slots__ = (
        "address",
        "attestation_challenge",
        "closed",
        "exchanges",
        "id",
        "kind",
        "last_heard",
        "parameters",
        "subject",
    )

    def __init__(self, kind: SessionKind, session_id: int, address: Address, now: float) -> None:
        self.kind = kind
        self.id = session_id
        self.address = address
        self.subject = _NO_SUBJECT
        self.attestation_challenge = b""
        self.parameters = SessionParameters()
        self.last_heard = now
        self.closed = False
        self.exchanges: dict[int, Exchange] = {}

    @property
    def secured(self) -> bool:
        """Whether its messages are encrypted."""
        return self.kind is not SessionKind.UNSECURED

    @property
    def peer_label(self) -> str:
        """The peer in words, for the log."""
        return f"{self.kind.name} session {self.id} with {self.address[0]}"

    def interval(self, now: float) -> float:
        """Return the peer's retransmission interval in seconds: active if it was heard of late, else idle."""
        parameters = self.parameters
        if now - self.last_heard < parameters.active_threshold:
            return parameters.active_interval
        return parameters.idle_interval

    def seal(self, payload: bytes) -> tuple[int, bytes]:
        """Return the next message counter and the datagram that carries `payload` (payload header included).

        :raises CounterExhausted: if the session cannot send any more
        """
        raise NotImplementedError


class SecureSession(Session):
    """A PASE or CASE session.

    :param session_id: ours
    :param peer_session_id: the peer's, which goes into messages to it
    :param keys: encryption key, decryption key and attestation challenge, 16 bytes each
    :param node_ids: our node id and the peer's for the nonces: operational ones in CASE, 0 and 0 in PASE
    """

    __slots__ = (
        "_counter",
        "_decryption",
        "_encryption",
        "_own_nonce",
        "_peer_nonce",
        "_window",
        "peer_session_id",
    )

    def __init__(  # noqa: PLR0913, PLR0917 - a session is all of this from its first moment
        self,
        kind: SessionKind,
        session_id: int,
        peer_session_id: int,
        keys: tuple[bytes, bytes, bytes],
        node_ids: tuple[int, int],
        subject: Subject,
        address: Address,
        parameters: SessionParameters,
        now: float,
        entropy: Entropy,
    ) -> None:
        super().__init__(kind, session_id, address, now)
        encryption_key, decryption_key, self.attestation_challenge = keys
        self.peer_session_id = peer_session_id
        self.subject = subject
        self.parameters = parameters
        self._encryption = Cipher(encryption_key)
        self._decryption = Cipher(decryption_key)
        self._own_nonce = node_ids[0].to_bytes(8, "little")
        self._peer_nonce = node_ids[1].to_bytes(8, "little")
        self._counter = SessionCounter(entropy)
        self._window = SecuredWindow()

    def seal(self, payload: bytes) -> tuple[int, bytes]:
        """Encrypt `payload` into a datagram.

        :raises CounterExhausted: if all counters are used
        """
        counter = self._counter.next()
        header = _HEADER.pack(0, self.peer_session_id, 0, counter)
        nonce = _NONCE.pack(0, counter, self._own_nonce)
        return counter, header + self._encryption.encrypt(nonce, payload, header)

    def open(self, header: MessageHeader, datagram: bytes) -> bytes:
        """Decrypt a datagram of the peer and return its payload.

        :raises DecryptError: if it is not authentic
        """
        length = header.length
        nonce = _NONCE.pack(header.security_flags, header.counter, self._peer_nonce)
        return self._decryption.decrypt(nonce, datagram[length:], datagram[:length])

    def accept(self, counter: int) -> bool:
        """Take note of an authentic message's counter; tell whether it is new."""
        return self._window.accept(counter)


class UnsecuredSession(Session):
    """The messages before a secure session, bound to the initiator's ephemeral id (Matter Core 4.13.2.1).

    :param ephemeral_id: random node id of the initiator
    :param initiator: whether that is us
    :param counter: the node's global unsecured counter
    """

    __slots__ = ("_counter", "_window", "ephemeral_id", "initiator")

    def __init__(
        self, ephemeral_id: int, *, initiator: bool, counter: UnsecuredCounter, address: Address, now: float
    ) -> None:
        super().__init__(SessionKind.UNSECURED, 0, address, now)
        self.ephemeral_id = ephemeral_id
        self.initiator = initiator
        self._counter = counter
        self._window = UnsecuredWindow()

    def seal(self, payload: bytes) -> tuple[int, bytes]:
        """Put the unsecured message header before `payload`."""
        counter = self._counter.next()
        if self.initiator:
            header = encode_message_header(0, counter, source_node_id=self.ephemeral_id)
        else:
            header = encode_message_header(0, counter, destination_node_id=self.ephemeral_id)
        return counter, header + payload

    def accept(self, counter: int) -> bool:
        """Take note of a message's counter; tell whether it is new."""
        return self._window.accept(counter)


class GroupSession(Session):
    """The sender of one group message. Nothing can be sent back (Matter Core 4.16)."""

    __slots__ = ()

    def __init__(self, subject: Subject, session_id: int, address: Address, now: float) -> None:
        super().__init__(SessionKind.GROUP, session_id, address, now)
        self.subject = subject

    def seal(self, payload: bytes) -> tuple[int, bytes]:  # noqa: ARG002 - the signature is the sessions'
        """Refuse: group messages are not answered."""
        raise RuntimeError("a group message has no answer")
