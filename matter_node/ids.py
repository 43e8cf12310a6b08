"""Numbers of the specification that several layers share."""

from __future__ import annotations

from enum import IntEnum

SPECIFICATION_VERSION = 0x01040200
"""Matter 1.4.2, as BasicInformation and the session parameters state it."""
DATA_MODEL_REVISION = 19
INTERACTION_MODEL_REVISION = 12

MATTER_PORT = 5540
MAX_UDP_PAYLOAD = 1232
"""Largest UDP payload in an IPv6 datagram of 1280 bytes (Matter Core 4.4.4)."""
MAX_MESSAGE_PAYLOAD = 1178
"""Largest application payload of one message: MAX_UDP_PAYLOAD less headers (26 + 12) and MIC (16)."""

MIN_OPERATIONAL_NODE_ID = 0x1
MAX_OPERATIONAL_NODE_ID = 0xFFFF_FFEF_FFFF_FFFF
MIN_CASE_AUTHENTICATED_TAG = 0xFFFF_FFFD_0000_0000
MAX_CASE_AUTHENTICATED_TAG = 0xFFFF_FFFD_FFFF_FFFF


class ProtocolId(IntEnum):
    """Protocol ids of the standard vendor (Matter Core 4.4.3.4)."""

    SECURE_CHANNEL = 0
    INTERACTION_MODEL = 1
    BULK_DATA_EXCHANGE = 2
    USER_DIRECTED_COMMISSIONING = 3
    FOR_TESTING = 4


def is_operational_node_id(node_id: int) -> bool:
    """Tell whether `node_id` can be a node's own (Matter Core 2.5.5.1)."""
    return MIN_OPERATIONAL_NODE_ID <= node_id <= MAX_OPERATIONAL_NODE_ID


def is_case_authenticated_tag(subject: int) -> bool:
    """Tell whether `subject` is a CASE authenticated tag with a valid version (Matter Core 2.5.5.5)."""
    return MIN_CASE_AUTHENTICATED_TAG <= subject <= MAX_CASE_AUTHENTICATED_TAG and subject & 0xFFFF != 0
