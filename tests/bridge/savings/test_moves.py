"""What moved loads brought: since when they were wanted, and what running them at once would have cost."""

from dataclasses import asdict
from datetime import UTC, datetime

import pytest

from bridge.loads.run import LoadRun
from bridge.loads.wish import LoadKind, LoadWish
from bridge.planner.question import Recorded
from bridge.savings.day import Reckoned
from bridge.savings.moves import KEPT_S, Move, MoveBook
from bridge.savings.prices_paid import PricePaid
from bridge.savings.question import AskedDay
from bridge.savings.reckoning import answer, reckon
from bridge.time_zone import time_zone
from hw.module import ModuleKind
from hw.reading import EvseReading, PlugState, Reading
from hw.setpoint import SetpointKind

START = 1_782_000_000
HOUR = 3600


@pytest.fixture
def record(recording):
    return recording(time_zone("UTC"))


def day(record, *moves, first=0, hours=6):
    return AskedDay(
        START + first * HOUR,
        START + hours * HOUR,
        Recorded(str(record.path), ("meter",), (), ()),
        (
            PricePaid(START, START + 3 * HOUR, 0.40, 0.0, "EUR"),
            PricePaid(START + 3 * HOUR, START + 24 * HOUR, 0.10, 0.0, "EUR"),
        ),
        (),
        moves,
    )


def dishwasher(record):
    """A machine that was wanted in the first hour, and ran for two from the fourth on."""
    record("meter", START, START + 6 * HOUR, 200.0)
    record("dishwasher", START, START + 3 * HOUR, 0.0)
    record("dishwasher", START + 3 * HOUR, START + 5 * HOUR, 600.0)
    record("dishwasher", START + 5 * HOUR, START + 6 * HOUR, 0.0)
    record("meter", START + 3 * HOUR, START + 5 * HOUR, 800.0)
    return Move("dishwasher", START + HOUR, START + 5 * HOUR, None, program=True)


def test_a_machine_that_waited_for_the_cheap_hours_saved_what_it_would_have_cost_more(record):
    found = reckon(day(record, dishwasher(record)))
    assert found.coverage == 1.0
    # 1.2 kWh, for 10 ct and not for 40.
    assert found.saved_by_moving == pytest.approx(1.2 * 0.30, abs=0.02)
    assert found.bill_at_once == pytest.approx(found.bill_with_rule + 1.2 * 0.30, abs=0.02)
    # It is told apart: what the batteries and their plan saved is as it was.
    alone = reckon(day(record))
    assert (alone.saved_by_moving, alone.bill_at_once) == (0, alone.bill_with_rule)
    assert (found.bill, found.saved_by_plan, found.used_wh) == (
        alone.bill,
        alone.saved_by_plan,
        alone.used_wh,
    )


def test_a_move_over_midnight_is_in_both_days(record):
    move = dishwasher(record)
    whole = reckon(day(record, move)).saved_by_moving
    before, after = (reckon(day(record, move, first=first, hours=hours)) for first, hours in ((0, 3), (3, 6)))
    assert before.saved_by_moving == pytest.approx(1.2 * 0.40, abs=0.02)
    assert after.saved_by_moving == pytest.approx(-1.2 * 0.10, abs=0.02)
    assert before.saved_by_moving + after.saved_by_moving == pytest.approx(whole, abs=0.01)


def test_a_car_that_may_pause_would_have_charged_at_once_with_all_that_it_takes(record):
    record("meter", START, START + 6 * HOUR, 200.0)
    for hour, power in enumerate((0.0, 0.0, 0.0, 11_000.0, 0.0, 5500.0)):
        record("car", START + hour * HOUR, START + (hour + 1) * HOUR, power)
        if power:
            record("meter", START + hour * HOUR, START + (hour + 1) * HOUR, 200.0 + power)
    found = reckon(day(record, Move("car", START, START + 6 * HOUR, None, program=False)))
    # 16.5 kWh in an hour and a half.
    assert found.saved_by_moving == pytest.approx(16.5 * 0.30, rel=0.03)


