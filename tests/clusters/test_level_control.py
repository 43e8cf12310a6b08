"""LevelControl on a lamp: where commands bring it, when, and what it is told on the way."""

import asyncio
from functools import partial

import pytest
from node_lab.lamp import EVEN_IF_OFF, FIRST, DimmedLamp

from clusters.definitions.level_control import LevelControl, OptionsBitmap
from clusters.level_control import LevelControlServer
from matter_node.model import Urgency
from matter_node.status import Status, StatusError


class Reports:
    """What a subscriber would learn of the level: (attribute, value when it is told, urgency)."""

    def __init__(self, lamp):
        self.lamp = lamp
        self.seen = []
        lamp.tree.listeners.append(self)

    def attribute_changed(self, endpoint, cluster, attribute_id, urgency):
        if cluster is self.lamp.level:
            attribute = cluster.shape.attributes[attribute_id]
            self.seen.append((attribute.name, cluster.read(attribute, FIRST), urgency))

    def structure_changed(self):
        pass

    def of(self, name):
        return [value for attribute, value, _ in self.seen if attribute == name]


@pytest.fixture
def make_lamp(make_node):
    return partial(DimmedLamp, make_node)


@pytest.fixture
def lamp(make_lamp):
    return make_lamp()


@pytest.fixture
def dark(make_lamp):
    return make_lamp(on=False)


class TestElements:
    def test_it_has_what_dimmable_devices_demand(self, lamp):
        level = lamp.level
        assert level.features == LevelControl.Feature.OO | LevelControl.Feature.LT
        assert (level.min_level, level.max_level, level.options, level.on_level) == (1, 254, 0, None)
        assert level.start_up_current_level is None
        assert list(level.shape.commands) == list(range(8))
        assert sorted(set(level.shape.attributes) - set(level.shape.globals)) == [0, 1, 2, 3, 15, 17, 0x4000]

    @pytest.mark.parametrize("value", [0, 255])
    def test_on_level_is_a_level_that_it_can_have(self, lamp, value):
        with pytest.raises(StatusError) as refusal:
            lamp.level.write(LevelControl.on_level, FIRST, value)
        assert refusal.value.status is Status.CONSTRAINT_ERROR
        assert lamp.level.on_level is None

    @pytest.mark.parametrize("value", [1, 254, None])
    def test_on_level_may_be_any_other(self, lamp, value):
        lamp.level.write(LevelControl.on_level, FIRST, value)
        assert lamp.level.on_level == value

    def test_options_have_two_bits(self, lamp):
        lamp.level.write(LevelControl.options, FIRST, OptionsBitmap(3))
        with pytest.raises(StatusError) as refusal:
            LevelControl.options.datatype.take(4)
        assert refusal.value.status is Status.CONSTRAINT_ERROR
        assert lamp.level.options == 3

    def test_requests_keep_to_their_limits(self):
        request = LevelControl.move_to_level.request
        with pytest.raises(StatusError) as refusal:
            request.from_tlv({0: 255, 1: 0, 2: 0, 3: 0})
        assert refusal.value.status is Status.CONSTRAINT_ERROR
        with pytest.raises(StatusError):
            LevelControl.move.request.from_tlv({0: 2, 1: 1, 2: 0, 3: 0})
        with pytest.raises(StatusError):
            LevelControl.step.request.from_tlv({0: 2, 1: 1, 2: 0, 3: 0, 4: 0})

    @pytest.mark.parametrize("given", [{"level": 0}, {"level": 255}, {"lowest": 0}, {"lowest": 255}])
    def test_there_are_254_levels(self, lamp, given):
        with pytest.raises(ValueError, match=r"not within 1\.\.254"):
            LevelControlServer(lamp.lamp, **given)


