"""Persistent state as the node sees it: bytes by key, in two grades of durability.

Keys are paths such as ``fabric/1`` or ``attribute/4/57/5``. The node decides what is stored and when; an
implementation decides where. Two promises are asked of every implementation:

* when `put`, `delete` or the body of `transaction` returns, the change survives a killed process;
* when `flush` returns, every change before it also survives a power cut.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager


class Storage(Protocol):
    """Persistent bytes by key."""

    def get(self, key: str) -> bytes | None:
        """Return the value of `key`, or None."""

    def put(self, key: str, value: bytes) -> None:
        """Set `key` to `value`."""

    def delete(self, key: str) -> None:
        """Remove `key`; nothing happens if it is absent."""

    def scan(self, prefix: str) -> list[tuple[str, bytes]]:
        """Return all (key, value) whose key starts with `prefix`, in key order."""

    def transaction(self) -> AbstractContextManager[None]:
        """Group the changes made inside: all of them are stored or, if the body raises, none."""

    def flush(self) -> None:
        """Wait until everything written so far is on the disk."""


class MemoryStorage:
    """Storage that lasts as long as the object: for tests and for nodes that forget on purpose."""

    def __init__(self) -> None:
        self._values: dict[str, bytes] = {}

    def get(self, key: str) -> bytes | None:
        """Return the value of `key`, or None."""
        return self._values.get(key)

    def put(self, key: str, value: bytes) -> None:
        """Set `key` to `value`."""
        self._values[key] = value

    def delete(self, key: str) -> None:
        """Remove `key`; nothing happens if it is absent."""
        self._values.pop(key, None)

    def scan(self, prefix: str) -> list[tuple[str, bytes]]:
        """Return all (key, value) whose key starts with `prefix`, in key order."""
        return sorted((key, value) for key, value in self._values.items() if key.startswith(prefix))

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Restore the state from before if the body raises."""
        before = dict(self._values)
        try:
            yield
        except BaseException:
            self._values = before
            raise

    def flush(self) -> None:
        """Nothing to wait for."""
