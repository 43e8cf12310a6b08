"""Load and production from what telemetry recorded."""

from datetime import UTC, datetime

import numpy as np
import pytest

from bridge.planner.past import DAYS, STEP, past
from bridge.planner.question import Recorded
from bridge.telemetry.frames import FrameMaker
from bridge.telemetry.store import Store
from bridge.time_zone import time_zone
from hw.module import Capabilities
from hw.reading import Reading

NOW = 1_782_000_000 // STEP * STEP


@pytest.fixture
def record(tmp_path):
    """Write down the power of a module at some times."""
    store = Store(tmp_path / "telemetry.db", time_zone("UTC"))
    makers = {}

    def record(module, power_w, times):
        maker = makers.setdefault(module, FrameMaker())
        store.commit(
            [
                maker.frame(
                    Reading(module=module, time=datetime.fromtimestamp(time, UTC), power_w=power_w),
                    Capabilities(),
                )
                for time in times
            ]
        )

    record.path = str(tmp_path / "telemetry.db")
    yield record
    store.close()


def recorded(path):
    return Recorded(path, grid=("meter",), solar=("east", "west"), storage=("battery",))


def test_the_load_is_what_the_meter_reads_less_panels_and_batteries(record):
    hour = range(NOW - 3600, NOW, 60)
    record("meter", -500.0, hour)
    record("east", -1000.0, hour)
    record("west", -800.0, range(NOW - 1800, NOW, 60))
    record("battery", 300.0, hour)
    known = past(recorded(record.path), NOW)
    assert len(known.load) == DAYS * 96
    assert known.load.power_w[-4:].tolist() == [200.0, 200.0, 1000.0, 1000.0]
    assert known.production.power_w[-4:].tolist() == [1000.0, 1000.0, 1800.0, 1800.0]
    assert np.isnan(known.load.power_w[:-4]).all()
    assert known.days == pytest.approx(4 / 96)


def test_a_meter_that_was_silent_is_a_gap_in_the_load_and_sleeping_panels_are_none(record):
    record("east", -400.0, range(NOW - 1800, NOW - 900, 60))
    record("meter", 250.0, range(NOW - 900, NOW, 60))
    known = past(recorded(record.path), NOW)
    assert np.isnan(known.load.power_w[-2])
    assert known.load.power_w[-1] == 250.0
    assert known.production.power_w[-2:].tolist() == [400.0, 0.0]


@pytest.mark.parametrize("content", [None, b"", b"no database at all" * 100])
def test_without_a_file_that_can_be_read_nothing_is_known(tmp_path, content):
    path = tmp_path / "telemetry.db"
    if content is not None:
        path.write_bytes(content)
    known = past(recorded(str(path)), NOW)
    assert known.days == 0
    assert np.isnan(known.production.power_w).all()
    assert past(None, NOW).days == 0
