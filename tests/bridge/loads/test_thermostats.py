"""Thermostats that the plan sets, in a simulated home, with hours that pass in an instant."""

import pytest

from bridge.command import Aspect, Origin
from bridge.loads.thermostats import why_not
from bridge.planner.plan import HomePlan
from bridge.planner.planner import Planner
from bridge.planner.worker import answer
from bridge.record import OperatingMode
from hw.reading import ThermostatMode

METER, ROOM = "acme-1", "acme-6"
HOUR = 3600
MIDNIGHT = 12_800.0
DAY_AND_NIGHT = [
    {"lowest_c": 20, "highest_c": 22, "start": "06:00", "end": "22:00"},
    {"lowest_c": 17, "highest_c": 20},
]
ALL_DAY = [{"lowest_c": 19, "highest_c": 22}]
OWN_C = 20.5


@pytest.fixture
def planner(home, posing):
    """An hour from plan to plan is enough for what a room does."""

    async def solved(question, limit):
        return HomePlan.from_json(answer(type(question).from_json(question.to_json())).to_json())

    return Planner(posing, home, 60.0, make=solved, period=3600)


@pytest.fixture
def room(simulated, clock):
    clock.now = MIDNIGHT - 2 * HOUR
    return simulated.add_room(warm_c=20.0, setpoint_c=OWN_C)


@pytest.fixture
async def kept(simulated, planner, wish, room):
    """A room that the plan has set to the lowest of its band, for energy is dear."""
    wish(ROOM, kind="comfort", bands=ALL_DAY, power_w=1500)
    planner.start()
    await simulated.pass_(90)
    assert room.setpoint_c == 19
    yield room
    await planner.stop()


def price(hour):
    """Of a kWh, by the hours since ten in the evening."""
    return 0.10 if 2 <= hour < 8 else 0.40


def commanded(home):
    return [each.value for each in home.arbiter.live(ROOM) if each.aspect is Aspect.TEMPERATURE]


async def test_it_heats_ahead_in_cheap_hours_and_coasts_through_dear_ones(simulated, planner, wish, room):
    wish(ROOM, kind="comfort", bands=ALL_DAY, power_w=1500)
    by_hand = type(room)(room.device, warm_c=20.0, setpoint_c=19.0)
    planner.start()
    cost = cost_by_hand = 0.0
    for minute in range(0, 14 * 60, 2):
        await simulated.pass_(120, step=60)
        by_hand.pass_(120)
        cost += room.power_w * price(minute / 60)
        cost_by_hand += by_hand.power_w * price(minute / 60)
    play = 2 * room.PLAY_K
    assert all(19 <= value <= 22 for _, value in room.setpoints)
    assert all(19 - play <= each <= 22 + play for each in room.temperatures)
    assert room.setpoints[0][1] == room.setpoint_c == 19
    assert max(value for time, value in room.setpoints if 0 <= time - MIDNIGHT < 6 * HOUR) == 22
    # It ends as warm as one that is always set to the lowest, which is the cheapest that switching comes to.
    assert room.warm_c == pytest.approx(by_hand.warm_c, abs=play)
    assert cost < 0.9 * cost_by_hand
    await planner.stop()


async def test_the_night_has_a_band_of_its_own(simulated, planner, wish, room, clock):
    clock.now = MIDNIGHT + 3 * HOUR
    room.warm_c = 18.0
    wish(ROOM, kind="comfort", bands=DAY_AND_NIGHT, power_w=1500)
    planner.start()
    await simulated.pass_(simulated.until(6.2), step=60)
    for time, value in room.setpoints:
        hour = (time - MIDNIGHT) / HOUR % 24
        assert (20 <= value <= 22) if 6 <= hour < 22 else (17 <= value <= 20)
    # It may heat ahead by then, and has.
    assert room.warm_c >= 20 - 2 * room.PLAY_K
    await planner.stop()


async def test_a_plan_that_ends_leaves_it_as_its_owner_had_it(simulated, planner, kept, home):
    assert home.arbiter.own(ROOM, Aspect.TEMPERATURE) == OWN_C
    await planner.stop()
    await home.arbiter.close()
    assert kept.device.told[-1][2] == OWN_C
    assert list(home.storage.scan("temperature/")) == []


