"""LevelControl beside OnOff and scenes: what each does to the others, on a lamp."""

import asyncio
import itertools
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from node_lab.lamp import EVEN_IF_OFF, FIRST, DimmedLamp

from clusters.definitions.level_control import LevelControl
from matter_node.status import Status, StatusError


@pytest.fixture
def make_lamp(make_node):
    return partial(DimmedLamp, make_node)


@pytest.fixture
def lamp(make_lamp):
    return make_lamp()


@pytest.fixture
def dark(make_lamp):
    return make_lamp(on=False)


class TestWithOnOff:
    """What commands of LevelControl do to OnOff (1.6.4.1.2)."""

    async def test_above_the_minimum_it_comes_on_with_the_level(self, dark):
        await dark.to(120, with_on_off=True)
        assert (dark.shown, dark.on_off.on_off) == (120, True)
        assert dark.lamp.heard == [120, True]

    async def test_at_the_minimum_it_is_off(self, lamp):
        await lamp.to(0, with_on_off=True)
        assert (lamp.shown, lamp.on_off.on_off) == (1, False)
        assert lamp.lamp.heard == [False, 1]

    async def test_over_time_it_is_on_from_the_start(self, dark):
        await dark.to(150, 100, with_on_off=True)
        assert (dark.shown, dark.on_off.on_off) == (50, True)
        await dark.pass_time(10)
        assert dark.lamp.heard == [True, *range(60, 151, 10)]

    async def test_over_time_it_is_off_at_the_end(self, lamp):
        await lamp.to(1, 100, with_on_off=True)
        await lamp.pass_time(9.9)
        assert lamp.on_off.on_off
        await lamp.pass_time(1.1)
        assert (lamp.shown, lamp.on_off.on_off) == (1, False)
        assert lamp.lamp.heard[-2:] == [False, 1]

    async def test_steps_and_moves_do_the_same(self, dark):
        await dark.step("UP", 50, with_on_off=True)
        assert (dark.shown, dark.on_off.on_off) == (100, True)
        await dark.step("DOWN", 99, with_on_off=True)
        assert (dark.shown, dark.on_off.on_off) == (1, False)
        await dark.move("UP", 10, with_on_off=True)
        assert (dark.remaining, dark.on_off.on_off) == (253, True)
        await dark.pass_time(20)
        await dark.move("DOWN", 100, with_on_off=True)
        assert dark.on_off.on_off
        await dark.pass_time(4)
        assert (dark.shown, dark.on_off.on_off) == (1, False)

    async def test_a_lamp_that_is_on_is_not_switched_again(self, lamp):
        await lamp.to(120, with_on_off=True)
        await lamp.to(130, 20, with_on_off=True)
        assert lamp.lamp.heard == [120]

    async def test_who_says_off_last_has_it_off(self, dark):
        await dark.to(100, **EVEN_IF_OFF)
        on, off = await asyncio.gather(dark.to(120, with_on_off=True), dark.turn("off"))
        assert on is off is Status.SUCCESS
        await dark.pass_time(5)
        assert (dark.on_off.on_off, dark.lamp.on) == (False, False)
        assert dark.shown == dark.lamp.level

    @pytest.mark.parametrize("tenths", [0, 20])
    async def test_who_is_on_again_while_it_turns_off_has_the_newest_level(self, lamp, tenths):
        lamp.lamp.takes = 2
        off = asyncio.ensure_future(lamp.to(1, tenths, with_on_off=True))
        await lamp.pass_time(tenths / 10 + 0.5)
        await asyncio.gather(off, lamp.to(120, with_on_off=True))
        await lamp.pass_time(10)
        assert (lamp.shown, lamp.lamp.level, lamp.lamp.on) == (120, 120, True)

    async def test_what_cannot_be_turned_on_does_not_move(self, dark):
        async def refuse(on):
            raise StatusError(Status.FAILURE, "no power")

        dark.lamp.switch = refuse
        assert await dark.to(150, 100, with_on_off=True) is Status.FAILURE
        await dark.pass_time(20)
        assert (dark.shown, dark.remaining, dark.on_off.on_off) == (50, 0, False)

    async def test_what_cannot_be_turned_off_at_the_end_is_shown_as_it_is(self, lamp):
        await lamp.to(1, 20, with_on_off=True)
        await lamp.pass_time(1)
        lamp.lamp.stuck = True
        await lamp.pass_time(5)
        assert (lamp.shown, lamp.on_off.on_off) == (lamp.lamp.level, True)


