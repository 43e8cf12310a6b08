"""The message frame: message header, payload header, header privacy (Matter Core 4.4, 4.8.3).

Everything on the wire is little endian. Encryption is the affair of `matter_node.secure_channel.session` and
`matter_node.secure_channel.groups`; this module turns bytes into headers and back, and drops what no rule
allows.
"""

from __future__ import annotations

from enum import IntEnum
from struct import Struct
from struct import error as StructError  # noqa: N812 - it is a class
from typing import NamedTuple

MIC_LENGTH = 16
"""Bytes of the message integrity check that ends every encrypted message."""

_S_FLAG = 0x04
_DSIZ_MASK = 0x03
_DSIZ_NODE = 1
_DSIZ_GROUP = 2
_VERSION_MASK = 0xF0

PRIVACY_FLAG = 0x80
CONTROL_FLAG = 0x40
_EXTENSION_FLAG = 0x20
SESSION_TYPE_MASK = 0x03

INITIATOR_FLAG = 0x01
ACKNOWLEDGED_FLAG = 0x02
RELIABLE_FLAG = 0x04
_SECURED_EXTENSION_FLAG = 0x08
_VENDOR_FLAG = 0x10

_FIXED = Struct("<BHBI")
_PAYLOAD = Struct("<BBHH")
_PAYLOAD_ACKNOWLEDGED = Struct("<BBHHI")
_PAYLOAD_VENDOR = Struct("<BBHHH")
_U16 = Struct("<H")
_U32 = Struct("<I")
_U64 = Struct("<Q")


class FrameError(ValueError):
    """A datagram is no message that this node may look at; it is dropped without an answer."""


class SessionType(IntEnum):
    """Session type of the security flags (Matter Core 4.4.1.4)."""

    UNICAST = 0
    GROUP = 1


class MessageHeader(NamedTuple):
    """The clear-text header of a message (Matter Core 4.4.1).

    :ivar session_id: the receiver's session id; 0 with a unicast type means unsecured
    :ivar security_flags: the security flags octet exactly as on the wire
    :ivar counter: message counter
    :ivar source_node_id: present in unsecured messages of an initiator and in group messages
    :ivar destination_node_id: present in unsecured messages of a responder
    :ivar destination_group_id: present in group messages
    :ivar length: octets of the header, message extension included
    """

    session_id: int
    security_flags: int
    counter: int
    source_node_id: int | None
    destination_node_id: int | None
    destination_group_id: int | None
    length: int


class PayloadHeader(NamedTuple):
    """The header of a message's payload (Matter Core 4.4.3), encrypted in secured sessions.

    :ivar flags: the exchange flags octet
    :ivar opcode: protocol opcode
    :ivar exchange_id: exchange id
    :ivar protocol: vendor id << 16 | protocol id
    :ivar acknowledged: the counter that this message acknowledges, or None
    :ivar length: octets of the header, secured extension included
    """

    flags: int
    opcode: int
    exchange_id: int
    protocol: int
    acknowledged: int | None
    length: int


def decode_message_header(datagram: bytes) -> MessageHeader:
    """Decode the message header of a datagram.

    With the privacy flag set, everything after the security flags is still obfuscated: undo that with
    `deobfuscate` and decode again.

    :raises FrameError: for everything that has to be dropped (Matter Core 4.7.2)
    """
    if len(datagram) < 8:
        raise FrameError("datagram shorter than a message header")
    flags, session_id, security_flags, counter = _FIXED.unpack_from(datagram)
    if not flags and not security_flags:
        return MessageHeader(session_id, 0, counter, None, None, None, 8)
    _check_flags(flags, security_flags)
    try:
        length = 8
        source = destination = group = None
        if flags & _S_FLAG:
            (source,) = _U64.unpack_from(datagram, length)
            length += 8
        if flags & _DSIZ_MASK == _DSIZ_NODE:
            (destination,) = _U64.unpack_from(datagram, length)
            length += 8
        elif flags & _DSIZ_MASK == _DSIZ_GROUP:
            (group,) = _U16.unpack_from(datagram, length)
            length += 2
        # the extension stays clear under privacy, but its place is known only from the clear flags: same rule
        if security_flags & _EXTENSION_FLAG:
            length += 2 + _U16.unpack_from(datagram, length)[0]
    except StructError as error:
        raise FrameError("message header cut short") from error
    if length > len(datagram):
        raise FrameError("message extension cut short")
    return MessageHeader(session_id, security_flags, counter, source, destination, group, length)


