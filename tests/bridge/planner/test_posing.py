"""What is asked of the optimizer, from the state of the home."""

from datetime import UTC, datetime

import pytest

from bridge.choices import Policy
from bridge.planner.news import NotNowError
from bridge.planner.posing import FRESH, Posing
from bridge.planner.settings import PlannerSettings
from bridge.record import OperatingMode
from hw.reading import BatteryReading, Quality, Reading

METER, BATTERY, SUN = "acme-1", "acme-2", "acme-3"


@pytest.fixture
def ask(home, clock, tariff, simulated):
    """Ask what is to be planned, with some settings."""
    simulated.read()

    def ask(**settings):
        return Posing(PlannerSettings(**settings), tariff, home, None).question(clock.utc())

    return ask


async def test_the_question_holds_what_the_home_says_now(ask, simulated, home):
    simulated.load_w, simulated.sun_w = 1500.0, 600.0
    simulated.reserve = 25.0
    simulated.read()
    question = ask()
    assert (question.load_w, question.production_w) == (1500.0, 600.0)
    (battery,) = question.batteries
    assert (battery.capacity_wh, battery.stored_wh, battery.reserve_wh) == (10_000.0, 5_000.0, 2_500.0)
    assert (battery.charge_w, battery.discharge_w) == (4000.0, 4000.0)
    assert battery.charge_efficiency * battery.discharge_efficiency == pytest.approx(0.9)
    assert len(question.import_price) == len(question.steps_s)
    assert question.zone == "UTC"


@pytest.mark.parametrize(
    ("policy", "counts", "from_grid", "backup"),
    [
        (Policy.SELF_CONSUMPTION, False, False, None),
        (Policy.GREEN, False, False, None),
        (Policy.SAVINGS, True, True, None),
        (Policy.BACKUP, True, True, 12.0),
    ],
)
async def test_the_policy_says_what_the_plan_is_good_for(ask, home, policy, counts, from_grid, backup):
    home.choices.choose(policy=policy)
    question = ask()
    (battery,) = question.batteries
    assert (question.feed_in_counts, battery.grid_charging, battery.feed_in) == (counts, from_grid, False)
    assert question.backup_hours == backup


async def test_what_the_settings_forbid_no_policy_allows(ask, home):
    (battery,) = ask(grid_charging=False, sell_stored=True).batteries
    assert (battery.grid_charging, battery.feed_in) == (False, True)
    assert ask(latitude=52.5, longitude=13.4).place == (52.5, 13.4)


async def test_a_battery_that_does_not_say_enough_or_is_its_own_master_is_left_out(ask, home, clock):
    now = datetime.fromtimestamp(clock.utc(), UTC)
    home.registry.set_mode(BATTERY, OperatingMode.AUTONOMOUS)
    assert ask().batteries == ()
    home.registry.set_mode(BATTERY, OperatingMode.FEDERATED)
    for charge in (None, float("nan")):
        said = BatteryReading(soc_percent=charge)
        home.registry.took(home.registry[BATTERY], Reading(BATTERY, now, power_w=0.0, battery=said))
        assert ask().batteries == ()


async def test_what_is_stale_or_absent_is_not_planned_on(ask, home, clock, simulated):
    now = datetime.fromtimestamp(clock.utc(), UTC)
    meter = home.registry[METER]
    home.registry.took(meter, Reading(METER, now, Quality.STALE, power_w=0.0))
    with pytest.raises(NotNowError, match="older than"):
        ask()
    home.registry.took(meter, Reading(METER, now))
    with pytest.raises(NotNowError, match="does not say its power"):
        ask()
    simulated.read()
    clock.now += FRESH + 1
    with pytest.raises(NotNowError, match="older than"):
        ask()
    simulated.read()
    home.registry.lost(meter, "unplugged")
    with pytest.raises(NotNowError, match="does not answer"):
        ask()
    home.registry.remove(METER)
    with pytest.raises(NotNowError, match="no meter"):
        ask()


async def test_without_the_grid_nothing_is_planned(ask, home, clock):
    now = datetime.fromtimestamp(clock.utc(), UTC)
    for _ in range(2):
        home.registry.took(home.registry[METER], Reading(METER, now, power_w=0.0, voltage_v=3.0))
    with pytest.raises(NotNowError, match="the grid is gone"):
        ask()
    home.registry.took(home.registry[METER], Reading(METER, now, power_w=0.0, voltage_v=230.0))
    with pytest.raises(NotNowError, match="has not returned to the grid yet"):
        ask()