class TestOnAndOff:
    """What On and Off do to the level (1.6.4.1.1)."""

    async def test_without_on_level_it_comes_back_as_it_was(self, lamp):
        await lamp.turn("off")
        await lamp.turn("on")
        assert (lamp.shown, lamp.lamp.heard) == (50, [False, True])

    async def test_on_level_is_what_on_brings(self, dark):
        dark.level.on_level = 200
        await dark.turn("on")
        assert (dark.shown, dark.lamp.heard) == (200, [200, True])

    async def test_with_on_level_off_leads_to_the_minimum(self, lamp):
        lamp.level.on_level = 200
        await lamp.turn("off")
        assert (lamp.shown, lamp.lamp.heard) == (1, [False, 1])
        await lamp.turn("toggle")
        assert (lamp.shown, lamp.on_off.on_off) == (200, True)

    async def test_on_leaves_the_level_of_what_is_on(self, lamp):
        lamp.level.on_level = 200
        await lamp.turn("on")
        assert lamp.shown == 50

    async def test_the_lamps_own_switch_leaves_the_level(self, dark):
        dark.level.on_level = 200
        dark.on_off.show(True)
        assert (dark.shown, dark.lamp.heard) == (50, [])

    async def test_off_ends_a_movement(self, lamp):
        await lamp.to(150, 100)
        await lamp.pass_time(5)
        await lamp.turn("off")
        assert (lamp.shown, lamp.remaining) == (100, 0)
        await lamp.pass_time(20)
        assert (lamp.shown, lamp.lamp.level, lamp.lamp.on) == (100, 100, False)

    async def test_a_lamp_that_does_not_take_on_level_stays_off(self, dark):
        dark.level.on_level = 200
        dark.lamp.stuck = True
        assert await dark.turn("on") is Status.FAILURE
        assert (dark.shown, dark.on_off.on_off) == (50, False)

    async def test_off_is_off_even_if_the_level_is_not_the_minimum(self, lamp):
        lamp.level.on_level = 200

        async def refuse(level):
            raise StatusError(Status.FAILURE, "no level")

        lamp.lamp.set_level = refuse
        assert await lamp.turn("off") is Status.SUCCESS
        assert (lamp.shown, lamp.on_off.on_off) == (50, False)


class TestFloor:
    async def test_less_than_the_floor_is_the_floor(self, make_lamp):
        lamp = make_lamp(100, lowest=51)
        await lamp.to(20)
        assert (lamp.shown, lamp.lamp.levels) == (51, [51])
        await lamp.to(30, with_on_off=True)
        assert (lamp.shown, lamp.on_off.on_off) == (51, True)

    async def test_only_the_minimum_turns_it_off(self, make_lamp):
        lamp = make_lamp(100, lowest=51)
        await lamp.to(1, with_on_off=True)
        assert (lamp.shown, lamp.on_off.on_off) == (1, False)

    async def test_the_minimum_is_reached_as_everywhere(self, make_lamp):
        lamp = make_lamp(100, lowest=51)
        await lamp.to(1)
        assert (lamp.shown, lamp.lamp.levels, lamp.on_off.on_off) == (1, [1], True)

    async def test_a_movement_down_ends_at_the_minimum_and_passes_nothing_below_the_floor(self, make_lamp):
        lamp = make_lamp(101, lowest=51)
        await lamp.move("DOWN", 10)
        assert lamp.remaining == 100
        await lamp.pass_time(10)
        assert (lamp.shown, lamp.on_off.on_off) == (1, True)
        assert lamp.lamp.levels == [91, 81, 71, 61, 51, 1]
        await lamp.step("DOWN", 10, 100)
        assert (lamp.shown, lamp.remaining) == (1, 0)

    async def test_a_step_ends_at_the_floor(self, make_lamp):
        lamp = make_lamp(56, lowest=51)
        await lamp.step("DOWN", 10, 0)
        assert lamp.shown == 51

    async def test_on_brings_no_less_than_the_floor(self, make_lamp):
        lamp = make_lamp(10, on=False, lowest=51)
        await lamp.turn("on")
        assert (lamp.shown, lamp.lamp.heard) == (51, [51, True])

    async def test_a_lamp_that_is_lower_by_itself_is_shown_so(self, make_lamp):
        lamp = make_lamp(100, lowest=51)
        lamp.level.show(10)
        assert lamp.shown == 10
        await lamp.step("UP", 60, 100)
        await lamp.pass_time(1)
        assert lamp.shown >= 51
        await lamp.pass_time(10)
        assert lamp.shown == 70


