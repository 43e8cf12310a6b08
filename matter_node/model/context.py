"""The circumstances of one request, as a cluster server sees them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

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
    :ivar appending: a write adds one entry to the end of a list, and the rest is as it was
    :ivar afterwards: what `after_response` was given, for the interaction layer to call
    """

    subject: Subject
    session: SessionView
    timed: bool = False
    appending: bool = False
    afterwards: list[Callable[[], None]] = field(default_factory=list, repr=False, compare=False)

    @property
    def fabric_index(self) -> int:
        """The accessing fabric, 0 for none."""
        return self.subject.fabric_index

    def after_response(self, callback: Callable[[], None]) -> None:
        """Call `callback` once the peer has the response to this request, or cannot get it any more.

        For what ends the session that the response travels in, such as removing its fabric.
        """
        self.afterwards.append(callback)
