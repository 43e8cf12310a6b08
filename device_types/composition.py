"""Device types and semantic tags by name, and endpoints made of them (Matter Device Library 1.4.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.descriptor import DescriptorServer
from matter_node.model import DeviceType, Endpoint, SemanticTag

if TYPE_CHECKING:
    from collections.abc import Iterable

    from matter_node.model import Cluster

AGGREGATOR = DeviceType(0x000E, 2)
POWER_SOURCE = DeviceType(0x0011, 1)
BRIDGED_NODE = DeviceType(0x0013, 3)
CONTACT_SENSOR = DeviceType(0x0015, 2)
SOLAR_POWER = DeviceType(0x0017, 1)
BATTERY_STORAGE = DeviceType(0x0018, 1)
DIMMABLE_LIGHT = DeviceType(0x0101, 3)
ON_OFF_PLUG = DeviceType(0x010A, 4)
DIMMABLE_PLUG = DeviceType(0x010B, 5)
TEMPERATURE_SENSOR = DeviceType(0x0302, 2)
ENERGY_EVSE = DeviceType(0x050C, 2)
DEVICE_ENERGY_MANAGEMENT = DeviceType(0x050D, 2)
ELECTRICAL_SENSOR = DeviceType(0x0510, 1)

DIRECT_CURRENT = SemanticTag(0x0A, 0x00)
ALTERNATING_CURRENT = SemanticTag(0x0A, 0x01)
PHASES = (SemanticTag(0x0A, 0x02), SemanticTag(0x0A, 0x03), SemanticTag(0x0A, 0x04))
"""The three phases of alternating current."""
SOLAR_SUPPLY = SemanticTag(0x0F, 0x02)
BATTERY_SUPPLY = SemanticTag(0x0F, 0x03)
FIRST = SemanticTag(0x07, 0x01)
"""Number one of its kind."""


def compose(
    number: int,
    device_types: Iterable[DeviceType],
    clusters: Iterable[Cluster],
    *,
    parent: Endpoint | None,
    tags: Iterable[SemanticTag] = (),
) -> Endpoint:
    """Return an endpoint with a descriptor that fits it."""
    tags = tuple(tags)
    return Endpoint(
        number, device_types, [DescriptorServer(tagged=bool(tags)), *clusters], parent=parent, tags=tags
    )
