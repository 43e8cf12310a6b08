"""Which endpoint number belongs to which face of which module: decided once, for ever.

Controllers hang rooms, names and scenes on an endpoint number. So a number is on the disk before anyone sees
it, the next one is only ever counted up, and a number whose module is gone is never given to another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from matter_node.storage import Storage

FIRST_ENDPOINT: Final = 2
"""Endpoint 0 is the node itself, 1 the aggregator."""
LAST_ENDPOINT: Final = 0xFFFE
"""The highest endpoint number (Matter Core 7.18.2.2: 0xFFFF is reserved)."""

_PREFIX: Final = "endpoint/"
_NEXT: Final = "endpoint-next"


class EndpointsExhaustedError(RuntimeError):
    """Every endpoint number was given away."""


class EndpointMap:
    """A persistent map from (module key, face) to endpoint number."""

    __slots__ = ("_next", "_numbers", "_storage")

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._numbers: dict[tuple[str, str], int] = {}
        for key, value in storage.scan(_PREFIX):
            module, _, face = key.removeprefix(_PREFIX).rpartition("/")
            self._numbers[module, face] = int.from_bytes(value)
        stored = storage.get(_NEXT)
        self._next = max(
            int.from_bytes(stored) if stored else FIRST_ENDPOINT,
            max(self._numbers.values(), default=0) + 1,
        )

    def number(self, module: str, face: str) -> int:
        """Return the endpoint of a face, giving it the next free number when it has none.

        :param face: which of the module's endpoints, such as `energy` or `voice-reserve`; without a slash
        :raises EndpointsExhaustedError: when there is no number left
        """
        if (module, face) not in self._numbers:
            self.reserve([(module, face)])
        return self._numbers[module, face]

    def reserve(self, faces: Iterable[tuple[str, str]]) -> None:
        """Give numbers to all of the (module, face) that have none: many in one write to the disk.

        :raises EndpointsExhaustedError: when there are not enough numbers left; then none was given
        """
        new = [each for each in dict.fromkeys(faces) if each not in self._numbers]
        if not new:
            return
        if self._next + len(new) - 1 > LAST_ENDPOINT:
            raise EndpointsExhaustedError("all 65,533 endpoint numbers have been used")
        given = dict(zip(new, range(self._next, self._next + len(new)), strict=True))
        with self._storage.transaction():
            for (module, face), number in given.items():
                if "/" in face:
                    raise ValueError(f"a face's name has no slash: {face!r}")
                self._storage.put(f"{_PREFIX}{module}/{face}", number.to_bytes(2))
            self._storage.put(_NEXT, (self._next + len(new)).to_bytes(4))
        self._storage.flush()
        self._next += len(new)
        self._numbers |= given

    def faces(self, module: str) -> dict[str, int]:
        """Return the module's faces that have a number, and the numbers."""
        return {face: number for (key, face), number in self._numbers.items() if key == module}

    def forget(self, module: str) -> None:
        """Give up a module's numbers for good: should it come back, it gets new ones."""
        with self._storage.transaction():
            for face in self.faces(module):
                self._storage.delete(f"{_PREFIX}{module}/{face}")
        for face in self.faces(module):
            del self._numbers[module, face]