def _check_flags(flags: int, security_flags: int) -> None:
    session_type = security_flags & SESSION_TYPE_MASK
    destination = flags & _DSIZ_MASK
    if flags & _VERSION_MASK:
        raise FrameError("unknown message version")
    if destination == _DSIZ_MASK:
        raise FrameError("reserved destination size")
    if session_type == SessionType.UNICAST:
        if destination == _DSIZ_GROUP:
            raise FrameError("unicast message to a group")
        if security_flags & CONTROL_FLAG:
            raise FrameError("control message in a unicast session")
        if security_flags & PRIVACY_FLAG:
            raise FrameError("unicast message with privacy")
    elif session_type == SessionType.GROUP:
        if not flags & _S_FLAG or not destination:
            raise FrameError("group message without source or destination")
    else:
        raise FrameError("reserved session type")


def encode_message_header(
    session_id: int,
    counter: int,
    *,
    security_flags: int = 0,
    source_node_id: int | None = None,
    destination_node_id: int | None = None,
    destination_group_id: int | None = None,
) -> bytes:
    """Encode a message header without extension."""
    flags = 0
    tail = b""
    if source_node_id is not None:
        flags |= _S_FLAG
        tail = _U64.pack(source_node_id)
    if destination_node_id is not None:
        flags |= _DSIZ_NODE
        tail += _U64.pack(destination_node_id)
    elif destination_group_id is not None:
        flags |= _DSIZ_GROUP
        tail += _U16.pack(destination_group_id)
    return _FIXED.pack(flags, session_id, security_flags, counter) + tail


def decode_payload_header(payload: bytes) -> PayloadHeader:
    """Decode the payload header of a (decrypted) message.

    :raises FrameError: if the payload is shorter than its header
    """
    length = len(payload)
    if length < 6:
        raise FrameError("payload shorter than its header")
    flags = payload[0]
    if not flags & (_VENDOR_FLAG | _SECURED_EXTENSION_FLAG):
        if not flags & ACKNOWLEDGED_FLAG:
            flags, opcode, exchange_id, protocol = _PAYLOAD.unpack_from(payload)
            return PayloadHeader(flags, opcode, exchange_id, protocol, None, 6)
        if length < 10:
            raise FrameError("payload header cut short")
        flags, opcode, exchange_id, protocol, acknowledged = _PAYLOAD_ACKNOWLEDGED.unpack_from(payload)
        return PayloadHeader(flags, opcode, exchange_id, protocol, acknowledged, 10)
    return _decode_rare_payload_header(payload)


def _decode_rare_payload_header(payload: bytes) -> PayloadHeader:
    flags, opcode, exchange_id, protocol = _PAYLOAD.unpack_from(payload)
    total = len(payload)
    length = 6
    if flags & _VENDOR_FLAG:
        if total < 8:
            raise FrameError("payload header cut short")
        # the first of the two is the vendor, whatever the figure in the specification suggests
        protocol = protocol << 16 | _U16.unpack_from(payload, 6)[0]
        length = 8
    acknowledged = None
    if flags & ACKNOWLEDGED_FLAG:
        if total < length + 4:
            raise FrameError("payload header cut short")
        (acknowledged,) = _U32.unpack_from(payload, length)
        length += 4
    if flags & _SECURED_EXTENSION_FLAG:
        if total < length + 2:
            raise FrameError("payload header cut short")
        length += 2 + _U16.unpack_from(payload, length)[0]
        if length > total:
            raise FrameError("secured extension cut short")
    return PayloadHeader(flags, opcode, exchange_id, protocol, acknowledged, length)


def encode_payload_header(
    flags: int, opcode: int, exchange_id: int, protocol: int, acknowledged: int | None = None
) -> bytes:
    """Encode a payload header; the A and V flags follow from the arguments.

    :param flags: initiator and reliable flags
    :param protocol: vendor id << 16 | protocol id
    """
    if protocol <= 0xFFFF:
        if acknowledged is None:
            return _PAYLOAD.pack(flags, opcode, exchange_id, protocol)
        return _PAYLOAD_ACKNOWLEDGED.pack(
            flags | ACKNOWLEDGED_FLAG, opcode, exchange_id, protocol, acknowledged
        )
    flags |= _VENDOR_FLAG if acknowledged is None else _VENDOR_FLAG | ACKNOWLEDGED_FLAG
    head = _PAYLOAD_VENDOR.pack(flags, opcode, exchange_id, protocol >> 16, protocol & 0xFFFF)
    return head if acknowledged is None else head + _U32.pack(acknowledged)


def privacy_nonce(datagram: bytes, session_id: int) -> bytes:
    """Return the 13-byte nonce of the header privacy of a message with its MIC (Matter Core 4.8.3)."""
    return session_id.to_bytes(2, "big") + datagram[-11:]


def obfuscated_range(datagram: bytes) -> tuple[int, int]:
    """Return where the obfuscated part of a private message's header starts and ends."""
    flags = datagram[0]
    end = 8
    if flags & _S_FLAG:
        end += 8
    if flags & _DSIZ_MASK:
        end += 8 if flags & _DSIZ_MASK == _DSIZ_NODE else 2
    return 4, end
