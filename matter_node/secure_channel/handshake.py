"""What PASE and CASE share: reading their messages strictly, and failing with a status report."""

from __future__ import annotations

from typing import Any

from matter_node.codec import tlv
from matter_node.secure_channel.parameters import SessionParameters, SessionParametersError
from matter_node.secure_channel.status_report import INVALID_PARAMETER, StatusReport


class HandshakeError(Exception):
    """Session establishment cannot go on.

    :ivar report: the status report to answer with
    """

    def __init__(self, reason: str, report: StatusReport = INVALID_PARAMETER) -> None:
        super().__init__(reason)
        self.report = report


def expect(expected: int | None, opcode: int) -> None:
    """Check that a message comes in its turn.

    :raises HandshakeError: if it does not
    """
    if opcode != expected:
        raise HandshakeError(f"message {opcode:#x} out of turn")


class HandshakeMessage:
    """The members of a decoded handshake message.

    :param payload: the message's payload, one TLV structure
    :raises HandshakeError: if it is none
    """

    __slots__ = ("_members",)

    def __init__(self, payload: bytes) -> None:
        try:
            members = tlv.decode(payload)
        except tlv.TlvError as error:
            raise HandshakeError(f"message does not decode: {error}") from error
        if not isinstance(members, dict):
            raise HandshakeError("message is no structure")
        self._members: dict[Any, Any] = members

    def __contains__(self, tag: int) -> bool:
        return tag in self._members

    def octets(self, tag: int, length: int | None = None) -> bytes:
        """Return a byte string member of `length` octets (any, if None)."""
        value = self._members.get(tag)
        if not isinstance(value, bytes) or (length is not None and len(value) != length):
            raise HandshakeError(f"member {tag} is no byte string of {length or 'any number of'} octets")
        return value

    def optional_octets(self, tag: int, length: int | None = None) -> bytes | None:
        """Return a byte string member, or None if it is absent."""
        return self.octets(tag, length) if tag in self._members else None

    def unsigned(self, tag: int, low: int, high: int) -> int:
        """Return an integer member within [low, high]."""
        value = self._members.get(tag)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise HandshakeError(f"member {tag} is no integer within {low}..{high}")
        return value

    def flag(self, tag: int) -> bool:
        """Return a boolean member."""
        value = self._members.get(tag)
        if not isinstance(value, bool):
            raise HandshakeError(f"member {tag} is no boolean")
        return value

    def parameters(self, tag: int) -> SessionParameters:
        """Return the session parameters; the defaults if the member is absent."""
        try:
            return SessionParameters.from_tlv(self._members.get(tag))
        except SessionParametersError as error:
            raise HandshakeError(str(error)) from error

    def session_id(self, tag: int) -> int:
        """Return the session id that the peer chose."""
        return self.unsigned(tag, 1, 0xFFFF)
