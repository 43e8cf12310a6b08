"""Accounts and tokens of a hub that does not run: changed in its state file, which is locked meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bridge.access.access import Access
from bridge.access.administration import Administration
from bridge.arbiter import Arbiter
from bridge.events import EventBus
from bridge.registry import Registry
from bridge.state import SqliteStorage
from matter_node.clock import AsyncioClock

if TYPE_CHECKING:
    from bridge.data_dir import DataDirectory


async def perform(directory: DataDirectory, method: str, params: dict[str, Any]) -> object:
    """Do one thing of `Administration`.

    :raises ControlError: it cannot be done
    :raises DataDirectoryError: a hub uses the directory
    :raises StateError: the state cannot be used
    """
    directory.lock()
    try:
        storage = SqliteStorage(directory.state)
        try:
            bus, clock = EventBus(), AsyncioClock()
            registry = Registry(storage, bus)
            access = Access(storage, clock, bus, Arbiter(registry, storage, bus, clock))
            return Administration(access, registry).perform(method, params)
        finally:
            storage.close()
    finally:
        directory.unlock()
