"""Session parameters, which peers tell each other in PASE and CASE (Matter Core 4.13.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from matter_node.ids import DATA_MODEL_REVISION, INTERACTION_MODEL_REVISION, SPECIFICATION_VERSION

MAX_INTERVAL = 3600.0
"""Seconds: the longest idle or active interval a node may state."""


class SessionParametersError(ValueError):
    """A structure is no session parameter structure."""


@dataclass(frozen=True, slots=True)
class SessionParameters:
    """What a node says about itself; the defaults hold for a peer that says nothing.

    :ivar idle_interval: seconds between retransmissions while it is idle
    :ivar active_interval: seconds between retransmissions while it is active
    :ivar active_threshold: seconds it stays active after a message
    :ivar data_model_revision: its data model revision
    :ivar interaction_model_revision: its interaction model revision
    :ivar specification_version: its SpecificationVersion, 0 if not told
    :ivar max_paths_per_invoke: how many commands it takes in one invoke request
    """

    idle_interval: float = 0.5
    active_interval: float = 0.3
    active_threshold: float = 4.0
    data_model_revision: int = 17
    interaction_model_revision: int = 11
    specification_version: int = 0
    max_paths_per_invoke: int = 1

    @classmethod
    def from_tlv(cls, value: Any) -> SessionParameters:
        """Read a decoded TLV structure; None stands for an absent one.

        Unknown tags are ignored, intervals above the limit are cut to it: a peer must not be able to park
        messages with us for longer.

        :raises SessionParametersError: if it is no structure or a known member is no unsigned integer
        """
        if value is None:
            return cls()
        if not isinstance(value, dict):
            raise SessionParametersError("session parameters are no structure")

        def member(tag: int, bits: int, default: int) -> int:
            number = value.get(tag, default)
            if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number < 1 << bits:
                raise SessionParametersError(f"session parameter {tag} is no {bits}-bit unsigned integer")
            return number

        return cls(
            idle_interval=min(member(1, 32, 500) / 1000, MAX_INTERVAL),
            active_interval=min(member(2, 32, 300) / 1000, MAX_INTERVAL),
            active_threshold=member(3, 16, 4000) / 1000,
            data_model_revision=member(4, 16, 17),
            interaction_model_revision=member(5, 16, 11),
            specification_version=member(6, 32, 0),
            max_paths_per_invoke=member(7, 16, 1),
        )

    def to_tlv(self) -> dict[int, int]:
        """Return the structure, tags 1 to 7."""
        return {
            1: round(self.idle_interval * 1000),
            2: round(self.active_interval * 1000),
            3: round(self.active_threshold * 1000),
            4: self.data_model_revision,
            5: self.interaction_model_revision,
            6: self.specification_version,
            7: self.max_paths_per_invoke,
        }


OWN_PARAMETERS = SessionParameters(
    data_model_revision=DATA_MODEL_REVISION,
    interaction_model_revision=INTERACTION_MODEL_REVISION,
    specification_version=SPECIFICATION_VERSION,
)
"""This node's parameters with `max_paths_per_invoke` 1; the node that takes more says so with `replace`."""
