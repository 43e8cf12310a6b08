"""Commissioning windows on mDNS: what is told of the product while one is open (Matter Core 4.3.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matter_node.transport.mdns import CommissionableRecord

if TYPE_CHECKING:
    from matter_node.commissioning.device_info import DeviceInfo
    from matter_node.commissioning.window import CommissioningMode
    from matter_node.transport.mdns import Advertiser

_MAX_NAME = 32
_PAIRING_HINT_POWER_CYCLE = 1
"""A window that timed out opens again when the node starts."""


class MdnsAnnouncer:
    """`CommissionableAnnouncer` on the node's mDNS advertiser."""

    def __init__(self, advertiser: Advertiser, info: DeviceInfo) -> None:
        self._advertiser = advertiser
        self._info = info

    def announce(self, discriminator: int, mode: CommissioningMode) -> None:
        """Announce a commissionable node under a new random instance name."""
        info = self._info
        name = info.product_name.encode()[:_MAX_NAME].decode(errors="ignore")
        self._advertiser.set_commissionable(
            CommissionableRecord(
                discriminator=discriminator,
                mode=int(mode),
                vendor_id=info.vendor_id,
                product_id=info.product_id,
                device_type=info.device_type,
                device_name=name,
                pairing_hint=_PAIRING_HINT_POWER_CYCLE,
            )
        )

    def withdraw(self) -> None:
        """Announce none."""
        self._advertiser.set_commissionable(None)
