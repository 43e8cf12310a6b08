"""Energy Evse Mode cluster as Matter 1.4.2 defines it."""

# ruff: noqa: D101 - the names are the specification's, and it says what they mean

from clusters.definitions.common import ModeChangeStatus, ModeOptionStruct
from matter_node.model import (
    Cluster,
    Enum,
    ListOf,
    Struct,
    StructOf,
    UInt8,
    Utf8,
    attribute,
    command,
    member,
    struct,
)


@struct
class ChangeToModeRequest(Struct):
    new_mode: int = member(0, UInt8)


@struct
class ChangeToModeResponse(Struct):
    status: ModeChangeStatus = member(0, Enum(ModeChangeStatus))
    status_text: str | None = member(1, Utf8(maximum=64), optional=True, default=None)


class EnergyEvseMode(Cluster):
    """Energy Evse Mode, cluster 0x009d."""

    ID = 0x009D
    REVISION = 2
    NAME = "EnergyEvseMode"
    PICS = "EEVSEM"

    supported_modes = attribute(
        0x0000, ListOf(StructOf(ModeOptionStruct), minimum=2, maximum=255), quality="F"
    )
    current_mode = attribute(0x0001, UInt8, quality="N")

    change_to_mode = command(0x00, ChangeToModeRequest, ChangeToModeResponse, response_id=0x01)
