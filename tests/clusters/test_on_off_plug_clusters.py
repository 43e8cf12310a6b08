"""OnOff, Groups and Identify together, as a plug has them: what controllers ask, what they get."""

import asyncio
from dataclasses import replace

import pytest
from node_lab.plug import FIRST, PLUG, SECOND, Plug

from clusters.definitions.groups import (
    AddGroupIfIdentifyingRequest,
)
from clusters.definitions.identify import (
    EffectIdentifierEnum,
    IdentifyRequest,
    TriggerEffectRequest,
)
from clusters.definitions.on_off import (
    EffectIdentifierEnum as OffEffect,
)
from clusters.definitions.on_off import (
    OffWithEffectRequest,
)
from matter_node.status import Status, StatusError


@pytest.fixture
def plug(make_node):
    return Plug(make_node)


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


class TestIdentifyEffects:
    def trigger(self, plug, effect):
        request = TriggerEffectRequest(effect_identifier=effect, effect_variant=0)
        plug.identify.handle_trigger_effect(FIRST, request)

    def test_an_effect_is_a_short_blink(self, plug):
        self.trigger(plug, EffectIdentifierEnum.OKAY)
        assert plug.blinks == [True]
        plug.clock.advance(2)
        assert plug.blinks == [True, False]

    def test_a_variant_that_it_has_not_is_the_default_one(self, plug):
        request = TriggerEffectRequest.DATATYPE.take({0: EffectIdentifierEnum.BLINK.value, 1: 0x42})
        plug.identify.handle_trigger_effect(FIRST, request)
        assert plug.blinks == [True]

    def test_it_can_be_stopped(self, plug):
        self.trigger(plug, EffectIdentifierEnum.BREATHE)
        self.trigger(plug, EffectIdentifierEnum.STOP_EFFECT)
        assert plug.blinks == [True, False]

    def test_identification_goes_first(self, plug):
        plug.identify.handle_identify(FIRST, IdentifyRequest(identify_time=10))
        self.trigger(plug, EffectIdentifierEnum.BLINK)
        plug.clock.advance(5)
        assert plug.blinks == [True]
