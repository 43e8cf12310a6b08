"""A face of a module: some endpoints of the Matter node, fed with what the module says.

A module has an energy face, which says in full what it is, and may have voice faces, which say one thing each
in a way that every assistant understands. All of them hear every reading of their module.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from bridge.command import Command
    from bridge.firmware.job import FirmwareJob
    from bridge.home import Home
    from bridge.planned_power import PlannedPowers
    from bridge.record import ModuleRecord
    from bridge.settings import FacesSettings
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
    :ivar home: whose modules they show
    :ivar settings: which voice faces modules have
    :ivar grouping: the groups that switches can be in; None if the node has none, and then no switches
    """

    aggregator: Endpoint
    home: Home
    settings: FacesSettings
    grouping: Grouping | None


class Companion(Protocol):
    """Clusters on a module's main endpoint that are fed beside the face itself."""

    def show(self, reading: Reading) -> None:
        """Show a reading."""

    def lost(self) -> None:
        """Say that the module does not answer."""


class ModuleFace:
    """One face of one module. Subclasses say how a reading is shown.

    :ivar face: its endpoints
    """

    def __init__(self, face: Face) -> None:
        self.face = face

    def registered(self) -> None:
        """Notice that the module is new in the home, and now on the node."""

    def changed(self, before: ModuleRecord, record: ModuleRecord) -> None:
        """Notice that the module was renamed, moved, or says something else about itself."""

    def show(self, reading: Reading) -> None:
        """Show a reading; the module is reachable."""
        raise NotImplementedError

    def lost(self) -> None:
        """Say that the module does not answer."""
        self.face.lost()

    def command_changed(self, command: Command) -> None:
        """Notice what came of a command to the module."""

    def faults_changed(self) -> None:
        """Notice that something is wrong with the module, or is not any more."""

    def mode_changed(self) -> None:
        """Notice that the home works in another mode."""

    def plan_changed(self, plan: PlannedPowers | None) -> None:
        """Notice that another plan is carried out, or none."""

    def firmware_changed(self, job: FirmwareJob) -> None:
        """Notice how an update of the module's firmware goes on."""

    def close(self) -> None:
        """Follow nothing any more; the face has left the node."""
