"""A node with one On/Off plug: its relay, its groups and its scenes, asked as controllers ask."""

import asyncio

from clusters.definitions.groups import (
    AddGroupRequest,
    GetGroupMembershipRequest,
    RemoveGroupRequest,
    ViewGroupRequest,
)
from clusters.definitions.on_off import (
    OnOffControlBitmap,
    OnWithTimedOffRequest,
)
from clusters.definitions.scenes_management import (
    AddSceneRequest,
    ExtensionFieldSetStruct,
    RecallSceneRequest,
    StoreSceneRequest,
    ViewSceneRequest,
)
from clusters.group_key_management import GroupKeyManagementServer
from clusters.groups import Grouping, GroupsServer
from clusters.identify import IdentifyEffectServer
from clusters.on_off import OnOffServer
from clusters.scenes_management import ScenesManagementServer
from matter_node.commissioning.commissioning import Commissioning
from matter_node.commissioning.group_table import GroupTable
from matter_node.model import Context, DeviceType, Endpoint, NodeTree
from matter_node.status import Status, StatusError
from matter_node.storage import MemoryStorage
from matter_node.subject import AuthMode, Subject

FIRST, SECOND = (Context(Subject(AuthMode.CASE, fabric, 5), None) for fabric in (1, 2))

PLUG = 7
ON_OFF = 0x0006


class Relay:
    """A relay that obeys, unless it is stuck."""

    def __init__(self):
        self.moves = []
        self.stuck = False

    async def switch(self, on):
        if self.stuck:
            raise StatusError(Status.FAILURE, "stuck")
        await asyncio.sleep(0)
        self.moves.append(on)


class Plug:
    """A node with one plug, whose groups 1 to 4 have keys on both fabrics.

    :param more: clusters that its endpoint has besides
    """

    def __init__(self, make_node, storage=None, *, capacity=3, relay=None, more=()):
        self.make_node = make_node
        self.storage = storage or MemoryStorage()
        plain = make_node(self.storage)
        self.clock, self.entropy = plain.clock, plain.entropy
        self.relay = relay or Relay()
        self.blinks = []
        self.table = GroupTable(self.storage, capacity=capacity)
        state = Commissioning.restore(self.storage, self.clock, self.entropy, plain.sessions, max_fabrics=5)
        self.keys = state.group_keys
        self.management = GroupKeyManagementServer(self.keys, self.storage, self.table)
        self.identify = IdentifyEffectServer(self.blinks.append)
        self.groups = GroupsServer(Grouping(self.table, self.keys))
        self.scenes = ScenesManagementServer(self.table, size=16)
        self.on_off = OnOffServer(self.relay)
        self.tree = NodeTree(self.storage, self.clock, self.entropy)
        root = Endpoint(0, [DeviceType(0x16, 3)], [self.management])
        self.endpoint = Endpoint(
            PLUG,
            [DeviceType(0x10A, 4)],
            [self.identify, self.groups, self.scenes, self.on_off, *more],
            parent=root,
        )
        self.tree.add(root, self.endpoint)
        self.keys.map((fabric, group, 1) for fabric in (1, 2) for group in (1, 2, 3, 4))

    def restarted(self):
        return Plug(self.make_node, self.storage)

    def add(self, group, name="Kitchen", context=FIRST):
        request = AddGroupRequest(group_id=group, group_name=name)
        return Status(self.groups.handle_add_group(context, request).status)

    def view(self, group, context=FIRST):
        response = self.groups.handle_view_group(context, ViewGroupRequest(group_id=group))
        return Status(response.status), response.group_name

    def leave(self, group, context=FIRST):
        return Status(self.groups.handle_remove_group(context, RemoveGroupRequest(group_id=group)).status)

    def membership(self, *groups, context=FIRST):
        request = GetGroupMembershipRequest(group_list=groups)
        response = self.groups.handle_get_group_membership(context, request)
        return response.capacity, response.group_list

    def store(self, group, scene, context=FIRST):
        request = StoreSceneRequest(group_id=group, scene_id=scene)
        return Status(self.scenes.handle_store_scene(context, request).status)

    async def recall(self, group, scene, context=FIRST):
        try:
            await self.scenes.handle_recall_scene(context, RecallSceneRequest(group_id=group, scene_id=scene))
        except StatusError as error:
            return error.status
        return Status.SUCCESS

    def add_scene(self, group, scene, *values, name="Night", transition=0, cluster=ON_OFF):
        fields = ExtensionFieldSetStruct(cluster_id=cluster, attribute_value_list=values)
        request = AddSceneRequest(
            group_id=group,
            scene_id=scene,
            transition_time=transition,
            scene_name=name,
            extension_field_set_structs=(fields,) if values else (),
        )
        return Status(self.scenes.handle_add_scene(FIRST, request).status)

    def view_scene(self, group, scene, context=FIRST):
        return self.scenes.handle_view_scene(context, ViewSceneRequest(group_id=group, scene_id=scene))

    def info(self, context=FIRST):
        infos = self.scenes.read_fabric_scene_info(context)
        (own,) = [info for info in infos if info.fabric_index == context.fabric_index]
        return own

    async def timed(self, on_time, wait=0, *, only_when_on=False):
        control = OnOffControlBitmap.ACCEPT_ONLY_WHEN_ON if only_when_on else OnOffControlBitmap(0)
        request = OnWithTimedOffRequest(on_off_control=control, on_time=on_time, off_wait_time=wait)
        await self.on_off.handle_on_with_timed_off(FIRST, request)

    @property
    def times(self):
        return self.on_off.read_on_time(FIRST), self.on_off.read_off_wait_time(FIRST)
