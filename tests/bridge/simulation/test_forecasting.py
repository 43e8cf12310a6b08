"""What would be expected follows from the past alone, and is the same however it is worked out."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from bridge.simulation.forecasting import HORIZON_S, Foresight, expectations, horizon_steps
from optimizer.forecast.clear_sky import Site

MUNICH = Site(48.1, 11.6)


@pytest.fixture
def foresight(winter):
    return Foresight(winter.start, winter.step_s, winter.load_w, winter.sun_w, MUNICH, 5000.0)


@pytest.mark.parametrize("step", [0, 1, 96, 500])
def test_nobody_looks_ahead(foresight, step):
    load, sun = foresight.load_w.copy(), foresight.sun_w.copy()
    seen = max(step, 1)  # at the very beginning, what is there now is all that is known
    load[seen:], sun[seen:] = 9999.0, 9999.0
    assert replace(foresight, load_w=load, sun_w=sun).expected(step) == foresight.expected(step)


def test_what_was_just_measured_counts(foresight):
    load = foresight.load_w.copy()
    load[499] += 3000
    more = replace(foresight, load_w=load).expected(500).load.expected_w
    assert more[0] > foresight.expected(500).load.expected_w[0] + 1000


def test_the_night_stays_dark(foresight):
    for step in (500, 510, 520):
        begin = foresight.horizon(step)
        sun = foresight.expected(step).sun
        dark = [value for n, value in enumerate(sun.high_w) if begin.time(n).hour in {22, 23, 0, 1, 2, 3}]
        assert max(dark) == 0


@pytest.mark.parametrize("jobs", [1, 2])
def test_other_processes_expect_the_same(foresight, jobs):
    steps = range(400, 560, 4)
    assert list(expectations(foresight, steps, jobs)) == list(expectations(foresight, steps, 0))


@pytest.mark.parametrize(
    ("step_s", "minute"), [(900, 0), (900, 15), (900, 30), (900, 45), (1800, 0), (1800, 30), (3600, 0)]
)
def test_plans_see_hours_sharply_and_then_full_hours(step_s, minute):
    begin = datetime(2026, 3, 28, 22, minute, tzinfo=UTC)
    steps = horizon_steps(begin, step_s)
    assert HORIZON_S - 3600 < sum(steps) <= HORIZON_S
    near = [each for each in steps if each == step_s] if step_s < 3600 else steps[:2]
    assert sum(near) >= 7200
    if step_s < 3600:
        assert (begin.timestamp() + sum(near)) % 3600 == 0
    assert np.all(np.diff(steps) >= 0)