def test_what_did_not_run_moved_nothing_and_travels_as_plain_values(record):
    record("meter", START, START + 6 * HOUR, 200.0)
    asked = day(record, Move("nobody", START, START + 5 * HOUR, None, program=True))
    assert AskedDay.from_values(asdict(asked)) == asked
    assert Reckoned.from_values(answer(asdict(asked))).saved_by_moving == 0


def test_days_from_before_are_still_read():
    old = asdict(reckoned())
    del old["bill_at_once"], old["saved_by_moving"]
    assert Reckoned.from_values(old) == reckoned()


def reckoned():
    return Reckoned(
        seconds=86_400.0, known_s=86_400.0, currency="EUR", bill=1.0, bill_without_battery=2.0,
        bill_with_rule=1.5, bill_without_sun=4.0, saved_by_battery=0.9, saved_by_plan=0.4,
        produced_wh=8000.0, used_wh=10_000.0, imported_wh=4000.0, exported_wh=2000.0, co2_kg=None,
        co2_saved_kg=None, bill_at_once=1.5, saved_by_moving=0.0,
    )  # fmt: skip


class TestWhatIsNoted:
    @pytest.fixture
    def book(self, home):
        home.start()
        return MoveBook(home)

    @pytest.fixture
    def washer(self, home):
        home.add("7", kind=ModuleKind.LOAD, kinds=(SetpointKind.CONNECT,))
        return "acme-7"

    def test_a_machine_that_somebody_wants_done_once_from_then_on(self, home, book, washer, clock):
        now = clock.utc()
        home.registry.set_wish(washer, LoadWish(LoadKind.MACHINE).once(now, now + 8 * HOUR))
        home.runs.keep(washer, LoadRun(by=now + 8 * HOUR, since=now, need_wh=1000))
        book.note(now + 60)
        assert book.over(now, now + HOUR, now + HOUR) == []
        home.runs.keep(washer, LoadRun())
        book.note(now + 5 * HOUR)
        (move,) = book.over(now, now + HOUR, now + 6 * HOUR)
        assert (move.module, move.since, move.until) == (washer, int(now), int(now + 5 * HOUR))
        assert move.program
        # It is known to another hub, too, and not for ever.
        assert MoveBook(home).over(now, now + HOUR, now + 6 * HOUR) == [move]
        assert book.over(now + 6 * HOUR, now + 7 * HOUR, now + 8 * HOUR) == []
        later = now + KEPT_S + HOUR
        home.registry.set_wish(washer, LoadWish(LoadKind.MACHINE).once(later, later + HOUR))
        home.runs.keep(washer, LoadRun(by=later + HOUR, since=later))
        book.note(later)
        assert book.over(0, later, later) == []

    def test_of_a_load_that_is_wanted_every_week_nobody_knows_since_when(self, home, book, washer, clock):
        now = clock.utc()
        daily = LoadWish(LoadKind.INTERRUPTIBLE, energy_wh=1000, done_by="07:00", days=("mon", "tue"))
        home.registry.set_wish(washer, daily)
        home.runs.keep(washer, LoadRun(by=now + HOUR, since=now, need_wh=1000))
        book.note(now)
        book.note(now + 2 * HOUR)
        assert book.over(0, now + 3 * HOUR, now + 3 * HOUR) == []

    def test_a_car_from_when_it_was_plugged_in(self, home, book, clock):
        home.add("8", kind=ModuleKind.EVSE, kinds=(SetpointKind.CONNECT, SetpointKind.CHARGE_CURRENT_A))
        now = clock.utc()
        time = datetime.fromtimestamp(now, UTC)
        evse = EvseReading(plug=PlugState.DEMAND, session_energy_wh=0.0)
        home.registry.took(home.registry["acme-8"], Reading("acme-8", time, evse=evse))
        home.runs.keep("acme-8", LoadRun(by=now + 8 * HOUR, since=now - 5 * HOUR, need_wh=9000, full=True))
        book.note(now + 60)
        home.runs.keep("acme-8", LoadRun())
        book.note(now + 4 * HOUR)
        (move,) = book.over(now, now + HOUR, now + 5 * HOUR)
        assert (move.module, move.since, move.program) == ("acme-8", int(now), False)
