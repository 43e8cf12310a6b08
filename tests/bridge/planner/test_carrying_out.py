"""What a battery is told for a band of powers."""

import pytest

from bridge.planner.carrying_out import OWN_LOGIC, Ability, Told, told
from bridge.planner.plan import BatteryStep
from hw.setpoint import SetpointKind as Kind
from optimizer.plan import BatteryMode as Mode
from optimizer.reason import ReasonCode

ALL = frozenset(Kind)
SIMPLE = frozenset({Kind.CHARGE_W, Kind.DISCHARGE_W, Kind.HOLD})


def band(mode, lowest, highest):
    return BatteryStep(0.0, 50.0, mode, lowest, highest, ReasonCode.HOLD_LATER, "Because.")


@pytest.mark.parametrize(
    ("step", "battery_w", "grid_w", "wanted"),
    [
        (band(Mode.CHARGE, 2500.0, 4000.0), 0.0, 300.0, Told(Kind.CHARGE_W, 2500)),
        (band(Mode.DISCHARGE, -4000.0, -1800.0), 0.0, 300.0, Told(Kind.DISCHARGE_W, 1800)),
        (band(Mode.HOLD, 0.0, 0.0), 500.0, 300.0, Told(Kind.HOLD)),
        (band(Mode.BALANCE, -4000.0, 4000.0), 0.0, 300.0, OWN_LOGIC),
        # Of a part of the sun only: the battery's own logic under a limit.
        (band(Mode.BALANCE, -4000.0, 900.0), 0.0, 300.0, Told(Kind.CHARGE_LIMIT_W, 900)),
        (band(Mode.COVER, -4000.0, 0.0), 0.0, 300.0, Told(Kind.CHARGE_LIMIT_W, 0)),
        # Only what is left over is stored: 1200 W go to the grid now.
        (band(Mode.STORE, 0.0, 4000.0), 300.0, -1200.0, Told(Kind.CHARGE_W, 1500)),
        (band(Mode.STORE, 0.0, 4000.0), 1500.0, 200.0, Told(Kind.CHARGE_W, 1300)),
        (band(Mode.STORE, 0.0, 4000.0), 0.0, 800.0, Told(Kind.HOLD)),
        (band(Mode.STORE, 0.0, 1000.0), 0.0, -5000.0, Told(Kind.CHARGE_W, 1000)),
        # It serves a part only.
        (band(Mode.COVER, -600.0, 0.0), 0.0, 2000.0, Told(Kind.DISCHARGE_W, 600)),
    ],
)
def test_a_band_becomes_the_setpoint_that_says_it_best(step, battery_w, grid_w, wanted):
    assert told(step, Ability(ALL, 4000.0, 4000.0), battery_w, grid_w) == wanted


@pytest.mark.parametrize(
    ("battery_w", "grid_w", "cars_w", "wanted"),
    [
        # The car takes 4 kW and the home 700 W: the battery serves the home alone.
        (0.0, 4700.0, 4000.0, Told(Kind.DISCHARGE_W, 700)),
        (-700.0, 4000.0, 4000.0, Told(Kind.DISCHARGE_W, 700)),
        # The car takes a part of the sun, and the battery stores what that leaves.
        (0.0, -900.0, 4000.0, Told(Kind.CHARGE_W, 900)),
        # Of the sun 500 W are missing to the car: no battery gives them.
        (0.0, 500.0, 4000.0, Told(Kind.HOLD)),
        (0.0, 500.0, 0.0, OWN_LOGIC),
    ],
)
def test_a_battery_feeds_no_car(battery_w, grid_w, cars_w, wanted):
    balance = band(Mode.BALANCE, -4000.0, 4000.0)
    assert told(balance, Ability(ALL, 4000.0, 4000.0), battery_w, grid_w, cars_w) == wanted


def test_a_battery_without_a_charge_limit_follows_the_meter_instead():
    ability = Ability(SIMPLE, 4000.0, 4000.0)
    cover = band(Mode.COVER, -4000.0, 0.0)
    assert told(cover, ability, 0.0, 700.0) == Told(Kind.DISCHARGE_W, 700)
    assert told(cover, ability, -700.0, -300.0) == Told(Kind.DISCHARGE_W, 400)
    assert told(cover, ability, 0.0, -900.0) == Told(Kind.HOLD)
