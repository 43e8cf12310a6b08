"""Reckoning a day from what was measured, by hand and by the hub."""

from dataclasses import asdict

import pytest

from bridge.planner.question import AskedBattery, Recorded
from bridge.savings.prices_paid import PricePaid
from bridge.savings.question import AskedDay
from bridge.savings.reckoning import answer, reckon
from bridge.telemetry.database import StoreError
from bridge.time_zone import time_zone

START = 1_782_000_000
HOUR = 3600
BATTERY = AskedBattery(
    "battery", 10_000.0, 0.0, 5_000.0, 5_000.0, 1_000.0, 1.0, 1.0, 0.0, grid_charging=False, feed_in=False
)


@pytest.fixture
def record(recording):
    return recording(time_zone("UTC"))


def day(record, hours=2, *, batteries=(BATTERY,), paid=None, storage=("battery",)):
    paid = [(0, hours, 0.30, 0.10)] if paid is None else paid
    return AskedDay(
        START,
        START + hours * HOUR,
        Recorded(str(record.path), ("meter",), ("roof",), storage),
        tuple(
            PricePaid(START + begin * HOUR, START + end * HOUR, drawn, fed, "EUR", 0.4)
            for begin, end, drawn, fed in paid
        ),
        batteries,
    )


def hour(record, number, *, grid, roof, battery=None, soc=None, minutes=60):
    start = START + number * HOUR
    end = start + minutes * 60
    record("meter", start, end, grid)
    record("roof", start, end, roof)
    if battery is not None:
        record("battery", start, end, battery, soc)


def test_a_sunny_and_a_dark_hour_by_hand(record):
    # 3 kW of sun, 1 kW of load: 2 kW into the battery. Then 1 kW of load from the battery.
    hour(record, 0, grid=0.0, roof=-3000.0, battery=2000.0, soc=(30.0, 50.0))
    hour(record, 1, grid=0.0, roof=0.0, battery=-1000.0, soc=(50.0, 40.0))
    found = reckon(day(record))
    assert found.coverage == 1.0
    assert (found.produced_wh, found.used_wh) == pytest.approx((3000.0, 2000.0))
    assert (found.imported_wh, found.exported_wh) == (0.0, 0.0)
    assert (found.self_consumption, found.self_sufficiency) == (1.0, 1.0)
    assert found.bill == 0.0
    # Without the battery 2 kWh would have been sold at 10 ct, and 1 kWh bought at 30.
    assert found.bill_without_battery == pytest.approx(0.30 - 0.20)
    assert found.bill_without_sun == pytest.approx(0.60)
    # 10 % more of 10 kWh are in it, which save 30 ct a kWh; a few minutes' means make it not quite so.
    assert found.saved_by_battery == pytest.approx(0.10 + 0.30, abs=0.01)
    # Its own logic would have done the same.
    assert found.bill_with_rule == pytest.approx(0.0, abs=1e-9)
    assert found.saved_by_plan == pytest.approx(0.0, abs=0.01)
    assert found.co2_kg == 0.0
    assert found.co2_saved_kg == pytest.approx(2.0 * 0.4)


def test_charging_while_it_is_cheap_is_what_the_plan_saved(record):
    hour(record, 0, grid=3000.0, roof=0.0, battery=2000.0, soc=(10.0, 30.0))
    hour(record, 1, grid=0.0, roof=0.0, battery=-1000.0, soc=(30.0, 20.0))
    hour(record, 2, grid=0.0, roof=0.0, battery=-1000.0, soc=(20.0, 10.0))
    found = reckon(day(record, 3, paid=[(0, 1, 0.10, 0.0), (1, 3, 0.40, 0.0)]))
    assert found.bill == pytest.approx(0.30)
    # The battery is at its reserve, so by its own logic it would have given nothing.
    assert found.bill_without_battery == found.bill_with_rule == pytest.approx(0.10 + 0.80)
    assert found.saved_by_plan == pytest.approx(0.60, abs=0.01)
    assert found.saved_by_battery == pytest.approx(0.60, abs=0.01)


def test_what_is_missing_is_in_no_figure(record):
    hour(record, 0, grid=1000.0, roof=0.0, battery=0.0, soc=(50.0, 50.0), minutes=30)
    hour(record, 1, grid=1000.0, roof=0.0)
    found = reckon(day(record))
    # Half an hour without any module, and an hour without the battery.
    assert found.coverage == pytest.approx(0.25)
    assert found.used_wh == pytest.approx(500.0)
    assert found.bill == pytest.approx(0.15)


def test_time_without_prices_is_in_no_figure_either(record):
    hour(record, 0, grid=1000.0, roof=0.0, battery=0.0, soc=(50.0, 50.0))
    hour(record, 1, grid=1000.0, roof=0.0, battery=0.0, soc=(50.0, 50.0))
    found = reckon(day(record, paid=[(1, 2, 0.30, 0.10)]))
    assert found.coverage == pytest.approx(0.5)
    assert found.bill == pytest.approx(0.30)
    assert reckon(day(record, paid=[])).known_s == 0


def test_a_battery_that_was_not_there_hides_nothing(record):
    hour(record, 0, grid=1000.0, roof=0.0)
    found = reckon(day(record, 1))
    assert found.coverage == 1.0
    assert found.saved_by_battery == found.saved_by_plan == 0.0


def test_panels_that_sleep_are_no_gap(record):
    record("meter", START, START + HOUR, 800.0)
    found = reckon(day(record, 1, batteries=(), storage=()))
    assert found.coverage == 1.0
    assert found.self_consumption is None
    assert found.self_sufficiency == 0.0


def test_without_a_file_nothing_is_known_and_a_damaged_one_is_an_error(record, tmp_path):
    record.path = tmp_path / "other.db"
    assert reckon(day(record)).known_s == 0
    record.path.write_bytes(b"no database at all" * 100)
    with pytest.raises(StoreError):
        reckon(day(record))


def test_the_question_and_the_answer_travel_as_plain_values(record):
    hour(record, 0, grid=1000.0, roof=0.0)
    asked = day(record, 1)
    assert AskedDay.from_values(asdict(asked)) == asked
    assert answer(asdict(asked)) == asdict(reckon(asked))
