"""How the endpoints of a node belong together, and which of them measures which load."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hw.matter_server.attributes import (
    ACTIVE_POWER,
    AVAILABLE_ENDPOINTS,
    BRIDGED_DEVICE,
    DEVICE_TYPES,
    ON_OFF,
    PARTS_LIST,
    SYSTEM_MODE,
    TOPOLOGY_FEATURES,
)

if TYPE_CHECKING:
    from hw.matter_server.node import Node

_NODE, _TREE, _SET = 1, 2, 4
_DEEPEST: Final = 16
LIGHTS: Final = frozenset({0x0100, 0x0101, 0x010C, 0x010D})
"""On/Off, Dimmable, Color Temperature and Extended Color Light (Matter Device Library 4)."""


class Topology:
    """A node's endpoints: whose part each is, which are loads, and what its meters measure.

    :ivar loads: endpoints that can be switched, ascending
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._parts = {each: node.numbers(each, PARTS_LIST) - {0, each} for each in node.endpoints}
        self._below = {each: self._descendants(each) for each in self._parts}
        bridged = {endpoint for endpoint, cluster, _ in node.values if cluster == BRIDGED_DEVICE}
        self._bridged = sorted(bridged - {0})
        self.loads = tuple(each for each in self._parts if each and self._is_load(each))

    def _is_load(self, endpoint: int) -> bool:
        """Tell whether an endpoint can be switched and is worth it: a light is if somebody measures it."""
        values = self._node.values
        if (endpoint, *SYSTEM_MODE) in values:
            return True
        types = [each.get("0") for each in self._node.structs(endpoint, DEVICE_TYPES)]
        is_light = any(type(each) is int and each in LIGHTS for each in types)
        return (endpoint, *ON_OFF) in values and (not is_light or (endpoint, *ACTIVE_POWER) in values)

    def device(self, endpoint: int) -> int:
        """Return the endpoint that says which device this one is a part of: a bridged one, or 0."""
        around = [each for each in self._bridged if each == endpoint or endpoint in self._below[each]]
        return min(around, key=lambda each: len(self._below[each]), default=0)

    def meter(self, load: int, attribute: tuple[int, int]) -> int | None:
        """Return the endpoint whose measurement of the attribute is that of a load; None if there is none.

        It is the load itself, or else what measures it and no other load: a part of it, or whatever says so
        by its Power Topology (Matter Application Clusters 2.8).
        """
        if (load, *attribute) in self._node.values:
            return load
        for meter in self._parts:
            if meter in self.loads or (meter, *attribute) not in self._node.values:
                continue
            measured = self._measured(meter).intersection(self.loads)
            if measured == {load} or (not measured and load == self._holder(meter)):
                return meter
        return None

    def _measured(self, meter: int) -> frozenset[int]:
        """Return the endpoints that a meter says it measures."""
        features = self._node.whole(meter, TOPOLOGY_FEATURES) or 0
        if features & _SET:
            return self._node.numbers(meter, AVAILABLE_ENDPOINTS)
        if features & _NODE:
            device = self.device(meter)
            return self._below[device] | {device} if device else frozenset(self._parts)
        if features & _TREE:
            return self._below[meter] | {meter}
        return frozenset({meter})

    def _holder(self, endpoint: int) -> int | None:
        """Return the load that an endpoint is a part of, the nearest one."""
        around = [each for each in self.loads if endpoint in self._below[each]]
        return min(around, key=lambda each: len(self._below[each]), default=None)

    def _descendants(self, endpoint: int) -> frozenset[int]:
        """Return what is below an endpoint, whether all of it is listed there or level by level."""
        below: frozenset[int] = frozenset()
        level = self._parts.get(endpoint, frozenset())
        for _ in range(_DEEPEST):
            if level <= below:
                break
            below |= level
            level = frozenset().union(*(self._parts.get(each, frozenset()) for each in level))
        return below - {endpoint}
