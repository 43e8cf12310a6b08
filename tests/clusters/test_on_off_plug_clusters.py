"""OnOff, Groups and ScenesManagement together, as a plug has them: what controllers ask, what they get."""

import asyncio
from dataclasses import replace

import pytest

from clusters.definitions.groups import (
    AddGroupIfIdentifyingRequest,
    AddGroupRequest,
    GetGroupMembershipRequest,
    RemoveGroupRequest,
    ViewGroupRequest,
)
from clusters.definitions.identify import (
    EffectIdentifierEnum,
    EffectVariantEnum,
    IdentifyRequest,
    TriggerEffectRequest,
)
from clusters.definitions.on_off import (
    EffectIdentifierEnum as OffEffect,
)
from clusters.definitions.on_off import (
    OffWithEffectRequest,
    OnOffControlBitmap,
    OnWithTimedOffRequest,
)
from clusters.definitions.scenes_management import (
    AddSceneRequest,
    AttributeValuePairStruct,
    CopyModeBitmap,
    CopySceneRequest,
    ExtensionFieldSetStruct,
    GetSceneMembershipRequest,
    RecallSceneRequest,
    RemoveAllScenesRequest,
    RemoveSceneRequest,
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
    """A node with one plug, whose groups 1 to 4 have keys on both fabrics."""

    def __init__(self, make_node, storage=None, *, capacity=3):
        self.make_node = make_node
        self.storage = storage or MemoryStorage()
        plain = make_node(self.storage)
        self.clock, self.entropy = plain.clock, plain.entropy
        self.relay = Relay()
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
            [self.identify, self.groups, self.scenes, self.on_off],
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


@pytest.fixture
def plug(make_node):
    return Plug(make_node)


def on(value=1):
    return AttributeValuePairStruct(attribute_id=0, value_unsigned8=value)


class TestOnOff:
    async def test_a_command_is_answered_when_the_relay_has_moved(self, plug):
        await plug.on_off.handle_on(FIRST)
        assert (plug.relay.moves, plug.on_off.on_off) == ([True], True)
        await plug.on_off.handle_toggle(FIRST)
        assert (plug.relay.moves, plug.on_off.on_off) == ([True, False], False)
        await plug.on_off.handle_toggle(FIRST)
        await plug.on_off.handle_off(FIRST)
        assert plug.relay.moves == [True, False, True, False]

    async def test_two_toggles_at_once_are_two_toggles(self, plug):
        await asyncio.gather(plug.on_off.handle_toggle(FIRST), plug.on_off.handle_toggle(FIRST))
        assert plug.relay.moves == [True, False]

    async def test_what_the_relay_does_not_do_is_not_shown(self, plug):
        plug.relay.stuck = True
        with pytest.raises(StatusError, match="stuck"):
            await plug.on_off.handle_on(FIRST)
        assert plug.on_off.on_off is False

    async def test_the_devices_own_button_is_shown(self, plug):
        plug.on_off.show(True)
        assert plug.on_off.on_off is True
        assert plug.relay.moves == []

    async def test_it_survives_a_restart(self, plug):
        plug.on_off.show(True)
        assert plug.restarted().on_off.on_off is True

    async def test_timed_on_ends_by_itself(self, plug):
        await plug.timed(50, 20)
        assert (plug.on_off.on_off, plug.times) == (True, (50, 20))
        plug.clock.advance(2)
        assert plug.times == (30, 20)
        plug.clock.advance(3)
        await plug.on_off._switching_off
        assert (plug.on_off.on_off, plug.times) == (False, (0, 0))
        assert plug.relay.moves == [True, False]

    async def test_timed_on_is_prolonged_and_never_shortened(self, plug):
        await plug.timed(50)
        await plug.timed(20)
        assert plug.times[0] == 50
        await plug.timed(80)
        assert plug.times[0] == 80

    async def test_off_ends_timed_on_and_guards_for_a_while(self, plug):
        await plug.timed(50, 20)
        await plug.on_off.handle_off(FIRST)
        assert plug.times == (0, 20)
        await plug.timed(50, 10)
        assert (plug.on_off.on_off, plug.times) == (False, (0, 10))
        plug.clock.advance(1)
        assert plug.times == (0, 0)
        await plug.timed(50, 10)
        assert plug.on_off.on_off is True

    async def test_on_forgets_the_guard(self, plug):
        await plug.timed(50, 20)
        await plug.on_off.handle_off(FIRST)
        await plug.on_off.handle_on(FIRST)
        assert plug.times == (0, 0)

    async def test_timed_on_only_when_on(self, plug):
        await plug.timed(50, only_when_on=True)
        assert plug.relay.moves == []

    async def test_a_written_time_holds_only_while_it_runs(self, plug):
        plug.on_off.write_on_time(FIRST, 10)
        plug.clock.advance(5)
        assert plug.times[0] == 10
        await plug.timed(20)
        plug.on_off.write_on_time(FIRST, 100)
        plug.clock.advance(5)
        assert plug.times[0] == 50
        plug.on_off.write_on_time(FIRST, 0xFFFF)
        plug.clock.advance(500)
        assert (plug.on_off.on_off, plug.times[0]) == (True, 0xFFFF)

    async def test_off_with_effect_can_be_recalled(self, plug):
        effect = OffWithEffectRequest(effect_identifier=OffEffect.DYING_LIGHT, effect_variant=0)
        await plug.on_off.handle_on(FIRST)
        await plug.on_off.handle_off_with_effect(FIRST, effect)
        assert (plug.on_off.on_off, plug.on_off.global_scene_control) == (False, False)
        await plug.on_off.handle_off_with_effect(FIRST, effect)  # stores nothing: it is off already
        await plug.on_off.handle_on_with_recall_global_scene(FIRST)
        assert (plug.on_off.on_off, plug.on_off.global_scene_control) == (True, True)
        moves = len(plug.relay.moves)
        await plug.on_off.handle_on_with_recall_global_scene(FIRST)
        assert len(plug.relay.moves) == moves


class TestGroups:
    def test_a_group_has_a_name_and_endpoints(self, plug):
        assert plug.add(1) is Status.SUCCESS
        assert plug.view(1) == (Status.SUCCESS, "Kitchen")
        (entry,) = plug.management.read_group_table(FIRST)
        assert (entry.group_id, entry.endpoints, entry.group_name, entry.fabric_index) == (
            1,
            (PLUG,),
            "Kitchen",
            1,
        )
        assert set(plug.table.endpoints(1, 1)) == {PLUG}
        assert plug.table.endpoints(2, 1) == ()

    def test_groups_survive_a_restart(self, plug):
        plug.add(1)
        assert plug.restarted().view(1) == (Status.SUCCESS, "Kitchen")

    def test_a_group_gets_a_new_name(self, plug):
        plug.add(1)
        assert plug.add(1, "Küche") is Status.SUCCESS
        assert plug.view(1) == (Status.SUCCESS, "Küche")

    @pytest.mark.parametrize(
        ("group", "name", "status"),
        [
            (0, "", Status.CONSTRAINT_ERROR),
            (1, "x" * 17, Status.CONSTRAINT_ERROR),
            (1, "ü" * 9, Status.CONSTRAINT_ERROR),
            (5, "", Status.UNSUPPORTED_ACCESS),
        ],
    )
    def test_what_cannot_be_a_group_is_refused(self, plug, group, name, status):
        assert plug.add(group, name) is status
        assert plug.management.read_group_table(FIRST) == ()

    def test_every_fabric_has_room_of_its_own(self, plug):
        assert [plug.add(group) for group in (1, 2, 3)] == [Status.SUCCESS] * 3
        assert plug.add(4) is Status.RESOURCE_EXHAUSTED
        assert plug.add(1, context=SECOND) is Status.SUCCESS
        assert plug.membership() == (0, (1, 2, 3))
        assert plug.membership(3, 4, 1) == (0, (1, 3))
        assert plug.membership(context=SECOND) == (2, (1,))

    def test_leaving_a_group(self, plug):
        plug.add(1)
        assert plug.leave(1) is Status.SUCCESS
        assert (plug.leave(1), plug.leave(0)) == (Status.NOT_FOUND, Status.CONSTRAINT_ERROR)
        assert (plug.view(1)[0], plug.view(0)[0]) == (Status.NOT_FOUND, Status.CONSTRAINT_ERROR)

    def test_leaving_all_groups_of_the_fabric(self, plug):
        plug.add(1)
        plug.add(2)
        plug.add(1, context=SECOND)
        plug.groups.handle_remove_all_groups(FIRST)
        assert (plug.membership()[1], plug.membership(context=SECOND)[1]) == ((), (1,))

    def test_joining_if_identifying(self, plug):
        request = AddGroupIfIdentifyingRequest(group_id=1, group_name="Here")
        plug.groups.handle_add_group_if_identifying(FIRST, request)
        assert plug.view(1)[0] is Status.NOT_FOUND
        plug.identify.handle_identify(FIRST, IdentifyRequest(identify_time=10))
        plug.groups.handle_add_group_if_identifying(FIRST, request)
        assert plug.view(1) == (Status.SUCCESS, "Here")
        with pytest.raises(StatusError) as refusal:
            plug.groups.handle_add_group_if_identifying(FIRST, replace(request, group_id=9))
        assert refusal.value.status is Status.UNSUPPORTED_ACCESS

    def test_a_fabric_that_goes_takes_its_groups_along(self, plug):
        told = []
        plug.table.on_changed.append(lambda: told.append(set(plug.table.groups())))
        plug.add(1)
        plug.add(1, context=SECOND)
        plug.tree.fabric_removed(1)
        assert told == [{(1, 1)}, {(1, 1), (2, 1)}, {(2, 1)}]
        assert plug.storage.scan("group/1/") == []

    def test_an_endpoint_that_goes_leaves_its_groups_and_its_scenes(self, plug):
        plug.add(1)
        plug.store(1, 1)
        plug.tree.remove(PLUG)
        assert plug.management.read_group_table(FIRST) == ()
        assert plug.storage.scan("group/") == plug.storage.scan("scene/") == []

    def test_a_node_that_stops_forgets_nothing(self, plug):
        plug.add(1)
        plug.store(1, 1)
        for cluster in plug.endpoint.clusters.values():
            cluster.detached()
        again = plug.restarted()
        assert (again.view(1)[0], again.info().scene_count) == (Status.SUCCESS, 1)


class TestScenes:
    async def test_a_stored_scene_comes_back(self, plug):
        plug.add(1)
        await plug.on_off.handle_on(FIRST)
        assert plug.store(1, 5) is Status.SUCCESS
        await plug.on_off.handle_off(FIRST)
        assert await plug.recall(1, 5) is Status.SUCCESS
        assert plug.on_off.on_off is True
        info = plug.info()
        assert (info.scene_count, info.current_scene, info.current_group, info.scene_valid) == (1, 5, 1, True)

    async def test_a_scene_is_valid_until_something_changes(self, plug):
        plug.store(0, 1)
        await plug.on_off.handle_off(FIRST)
        assert plug.info().scene_valid  # it was off already
        plug.on_off.show(True)
        info = plug.info()
        assert (info.scene_valid, info.current_scene) == (False, 1)

    async def test_another_fabrics_scene_ends_it(self, plug):
        plug.store(0, 1)
        plug.store(0, 1, context=SECOND)
        assert [plug.info(each).scene_valid for each in (FIRST, SECOND)] == [False, True]

    async def test_scenes_survive_a_restart(self, plug):
        plug.add_scene(0, 3, on(), name="Evening", transition=500)
        again = plug.restarted()
        scene = again.view_scene(0, 3)
        assert (scene.scene_name, scene.transition_time) == ("Evening", 500)
        assert scene.extension_field_set_structs[0].attribute_value_list == (on(),)
        assert await again.recall(0, 3) is Status.SUCCESS
        assert again.relay.moves == [True]

    def test_storing_again_keeps_the_name(self, plug):
        plug.add_scene(0, 3, on(), name="Evening")
        plug.store(0, 3)
        scene = plug.view_scene(0, 3)
        assert scene.scene_name == "Evening"
        assert scene.extension_field_set_structs[0].attribute_value_list == (on(0),)

    @pytest.mark.parametrize(
        ("group", "scene", "status"),
        [
            (0, 255, Status.CONSTRAINT_ERROR),
            (2, 255, Status.CONSTRAINT_ERROR),
            (2, 1, Status.INVALID_COMMAND),
            (0, 254, Status.NOT_FOUND),
        ],
    )
    async def test_what_is_no_scene_has_its_status(self, plug, group, scene, status):
        assert Status(plug.view_scene(group, scene).status) is status
        request = RemoveSceneRequest(group_id=group, scene_id=scene)
        assert Status(plug.scenes.handle_remove_scene(FIRST, request).status) is status
        if scene < 255:
            assert await plug.recall(group, scene) is status
        if status is not Status.NOT_FOUND:
            assert plug.store(group, scene) is plug.add_scene(group, scene) is status

    @pytest.mark.parametrize(
        "values",
        [
            [AttributeValuePairStruct(attribute_id=0x4001, value_unsigned16=5)],
            [AttributeValuePairStruct(attribute_id=0, value_unsigned16=1)],
            [AttributeValuePairStruct(attribute_id=0, value_unsigned8=1, value_signed8=1)],
            [AttributeValuePairStruct(attribute_id=0)],
        ],
    )
    def test_a_scene_holds_on_off_and_nothing_else(self, plug, values):
        assert plug.add_scene(0, 1, *values) is Status.INVALID_COMMAND
        assert plug.info().scene_count == 0

    def test_what_is_neither_on_nor_off_is_off(self, plug):
        assert plug.add_scene(0, 1, on(7)) is Status.SUCCESS
        assert plug.view_scene(0, 1).extension_field_set_structs[0].attribute_value_list == (on(0),)

    def test_clusters_that_are_not_there_are_left_out(self, plug):
        assert plug.add_scene(0, 1, on(), cluster=0x0008) is Status.SUCCESS
        assert plug.view_scene(0, 1).extension_field_set_structs == ()

    def test_names_and_transitions_have_limits(self, plug):
        assert plug.add_scene(0, 1, name="x" * 17) is Status.CONSTRAINT_ERROR
        assert plug.add_scene(0, 1, transition=60_000_001) is Status.CONSTRAINT_ERROR
        assert plug.add_scene(0, 1, name="x" * 16, transition=60_000_000) is Status.SUCCESS

    def test_a_fabric_fills_half_of_the_table_at_most(self, plug):
        assert plug.info().remaining_capacity == 7
        assert [plug.store(0, scene) for scene in range(7)] == [Status.SUCCESS] * 7
        assert plug.store(0, 7) is Status.RESOURCE_EXHAUSTED
        assert plug.store(0, 6) is Status.SUCCESS
        assert plug.info().remaining_capacity == 0
        assert plug.info(SECOND).remaining_capacity == 7

    def test_membership(self, plug):
        plug.add(1)
        plug.store(1, 9)
        plug.store(1, 4)
        plug.store(0, 1)
        request = GetSceneMembershipRequest(group_id=1)
        response = plug.scenes.handle_get_scene_membership(FIRST, request)
        assert (response.scene_list, response.capacity) == ((4, 9), 4)
        foreign = plug.scenes.handle_get_scene_membership(SECOND, request)
        assert (foreign.status, foreign.capacity) == (Status.INVALID_COMMAND, None)

    def test_copies(self, plug):
        plug.add(1)
        plug.add(2)
        plug.add_scene(1, 1, on(), name="One")
        plug.add_scene(1, 2, on(0), name="Two")

        def copy(mode, to_group, to_scene, from_scene=1):
            request = CopySceneRequest(
                mode=mode,
                group_identifier_from=1,
                scene_identifier_from=from_scene,
                group_identifier_to=to_group,
                scene_identifier_to=to_scene,
            )
            return Status(plug.scenes.handle_copy_scene(FIRST, request).status)

        assert copy(0, 2, 8) is Status.SUCCESS
        assert plug.view_scene(2, 8).scene_name == "One"
        assert copy(CopyModeBitmap.COPY_ALL_SCENES, 2, 0) is Status.SUCCESS
        assert [plug.view_scene(2, scene).scene_name for scene in (1, 2)] == ["One", "Two"]
        assert copy(0, 2, 8, from_scene=7) is Status.NOT_FOUND
        assert copy(0, 3, 8) is Status.INVALID_COMMAND
        assert copy(0, 2, 255) is Status.CONSTRAINT_ERROR
        assert copy(CopyModeBitmap.COPY_ALL_SCENES, 0, 0) is Status.SUCCESS  # 5 and 2 fill it
        assert copy(0, 0, 9) is Status.RESOURCE_EXHAUSTED

    def test_leaving_a_group_deletes_its_scenes(self, plug):
        plug.add(1)
        plug.store(1, 1)
        plug.store(0, 1)
        plug.leave(1)
        assert plug.info().scene_count == 1
        plug.groups.handle_remove_all_groups(FIRST)
        assert plug.info().scene_count == 0

    def test_removing_the_current_scene_ends_its_validity(self, plug):
        plug.store(0, 1)
        plug.scenes.handle_remove_all_scenes(FIRST, RemoveAllScenesRequest(group_id=0))
        assert (plug.info().scene_valid, plug.info().scene_count) == (False, 0)

    def test_a_fabric_that_goes_takes_its_scenes_along(self, plug):
        plug.store(0, 1)
        plug.store(0, 1, context=SECOND)
        plug.tree.fabric_removed(1)
        assert [info.fabric_index for info in plug.scenes.read_fabric_scene_info(SECOND)] == [2]
        assert plug.storage.scan(f"scene/{PLUG}/1/") == []


class TestIdentifyEffects:
    def trigger(self, plug, effect):
        request = TriggerEffectRequest(effect_identifier=effect, effect_variant=EffectVariantEnum.DEFAULT)
        plug.identify.handle_trigger_effect(FIRST, request)

    def test_an_effect_is_a_short_blink(self, plug):
        self.trigger(plug, EffectIdentifierEnum.OKAY)
        assert plug.blinks == [True]
        plug.clock.advance(2)
        assert plug.blinks == [True, False]

    def test_it_can_be_stopped(self, plug):
        self.trigger(plug, EffectIdentifierEnum.BREATHE)
        self.trigger(plug, EffectIdentifierEnum.STOP_EFFECT)
        assert plug.blinks == [True, False]

    def test_identification_goes_first(self, plug):
        plug.identify.handle_identify(FIRST, IdentifyRequest(identify_time=10))
        self.trigger(plug, EffectIdentifierEnum.BLINK)
        plug.clock.advance(5)
        assert plug.blinks == [True]
