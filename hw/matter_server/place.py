"""Where a load is: its node and endpoints, and the identity that leads to it wherever it goes."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from hw.matter_server.attributes import (
    ACTIVE_CURRENT,
    ACTIVE_POWER,
    BASIC_INFORMATION,
    BRIDGED_DEVICE,
    ENERGY_EXPORTED,
    ENERGY_IMPORTED,
    FREQUENCY,
    LOCAL_TEMPERATURE,
    OCCUPIED_COOLING_SETPOINT,
    OCCUPIED_HEATING_SETPOINT,
    ON_OFF,
    PRODUCT_NAME,
    REACHABLE,
    RMS_CURRENT,
    RMS_VOLTAGE,
    RUNNING_STATE,
    SERIAL_NUMBER,
    SOFTWARE_VERSION_STRING,
    SYSTEM_MODE,
    UNIQUE_ID,
    VENDOR_NAME,
    VOLTAGE,
)
from hw.matter_server.product import Product
from hw.matter_server.topology import Topology
from hw.module import Identity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hw.matter_server.node import Node, Path

MOST_PATHS: Final = 9
"""Attributes that any device tells at once (Matter Core 2.11.2.1)."""
_USUAL_ENDPOINT: Final = 1
"""Where a device that is one load has it."""


@dataclass(frozen=True, slots=True)
class Place:
    """A load on a server."""

    identity: Identity
    node: int
    endpoint: int
    device: int
    """The endpoint that says whether a bridged device is reachable; 0 for one that is no bridged device."""
    power: int | None
    """The endpoint that measures its power."""
    energy: int | None
    """The endpoint that counts its energy."""

    @property
    def endpoints(self) -> frozenset[int]:
        """All its endpoints."""
        return frozenset({self.endpoint, self.power or self.endpoint, self.energy or self.endpoint})

    def paths(self, node: Node) -> list[Path]:
        """Return what of it changes by itself, the weightiest first, no more than can be asked at once."""
        wished: list[tuple[int | None, tuple[int, int]]] = [
            (self.endpoint, ON_OFF),
            (self.endpoint, SYSTEM_MODE),
            (self.device or None, REACHABLE),
            (self.power, ACTIVE_POWER),
            (self.energy, ENERGY_IMPORTED),
            (self.energy, ENERGY_EXPORTED),
            (self.endpoint, LOCAL_TEMPERATURE),
            (self.endpoint, RUNNING_STATE),
            (self.endpoint, OCCUPIED_HEATING_SETPOINT),
            (self.endpoint, OCCUPIED_COOLING_SETPOINT),
            (self.power, RMS_VOLTAGE),
            (self.power, RMS_CURRENT),
            (self.power, VOLTAGE),
            (self.power, ACTIVE_CURRENT),
            (self.power, FREQUENCY),
        ]
        paths = ((endpoint, *attribute) for endpoint, attribute in wished if endpoint is not None)
        return [path for path in paths if path in node.values][:MOST_PATHS]


def places(nodes: Iterable[Node], fabric: int, own: Product | None = None) -> dict[str, Place]:
    """Return the loads of nodes by their identity's key.

    :param fabric: compressed fabric id; names devices that say nothing of themselves
    :param own: a node that is this is left out with all its endpoints
    """
    found: dict[str, Place] = {}
    for node in sorted(nodes, key=lambda each: each.id):
        if own is not None and own == _product(node):
            continue
        topology = Topology(node)
        for endpoint in topology.loads:
            device = topology.device(endpoint)
            identity = _identity(node, endpoint, device, fabric)
            if identity.key in found:
                # Some makers give every device the same serial number. The older node keeps the plain name.
                identity = replace(identity, part=f"node-{node.id}-endpoint-{endpoint}")
            power = topology.meter(endpoint, ACTIVE_POWER)
            energy = topology.meter(endpoint, ENERGY_IMPORTED)
            found[identity.key] = Place(identity, node.id, endpoint, device, power, energy)
    return found


def _product(node: Node) -> Product:
    return Product(
        *(node.text(0, (BASIC_INFORMATION, each)) for each in (VENDOR_NAME, PRODUCT_NAME, SERIAL_NUMBER))
    )


def _identity(node: Node, endpoint: int, device: int, fabric: int) -> Identity:
    cluster = BRIDGED_DEVICE if device else BASIC_INFORMATION
    vendor, model, serial, unique, firmware = (
        node.text(device, (cluster, each))
        for each in (VENDOR_NAME, PRODUCT_NAME, SERIAL_NUMBER, UNIQUE_ID, SOFTWARE_VERSION_STRING)
    )
    whole = endpoint == (device or _USUAL_ENDPOINT)
    named = next(filter(_names, (serial, unique)), "")
    if not named:
        # The server gives a node its number for as long as the node is on its fabric.
        named, whole = f"{fabric:016x}-{node.id}", False
    part = "" if whole else f"endpoint-{endpoint}"
    return Identity(vendor or "Matter", model or "Load", named, firmware, part)


def _names(serial: str) -> bool:
    """Tell whether a serial number is one: makers leave zeros or question marks where they wrote none."""
    return re.search(r"[1-9A-Za-z]", serial) is not None
