"""What the hub remembers of a module that speaks of itself: by which key it is known, and since when."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from matter_node.storage import Storage

_PREFIX: Final = "member/"


class State(StrEnum):
    """How far a device has come on its way into the home, and out of it."""

    CANDIDATE = "candidate"
    """It was found."""
    PENDING = "pending"
    """It asks to be let in, and a person has to say so."""
    ACTIVE = "active"
    """It is a module of the home."""
    QUARANTINED = "quarantined"
    """It is one, and is read without being commanded."""
    RETIRED = "retired"
    """A person has removed it."""


class Credential(StrEnum):
    """What a module shows to be known by."""

    CERTIFICATE = "certificate"
    TOKEN = "token"  # noqa: S105 - the word, not a secret
    NONE = "none"
    """It is the hub that calls it, and knows it by its serial number."""


@dataclass(frozen=True, slots=True)
class Membership:
    """How a module was let in.

    :ivar module: its key
    :ivar ski: fingerprint of its key, in hexadecimal digits; empty for one without a key
    :ivar proof: how it has shown that it is the one that was meant
    :ivar by: who let it in
    :ivar since: UTC, seconds since 1970
    :ivar renewed: when it got its present credential
    :ivar retired: when it was removed, None while it was not
    """

    module: str
    ski: str
    credential: Credential
    proof: str
    by: str
    since: float
    renewed: float = 0.0
    retired: float | None = None


class Memberships:
    """All of them, also of modules that were removed: should one come back, that is to be known."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._known: dict[str, Membership] = {}
        for key, value in storage.scan(_PREFIX):
            values = json.loads(value)
            values["credential"] = Credential(values["credential"])
            self._known[key.removeprefix(_PREFIX)] = Membership(**values)

    def get(self, module: str) -> Membership | None:
        """Return how a module was let in, or None."""
        return self._known.get(module)

    def put(self, membership: Membership) -> None:
        """Remember it, on the disk before this returns."""
        self._storage.put(_PREFIX + membership.module, json.dumps(asdict(membership)).encode())
        self._storage.flush()
        self._known[membership.module] = membership
