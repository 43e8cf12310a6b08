"""Who is asking: the subject of an access decision (Matter Core 6.6.2)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class AuthMode(IntEnum):
    """How a session was authenticated (Matter Core 9.10.5.2)."""

    PASE = 1
    CASE = 2
    GROUP = 3


@dataclass(frozen=True, slots=True)
class Subject:
    """The peer behind a session, as access control judges it.

    :ivar auth_mode: how its session was made
    :ivar fabric_index: the accessing fabric, 0 for none (PASE before AddNOC)
    :ivar node_id: the peer's operational node id (CASE, and the sender of a group message), else 0
    :ivar cats: its CASE authenticated tags, 32 bit each: identifier in the upper half, version in the lower
    :ivar group_id: the group addressed (GROUP only), else 0
    """

    auth_mode: AuthMode
    fabric_index: int = 0
    node_id: int = 0
    cats: tuple[int, ...] = ()
    group_id: int = 0
