"""The plain devices that every assistant speaks: what is switched, set to percents, or so or not so."""

import asyncio

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clusters.definitions.boolean_state import BooleanState
from clusters.definitions.identify import EffectIdentifierEnum, TriggerEffectRequest
from clusters.definitions.level_control import MoveToLevelRequest, OptionsBitmap
from clusters.descriptor import DescriptorServer
from clusters.groups import Grouping
from clusters.identify import IdentifyServer
from clusters.scenes_management import ScenesManagementServer
from clusters.test_event_triggers import EventTriggers
from device_types.aggregator import aggregator
from device_types.bridged_node import BridgedDevice, Delegates, Place
from device_types.contact_sensor import contact_sensor
from device_types.dimmable import dimmable
from device_types.percent_level import level_of_percent
from device_types.switched_plug import switched_plug
from matter_node.commissioning.fabrics import FabricTable
from matter_node.commissioning.group_keys import GroupKeys
from matter_node.commissioning.group_table import GroupTable
from matter_node.entropy import SystemEntropy
from matter_node.model import DeviceType, Endpoint, NodeTree
from matter_node.status import Status, StatusError
from matter_node.storage import MemoryStorage

CHARGING = BridgedDevice("a0", "Battery charging", "ORES", "B-10", "SN2")
RESERVE = BridgedDevice("a1", "Battery reserve", "ORES", "B-10", "SN2")
FULL = BridgedDevice("a2", "Battery full", "ORES", "B-10", "SN2")
PARTS = {"voice-charging": 5, "voice-reserve": 6, "voice-full": 7}


class Charging:
    def __init__(self):
        self.told = []

    async def switch(self, on):
        self.told.append(on)


class Reserve:
    """A battery whose reserve can be set, unless its link is down; None is automatic."""

    def __init__(self):
        self.percent = None
        self.told = []
        self.takes = 0
        self.down = False

    async def set_percent(self, percent):
        for _ in range(self.takes):
            await asyncio.sleep(0)
        if self.down:
            raise StatusError(Status.FAILURE, "no link")
        self.told.append(percent)
        self.percent = percent


def bridge(tree):
    root = Endpoint(0, [DeviceType(0x16, 3)], [DescriptorServer()])
    tree.add(root)
    made = aggregator(root)
    tree.add(made)
    grouping = Grouping(GroupTable(tree.storage), GroupKeys(tree.storage, FabricTable(tree.storage)))
    return made, grouping


def place(parent, part):
    return Place(parent, PARTS.__getitem__, part=part)


class Voice:
    """The three voice endpoints of a battery."""

    def __init__(self, tree, **reserve):
        parent, grouping = bridge(tree)
        self.tree = tree
        self.names, self.blinks = [], []
        delegates = Delegates(blink=self.blinks.append, renamed=self.names.append)
        self.device, self.battery = Charging(), Reserve()
        self.charging = switched_plug(
            CHARGING, place(parent, "voice-charging"), self.device, grouping, delegates
        )
        self.reserve = dimmable(
            RESERVE,
            place(parent, "voice-reserve"),
            self.battery,
            grouping,
            delegates,
            **{"percent": 30, "floor_percent": 20} | reserve,
        )
        self.full = contact_sensor(FULL, place(parent, "voice-full"), delegates)
        self.faces = (self.charging, self.reserve, self.full)
        for face in self.faces:
            face.join(tree, EventTriggers())


@pytest.fixture
def voice(tree):
    return Voice(tree)


@pytest.fixture
def to(context, turned_clock):
    """Let somebody say "set it to so many percent", as most apps send it."""

    async def say(face, percent, *, with_on_off=True):
        request = MoveToLevelRequest(
            level=round(percent * 254 / 100),
            transition_time=0,
            options_mask=OptionsBitmap(0),
            options_override=OptionsBitmap(0),
        )
        level = face.level
        handle = level.handle_move_to_level_with_on_off if with_on_off else level.handle_move_to_level
        await run(turned_clock, handle(context, request))

    return say


async def run(clock, work):
    """Return when a command is answered; time goes by until then."""
    task = asyncio.ensure_future(work)
    while not task.done():
        for _ in range(20):
            await asyncio.sleep(0)
        clock.advance(0.1)
    await task


