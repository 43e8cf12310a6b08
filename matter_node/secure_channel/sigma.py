"""The messages of CASE and the keys between them, for both sides (Matter Core 4.14.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from matter_node.codec import tlv
from matter_node.crypto import aead
from matter_node.crypto.kdf import hkdf, sha256
from matter_node.secure_channel.handshake import HandshakeError, HandshakeMessage
from matter_node.secure_channel.resumption import RESUMPTION_ID_LENGTH
from matter_node.secure_channel.session_keys import RESUMPTION_KEYS_INFO, SessionKeys

if TYPE_CHECKING:
    from matter_node.secure_channel.parameters import SessionParameters

MAX_CERTIFICATE_LENGTH = 400

_SIGMA2_NONCE = b"NCASE_Sigma2N"
_SIGMA3_NONCE = b"NCASE_Sigma3N"
_RESUME1_NONCE = b"NCASE_SigmaS1"
_RESUME2_NONCE = b"NCASE_SigmaS2"
_RESUME1_INFO = b"Sigma1_Resume"
_RESUME2_INFO = b"Sigma2_Resume"


@dataclass(frozen=True, slots=True)
class Sigma1:
    """The initiator's first message.

    :ivar random: 32 bytes
    :ivar session_id: the initiator's
    :ivar destination_id: 32 bytes, names the node that is meant
    :ivar ephemeral_key: 65 bytes
    :ivar parameters: what the initiator says about itself
    :ivar resumption_id: 16 bytes, or None if it resumes nothing
    :ivar resume_mic: 16 bytes, present with `resumption_id`
    """

    random: bytes
    session_id: int
    destination_id: bytes
    ephemeral_key: bytes
    parameters: SessionParameters
    resumption_id: bytes | None = None
    resume_mic: bytes | None = None

    @classmethod
    def decode(cls, payload: bytes) -> Sigma1:
        """Decode a payload.

        :raises HandshakeError: if a member is missing or wrong, or one for resumption comes alone
        """
        message = HandshakeMessage(payload)
        if (6 in message) != (7 in message):
            raise HandshakeError("resumption id and MIC do not come together")
        return cls(
            message.octets(1, 32),
            message.session_id(2),
            message.octets(3, 32),
            message.octets(4, 65),
            message.parameters(5),
            message.optional_octets(6, RESUMPTION_ID_LENGTH),
            message.optional_octets(7, 16),
        )

    def encode(self) -> bytes:
        """Return the payload."""
        members: dict[object, object] = {
            1: self.random,
            2: self.session_id,
            3: self.destination_id,
            4: self.ephemeral_key,
            5: self.parameters.to_tlv(),
        }
        if self.resumption_id is not None:
            members |= {6: self.resumption_id, 7: self.resume_mic}
        return tlv.encode(members)


@dataclass(frozen=True, slots=True)
class Sigma2:
    """The responder's answer in a full handshake.

    :ivar encrypted: TBE2, encrypted
    """

    random: bytes
    session_id: int
    ephemeral_key: bytes
    encrypted: bytes
    parameters: SessionParameters

    @classmethod
    def decode(cls, payload: bytes) -> Sigma2:
        """Decode a payload.

        :raises HandshakeError: if a member is missing or wrong
        """
        message = HandshakeMessage(payload)
        return cls(
            message.octets(1, 32),
            message.session_id(2),
            message.octets(3, 65),
            message.octets(4),
            message.parameters(5),
        )

    def encode(self) -> bytes:
        """Return the payload."""
        return tlv.encode(
            {
                1: self.random,
                2: self.session_id,
                3: self.ephemeral_key,
                4: self.encrypted,
                5: self.parameters.to_tlv(),
            }
        )


@dataclass(frozen=True, slots=True)
class Sigma2Resume:
    """The responder's answer when it resumes.

    :ivar resumption_id: the new one, 16 bytes
    :ivar mic: 16 bytes
    """

    resumption_id: bytes
    mic: bytes
    session_id: int
    parameters: SessionParameters

    @classmethod
    def decode(cls, payload: bytes) -> Sigma2Resume:
        """Decode a payload.

        :raises HandshakeError: if a member is missing or wrong
        """
        message = HandshakeMessage(payload)
        return cls(
            message.octets(1, RESUMPTION_ID_LENGTH),
            message.octets(2, 16),
            message.session_id(3),
            message.parameters(4),
        )

    def encode(self) -> bytes:
        """Return the payload."""
        return tlv.encode(
            {1: self.resumption_id, 2: self.mic, 3: self.session_id, 4: self.parameters.to_tlv()}
        )


def decode_sigma3(payload: bytes) -> bytes:
    """Return the encrypted member of a Sigma3 payload.

    :raises HandshakeError: if there is none
    """
    return HandshakeMessage(payload).octets(1)


def encode_sigma3(encrypted: bytes) -> bytes:
    """Return the Sigma3 payload."""
    return tlv.encode({1: encrypted})


@dataclass(frozen=True, slots=True)
class Credentials:
    """What one side proves itself with: the encrypted part of Sigma2 and Sigma3.

    :ivar noc: operational certificate, Matter TLV
    :ivar icac: intermediate certificate, Matter TLV, or None
    :ivar signature: over `signed_part`, 64 bytes
    :ivar resumption_id: 16 bytes, in Sigma2 only
    """

    noc: bytes
    icac: bytes | None
    signature: bytes
    resumption_id: bytes | None = None

    @classmethod
    def decode(cls, payload: bytes, *, with_resumption_id: bool) -> Credentials:
        """Decode the decrypted part.

        :raises HandshakeError: if a member is missing or wrong
        """
        message = HandshakeMessage(payload)
        noc, icac = message.octets(1), message.optional_octets(2)
        if len(noc) > MAX_CERTIFICATE_LENGTH or (icac and len(icac) > MAX_CERTIFICATE_LENGTH):
            raise HandshakeError("certificate longer than 400 octets")
        resumption_id = message.octets(4, RESUMPTION_ID_LENGTH) if with_resumption_id else None
        return cls(noc, icac, message.octets(3, 64), resumption_id)

    def encode(self) -> bytes:
        """Return the part to encrypt."""
        members: dict[object, object] = {1: self.noc, 3: self.signature}
        if self.icac is not None:
            members[2] = self.icac
        if self.resumption_id is not None:
            members[4] = self.resumption_id
        return tlv.encode(members)


def signed_part(noc: bytes, icac: bytes | None, signer_key: bytes, peer_key: bytes) -> bytes:
    """Return what a side signs: its certificates, its ephemeral key, the peer's ephemeral key."""
    members: dict[object, object] = {1: noc, 3: signer_key, 4: peer_key}
    if icac is not None:
        members[2] = icac
    return tlv.encode(members)


