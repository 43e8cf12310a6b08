"""Devices that were found and are no modules yet."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from matter_node.clock import Clock

MOST_CANDIDATES: Final = 500
UNSEEN: Final = 86_400.0
"""Seconds after which a candidate that nobody has seen again is forgotten."""
READ: Final = 1.0
"""Confidence in a device that a driver has read."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A device that was found.

    :ivar id: the key that it would have as a module, as far as can be told
    :ivar driver: who speaks with it; empty if nobody here does
    :ivar kind: a `ModuleKind`; empty if it is not known
    :ivar source: how it was found: `probe`, or `mdns`, which is its own word
    :ivar confidence: 0 to 1, that it is what it seems to be; 1 when a driver has read it
    :ivar seen: UTC, seconds since 1970; 0 while the hub has no time of day
    :ivar remedy: what a person does to make it a module, where that is more than to register it
    """

    id: str
    driver: str
    address: str
    kind: str
    vendor: str
    model: str
    serial: str
    source: str
    confidence: float
    seen: float = 0.0
    remedy: str = ""


class CandidateBook:
    """Keeps what was found, each once, the surest word on each, and no longer than a day."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._found: dict[str, tuple[Candidate, float]] = {}

    def note(self, found: Candidate) -> bool:
        """Keep a candidate; return whether it says anything new."""
        self._drop_unseen()
        now = self._clock.monotonic()
        known, _ = self._found.get(found.id, (None, 0.0))
        if known is None and len(self._found) >= MOST_CANDIDATES:
            return False
        seen = dataclasses.replace(found, seen=self._clock.utc() or 0.0)
        if known is not None and known.confidence > found.confidence:
            # A word of its own does not weaken what was read; where it is now, it may know better.
            moved = found.address if found.driver == known.driver else known.address
            seen = dataclasses.replace(known, seen=seen.seen, address=moved)
        self._found[found.id] = (seen, now)
        return known is None or dataclasses.replace(known, seen=seen.seen) != seen

    def forget(self, key: str) -> bool:
        """Forget a candidate that took its leave; return whether there was one."""
        return self._found.pop(key, None) is not None

    def get(self, key: str) -> Candidate | None:
        """Return the candidate of an id, or None."""
        self._drop_unseen()
        found = self._found.get(key)
        return None if found is None else found[0]

    def all(self, wanted: Callable[[Candidate], bool]) -> tuple[Candidate, ...]:
        """Return the candidates that are wanted, the surest first."""
        self._drop_unseen()
        found = (candidate for candidate, _ in self._found.values() if wanted(candidate))
        return tuple(sorted(found, key=lambda each: (-each.confidence, each.id)))

    def _drop_unseen(self) -> None:
        limit = self._clock.monotonic() - UNSEEN
        for key in [key for key, (_, seen) in self._found.items() if seen < limit]:
            del self._found[key]