class TestAll:
    def test_they_are_devices_of_their_own_with_numbers_that_last(self, voice):
        assert [face.endpoint.number for face in voice.faces] == [5, 6, 7]
        assert [face.information.node_label for face in voice.faces] == [
            "Battery charging",
            "Battery reserve",
            "Battery full",
        ]

    def test_they_are_reachable_when_they_are_shown_and_until_they_are_lost(self, voice):
        assert not any(face.reachable for face in voice.faces)
        voice.charging.update(on=None)
        voice.reserve.update(percent=None, on=None)
        voice.full.update(so=None)
        assert all(face.reachable for face in voice.faces)
        for face in voice.faces:
            face.lost()
        assert not any(face.reachable for face in voice.faces)

    def test_what_is_lost_stays_as_it_was(self, voice):
        voice.charging.update(on=True)
        voice.reserve.update(percent=60, on=True)
        voice.full.update(so=True)
        for face in voice.faces:
            face.lost()
        assert (voice.charging.on_off.on_off, voice.reserve.percent, voice.full.contact.state_value) == (
            True,
            60,
            False,
        )

    def test_names_go_both_ways(self, voice, context):
        for face in voice.faces:
            face.rename("Cellar")
            assert face.information.node_label == "Cellar"
            face.information.write_node_label(context, "Kitchen")
        assert voice.names == ["Kitchen"] * 3

    def test_what_can_be_switched_blinks(self, voice, context, turned_clock):
        effect = TriggerEffectRequest(effect_identifier=EffectIdentifierEnum.BLINK, effect_variant=0)
        for face in (voice.charging, voice.reserve):
            face.endpoint.cluster(IdentifyServer).handle_trigger_effect(context, effect)
            turned_clock.advance(2)
        assert voice.blinks == [True, False] * 2

    def test_one_that_leaves_can_come_again(self, voice):
        for face in voice.faces:
            face.leave(voice.tree)
        assert [endpoint.number for endpoint in voice.tree] == [0, 1]


class TestSwitchedPlug:
    async def test_a_sentence_switches_it(self, voice, context):
        await voice.charging.on_off.handle_on(context)
        assert (voice.device.told, voice.charging.on_off.on_off) == ([True], True)

    def test_the_devices_own_state_is_shown(self, voice):
        voice.charging.update(on=True)
        voice.charging.update(on=None)
        assert (voice.charging.on_off.on_off, voice.device.told) == (True, [])


class TestReserve:
    async def test_forty_percent_is_forty_percent(self, voice, to):
        await to(voice.reserve, 40)
        assert (voice.battery.told, voice.reserve.percent) == ([40], 40)
        assert voice.reserve.on_off.on_off

    async def test_off_is_automatic_and_on_holds_it_again(self, voice, to, context):
        await to(voice.reserve, 40)
        await voice.reserve.on_off.handle_off(context)
        assert (voice.battery.percent, voice.reserve.percent) == (None, 40)
        await voice.reserve.on_off.handle_on(context)
        assert voice.battery.percent == 40

    async def test_none_at_all_is_automatic(self, voice, to):
        await to(voice.reserve, 40)
        await to(voice.reserve, 0)
        assert (voice.battery.told, voice.reserve.on_off.on_off) == ([40, None], False)
        assert voice.reserve.percent == 20

    @pytest.mark.parametrize("with_on_off", [True, False])
    async def test_less_than_the_floor_is_the_floor(self, voice, to, with_on_off):
        voice.reserve.update(percent=50, on=True)
        await to(voice.reserve, 5, with_on_off=with_on_off)
        assert (voice.battery.told, voice.reserve.percent) == ([20], 20)

    async def test_all_the_way_down_is_the_floor_too(self, voice, to):
        voice.reserve.update(percent=50, on=True)
        await to(voice.reserve, 0, with_on_off=False)
        assert (voice.battery.told, voice.reserve.percent) == ([20], 20)
        voice.reserve.update(percent=20, on=True)
        assert voice.reserve.level.current_level == 1, "the app knows the level that it asked for"

    async def test_what_the_battery_said_before_it_obeys_is_not_shown(self, voice, context):
        voice.reserve.update(percent=40, on=False)
        voice.battery.takes = 10
        turning_on = asyncio.create_task(voice.reserve.on_off.handle_on(context))
        for _ in range(5):
            await asyncio.sleep(0)
        voice.reserve.update(percent=25, on=True)
        assert voice.reserve.percent == 40
        await turning_on
        assert (voice.battery.percent, voice.reserve.percent) == (40, 40)

    async def test_what_is_said_while_it_is_automatic_waits(self, voice, to, context):
        voice.reserve.level.options = OptionsBitmap.EXECUTE_IF_OFF
        await to(voice.reserve, 70, with_on_off=False)
        assert (voice.battery.told, voice.reserve.percent) == ([], 70)
        await voice.reserve.on_off.handle_on(context)
        assert voice.battery.told == [70]

    async def test_a_battery_that_is_lower_by_itself_is_shown_and_held_at_the_floor(self, voice, context):
        voice.reserve.update(percent=5, on=False)
        assert voice.reserve.percent == 5
        await voice.reserve.on_off.handle_on(context)
        assert (voice.battery.told, voice.reserve.percent) == ([20], 20)

    async def test_a_scene_holds_no_less_than_the_floor(self, voice, context):
        voice.reserve.update(percent=5, on=True)
        scenes = voice.reserve.endpoint.cluster(ScenesManagementServer)
        scenes.store_global_scene(1)
        voice.reserve.update(percent=50, on=False)
        await scenes.recall_global_scene(context)
        assert (voice.battery.percent, voice.reserve.percent) == (20, 20)

    async def test_a_battery_without_a_link_keeps_what_is_shown(self, voice, to):
        voice.reserve.update(percent=50, on=True)
        voice.battery.down = True
        with pytest.raises(StatusError, match="no link"):
            await to(voice.reserve, 40)
        assert (voice.reserve.percent, voice.reserve.on_off.on_off) == (50, True)

    async def test_a_level_said_while_it_is_turned_on_is_not_lost(self, voice, to, context):
        voice.battery.takes = 5
        voice.reserve.level.options = OptionsBitmap.EXECUTE_IF_OFF
        on = asyncio.ensure_future(voice.reserve.on_off.handle_on(context))
        await asyncio.sleep(0)
        await to(voice.reserve, 80, with_on_off=False)
        await on
        assert (voice.battery.percent, voice.reserve.percent, voice.reserve.on_off.on_off) == (80, 80, True)

    def test_a_level_that_means_the_same_percents_stays(self, voice):
        for level in (101, 102, 103):
            voice.reserve.level.show(level)
            voice.reserve.update(percent=voice.reserve.percent + 0.3, on=True)
            assert voice.reserve.level.current_level == level

    @pytest.mark.parametrize("percent", [None, float("nan"), float("inf")])
    def test_what_is_no_percent_changes_nothing(self, voice, percent):
        voice.reserve.update(percent=percent, on=None)
        assert voice.reserve.percent == 30

    def test_what_was_shown_last_is_shown_after_a_restart(self, voice, memory, turned_clock):
        voice.reserve.update(percent=77, on=True)
        again = Voice(NodeTree(memory, turned_clock, voice.tree.entropy)).reserve
        assert (again.percent, again.on_off.on_off) == (77, True)

    async def test_a_floor_that_was_raised_since_holds_for_what_was_kept(
        self, voice, memory, turned_clock, context
    ):
        voice.reserve.update(percent=25, on=False)
        again = Voice(NodeTree(memory, turned_clock, voice.tree.entropy), floor_percent=40)
        await again.reserve.on_off.handle_on(context)
        assert (again.battery.told, again.reserve.percent) == ([40], 40)

    def test_it_shows_no_less_than_the_floor_before_anything_is_known(self, tree):
        assert Voice(tree, percent=10).reserve.percent == 20

    @pytest.mark.parametrize("floor", [-1, 101])
    def test_a_floor_is_a_percent(self, tree, floor):
        with pytest.raises(ValueError, match="floor"):
            Voice(tree, floor_percent=floor)

    @pytest.mark.parametrize(("light", "kind"), [(False, 0x010B), (True, 0x0101)])
    def test_it_is_a_plug_or_a_light(self, tree, light, kind):
        kinds = {each.id for each in Voice(tree, light=light).reserve.endpoint.device_types}
        assert kinds == {kind, 0x13}


