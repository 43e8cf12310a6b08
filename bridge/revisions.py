"""What somebody changed, when, and what was so before: a bounded history that can be gone back in."""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from matter_node.clock import Clock
    from matter_node.storage import Storage

KEPT: Final = 100
"""Revisions of one thing that are remembered."""

T = TypeVar("T")


class UnknownRevisionError(LookupError):
    """There is no revision of that number, or it was forgotten."""


@dataclass(frozen=True, slots=True)
class Revision(Generic[T]):
    """One change.

    :ivar number: counts from 1
    :ivar time: UTC, seconds since 1970
    :ivar by: who changed it
    :ivar before: what was so until then
    """

    number: int
    time: float
    by: str
    before: T
    after: T

    def values(self) -> dict[str, Any]:
        """Return it in plain values, as programs on the hub are shown it."""
        time = datetime.fromtimestamp(self.time, UTC).isoformat(timespec="seconds")
        return {**asdict(self), "time": time}


class Revisions(Generic[T]):
    """The changes of one thing, a dataclass whose fields JSON can hold."""

    def __init__(
        self, storage: Storage, prefix: str, read: Callable[[dict[str, Any]], T], clock: Clock
    ) -> None:
        """Read what is remembered.

        :param prefix: of the keys in the storage
        :param read: makes a `T` of its fields as JSON has them
        """
        self._storage = storage
        self._prefix = prefix
        self._clock = clock
        self._revisions: list[Revision[T]] = []
        for _, stored in storage.scan(prefix):
            values = json.loads(stored)
            before, after = read(values["before"]), read(values["after"])
            self._revisions.append(Revision(values["number"], values["time"], values["by"], before, after))

    def all(self) -> tuple[Revision[T], ...]:
        """Return the revisions that are remembered, the newest last."""
        return tuple(self._revisions)

    def __getitem__(self, number: int) -> Revision[T]:
        """Return the revision of a number. Raise UnknownRevisionError."""
        for revision in self._revisions:
            if revision.number == number:
                return revision
        raise UnknownRevisionError(f"there is no revision {number}")

    def add(self, by: str, before: T, after: T) -> Revision[T]:
        """Remember a change. Raise StateError when it cannot be kept; then it is not remembered."""
        with self.adding(by, before, after) as revision:
            return revision

    @contextlib.contextmanager
    def adding(self, by: str, before: T, after: T) -> Iterator[Revision[T]]:
        """Remember a change together with what the body writes to the storage: both or, on error, neither."""
        number = self._revisions[-1].number + 1 if self._revisions else 1
        revision = Revision(number, self._clock.utc() or 0.0, by, before, after)
        with self._storage.transaction():
            self._storage.put(f"{self._prefix}{number:08}", json.dumps(asdict(revision)).encode())
            for old in self._revisions[: -KEPT + 1]:
                self._storage.delete(f"{self._prefix}{old.number:08}")
            yield revision
        self._revisions = [*self._revisions, revision][-KEPT:]
