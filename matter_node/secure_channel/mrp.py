"""The Message Reliability Protocol's constants and times (Matter Core 4.12)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matter_node.secure_channel.parameters import SessionParameters

MAX_TRANSMISSIONS = 5
"""How often a reliable message is sent at most, the first time included."""
BACKOFF_BASE = 1.6
BACKOFF_JITTER = 0.25
BACKOFF_MARGIN = 1.1
BACKOFF_THRESHOLD = 1
STANDALONE_ACK_TIMEOUT = 0.2
"""Seconds after which an acknowledgement goes out by itself if no message carried it."""

_FACTORS = tuple(
    BACKOFF_MARGIN * BACKOFF_BASE ** max(0, n - BACKOFF_THRESHOLD) for n in range(MAX_TRANSMISSIONS)
)


def retransmission_delay(interval: float, transmission: int) -> float:
    """Return how long to wait for an acknowledgement, in seconds, before jitter.

    :param interval: the peer's active or idle interval in seconds
    :param transmission: 0 for the wait after the first transmission
    """
    return interval * _FACTORS[transmission]


def response_timeout(own: SessionParameters, peer: SessionParameters, processing: float) -> float:
    """Return how long to wait for an answer, in seconds, when every message may need all its transmissions.

    :param own: what this node told the peer about itself
    :param peer: what the peer told about itself
    :param processing: seconds that the peer may need to make the answer
    """
    worst = sum(_FACTORS) * (1 + BACKOFF_JITTER)
    there = worst * max(peer.active_interval, peer.idle_interval)
    back = worst * max(own.active_interval, own.idle_interval)
    return there + processing + back
