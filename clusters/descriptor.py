"""What an endpoint is and is made of: the Descriptor cluster (Matter Core 9.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.definitions.common import SemanticTagStruct
from clusters.definitions.descriptor import Descriptor, DeviceTypeStruct

if TYPE_CHECKING:
    from matter_node.model import Endpoint


class DescriptorServer(Descriptor):
    """Says what its endpoint says of itself; there is nothing to set.

    :param tagged: the endpoint has semantic tags
    """

    def __init__(self, *, tagged: bool = False) -> None:
        super().__init__(features=Descriptor.Feature.TAGLIST if tagged else 0)

    def attached(self) -> None:
        """Take the fixed lists from the endpoint."""
        endpoint = self._endpoint
        if bool(endpoint.tags) != self.has(Descriptor.tag_list):
            raise ValueError(f"{endpoint}: semantic tags and the TAGLIST feature come together")
        self.restore(
            Descriptor.device_type_list.id,
            tuple(
                DeviceTypeStruct(device_type=kind.id, revision=kind.revision)
                for kind in endpoint.device_types
            ),
        )
        self.restore(Descriptor.server_list.id, tuple(endpoint.clusters))
        self.restore(Descriptor.parts_list.id, self._parts())
        if endpoint.tags:
            self.restore(
                Descriptor.tag_list.id,
                tuple(
                    SemanticTagStruct(
                        mfg_code=tag.vendor_id, namespace_id=tag.namespace, tag=tag.tag, label=tag.label
                    )
                    for tag in endpoint.tags
                ),
            )

    def tree_changed(self) -> None:
        """List the parts anew."""
        self.parts_list = self._parts()

    def _parts(self) -> tuple[int, ...]:
        """Return the root's parts, all other endpoints, or what is below this endpoint."""
        endpoint = self._endpoint
        if endpoint.number == 0 and endpoint.tree is not None:
            return tuple(number for number in endpoint.tree.endpoints if number != 0)
        return tuple(sorted(part.number for part in endpoint.descendants()))

    @property
    def _endpoint(self) -> Endpoint:
        if self.endpoint is None:
            raise RuntimeError("a descriptor describes an endpoint")
        return self.endpoint
