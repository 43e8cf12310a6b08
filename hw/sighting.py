"""A device that was seen and not opened: enough for a person to say whether it is to be a module."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hw.module import Identity, ModuleKind


@dataclass(frozen=True, slots=True)
class Sighting:
    """One device.

    :ivar kind: None if it cannot be told yet
    :ivar address: where its driver finds it
    """

    identity: Identity
    kind: ModuleKind | None
    address: str
