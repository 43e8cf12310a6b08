"""ScenesManagement on a plug: what controllers store, recall and copy."""

import pytest
from node_lab.plug import FIRST, PLUG, SECOND, Plug

from clusters.definitions.scenes_management import (
    AttributeValuePairStruct,
    CopyModeBitmap,
    CopySceneRequest,
    GetSceneMembershipRequest,
    RemoveAllScenesRequest,
    RemoveSceneRequest,
)
from matter_node.status import Status


@pytest.fixture
def plug(make_node):
    return Plug(make_node)


def on(value=1):
    return AttributeValuePairStruct(attribute_id=0, value_unsigned8=value)


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