async def test_a_hub_that_cannot_command_gives_it_back(simulated, planner, kept, home):
    simulated.silent.add(METER)
    await simulated.pass_(150)
    assert planner.state.waiting
    assert kept.setpoint_c == OWN_C
    simulated.silent.clear()
    await simulated.pass_(60)
    assert kept.setpoint_c == 19


@pytest.mark.parametrize(("found_c", "given_back"), [(19.0, [OWN_C]), (21.5, [])])
async def test_a_killed_hub_gives_it_back_at_its_next_start_unless_a_person_has_set_it(
    simulated, planner, kept, home, another_home, clock, found_c, given_back
):
    """What was stored by then is all that is left of it."""
    kept.setpoint_c = found_c
    again = another_home(home.storage, clock)
    again.start()
    again.registry.found([kept.device], "matter")
    before = len(kept.device.told)
    again.registry.took(again.registry[ROOM], simulated.readings()[-1])
    await clock.pass_(30)
    assert [each[2] for each in kept.device.told[before:] if each[2] is not None] == given_back
    assert list(home.storage.scan("temperature/")) == []


async def test_who_sets_it_by_hand_has_it_so_until_the_next_band(simulated, planner, wish, room, home, clock):
    clock.now = MIDNIGHT - 4 * HOUR
    wish(ROOM, kind="comfort", bands=DAY_AND_NIGHT, power_w=1500)
    planner.start()
    await simulated.pass_(120)
    assert room.setpoint_c == 20
    room.setpoint_c = 23.0
    await simulated.pass_(60)
    assert commanded(home) == []
    assert why_not(home.registry[ROOM], home, simulated.clock.utc()) == "a person set it"
    assert home.runs.run(ROOM).person_until == simulated.clock.utc() + simulated.until(-2)
    await simulated.pass_(simulated.until(-2) - 60)
    assert room.setpoint_c == 23.0
    assert ROOM not in planner.state.plan.steps[0].loads
    await simulated.pass_(180)
    assert 17 <= room.setpoint_c <= 20
    assert home.arbiter.own(ROOM, Aspect.TEMPERATURE) == 23.0
    await planner.stop()


async def test_who_says_another_band_takes_that_back(simulated, planner, kept, wish, home):
    kept.setpoint_c = 23.0
    await simulated.pass_(60)
    assert commanded(home) == []
    wish(ROOM, bands=[{"lowest_c": 18, "highest_c": 21}])
    await simulated.pass_(60)
    assert kept.setpoint_c == 18


@pytest.mark.parametrize("mode", [ThermostatMode.OFF, ThermostatMode.AUTO, ThermostatMode.OTHER])
async def test_one_that_is_off_or_may_do_either_is_left_alone(simulated, planner, kept, home, mode):
    kept.mode = mode
    await simulated.pass_(60)
    assert kept.setpoint_c == OWN_C
    assert commanded(home) == []
    assert f"its mode is {mode.value}" in why_not(home.registry[ROOM], home, simulated.clock.utc())


async def test_it_is_set_within_its_own_limits(simulated, planner, kept, wish, home):
    kept.limits = (16.0, 21.0)
    wish(ROOM, bands=[{"lowest_c": 12, "highest_c": 30}])
    await simulated.pass_(60)
    assert kept.setpoint_c == 16
    wish(ROOM, bands=[{"lowest_c": 24, "highest_c": 26}])
    await simulated.pass_(60)
    assert commanded(home) == []
    assert "cannot be set" in why_not(home.registry[ROOM], home, simulated.clock.utc())


async def test_what_is_not_to_be_planned_is_not(simulated, planner, kept, wish, home):
    wish(ROOM, planned=False)
    await simulated.pass_(60)
    assert kept.setpoint_c == OWN_C
    wish(ROOM, planned=True)
    await simulated.pass_(60)
    assert kept.setpoint_c == 19
    home.registry.set_mode(ROOM, OperatingMode.AUTONOMOUS)
    await simulated.pass_(60)
    assert kept.setpoint_c == OWN_C
    assert not any(each.origin is Origin.PLAN for each in home.arbiter.live(ROOM))


async def test_what_it_takes_is_none_of_the_load_that_just_happens(simulated, posing, kept, clock, home):
    kept.on = True
    kept.warm_c = 18.0
    await simulated.pass_(30)
    assert kept.power_w == 1500
    question = posing.question(clock.utc())
    assert question.load_w == pytest.approx(400)
    assert question.recorded is None
    assert [each.title for each in question.rooms] == [home.registry[ROOM].record.name]
