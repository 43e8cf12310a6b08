"""Ethernet Network Diagnostics cluster as Matter 1.4.2 defines it."""

# ruff: noqa: D101, D106 - the names are the specification's, and it says what they mean

from enum import IntEnum, IntFlag

from matter_node.model import Bool, Cluster, Enum, Nullable, UInt64, attribute, command


class PHYRateEnum(IntEnum):
    RATE_10M = 0
    RATE_100M = 1
    RATE_1G = 2
    RATE_25G = 3
    RATE_5G = 4
    RATE_10G = 5
    RATE_40G = 6
    RATE_100G = 7
    RATE_200G = 8
    RATE_400G = 9


class EthernetNetworkDiagnostics(Cluster):
    """Ethernet Network Diagnostics, cluster 0x0037."""

    ID = 0x0037
    REVISION = 1
    NAME = "EthernetNetworkDiagnostics"
    PICS = "DGETH"

    class Feature(IntFlag):
        PKTCNT = 1 << 0  # PacketCounts
        ERRCNT = 1 << 1  # ErrorCounts

    phy_rate = attribute(0x0000, Nullable(Enum(PHYRateEnum)), conformance="O")
    full_duplex = attribute(0x0001, Nullable(Bool), conformance="O")
    packet_rx_count = attribute(0x0002, UInt64, quality="C", conformance="PKTCNT")
    packet_tx_count = attribute(0x0003, UInt64, quality="C", conformance="PKTCNT")
    tx_err_count = attribute(0x0004, UInt64, quality="C", conformance="ERRCNT")
    collision_count = attribute(0x0005, UInt64, quality="C", conformance="ERRCNT")
    overrun_count = attribute(0x0006, UInt64, quality="C", conformance="ERRCNT")
    carrier_detect = attribute(0x0007, Nullable(Bool), quality="C", conformance="O")
    time_since_reset = attribute(0x0008, UInt64, quality="C", conformance="O")

    reset_counts = command(0x00, access="M", conformance="PKTCNT | ERRCNT")
