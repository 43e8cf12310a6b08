"""What every bridged device is: a Bridged Node (Matter Device Library 2.4), and the face of a module."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from clusters.bridged_device_basic_information import BridgedDeviceBasicInformationServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from clusters.energy_adjusters import ForecastAdjusters, PowerAdjuster
    from clusters.test_event_triggers import EventTriggers
    from matter_node.model import Cluster, Endpoint, NodeTree


@dataclass(frozen=True, slots=True)
class BridgedDevice:
    """Who a bridged device is. What is longer than Matter allows is cut.

    :ivar unique_id: opaque, at most 32 characters, the same for the life of the device on this bridge
    :ivar name: what apps call it until someone renames it there
    :ivar configuration_version: 1 or more to count changes of its functions; provisional in Matter 1.4.2
    """

    unique_id: str
    name: str
    vendor: str = ""
    product: str = ""
    serial: str = ""
    firmware: str = ""
    part: str = ""
    configuration_version: int | None = None


@dataclass(frozen=True, slots=True)
class Delegates:
    """Who acts on what controllers want of a device.

    :ivar adjuster: carries power adjustments out; None for a device that takes none
    :ivar forecast: carry adjustments of the device's forecast out; None for a device that takes none
    :ivar blink: told True when the device is to show which one it is, False when that is over; None if it
        can't
    :ivar renamed: told a new name
    """

    adjuster: PowerAdjuster | None = None
    forecast: ForecastAdjusters | None = None
    blink: Callable[[bool], None] | None = None
    renamed: Callable[[str], None] | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a device goes.

    :ivar parent: the aggregator
    :ivar number: gives the endpoint number of a part by its name, always the same one; what shows the module
        itself is the part ``energy``
    :ivar clusters: manufacturer clusters that the device's main endpoint has besides; devices of the voice
        face have none, for some assistants drop a device that has
    :ivar part: the part that a device of the voice face is
    """

    parent: Endpoint
    number: Callable[[str], int]
    clusters: Iterable[Cluster] = ()
    part: str = "voice"


def fit(text: str, maximum: int) -> str:
    """Return the text without what goes beyond `maximum` bytes of UTF-8."""
    return text.encode()[:maximum].decode(errors="ignore")


def information(device: BridgedDevice, delegates: Delegates) -> BridgedDeviceBasicInformationServer:
    """Return the cluster that says who a device is; it is unreachable until something else is said."""
    known: dict[str, Any] = {
        "vendor_name": fit(device.vendor, 32),
        "product_name": fit(device.product, 32),
        "serial_number": fit(device.serial, 32),
        "part_number": fit(device.part, 32),
        "software_version_string": fit(device.firmware, 64),
        "configuration_version": device.configuration_version,
    }
    return BridgedDeviceBasicInformationServer(
        unique_id=fit(device.unique_id, 32),
        node_label=fit(device.name, 32),
        renamed=delegates.renamed,
        **{name: value for name, value in known.items() if value},
    )


class Face:
    """A bridged module on the node: its endpoints, and where what it measures goes.

    :ivar endpoints: its endpoints, the main one first
    """

    def __init__(self, information: BridgedDeviceBasicInformationServer, *endpoints: Endpoint) -> None:
        self.information = information
        self.endpoints = endpoints

    @property
    def endpoint(self) -> Endpoint:
        """The main endpoint."""
        return self.endpoints[0]

    @property
    def reachable(self) -> bool:
        """Whether the module answers."""
        return self.information.reachable

    def join(self, tree: NodeTree, triggers: EventTriggers | None = None) -> None:
        """Put the endpoints on the node, and let test event triggers reach them."""
        tree.add(*self.endpoints)
        if triggers is not None:
            self.register(triggers)

    def leave(self, tree: NodeTree, triggers: EventTriggers | None = None, *, for_ever: bool = True) -> None:
        """Take the endpoints off the node.

        :param for_ever: the numbers are never used again; else the same face may come back, as it was
        """
        if triggers is not None:
            for endpoint in self.endpoints:
                triggers.forget(endpoint.number)
        tree.remove(self.endpoint.number, forget=for_ever)

    def rename(self, name: str) -> None:
        """Take a name that someone gave elsewhere than in a Matter app."""
        self.information.node_label = fit(name, 32)

    def lost(self) -> None:
        """Say that the module does not answer: what it measures is not known any more."""
        self.information.set_reachable(False)

    def register(self, triggers: EventTriggers) -> None:
        """Let test event triggers reach the endpoints."""
