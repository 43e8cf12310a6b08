"""Remembered states of an endpoint: the ScenesManagement cluster (Matter Application Clusters 1.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from clusters.definitions.scenes_management import (
    AddSceneRequest,
    AddSceneResponse,
    AttributeValuePairStruct,
    CopyModeBitmap,
    CopySceneRequest,
    CopySceneResponse,
    ExtensionFieldSetStruct,
    GetSceneMembershipRequest,
    GetSceneMembershipResponse,
    RecallSceneRequest,
    RemoveAllScenesRequest,
    RemoveAllScenesResponse,
    RemoveSceneRequest,
    RemoveSceneResponse,
    SceneInfoStruct,
    ScenesManagement,
    StoreSceneRequest,
    StoreSceneResponse,
    ViewSceneRequest,
    ViewSceneResponse,
)
from clusters.scene_table import Scene, SceneTable, SceneTableFullError
from matter_node.status import Status, StatusError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matter_node.commissioning.group_table import GroupTable
    from matter_node.model import Attribute, Context, Endpoint

TABLE_SIZE = 64
"""Scenes of an endpoint, of all fabrics together; at least 16."""
GLOBAL_SCENE = (0, 0)
"""Group and scene of what OffWithEffect stores and OnWithRecallGlobalScene recalls."""
_LAST_SCENE = 254
_NO_SCENE = 255
_LONGEST_TRANSITION = 60_000_000
_LONGEST_NAME = 16

Values = tuple[AttributeValuePairStruct, ...]


@runtime_checkable
class Sceneable(Protocol):
    """A cluster server whose attributes scenes remember."""

    ID: int

    def scene_values(self) -> Values:
        """Return what a scene remembers of the present."""

    def fit_scene_values(self, values: Sequence[AttributeValuePairStruct]) -> Values:
        """Return values of a client as they can be recalled.

        :raises StatusError: INVALID_COMMAND: an attribute is not part of scenes, or a value not its type
        """

    async def recall_scene_values(self, values: Values, context: Context) -> None:
        """Bring the values into force. Raise StatusError."""


class ScenesManagementServer(ScenesManagement):
    """The scenes of one endpoint.

    A scene takes effect at once, whatever its transition time: what it is of is on or off, or a level that is
    a setting rather than a brightness.

    :param groups: scenes belong to groups that the endpoint is in, or to none
    """

    def __init__(self, groups: GroupTable, *, size: int = TABLE_SIZE) -> None:
        super().__init__(features=ScenesManagement.Feature.SN, scene_table_size=size)
        self._groups = groups
        self._table: SceneTable | None = None
        self._current: dict[int, Scene] = {}
        """The scene that was stored or recalled last, by fabric."""
        self._valid: int | None = None
        """The fabric whose current scene is what the endpoint shows."""
        self._recalling = False

    # ------------------------------------------------------------------ life

    def attached(self) -> None:
        """Take up the stored scenes."""
        assert self.endpoint is not None
        assert self.endpoint.tree is not None
        storage = self.endpoint.tree.storage
        self._table = SceneTable(storage, f"scene/{self.endpoint.number}/", self.scene_table_size)

    def forgotten(self) -> None:
        """Delete all scenes."""
        for fabric_index in self.table.fabrics():
            self.table.remove(self.table.of(fabric_index))

    def fabric_removed(self, fabric_index: int) -> None:
        """Delete the fabric's scenes."""
        self._current.pop(fabric_index, None)
        if self._valid == fabric_index:
            self._valid = None
        self.forget(fabric_index, None)

    @property
    def table(self) -> SceneTable:
        """The scenes."""
        assert self._table is not None, "the endpoint is on no node"
        return self._table

    def forget(self, fabric_index: int, group_id: int | None) -> None:
        """Delete a fabric's scenes of a group, or all of them."""
        self._remove(fabric_index, self.table.of(fabric_index, group_id))

    def invalidate(self) -> None:
        """Note that the endpoint is not as a scene left it any more."""
        if self._valid is not None and not self._recalling:
            self._valid = None
            self._info_changed()

    def read_fabric_scene_info(self, context: Context) -> tuple[SceneInfoStruct, ...]:
        """Return what there is for each fabric that has scenes, and for the reader's."""
        fabrics = {*self.table.fabrics(), *self._current}
        if context.fabric_index:
            fabrics.add(context.fabric_index)
        return tuple(self._info(fabric_index) for fabric_index in sorted(fabrics))

    # ------------------------------------------------------------------ commands

    def handle_add_scene(self, context: Context, request: AddSceneRequest) -> AddSceneResponse:
        """Add a scene of a client's making, or replace one."""
        status = self._judge(context, request.group_id, request.scene_id)
        if status is Status.SUCCESS:
            status = self._add(context.fabric_index, request)
        return AddSceneResponse(status=status, group_id=request.group_id, scene_id=request.scene_id)

    def handle_view_scene(self, context: Context, request: ViewSceneRequest) -> ViewSceneResponse:
        """Return a scene."""
        group_id, scene_id = request.group_id, request.scene_id
        status, scene = self._find(context, group_id, scene_id)
        if scene is None:
            return ViewSceneResponse(status=status, group_id=group_id, scene_id=scene_id)
        return ViewSceneResponse(
            status=status,
            group_id=group_id,
            scene_id=scene_id,
            transition_time=scene.transition_time,
            scene_name=scene.name,
            extension_field_set_structs=scene.fields,
        )

    def handle_remove_scene(self, context: Context, request: RemoveSceneRequest) -> RemoveSceneResponse:
        """Delete a scene."""
        status, scene = self._find(context, request.group_id, request.scene_id)
        if scene is not None:
            self._remove(context.fabric_index, (scene,))
        return RemoveSceneResponse(status=status, group_id=request.group_id, scene_id=request.scene_id)

    def handle_remove_all_scenes(
        self, context: Context, request: RemoveAllScenesRequest
    ) -> RemoveAllScenesResponse:
        """Delete all scenes of a group."""
        status = self._judge(context, request.group_id)
        if status is Status.SUCCESS:
            self.forget(context.fabric_index, request.group_id)
        return RemoveAllScenesResponse(status=status, group_id=request.group_id)

    def handle_store_scene(self, context: Context, request: StoreSceneRequest) -> StoreSceneResponse:
        """Remember how the endpoint is now."""
        group_id, scene_id = request.group_id, request.scene_id
        status = self._judge(context, group_id, scene_id)
        if status is Status.SUCCESS:
            status = self._store(context.fabric_index, group_id, scene_id)
        return StoreSceneResponse(status=status, group_id=group_id, scene_id=scene_id)

    async def handle_recall_scene(self, context: Context, request: RecallSceneRequest) -> None:
        """Make the endpoint as a scene remembers it."""
        status, scene = self._find(context, request.group_id, request.scene_id)
        if scene is None:
            raise StatusError(status, f"no scene {request.scene_id} in group {request.group_id}")
        await self._recall(scene, context)

    def handle_get_scene_membership(
        self, context: Context, request: GetSceneMembershipRequest
    ) -> GetSceneMembershipResponse:
        """Return the ids of a group's scenes."""
        group_id = request.group_id
        status = self._judge(context, group_id)
        if status is not Status.SUCCESS:
            return GetSceneMembershipResponse(status=status, capacity=None, group_id=group_id)
        return GetSceneMembershipResponse(
            status=status,
            capacity=self.table.left(context.fabric_index),
            group_id=group_id,
            scene_list=tuple(scene.id for scene in self.table.of(context.fabric_index, group_id)),
        )

    def handle_copy_scene(self, context: Context, request: CopySceneRequest) -> CopySceneResponse:
        """Copy a scene, or all scenes of a group."""
        return CopySceneResponse(
            status=self._copy(context, request),
            group_identifier_from=request.group_identifier_from,
            scene_identifier_from=request.scene_identifier_from,
        )

    # ------------------------------------------------------------------ the global scene

    def store_global_scene(self, fabric_index: int) -> None:
        """Remember how the endpoint is now, for OnWithRecallGlobalScene."""
        self._store(fabric_index, *GLOBAL_SCENE)

    async def recall_global_scene(self, context: Context) -> None:
        """Make the endpoint as it was when its fabric's global scene was stored."""
        scene = self.table.get(context.fabric_index, *GLOBAL_SCENE)
        if scene is not None:
            await self._recall(scene, context)

    # ------------------------------------------------------------------ inside

    def _judge(self, context: Context, group_id: int, scene_id: int = 0) -> Status:
        """Judge what a command names (1.4.9): a scene id that can be, and a group that the endpoint is in."""
        assert self.endpoint is not None
        if scene_id > _LAST_SCENE:
            return Status.CONSTRAINT_ERROR
        index, number = context.fabric_index, self.endpoint.number
        if group_id and self._groups.find(index, group_id, number) is None:
            return Status.INVALID_COMMAND
        return Status.SUCCESS

    def _find(self, context: Context, group_id: int, scene_id: int) -> tuple[Status, Scene | None]:
        status = self._judge(context, group_id, scene_id)
        if status is not Status.SUCCESS:
            return status, None
        scene = self.table.get(context.fabric_index, group_id, scene_id)
        return (Status.NOT_FOUND, None) if scene is None else (status, scene)

    def _add(self, fabric_index: int, request: AddSceneRequest) -> Status:
        name, transition = request.scene_name, request.transition_time
        if transition > _LONGEST_TRANSITION or len(name.encode()) > _LONGEST_NAME:
            return Status.CONSTRAINT_ERROR
        fields: dict[int, ExtensionFieldSetStruct] = {}
        try:
            for each in request.extension_field_set_structs:
                cluster = self._sceneable.get(each.cluster_id)
                if cluster is not None:  # what the endpoint has not is left out (1.4.9.2)
                    values = cluster.fit_scene_values(each.attribute_value_list)
                    fields[each.cluster_id] = _fields(each.cluster_id, values)
        except StatusError as error:
            return error.status
        scene = Scene(
            fabric_index, request.group_id, request.scene_id, name, transition, tuple(fields.values())
        )
        return self._put(scene)

    def _store(self, fabric_index: int, group_id: int, scene_id: int) -> Status:
        before = self.table.get(fabric_index, group_id, scene_id)
        name, transition = ("", 0) if before is None else (before.name, before.transition_time)
        fields = tuple(_fields(id_, cluster.scene_values()) for id_, cluster in self._sceneable.items())
        scene = Scene(fabric_index, group_id, scene_id, name, transition, fields)
        status = self._put(scene)
        if status is Status.SUCCESS:
            self._show(scene)
        return status

    async def _recall(self, scene: Scene, context: Context) -> None:
        self._recalling = True
        try:
            # A level goes before the switch, so that what is off comes on with the scene's level.
            for each in sorted(scene.fields, key=lambda field: field.cluster_id, reverse=True):
                cluster = self._sceneable.get(each.cluster_id)
                if cluster is not None:
                    await cluster.recall_scene_values(each.attribute_value_list, context)
        finally:
            self._recalling = False
        self._show(scene)

    def _copy(self, context: Context, request: CopySceneRequest) -> Status:
        everything = bool(request.mode & CopyModeBitmap.COPY_ALL_SCENES)
        wanted = (
            (request.group_identifier_from, 0 if everything else request.scene_identifier_from),
            (request.group_identifier_to, 0 if everything else request.scene_identifier_to),
        )
        for group_id, scene_id in wanted:
            status = self._judge(context, group_id, scene_id)
            if status is not Status.SUCCESS:
                return status
        group_from, group_to = request.group_identifier_from, request.group_identifier_to
        if everything:
            sources = self.table.of(context.fabric_index, group_from)
        else:
            found = self.table.get(context.fabric_index, group_from, request.scene_identifier_from)
            if found is None:
                return Status.NOT_FOUND
            sources = (found,)
        copies = [
            Scene(
                scene.fabric_index,
                group_to,
                scene.id if everything else request.scene_identifier_to,
                scene.name,
                scene.transition_time,
                scene.fields,
            )
            for scene in sources
        ]
        return self._put(*copies)

    def _put(self, *scenes: Scene) -> Status:
        """Put scenes into the table; one that takes the place of what the endpoint shows ends that."""
        try:
            self.table.put(*scenes)
        except SceneTableFullError:
            return Status.RESOURCE_EXHAUSTED
        if self._valid is not None and any(scene.key == self._current[self._valid].key for scene in scenes):
            self._valid = None
        self._info_changed()
        return Status.SUCCESS

    def _remove(self, fabric_index: int, scenes: tuple[Scene, ...]) -> None:
        current = self._current.get(fabric_index)
        self.table.remove(scenes)
        if self._valid == fabric_index and current is not None and current.key in {s.key for s in scenes}:
            self._valid = None
        self._info_changed()

    def _show(self, scene: Scene) -> None:
        self._current[scene.fabric_index] = scene
        self._valid = scene.fabric_index
        self._info_changed()

    def _info(self, fabric_index: int) -> SceneInfoStruct:
        current = self._current.get(fabric_index)
        return SceneInfoStruct(
            scene_count=len(self.table.of(fabric_index)),
            current_scene=_NO_SCENE if current is None else current.id,
            current_group=0 if current is None else current.group_id,
            scene_valid=self._valid == fabric_index,
            remaining_capacity=self.table.left(fabric_index),
            fabric_index=fabric_index,
        )

    def _info_changed(self) -> None:
        self.changed(ScenesManagement.fabric_scene_info)

    @property
    def _sceneable(self) -> dict[int, Sceneable]:
        assert self.endpoint is not None
        return {id_: each for id_, each in self.endpoint.clusters.items() if isinstance(each, Sceneable)}


def scenes_of(endpoint: Endpoint | None) -> ScenesManagementServer | None:
    """Return the scenes of an endpoint, None if it has none."""
    found = None if endpoint is None else endpoint.clusters.get(ScenesManagementServer.ID)
    return found if isinstance(found, ScenesManagementServer) else None


def scene_bytes(values: Sequence[AttributeValuePairStruct], attribute: Attribute[Any]) -> tuple[int, ...]:
    """Return what a client's scene holds of a cluster's only sceneable attribute, an unsigned byte.

    :raises StatusError: INVALID_COMMAND: another attribute, or another type
    """
    found = []
    for pair in values:
        value = pair.value_unsigned8
        if value is None or pair != AttributeValuePairStruct(
            attribute_id=attribute.id, value_unsigned8=value
        ):
            raise StatusError(Status.INVALID_COMMAND, f"a scene holds {attribute.name}, as an unsigned byte")
        found.append(value)
    return tuple(found)


def _fields(cluster_id: int, values: Values) -> ExtensionFieldSetStruct:
    return ExtensionFieldSetStruct(cluster_id=cluster_id, attribute_value_list=values)