class TestScenes:
    async def test_a_scene_brings_the_level_back(self, lamp):
        assert lamp.store(0, 1) is Status.SUCCESS
        await lamp.to(200)
        assert not lamp.info().scene_valid
        assert await lamp.answer(lamp.recall(0, 1)) is Status.SUCCESS
        assert lamp.shown == 50
        assert lamp.info().scene_valid

    async def test_it_comes_on_with_the_scenes_level(self, lamp):
        lamp.store(0, 1)
        await lamp.to(200)
        await lamp.turn("off")
        lamp.lamp.heard.clear()
        await lamp.answer(lamp.recall(0, 1))
        assert (lamp.shown, lamp.on_off.on_off, lamp.lamp.heard) == (50, True, [50, True])

    async def test_on_level_does_not_override_a_scene(self, lamp):
        lamp.level.on_level = 200
        lamp.store(0, 1)
        await lamp.turn("off")
        await lamp.answer(lamp.recall(0, 1))
        assert (lamp.shown, lamp.on_off.on_off) == (50, True)

    async def test_a_movement_makes_it_another_scene(self, lamp):
        lamp.store(0, 1)
        await lamp.to(200, 100)
        assert lamp.info().scene_valid
        await lamp.pass_time(1)
        assert not lamp.info().scene_valid

    async def test_a_level_that_nobody_knows_is_left_alone(self, make_lamp):
        lamp = make_lamp(None)
        lamp.store(0, 1)
        lamp.level.show(90)
        await lamp.answer(lamp.recall(0, 1))
        assert (lamp.shown, lamp.lamp.levels) == (90, [])


LEVELS = st.integers(0, 254)
TENTHS = st.none() | st.integers(0, 300)
COMMANDS = st.one_of(
    st.tuples(st.just("to"), LEVELS, TENTHS),
    st.tuples(st.just("move"), st.sampled_from(["UP", "DOWN"]), st.none() | st.integers(0, 254)),
    st.tuples(st.just("step"), st.sampled_from(["UP", "DOWN"]), st.integers(0, 255), TENTHS),
    st.tuples(st.just("stop")),
)
STEPS = st.one_of(
    st.tuples(st.just("level"), COMMANDS, st.booleans(), st.sampled_from([{}, EVEN_IF_OFF])),
    st.tuples(st.just("turn"), st.sampled_from(["on", "off", "toggle"])),
    st.tuples(st.just("on level"), st.none() | st.integers(1, 254)),
    st.tuples(st.just("time"), st.floats(0, 12)),
    st.tuples(st.just("stuck"), st.booleans()),
)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(STEPS, max_size=12),
    takes=st.sampled_from([0, 0.3, 2.5]),
    lowest=st.sampled_from([1, 51]),
    on=st.booleans(),
    patient=st.booleans(),
)
def test_whatever_is_commanded(make_node, steps, takes, lowest, on, patient):
    """Levels stay within limits, the lamp is not hammered, and it ends as it is shown."""
    asyncio.run(_command(make_node, steps, takes, lowest, on=on, patient=patient))


async def _command(make_node, steps, takes, lowest, *, on, patient):
    lamp = DimmedLamp(make_node, 100, lowest=lowest, on=on)
    lamp.lamp.takes = takes
    asked = []

    def judge():
        assert lamp.shown == 1 or lowest <= lamp.shown <= 254
        assert 0 <= lamp.remaining <= 2540

    for kind, *rest in steps:
        match kind:
            case "level":
                (name, *arguments), with_on_off, options = rest
                work = getattr(lamp, name)(*arguments, with_on_off=with_on_off, **options)
                asked.append(asyncio.ensure_future(work))
            case "turn":
                asked.append(asyncio.ensure_future(lamp.turn(*rest)))
            case "on level":
                lamp.level.write(LevelControl.on_level, FIRST, *rest)
            case "time":
                await lamp.pass_time(*rest)
            case "stuck":
                (lamp.lamp.stuck,) = rest
        if patient:
            await asyncio.gather(*asked)
        else:
            await lamp.settle()
        judge()
    await asyncio.gather(*asked)
    lamp.lamp.stuck = False
    for _ in range(30):
        await lamp.pass_time(10)
        judge()
    assert lamp.remaining == 0
    assert (lamp.shown, lamp.on_off.on_off) == (lamp.lamp.level, lamp.lamp.on)
    times = [time for time, _ in lamp.lamp.told]
    assert all(later - earlier >= 1 - 1e-6 for earlier, later in itertools.pairwise(times))
