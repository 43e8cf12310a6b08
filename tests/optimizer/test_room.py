"""A room is learned from what its thermometer and its meter said of it."""

import numpy as np
import pytest

from optimizer.forecast.room import LEAST_DAYS, Room, learned_room, usual_room

STEP = 900


def simulated(days, *, tau=30.0, rise=24.0, most_w=1500.0, step_c=0.1, outside=None, seed=1, swing=4.0):
    """Quarters of an hour of a room with a thermostat that is set to another temperature now and then."""
    random = np.random.default_rng(seed)
    fine, count = 15, days * 96
    hour = np.arange(count * fine) / 60
    air = 4 + swing * np.sin(2 * np.pi * (hour - 9) / 24) if outside is None else np.full(len(hour), outside)
    goal = np.repeat(random.choice([18.0, 19.5, 21.0, 22.0], size=days * 6), 4 * 60)
    warm, keep, on = 20.0, np.exp(-1 / 60 / tau), True
    temperatures, powers = [], []
    for minute in range(len(hour)):
        on = warm < goal[minute] - 0.2 or (on and warm < goal[minute] + 0.2)
        warm = keep * warm + (1 - keep) * (air[minute] + rise * on)
        temperatures.append(round((warm + random.normal(0, 0.05)) / step_c) * step_c)
        powers.append(most_w * on)
    quarters = (np.array(each).reshape(-1, fine).mean(axis=1) for each in (temperatures, powers, air))
    return tuple(quarters)


@pytest.mark.parametrize("tau", [6.0, 30.0, 90.0])
@pytest.mark.parametrize("known", [True, False])
def test_a_simulated_room_is_found_again(tau, known):
    warm, power, air = simulated(14, tau=tau, swing=4.0 if known else 1.0)
    room = learned_room(warm, power, air if known else None, STEP)
    assert room.time_constant_h == pytest.approx(tau, rel=0.15 if known else 0.3)
    assert room.resistance_k_per_w * 1500 == pytest.approx(24.0, rel=0.15 if known else 0.3)
    assert room.outside_c == pytest.approx(0.0 if known else 4.0, abs=1.5 if known else 3.0)
    assert (room.knows_outside, room.days) == (known, 14)
    assert room.explained > 0.8


def test_half_degrees_and_an_open_window_do_not_spoil_it():
    warm, power, air = simulated(14, step_c=0.5)
    for day in range(0, 14, 3):
        warm[day * 96 + 40 : day * 96 + 46] -= 4.0
    warm[200:230] = np.nan
    room = learned_room(warm, power, air, STEP)
    assert room.time_constant_h == pytest.approx(30.0, rel=0.3)
    assert room.capacity_wh_per_k == pytest.approx(30.0 / (24 / 1500), rel=0.3)
    assert room.loss_w_per_k == pytest.approx(1500 / 24, rel=0.3)


def test_one_that_is_cooled():
    warm, power, air = simulated(10, outside=4.0)
    # Upside down: what heats to 20 above 4 cools to 20 below 36.
    room = learned_room(40 - warm, power, 40 - air, STEP, heats=False)
    assert room.time_constant_h == pytest.approx(30.0, rel=0.2)
    assert room.resistance_k_per_w > 0


@pytest.mark.parametrize(
    "spoil",
    [
        lambda warm, power, random: (warm[: int(LEAST_DAYS * 96) - 1], power[: int(LEAST_DAYS * 96) - 1]),
        lambda warm, power, random: (random.normal(20, 0.5, len(warm)), power),
        lambda warm, power, random: (np.full(len(warm), 20.0), power),
        lambda warm, power, random: (warm, np.zeros(len(warm))),
        lambda warm, power, random: (warm, random.permutation(power)),
        lambda warm, power, random: (warm, np.full(len(warm), np.nan)),
        # It gets colder when it is heated.
        lambda warm, power, random: (40 - warm, power),
    ],
    ids=["half a day", "noise", "never changes", "never heated", "another heater", "unknown", "upside down"],
)
def test_what_explains_nothing_is_not_used(spoil):
    warm, power, _ = simulated(7)
    assert learned_room(*spoil(warm, power, np.random.default_rng(3)), None, STEP) is None


def test_until_then_it_is_a_usual_one():
    assert usual_room(1500, heats=True, knows_outside=False) == Room(20.0, 0.02, 5.0, knows_outside=False)
    assert usual_room(1500, heats=False, knows_outside=True).outside_c == 0
    assert usual_room(1500, heats=True, knows_outside=True).capacity_wh_per_k == pytest.approx(1000)