class Transcript:
    """The secrets of one full handshake, which grow with its messages.

    :param secret: the ECDH secret, 32 bytes
    :param ipk: operational identity protection key that the destination id was made with
    :param sigma1: payload as on the wire
    """

    __slots__ = ("_ipk", "_messages", "_secret")

    def __init__(self, secret: bytes, ipk: bytes, sigma1: bytes) -> None:
        self._secret = secret
        self._ipk = ipk
        self._messages = sigma1

    def add(self, payload: bytes) -> None:
        """Add the next message, as on the wire."""
        self._messages += payload

    def sigma2_key(self, responder_random: bytes, responder_key: bytes) -> bytes:
        """Return S2K; Sigma1 is in the transcript."""
        salt = self._ipk + responder_random + responder_key + sha256(self._messages)
        return hkdf(self._secret, salt, b"Sigma2", 16)

    def sigma3_key(self) -> bytes:
        """Return S3K; Sigma1 and Sigma2 are in the transcript."""
        return hkdf(self._secret, self._ipk + sha256(self._messages), b"Sigma3", 16)

    def session_keys(self) -> SessionKeys:
        """Return the session's keys; all three messages are in the transcript."""
        return SessionKeys.derive(self._secret, self._ipk + sha256(self._messages))


def encrypt_sigma2(key: bytes, plain: bytes) -> bytes:
    """Encrypt TBE2 with S2K."""
    return aead.encrypt(key, _SIGMA2_NONCE, plain)


def decrypt_sigma2(key: bytes, encrypted: bytes) -> bytes:
    """Decrypt TBE2.

    :raises HandshakeError: if it is not authentic
    """
    return _decrypt(key, _SIGMA2_NONCE, encrypted)


def encrypt_sigma3(key: bytes, plain: bytes) -> bytes:
    """Encrypt TBE3 with S3K."""
    return aead.encrypt(key, _SIGMA3_NONCE, plain)


def decrypt_sigma3(key: bytes, encrypted: bytes) -> bytes:
    """Decrypt TBE3.

    :raises HandshakeError: if it is not authentic
    """
    return _decrypt(key, _SIGMA3_NONCE, encrypted)


def initiator_resume_mic(secret: bytes, initiator_random: bytes, resumption_id: bytes) -> bytes:
    """Return the MIC by which Sigma1 proves knowledge of the old session's secret."""
    key = hkdf(secret, initiator_random + resumption_id, _RESUME1_INFO, 16)
    return aead.encrypt(key, _RESUME1_NONCE, b"")


def responder_resume_mic(secret: bytes, initiator_random: bytes, resumption_id: bytes) -> bytes:
    """Return the MIC of Sigma2Resume.

    :param resumption_id: the new one
    """
    key = hkdf(secret, initiator_random + resumption_id, _RESUME2_INFO, 16)
    return aead.encrypt(key, _RESUME2_NONCE, b"")


def resumed_session_keys(secret: bytes, initiator_random: bytes, resumption_id: bytes) -> SessionKeys:
    """Return the keys of a resumed session.

    :param resumption_id: the old one, that of Sigma1
    """
    return SessionKeys.derive(secret, initiator_random + resumption_id, RESUMPTION_KEYS_INFO)


def _decrypt(key: bytes, nonce: bytes, encrypted: bytes) -> bytes:
    try:
        return aead.decrypt(key, nonce, encrypted)
    except aead.DecryptError as error:
        raise HandshakeError("encrypted part is not authentic") from error
