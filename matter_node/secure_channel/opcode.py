"""Opcodes of the secure channel protocol (Matter Core 4.11.1)."""

from __future__ import annotations

from enum import IntEnum


class SecureChannelOpcode(IntEnum):
    """Opcodes of protocol 0x0000."""

    MESSAGE_COUNTER_SYNC_REQUEST = 0x00
    MESSAGE_COUNTER_SYNC_RESPONSE = 0x01
    STANDALONE_ACK = 0x10
    PBKDF_PARAM_REQUEST = 0x20
    PBKDF_PARAM_RESPONSE = 0x21
    PAKE1 = 0x22
    PAKE2 = 0x23
    PAKE3 = 0x24
    SIGMA1 = 0x30
    SIGMA2 = 0x31
    SIGMA3 = 0x32
    SIGMA2_RESUME = 0x33
    STATUS_REPORT = 0x40
    ICD_CHECK_IN = 0x50
