"""The keys of a secure session (Matter Core 4.13.2.6, 4.14.2.7, 4.14.2.8)."""

from __future__ import annotations

from typing import NamedTuple

from matter_node.crypto.kdf import hkdf

SESSION_KEYS_INFO = b"SessionKeys"
RESUMPTION_KEYS_INFO = b"SessionResumptionKeys"


class SessionKeys(NamedTuple):
    """Three times 16 bytes, and whose is which follows from who started the handshake.

    :ivar initiator_to_responder: encrypts what the initiator sends
    :ivar responder_to_initiator: encrypts what the responder sends
    :ivar attestation_challenge: binds attestation to this session
    """

    initiator_to_responder: bytes
    responder_to_initiator: bytes
    attestation_challenge: bytes

    @classmethod
    def derive(cls, secret: bytes, salt: bytes, info: bytes = SESSION_KEYS_INFO) -> SessionKeys:
        """Derive the keys from the handshake's secret."""
        material = hkdf(secret, salt, info, 48)
        return cls(material[:16], material[16:32], material[32:])
