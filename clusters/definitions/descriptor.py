"""Descriptor cluster as Matter 1.4.2 defines it."""

# ruff: noqa: D101, D106 - the names are the specification's, and it says what they mean

from enum import IntFlag

from clusters.definitions.common import SemanticTagStruct
from matter_node.model import (
    Cluster,
    ListOf,
    Struct,
    StructOf,
    UInt16,
    UInt32,
    Utf8,
    attribute,
    member,
    struct,
)


@struct
class DeviceTypeStruct(Struct):
    device_type: int = member(0, UInt32)
    revision: int = member(1, UInt16.between(1))


class Descriptor(Cluster):
    """Descriptor, cluster 0x001d."""

    ID = 0x001D
    REVISION = 3
    NAME = "Descriptor"
    PICS = "DESC"

    class Feature(IntFlag):
        TAGLIST = 1 << 0  # TagList

    device_type_list = attribute(0x0000, ListOf(StructOf(DeviceTypeStruct), minimum=1), quality="F")
    server_list = attribute(0x0001, ListOf(UInt32), quality="F")
    client_list = attribute(0x0002, ListOf(UInt32), quality="F")
    parts_list = attribute(0x0003, ListOf(UInt16))
    tag_list = attribute(
        0x0004, ListOf(StructOf(SemanticTagStruct), minimum=1, maximum=6), quality="F", conformance="TAGLIST"
    )
    endpoint_unique_id = attribute(0x0005, Utf8(maximum=32), quality="F", conformance="O")
