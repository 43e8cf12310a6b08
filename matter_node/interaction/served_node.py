"""The node as the interaction model serves it: what is on it, and who may reach it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matter_node.fabric import FabricSource
    from matter_node.interaction.access import AccessControl, GroupMembership
    from matter_node.model.tree import NodeTree
    from matter_node.subject import Subject


@dataclass(frozen=True, slots=True)
class ServedNode:
    """A node's data and the rules of reaching them.

    :ivar tree: its endpoints
    :ivar access: its access control
    :ivar fabrics: where its own node ids are found
    :ivar groups: which endpoints group messages are for, None if it is in no groups
    """

    tree: NodeTree
    access: AccessControl
    fabrics: FabricSource
    groups: GroupMembership | None = None

    def is_addressed(self, node_id: int | None, subject: Subject) -> bool:
        """Tell whether the node id in a path, if there is one, is this node's in the accessing fabric."""
        if node_id is None:
            return True
        fabric = self.fabrics.get(subject.fabric_index)
        return fabric is not None and fabric.node_id == node_id
