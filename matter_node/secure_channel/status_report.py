"""StatusReport, the one message every protocol shares (Matter Core Appendix D, 4.11.1.3)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from struct import Struct

_FIXED = Struct("<HHHH")


class GeneralCode(IntEnum):
    """General status codes (Matter Core Appendix D.3.1)."""

    SUCCESS = 0
    FAILURE = 1
    BAD_PRECONDITION = 2
    OUT_OF_RANGE = 3
    BAD_REQUEST = 4
    UNSUPPORTED = 5
    UNEXPECTED = 6
    RESOURCE_EXHAUSTED = 7
    BUSY = 8
    TIMEOUT = 9
    CONTINUE = 10
    ABORTED = 11
    INVALID_ARGUMENT = 12
    NOT_FOUND = 13
    ALREADY_EXISTS = 14
    PERMISSION_DENIED = 15
    DATA_LOSS = 16
    MESSAGE_TOO_LARGE = 17


class SecureChannelCode(IntEnum):
    """Protocol codes of the secure channel (Matter Core 4.11.1.3.1)."""

    SESSION_ESTABLISHMENT_SUCCESS = 0x0000
    NO_SHARED_TRUST_ROOTS = 0x0001
    INVALID_PARAMETER = 0x0002
    CLOSE_SESSION = 0x0003
    BUSY = 0x0004
    GENERAL = 0xFFFF


class StatusReportError(ValueError):
    """A payload is no StatusReport."""


@dataclass(frozen=True, slots=True)
class StatusReport:
    """A status report.

    Codes are plain integers, for other protocols and later revisions bring their own.

    :ivar general: general code, 16 bit
    :ivar code: protocol-specific code, 16 bit
    :ivar protocol: protocol id that `code` belongs to
    :ivar vendor: vendor id of that protocol, 0 for the standard ones
    :ivar data: protocol-specific data
    """

    general: int
    code: int
    protocol: int = 0
    vendor: int = 0
    data: bytes = b""

    @classmethod
    def decode(cls, payload: bytes) -> StatusReport:
        """Decode a payload.

        :raises StatusReportError: if it is shorter than eight octets
        """
        if len(payload) < _FIXED.size:
            raise StatusReportError("status report cut short")
        general, protocol, vendor, code = _FIXED.unpack_from(payload)
        return cls(general, code, protocol, vendor, bytes(payload[_FIXED.size :]))

    def encode(self) -> bytes:
        """Return the payload."""
        return _FIXED.pack(self.general, self.protocol, self.vendor, self.code) + self.data

    @property
    def is_success(self) -> bool:
        """Whether session establishment succeeded."""
        return self.general == GeneralCode.SUCCESS and self._is_secure_channel(
            SecureChannelCode.SESSION_ESTABLISHMENT_SUCCESS
        )

    @property
    def is_close_session(self) -> bool:
        """Whether the peer closes the session that carries this report."""
        return self._is_secure_channel(SecureChannelCode.CLOSE_SESSION)

    @property
    def busy_wait(self) -> float | None:
        """Seconds to wait before trying again, or None if the peer is not busy."""
        if self.general != GeneralCode.BUSY or not self._is_secure_channel(SecureChannelCode.BUSY):
            return None
        return int.from_bytes(self.data[:2], "little") / 1000

    def _is_secure_channel(self, code: SecureChannelCode) -> bool:
        return self.protocol == 0 and self.vendor == 0 and self.code == code


SESSION_ESTABLISHED = StatusReport(GeneralCode.SUCCESS, SecureChannelCode.SESSION_ESTABLISHMENT_SUCCESS)
NO_SHARED_TRUST_ROOTS = StatusReport(GeneralCode.FAILURE, SecureChannelCode.NO_SHARED_TRUST_ROOTS)
INVALID_PARAMETER = StatusReport(GeneralCode.FAILURE, SecureChannelCode.INVALID_PARAMETER)
CLOSE_SESSION = StatusReport(GeneralCode.SUCCESS, SecureChannelCode.CLOSE_SESSION)


def busy(wait: float) -> StatusReport:
    """Return the report that asks an initiator to come back after `wait` seconds (at most 65.535)."""
    milliseconds = min(int(wait * 1000), 0xFFFF)
    return StatusReport(GeneralCode.BUSY, SecureChannelCode.BUSY, data=milliseconds.to_bytes(2, "little"))