class TestMoveToLevel:
    async def test_at_once_it_is_answered_when_the_lamp_has_obeyed(self, lamp):
        lamp.lamp.takes = 0.5
        before = lamp.clock.now
        assert await lamp.to(120) is Status.SUCCESS
        assert lamp.clock.now - before >= 0.5
        assert (lamp.shown, lamp.lamp.heard) == (120, [120])

    async def test_null_is_as_fast_as_it_can(self, lamp):
        await lamp.to(120, None)
        assert (lamp.shown, lamp.remaining) == (120, 0)

    @pytest.mark.parametrize(("asked", "level"), [(0, 1), (1, 1), (254, 254)])
    async def test_it_stays_within_what_there_is(self, lamp, asked, level):
        await lamp.to(asked)
        assert (lamp.shown, lamp.lamp.levels, lamp.on_off.on_off) == (level, [level], True)

    async def test_over_time_it_goes_at_an_even_rate(self, lamp):
        before = lamp.clock.now
        assert await lamp.to(200, 300) is Status.SUCCESS
        assert (lamp.clock.now, lamp.shown, lamp.remaining) == (before, 50, 300)
        for seconds, level in ((10, 100), (10, 150), (9.5, 195), (0.5, 200)):
            await lamp.pass_time(seconds)
            assert lamp.shown == level
        assert lamp.remaining == 0
        assert lamp.lamp.level == 200

    async def test_the_lamp_is_told_once_a_second_and_the_last_level(self, lamp):
        await lamp.to(200, 25)
        await lamp.pass_time(10)
        began = lamp.lamp.told[0][0] - 1
        assert [(round(time - began, 3), level) for time, level in lamp.lamp.told] == [(1, 110), (2.5, 200)]

    async def test_a_short_movement_is_told_at_its_end_alone(self, lamp):
        await lamp.to(200, 4)
        await lamp.pass_time(0.3)
        assert (lamp.shown, lamp.remaining, lamp.lamp.levels) == (50, 1, [])
        await lamp.pass_time(0.1)
        assert (lamp.shown, lamp.remaining, lamp.lamp.levels) == (200, 0, [200])

    async def test_a_slow_lamp_is_spared_what_is_out_of_date(self, lamp):
        lamp.lamp.takes = 3.2
        await lamp.to(150, 100)
        await lamp.pass_time(30)
        assert lamp.lamp.levels == [60, 90, 120, 150]
        assert lamp.shown == 150

    async def test_a_newer_command_takes_over_from_where_it_is(self, lamp):
        await lamp.to(150, 100)
        await lamp.pass_time(5)
        assert lamp.shown == 100
        await lamp.to(40, 60)
        assert lamp.remaining == 60
        await lamp.pass_time(3)
        assert lamp.shown == 70
        await lamp.pass_time(3)
        assert lamp.shown == lamp.lamp.level == 40

    async def test_two_levels_a_second_are_one(self, lamp):
        await lamp.to(10)
        answers = await asyncio.gather(*(lamp.to(level) for level in (20, 30, 40)))
        assert answers == [Status.SUCCESS] * 3
        assert lamp.lamp.levels == [10, 40]
        assert lamp.shown == 40
        (first, _), (second, _) = lamp.lamp.told
        assert second - first >= 1

    async def test_a_level_that_was_overtaken_is_not_gone_to(self, lamp):
        await lamp.to(60)
        await lamp.pass_time(0.5)
        await asyncio.gather(lamp.to(200), lamp.to(70, 100))
        await lamp.pass_time(10)
        assert lamp.lamp.levels == [60, *range(61, 71)]

    async def test_a_level_that_lasts_is_told_once(self, lamp):
        await lamp.to(52, 100)
        await lamp.pass_time(9)
        assert lamp.lamp.levels == [51, 52]

    async def test_it_is_where_it_is_to_be_already(self, lamp):
        await lamp.to(50, 100)
        assert (lamp.shown, lamp.remaining, lamp.lamp.levels) == (50, 0, [50])

    async def test_from_a_level_that_nobody_knows_it_goes_at_once(self, make_lamp):
        lamp = make_lamp(None)
        assert lamp.shown is None
        await lamp.to(80, 100)
        assert (lamp.shown, lamp.remaining) == (80, 0)


class TestOptions:
    """(1.6.6.9)."""

    async def test_off_it_does_nothing_without_on_off(self, dark):
        assert await dark.to(120) is Status.SUCCESS
        assert await dark.move("UP", 10) is Status.SUCCESS
        assert await dark.step("UP", 10) is Status.SUCCESS
        assert (dark.shown, dark.lamp.heard, dark.on_off.on_off) == (50, [], False)

    @pytest.mark.parametrize(
        ("options", "mask", "override", "executes"),
        [
            (0, 1, 0, False),
            (0, 1, 1, True),
            (0, 0, 1, False),
            (1, 0, 0, True),
            (1, 1, 0, False),
            (1, 1, 1, True),
        ],
    )
    async def test_a_command_overrides_the_bits_of_its_mask(self, dark, options, mask, override, executes):
        dark.level.options = OptionsBitmap(options)
        await dark.to(120, options_mask=OptionsBitmap(mask), options_override=OptionsBitmap(override))
        assert (dark.shown == 120) is executes
        assert not dark.on_off.on_off

    async def test_stop_is_one_of_them(self, dark):
        await dark.to(150, 100, **EVEN_IF_OFF)
        await dark.pass_time(5)
        await dark.stop()
        assert dark.remaining == 50
        await dark.stop(**EVEN_IF_OFF)
        assert (dark.shown, dark.remaining) == (100, 0)