class TestContact:
    def test_open_is_that_it_is_so(self, voice):
        assert voice.full.contact.state_value is True  # closed: it is not so until somebody says it is
        voice.full.update(so=True)
        assert voice.full.contact.state_value is False
        voice.full.update(so=None)
        assert voice.full.contact.state_value is False
        voice.full.update(so=False)
        assert voice.full.contact.state_value is True
        events = [record.event for record in voice.tree.events.since(0)]
        assert events.count(BooleanState.state_change) == 2

    def test_a_full_battery_is_no_news_after_a_restart(self, voice, memory, turned_clock):
        voice.full.update(so=True)
        again = Voice(NodeTree(memory, turned_clock, voice.tree.entropy)).full
        assert again.contact.state_value is False


WORDS = st.one_of(
    st.tuples(st.just("percent"), st.integers(0, 100), st.booleans()),
    st.tuples(st.sampled_from(["on", "off", "toggle"])),
    st.tuples(st.just("reading"), st.floats(0, 100)),
)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=st.lists(WORDS, max_size=10), floor=st.integers(0, 100), light=st.booleans())
def test_whatever_is_said(turned_clock, to, context, words, floor, light):
    """No command goes below the floor, and the battery is held at what is shown."""
    tree = NodeTree(MemoryStorage(), turned_clock, SystemEntropy())
    voice = Voice(tree, floor_percent=floor, light=light)

    async def talk():
        for word, *rest in words:
            match word:
                case "percent":
                    await to(voice.reserve, rest[0], with_on_off=rest[1])
                case "reading" if voice.battery.percent is None:
                    voice.reserve.update(percent=rest[0], on=False)
                case "reading":
                    voice.reserve.update(percent=voice.battery.percent, on=True)
                case _:
                    await run(turned_clock, getattr(voice.reserve.on_off, f"handle_{word}")(context))
            assert all(percent is None or floor <= percent <= 100 for percent in voice.battery.told)
            held = voice.reserve.percent if voice.reserve.on_off.on_off else None
            assert voice.battery.percent == held
            assert voice.reserve.level.current_level >= 1

    asyncio.run(talk())


def test_levels_of_percents_are_what_apps_show(voice):
    voice.reserve.update(percent=40, on=True)
    assert voice.reserve.level.current_level == level_of_percent(40) == 102
