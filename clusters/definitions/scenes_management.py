"""Scenes Management cluster as Matter 1.4.2 defines it."""

# ruff: noqa: D101, D106 - the names are the specification's, and it says what they mean

from enum import IntFlag

from matter_node.model import (
    Bool,
    Cluster,
    Int8,
    Int16,
    Int32,
    Int64,
    ListOf,
    Nullable,
    Struct,
    StructOf,
    UInt8,
    UInt16,
    UInt32,
    UInt64,
    Utf8,
    attribute,
    command,
    member,
    struct,
)


@struct
class SceneInfoStruct(Struct):
    scene_count: int = member(0, UInt8)
    current_scene: int = member(1, UInt8, fabric_sensitive=True)
    current_group: int = member(2, UInt16, fabric_sensitive=True)
    scene_valid: bool = member(3, Bool, fabric_sensitive=True)
    remaining_capacity: int = member(4, UInt8.between(maximum=253))
    fabric_index: int = member(0xFE, UInt8, default=0)


@struct
class AttributeValuePairStruct(Struct):
    attribute_id: int = member(0, UInt32)
    value_unsigned8: int | None = member(1, UInt8, optional=True, default=None)
    value_signed8: int | None = member(2, Int8, optional=True, default=None)
    value_unsigned16: int | None = member(3, UInt16, optional=True, default=None)
    value_signed16: int | None = member(4, Int16, optional=True, default=None)
    value_unsigned32: int | None = member(5, UInt32, optional=True, default=None)
    value_signed32: int | None = member(6, Int32, optional=True, default=None)
    value_unsigned64: int | None = member(7, UInt64, optional=True, default=None)
    value_signed64: int | None = member(8, Int64, optional=True, default=None)


@struct
class ExtensionFieldSetStruct(Struct):
    cluster_id: int = member(0, UInt32)
    attribute_value_list: tuple[AttributeValuePairStruct, ...] = member(
        1, ListOf(StructOf(AttributeValuePairStruct))
    )


@struct
class AddSceneRequest(Struct):
    group_id: int = member(0, UInt16)
    scene_id: int = member(1, UInt8)
    transition_time: int = member(2, UInt32)
    scene_name: str = member(3, Utf8())
    extension_field_set_structs: tuple[ExtensionFieldSetStruct, ...] = member(
        4, ListOf(StructOf(ExtensionFieldSetStruct))
    )


@struct
class AddSceneResponse(Struct):
    status: int = member(0, UInt8)
    group_id: int = member(1, UInt16)
    scene_id: int = member(2, UInt8.between(maximum=254))


@struct
class ViewSceneRequest(Struct):
    group_id: int = member(0, UInt16)
    scene_id: int = member(1, UInt8)


@struct
class ViewSceneResponse(Struct):
    status: int = member(0, UInt8)
    group_id: int = member(1, UInt16)
    scene_id: int = member(2, UInt8.between(maximum=254))
    transition_time: int | None = member(3, UInt32.between(maximum=60000000), optional=True, default=None)
    scene_name: str | None = member(4, Utf8(maximum=16), optional=True, default=None)
    extension_field_set_structs: tuple[ExtensionFieldSetStruct, ...] | None = member(
        5, ListOf(StructOf(ExtensionFieldSetStruct)), optional=True, default=None
    )


@struct
class RemoveSceneRequest(Struct):
    group_id: int = member(0, UInt16)
    scene_id: int = member(1, UInt8)


@struct
class RemoveSceneResponse(Struct):
    status: int = member(0, UInt8)
    group_id: int = member(1, UInt16)
    scene_id: int = member(2, UInt8.between(maximum=254))


@struct
class RemoveAllScenesRequest(Struct):
    group_id: int = member(0, UInt16)


@struct
class RemoveAllScenesResponse(Struct):
    status: int = member(0, UInt8)
    group_id: int = member(1, UInt16)


@struct
class StoreSceneRequest(Struct):
    group_id: int = member(0, UInt16)
    scene_id: int = member(1, UInt8)


@struct
class StoreSceneResponse(Struct):
    status: int = member(0, UInt8)
    group_id: int = member(1, UInt16)
    scene_id: int = member(2, UInt8.between(maximum=254))


@struct
class RecallSceneRequest(Struct):
    group_id: int = member(0, UInt16)
    scene_id: int = member(1, UInt8.between(maximum=254))
    transition_time: int | None = member(
        2, Nullable(UInt32.between(maximum=60000000)), optional=True, default=None
    )


@struct
class GetSceneMembershipRequest(Struct):
    group_id: int = member(0, UInt16)


@struct
class GetSceneMembershipResponse(Struct):
    status: int = member(0, UInt8)
    capacity: int | None = member(1, Nullable(UInt8))
    group_id: int = member(2, UInt16)
    scene_list: tuple[int, ...] | None = member(3, ListOf(UInt8), optional=True, default=None)


class CopyModeBitmap(IntFlag):
    COPY_ALL_SCENES = 1 << 0


@struct
class CopySceneRequest(Struct):
    mode: int = member(0, UInt8)
    group_identifier_from: int = member(1, UInt16)
    scene_identifier_from: int = member(2, UInt8)
    group_identifier_to: int = member(3, UInt16)
    scene_identifier_to: int = member(4, UInt8)


@struct
class CopySceneResponse(Struct):
    status: int = member(0, UInt8)
    group_identifier_from: int = member(1, UInt16)
    scene_identifier_from: int = member(2, UInt8.between(maximum=254))


class ScenesManagement(Cluster):
    """Scenes Management, cluster 0x0062."""

    ID = 0x0062
    REVISION = 1
    NAME = "ScenesManagement"
    PICS = "S"

    class Feature(IntFlag):
        SN = 1 << 0  # SceneNames

    scene_table_size = attribute(0x0001, UInt16, quality="F")
    fabric_scene_info = attribute(0x0002, ListOf(StructOf(SceneInfoStruct)), access="R F V")

    add_scene = command(0x00, AddSceneRequest, AddSceneResponse, response_id=0x00, access="F M")
    view_scene = command(0x01, ViewSceneRequest, ViewSceneResponse, response_id=0x01, access="F O")
    remove_scene = command(0x02, RemoveSceneRequest, RemoveSceneResponse, response_id=0x02, access="F M")
    remove_all_scenes = command(
        0x03, RemoveAllScenesRequest, RemoveAllScenesResponse, response_id=0x03, access="F M"
    )
    store_scene = command(0x04, StoreSceneRequest, StoreSceneResponse, response_id=0x04, access="F M")
    recall_scene = command(0x05, RecallSceneRequest, access="F O")
    get_scene_membership = command(
        0x06, GetSceneMembershipRequest, GetSceneMembershipResponse, response_id=0x06, access="F O"
    )
    copy_scene = command(
        0x40, CopySceneRequest, CopySceneResponse, response_id=0x40, access="F M", conformance="O"
    )
