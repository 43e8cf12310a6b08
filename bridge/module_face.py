"""A face of a module: some endpoints of the Matter node, fed with what the module says.

A module has an energy face, which says in full what it is, and may have voice faces, which say one thing each
in a way that every assistant understands. All of them hear every reading of their module.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from bridge.actions import ModuleActions
    from bridge.arbiter import Arbiter
    from bridge.command import Command
    from bridge.events import EventBus
    from bridge.registry import Registry
    from clusters.groups import Grouping
    from device_types.bridged_node import Face
    from hw.reading import Reading
    from matter_node.model import Endpoint

ENERGY: Final = "energy"
"""The name of the face that every module has, and of its main endpoint."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Where faces stand, and what they act on.

    :ivar aggregator: the endpoint that they go below
    :ivar grouping: the groups that switches can be in; None if the node has none, and then no switches
    """

    aggregator: Endpoint
    registry: Registry
    arbiter: Arbiter
    actions: ModuleActions
    bus: EventBus
    grouping: Grouping | None


class ModuleFace:
    """One face of one module. Subclasses say how a reading is shown.

    :ivar face: its endpoints
    """

    def __init__(self, face: Face) -> None:
        self.face = face

    def show(self, reading: Reading) -> None:
        """Show a reading; the module is reachable."""
        raise NotImplementedError

    def lost(self) -> None:
        """Say that the module does not answer."""
        self.face.lost()

    def command_changed(self, command: Command) -> None:
        """Notice what came of a command to the module."""
