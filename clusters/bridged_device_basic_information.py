"""Who a bridged device is: the Bridged Device Basic Information cluster (Matter Core 9.13)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clusters.definitions.bridged_device_basic_information import (
    BridgedDeviceBasicInformation,
    ReachableChangedEvent,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from matter_node.model import Context


class BridgedDeviceBasicInformationServer(BridgedDeviceBasicInformation):
    """Identity, name and reachability of a bridged device.

    :param unique_id: opaque, at most 32 characters, the same for the life of the device on this bridge
    :param reachable: whether the device answers now
    :param node_label: its name until a controller writes another one, which is kept
    :param renamed: told the new name when a controller writes one
    :param identity: further attributes by name, such as ``vendor_name`` and ``serial_number``
    """

    KEPT = frozenset({"configuration_version"})

    def __init__(
        self,
        *,
        unique_id: str,
        reachable: bool = False,
        node_label: str = "",
        renamed: Callable[[str], None] | None = None,
        **identity: Any,
    ) -> None:
        super().__init__(unique_id=unique_id, reachable=reachable, node_label=node_label, **identity)
        self._renamed = renamed

    def set_reachable(self, reachable: bool) -> None:  # noqa: FBT001 - it reads as what it sets
        """Say whether the device answers; a change is an event too."""
        if reachable == self.reachable:
            return
        self.reachable = reachable
        self.emit(self.reachable_changed, ReachableChangedEvent(reachable_new_value=reachable))

    def configuration_changed(self) -> None:
        """Say that functions of the device came or went, if the instance counts that."""
        if self.has(BridgedDeviceBasicInformation.configuration_version):
            self.configuration_version = self.configuration_version % 0xFFFF_FFFF + 1

    def write_node_label(self, _: Context, value: str) -> None:
        """Take a new name from a controller."""
        self.node_label = value
        if self._renamed is not None:
            self._renamed(value)
