"""What makes a node part of fabrics, joined: one of each, for the clusters of the root endpoint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from matter_node.commissioning.fabrics import FabricTable
from matter_node.commissioning.fail_safe import FailSafe
from matter_node.commissioning.group_keys import GroupKeys

if TYPE_CHECKING:
    from matter_node.clock import Clock
    from matter_node.commissioning.sessions import CommissioningSessions
    from matter_node.entropy import Entropy
    from matter_node.storage import Storage


@dataclass(frozen=True, slots=True)
class Commissioning:
    """The node's commissioning state and what it stands on."""

    storage: Storage
    clock: Clock
    entropy: Entropy
    sessions: CommissioningSessions
    fabrics: FabricTable
    fail_safe: FailSafe
    group_keys: GroupKeys

    @classmethod
    def restore(
        cls,
        storage: Storage,
        clock: Clock,
        entropy: Entropy,
        sessions: CommissioningSessions,
        *,
        max_fabrics: int = 16,
        max_key_sets: int = 4,
    ) -> Commissioning:
        """Take up what is stored.

        When everything that keeps data of fabrics listens to `fabrics`, and before the node answers anything,
        the caller calls `fail_safe.recover`.

        :param max_fabrics: how many fabrics there may be, 5..254
        :param max_key_sets: how many group key sets a fabric may have, its IPK included
        """
        fabrics = FabricTable(storage, capacity=max_fabrics)
        return cls(
            storage=storage,
            clock=clock,
            entropy=entropy,
            sessions=sessions,
            fabrics=fabrics,
            fail_safe=FailSafe(fabrics, storage, clock, sessions),
            group_keys=GroupKeys(storage, fabrics, max_key_sets=max_key_sets),
        )
