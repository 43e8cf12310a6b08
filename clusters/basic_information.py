"""BasicInformation at work: the node's identity, its name, and the events of its life (Matter Core 11.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clusters.definitions.basic_information import (
    BasicInformation,
    CapabilityMinimaStruct,
    LeaveEvent,
    StartUpEvent,
)
from matter_node.ids import DATA_MODEL_REVISION, SPECIFICATION_VERSION

if TYPE_CHECKING:
    from matter_node.commissioning.device_info import DeviceInfo

UNKNOWN_COUNTRY = "XX"
_MAX_VERSION = 0xFFFF_FFFF


class BasicInformationServer(BasicInformation):
    """The node's BasicInformation.

    :param info: what never changes
    :param max_paths_per_invoke: how many commands one message may carry
    :param case_sessions_per_fabric: how many every fabric is sure of, 3 at least
    :param subscriptions_per_fabric: how many every fabric is sure of, 3 at least
    """

    OPTIONAL_EVENTS = frozenset({BasicInformation.shut_down, BasicInformation.leave})

    def __init__(
        self,
        info: DeviceInfo,
        *,
        max_paths_per_invoke: int = 1,
        case_sessions_per_fabric: int = 3,
        subscriptions_per_fabric: int = 3,
    ) -> None:
        optional: dict[str, Any] = {
            "manufacturing_date": info.manufacturing_date,
            "part_number": info.part_number,
            "product_url": info.product_url,
            "product_label": info.product_label,
            "serial_number": info.serial_number,
        }
        super().__init__(
            data_model_revision=DATA_MODEL_REVISION,
            vendor_name=info.vendor_name,
            vendor_id=info.vendor_id,
            product_name=info.product_name,
            product_id=info.product_id,
            location=UNKNOWN_COUNTRY,
            hardware_version=info.hardware_version,
            hardware_version_string=info.hardware_version_string,
            software_version=info.software_version,
            software_version_string=info.software_version_string,
            unique_id=info.unique_id,
            capability_minima=CapabilityMinimaStruct(
                case_sessions_per_fabric=case_sessions_per_fabric,
                subscriptions_per_fabric=subscriptions_per_fabric,
            ),
            specification_version=SPECIFICATION_VERSION,
            max_paths_per_invoke=max_paths_per_invoke,
            **{name: value for name, value in optional.items() if value is not None},
        )

    def configuration_changed(self) -> None:
        """Count a change of what the node consists of: endpoints or functions that came or went."""
        if self.has(BasicInformation.configuration_version):
            self.configuration_version = self.configuration_version % _MAX_VERSION + 1

    def record_start_up(self) -> None:
        """Report that the node runs; once at each start."""
        self.emit(BasicInformation.start_up, StartUpEvent(software_version=self.software_version))

    def record_shut_down(self) -> None:
        """Report that the node is about to stop in good order."""
        self.emit(BasicInformation.shut_down)

    def record_leave(self, fabric_index: int) -> None:
        """Report that the node is about to leave a fabric."""
        self.emit(BasicInformation.leave, LeaveEvent(fabric_index=fabric_index))
