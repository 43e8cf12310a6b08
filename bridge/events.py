"""The event bus on which the parts of the hub hear of each other, and what is said on it.

Readings, changes and commands travel one way, from where they happen to whoever listens. Listeners are called
at once and in order, so they must be quick; whoever has slow work keeps the newest value and does it later.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.command import Command
    from bridge.record import ModuleRecord
    from hw.reading import Reading

_log = logging.getLogger(__name__)

E = TypeVar("E")


@dataclass(frozen=True, slots=True)
class ModulesRegistered:
    """Modules became part of the home. At start, saved ones are in the registry without this event."""

    records: tuple[ModuleRecord, ...]


@dataclass(frozen=True, slots=True)
class ModuleChanged:
    """A registered module was renamed or moved, or its device says something else about itself."""

    before: ModuleRecord
    record: ModuleRecord


@dataclass(frozen=True, slots=True)
class ModuleRemoved:
    """A person removed a module; its endpoint numbers are never used again."""

    record: ModuleRecord


@dataclass(frozen=True, slots=True)
class ReadingTaken:
    """A module was read."""

    reading: Reading


@dataclass(frozen=True, slots=True)
class ReachabilityChanged:
    """A module stopped answering, or answers again."""

    module: str
    reachable: bool
    reason: str
    """For a person; empty when it is reachable."""


@dataclass(frozen=True, slots=True)
class CommandChanged:
    """A command to a module entered another state."""

    command: Command


class EventBus:
    """Delivers each event to those who asked for its type."""

    __slots__ = ("_listeners",)

    def __init__(self) -> None:
        self._listeners: dict[type, tuple[Callable[[Any], None], ...]] = {}

    def subscribe(self, kind: type[E], listener: Callable[[E], None]) -> Callable[[], None]:
        """Call `listener` with every event of exactly this type; the returned function ends that."""
        self._listeners[kind] = (*self._listeners.get(kind, ()), listener)

        def unsubscribe() -> None:
            self._listeners[kind] = tuple(
                each for each in self._listeners.get(kind, ()) if each is not listener
            )

        return unsubscribe

    def publish(self, event: object) -> None:
        """Tell everyone who listens; one that fails is logged and keeps nobody else from hearing."""
        for listener in self._listeners.get(type(event), ()):
            try:
                listener(event)
            except Exception:  # noqa: BLE001 - a listener is someone else's code
                _log.exception("a listener failed on %s", type(event).__name__)