class TestMove:
    async def test_up_ends_at_the_maximum(self, lamp):
        await lamp.move("UP", 5)
        assert lamp.remaining == 408  # 204 levels at 5 a second
        await lamp.pass_time(10)
        assert lamp.shown == 100
        await lamp.pass_time(35)
        assert (lamp.shown, lamp.remaining, lamp.lamp.level) == (254, 0, 254)

    async def test_down_ends_at_the_minimum_and_leaves_it_on(self, lamp):
        await lamp.move("DOWN", 49)
        await lamp.pass_time(1)
        assert (lamp.shown, lamp.lamp.levels, lamp.on_off.on_off) == (1, [1], True)

    async def test_a_rate_of_null_is_as_fast_as_it_can(self, lamp):
        await lamp.move("UP", None)
        assert (lamp.shown, lamp.remaining) == (254, 0)

    @pytest.mark.parametrize("with_on_off", [False, True])
    async def test_a_rate_of_nothing_is_refused_and_ends_nothing(self, lamp, with_on_off):
        await lamp.to(150, 100)
        assert await lamp.move("UP", 0, with_on_off=with_on_off) is Status.INVALID_COMMAND
        assert lamp.remaining == 100

    async def test_from_a_level_that_nobody_knows_it_cannot(self, make_lamp):
        lamp = make_lamp(None)
        assert await lamp.move("UP", 10) is Status.FAILURE
        assert await lamp.step("UP", 10) is Status.FAILURE


class TestStep:
    async def test_it_takes_its_time(self, lamp):
        await lamp.step("UP", 150, 300)
        await lamp.pass_time(10)
        assert (lamp.shown, lamp.remaining) == (100, 200)
        await lamp.pass_time(20)
        assert lamp.shown == 200

    async def test_it_goes_down(self, lamp):
        await lamp.step("DOWN", 20)
        assert lamp.shown == 30

    async def test_what_ends_at_a_limit_takes_the_part_of_the_time(self, lamp):
        await lamp.step("DOWN", 98, 100)
        assert lamp.remaining == 50
        await lamp.pass_time(5)
        assert (lamp.shown, lamp.on_off.on_off) == (1, True)

    async def test_null_is_as_fast_as_it_can(self, lamp):
        await lamp.step("UP", 255, None)
        assert (lamp.shown, lamp.remaining) == (254, 0)

    @pytest.mark.parametrize("with_on_off", [False, True])
    async def test_a_step_of_nothing_is_refused(self, lamp, with_on_off):
        assert await lamp.step("UP", 0, with_on_off=with_on_off) is Status.INVALID_COMMAND
        assert lamp.lamp.heard == []


class TestStop:
    @pytest.mark.parametrize("with_on_off", [False, True])
    async def test_it_stays_where_it_is(self, lamp, with_on_off):
        await lamp.move("UP", 5)
        await lamp.pass_time(5)
        await lamp.stop(with_on_off=with_on_off)
        assert (lamp.shown, lamp.remaining) == (75, 0)
        await lamp.pass_time(60)
        assert lamp.shown == lamp.lamp.level == 75

    async def test_a_slow_lamp_catches_up_with_what_is_shown(self, lamp):
        lamp.lamp.takes = 3.2
        await lamp.to(150, 100)
        await lamp.pass_time(3)
        await lamp.stop()
        assert lamp.shown == 80
        await lamp.pass_time(10)
        assert lamp.shown == lamp.lamp.level == 80

    async def test_a_lamp_that_does_not_move_stays(self, lamp):
        assert await lamp.stop() is Status.SUCCESS
        assert (lamp.shown, lamp.lamp.heard) == (50, [])


