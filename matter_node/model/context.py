"""The circumstances of one request, as a cluster server sees them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from matter_node.subject import Subject


class SessionView(Protocol):
    """What a cluster server may know and change of the session that a request came over."""

    subject: Subject
    """The peer; AddNOC binds a PASE session to the new fabric by replacing it."""

    @property
    def attestation_challenge(self) -> bytes:
        """16 bytes that signatures of this session are bound to (Matter Core 4.14.2.6.1)."""


@dataclass(frozen=True, slots=True)
class Context:
    """One request.

    :ivar subject: who asks
    :ivar session: the session it came over
    :ivar timed: it is part of a timed interaction
    """

    subject: Subject
    session: SessionView
    timed: bool = False

    @property
    def fabric_index(self) -> int:
        """The accessing fabric, 0 for none."""
        return self.subject.fabric_index
