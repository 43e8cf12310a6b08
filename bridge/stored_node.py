"""The Matter node of a stored hub: built as the hub builds it, to look at, while nothing listens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.data_dir import DataDirectory
from bridge.hub import Hub
from bridge.state_file import ReadOnlyStorage
from matter_node.clock import AsyncioClock
from matter_node.storage import MemoryStorage

if TYPE_CHECKING:
    from bridge.settings import Settings
    from matter_node.model import NodeTree


async def stored_tree(settings: Settings) -> NodeTree:
    """Return the node tree that the hub with these settings serves, running or not.

    It stands on a copy of the stored state in memory: what it would store is forgotten.

    :raises StateError: the state cannot be read
    """
    directory = DataDirectory(settings.data_dir)
    stored = ReadOnlyStorage(directory.state)
    copy = MemoryStorage()
    for key, value in stored.scan(""):
        copy.put(key, value)
    return Hub(settings, directory, copy, AsyncioClock()).matter.node.tree