class TestWhatTheLampSays:
    async def test_its_own_knob_is_shown(self, lamp):
        lamp.level.show(77)
        assert (lamp.shown, lamp.lamp.heard) == (77, [])

    async def test_it_may_not_know(self, lamp):
        lamp.level.show(None)
        assert lamp.shown is None

    async def test_what_it_says_on_its_way_is_out_of_date(self, lamp):
        await lamp.to(150, 100)
        await lamp.pass_time(2)
        lamp.level.show(50)
        assert lamp.shown == 70

    async def test_what_it_says_while_it_is_told_is_out_of_date(self, lamp):
        lamp.lamp.takes = 1.0
        asking = asyncio.ensure_future(lamp.to(150))
        await lamp.settle()
        lamp.level.show(60)
        assert lamp.shown == 50
        await asking
        assert lamp.shown == 150

    async def test_what_it_does_not_do_is_not_shown(self, lamp):
        lamp.lamp.stuck = True
        assert await lamp.to(150) is Status.FAILURE
        assert lamp.shown == 50

    async def test_a_movement_that_it_refuses_ends_where_it_is(self, lamp):
        await lamp.to(150, 100)
        await lamp.pass_time(3)
        lamp.lamp.stuck = True
        await lamp.pass_time(2)
        assert (lamp.shown, lamp.remaining) == (80, 0)

    async def test_the_end_that_it_refuses_is_not_shown(self, lamp):
        lamp.lamp.stuck = True
        await lamp.to(150, 5)
        await lamp.pass_time(2)
        assert (lamp.shown, lamp.remaining) == (50, 0)


class TestReports:
    """(1.6.6.2, 1.6.6.3)."""

    async def test_remaining_time_is_reported_when_commands_change_it_and_at_the_end(self, lamp):
        reports = Reports(lamp)
        await lamp.to(200, 100)
        await lamp.pass_time(5)
        await lamp.to(10, 150)
        await lamp.pass_time(20)
        assert reports.of("remaining_time") == [100, 150, 0]

    @pytest.mark.parametrize(("tenths", "reported"), [(9, []), (10, [0]), (11, [11, 0])])
    async def test_short_times_are_not(self, lamp, tenths, reported):
        reports = Reports(lamp)
        await lamp.to(200, tenths)
        await lamp.pass_time(5)
        assert reports.of("remaining_time") == reported

    async def test_a_change_by_a_second_is_not(self, lamp):
        reports = Reports(lamp)
        await lamp.to(200, 100)
        await lamp.to(210, 110)
        await lamp.stop()
        assert reports.of("remaining_time") == [100, 0]

    async def test_a_short_movement_that_ends_a_long_one_is_reported_at_its_end(self, lamp):
        reports = Reports(lamp)
        await lamp.to(200, 100)
        await lamp.to(210, 5)
        await lamp.pass_time(1)
        assert reports.of("remaining_time") == [100, 0]

    async def test_levels_on_the_way_are_quiet_and_the_last_one_is_not(self, lamp):
        reports = Reports(lamp)
        await lamp.to(110, 30)
        await lamp.pass_time(5)
        seen = [(value, urgency) for name, value, urgency in reports.seen if name == "current_level"]
        assert seen[:2] == [(70, Urgency.QUIET), (90, Urgency.QUIET)]
        assert (110, Urgency.NOW) in seen[2:]

    async def test_ten_seconds_are_ten_levels(self, lamp):
        reports = Reports(lamp)
        await lamp.to(254, 100)
        await lamp.pass_time(30)
        levels = sorted(set(reports.of("current_level")))
        assert len(levels) == 10
        assert levels[-1] == 254


async def test_level_and_time_to_it_after_a_restart(lamp):
    await lamp.to(150, 100)
    await lamp.pass_time(4)
    again = lamp.restarted()
    assert (again.shown, again.remaining) == (90, 0)
    again.level.start_up_current_level = 7
    again = again.restarted()
    assert (again.level.start_up_current_level, again.shown) == (7, 90)


async def test_a_lamp_that_leaves_is_told_nothing_more(lamp):
    lamp.lamp.takes = 2
    await lamp.to(150, 100)
    await lamp.pass_time(1.5)
    asking = asyncio.ensure_future(lamp.to(10))
    await lamp.settle()
    lamp.tree.remove(lamp.endpoint.number)
    assert await asking is Status.FAILURE
    told = len(lamp.lamp.told)
    await lamp.pass_time(30)
    assert len(lamp.lamp.told) == told


async def test_a_lamp_that_comes_again_goes_on_from_where_it_was(lamp):
    await lamp.to(150, 100)
    await lamp.pass_time(3)
    lamp.tree.remove(lamp.endpoint.number, forget=False)
    await lamp.pass_time(30)
    lamp.tree.add(lamp.endpoint)
    reports = Reports(lamp)
    assert (lamp.shown, lamp.remaining) == (80, 0)
    assert await lamp.to(90) is Status.SUCCESS
    assert (lamp.shown, lamp.lamp.level) == (90, 90)
    assert reports.of("remaining_time") == []
