"""State and counters of the wired link: the Ethernet Network Diagnostics cluster (Matter Core 11.16)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.definitions.ethernet_network_diagnostics import EthernetNetworkDiagnostics, PHYRateEnum
from matter_node import host

if TYPE_CHECKING:
    from matter_node.host import Link
    from matter_node.model import Context

_RATES = {
    10: PHYRateEnum.RATE_10M,
    100: PHYRateEnum.RATE_100M,
    1_000: PHYRateEnum.RATE_1G,
    2_500: PHYRateEnum.RATE_25G,
    5_000: PHYRateEnum.RATE_5G,
    10_000: PHYRateEnum.RATE_10G,
    40_000: PHYRateEnum.RATE_40G,
    100_000: PHYRateEnum.RATE_100G,
    200_000: PHYRateEnum.RATE_200G,
    400_000: PHYRateEnum.RATE_400G,
}


class EthernetNetworkDiagnosticsServer(EthernetNetworkDiagnostics):
    """Reads the kernel's counters of one interface.

    :param interface: its name, such as ``eth0``
    """

    def __init__(self, interface: str) -> None:
        feature = EthernetNetworkDiagnostics.Feature
        super().__init__(features=feature.PKTCNT | feature.ERRCNT)
        self._interface = interface
        self._base = host.Link(None, None, None)
        self._reset_at = 0.0

    def attached(self) -> None:
        """Start the time since the last reset."""
        self._reset_at = self._now()

    def follow(self, interface: str) -> None:
        """Read another interface's counters; they count from zero."""
        if interface != self._interface:
            self._interface = interface
            self.handle_reset_counts(None)

    def read_phy_rate(self, _: Context) -> PHYRateEnum | None:
        """Negotiated rate, None where the driver does not tell."""
        return _RATES.get(self._link().speed_mbps or 0)

    def read_full_duplex(self, _: Context) -> bool | None:
        """Whether both sides may send at once, None where the driver does not tell."""
        return self._link().full_duplex

    def read_packet_rx_count(self, _: Context) -> int:
        """Packets received since the last reset."""
        return self._since_reset("packets_received")

    def read_packet_tx_count(self, _: Context) -> int:
        """Packets sent since the last reset."""
        return self._since_reset("packets_sent")

    def read_tx_err_count(self, _: Context) -> int:
        """Packets that failed to be sent since the last reset."""
        return self._since_reset("send_errors")

    def read_collision_count(self, _: Context) -> int:
        """Collisions since the last reset."""
        return self._since_reset("collisions")

    def read_overrun_count(self, _: Context) -> int:
        """Packets lost for want of room since the last reset."""
        return self._since_reset("overruns")

    def read_carrier_detect(self, _: Context) -> bool | None:
        """Whether the link is up, None where the driver does not tell."""
        return self._link().carrier

    def read_time_since_reset(self, _: Context) -> int:
        """Minutes since the last reset of the counters."""
        return int((self._now() - self._reset_at) / 60)

    def handle_reset_counts(self, _: Context | None) -> None:
        """Count from zero again; the kernel's own counters go on."""
        self._base = self._link()
        self._reset_at = self._now()

    def _since_reset(self, counter: str) -> int:
        """Return what a counter of the kernel's has grown by; one that began anew is all growth."""
        now: int = getattr(self._link(), counter)
        base: int = getattr(self._base, counter)
        return now - base if now >= base else now

    def _link(self) -> Link:
        return host.link(self._interface)

    def _now(self) -> float:
        endpoint = self.endpoint
        return endpoint.tree.clock.monotonic() if endpoint is not None and endpoint.tree is not None else 0.0
