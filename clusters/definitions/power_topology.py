"""Power Topology cluster as Matter 1.4.2 defines it."""

# ruff: noqa: D106 - the names are the specification's, and it says what they mean

from enum import IntFlag

from matter_node.model import Cluster, ListOf, UInt16, attribute


class PowerTopology(Cluster):
    """Power Topology, cluster 0x009c."""

    ID = 0x009C
    REVISION = 1
    NAME = "PowerTopology"
    PICS = "PWRTL"

    class Feature(IntFlag):
        NODE = 1 << 0  # NodeTopology
        TREE = 1 << 1  # TreeTopology
        SET = 1 << 2  # SetTopology
        DYPF = 1 << 3  # DynamicPowerFlow

    available_endpoints = attribute(0x0000, ListOf(UInt16, maximum=20), quality="F", conformance="SET")
    active_endpoints = attribute(0x0001, ListOf(UInt16, maximum=20), quality="N", conformance="DYPF")
