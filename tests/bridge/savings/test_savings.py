"""Savings over days: what is reckoned when, and what it adds up to."""

import subprocess
import sys
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.loads.run import LoadRun
from bridge.loads.wish import LoadKind, LoadWish
from bridge.ores.savings import shown_savings
from bridge.planner.settings import PlannerSettings, TariffSettings
from bridge.planner.solving import SolveError
from bridge.planner.tariff import Tariff
from bridge.savings import reckoning
from bridge.savings.book import KEPT_DAYS, ReckonedDay, SavingsBook
from bridge.savings.day import Reckoned, together
from bridge.savings.prices_paid import PriceBook
from bridge.savings.savings import FIRST, PERIOD, Savings, SavingsChanged, SavingsNow
from bridge.savings.told import savings_status
from bridge.state import SqliteStorage, StateError
from bridge.time_zone import midnight, time_zone
from hw.module import ModuleKind
from hw.setpoint import SetpointKind
from matter_node.storage import MemoryStorage

ROOT = Path(__file__).parents[3]
BERLIN = time_zone("Europe/Berlin")
METER = "acme-1"
TODAY = date(2026, 6, 21)
HOUR = 3600
FIGURES = Reckoned(
    seconds=86_400.0, known_s=43_200.0, currency="EUR", bill=1.0, bill_without_battery=2.0,
    bill_with_rule=1.5, bill_without_sun=4.0, saved_by_battery=0.9, saved_by_plan=0.4, produced_wh=8000.0,
    used_wh=10_000.0, imported_wh=4000.0, exported_wh=2000.0, co2_kg=1.6, co2_saved_kg=2.4,
)  # fmt: skip


class Living:
    """A home with a meter that draws a kilowatt, its telemetry, and a hub that reckons."""

    def __init__(self, home, clock, record, tariff):
        self.home, self.clock, self.record = home, clock, record
        self.asked = []
        self.failure = None
        self.restart(tariff)

    def restart(self, tariff):
        made = None if tariff is None else Tariff.of(tariff, BERLIN)
        prices = PriceBook(self.home.storage, BERLIN, lambda: made, lambda: repr(tariff))
        self.savings = Savings(self.home, PlannerSettings, self.record.path, prices, self.ask)
        self.savings.start()

    async def ask(self, what, about, limit):
        assert what == "savings"
        if self.failure is not None:
            raise self.failure
        self.asked.append(about["start"])
        return reckoning.answer(about)

    async def pass_(self, seconds, power_w=1000.0):
        """Let time pass in parts in which the meter is recorded."""
        while seconds > 0:
            part = min(seconds, 1800.0)
            now = self.clock.utc()
            if power_w is not None:
                self.record(METER, int(now), int(now + part), power_w)
            await self.clock.pass_(part)
            seconds -= part


@pytest.fixture
def living(home, clock, make_device, recording):
    def living(day=TODAY, tariff=TariffSettings(import_price=0.30)):  # noqa: B008 - it never changes
        home.zone = BERLIN
        clock.now = midnight(day, BERLIN) - 1_780_000_000.0
        device = make_device("1", kind=ModuleKind.METER, clock=clock)
        home.registry.found([device], "sunspec")
        return Living(home, clock, recording(BERLIN), tariff)

    return living


async def test_today_is_reckoned_every_quarter_of_an_hour(living):
    living = living()
    heard = []
    living.home.bus.subscribe(SavingsChanged, heard.append)
    await living.pass_(FIRST - 1)
    assert living.asked == []
    await living.pass_(2 * HOUR)
    assert len(living.asked) == 8
    assert len(heard) == 8
    today = living.savings.now.today
    assert today.coverage == pytest.approx(1.0, abs=0.02)
    assert today.bill == pytest.approx(0.30 * today.seconds / 3600)
    assert living.savings.now.month == living.savings.now.year == today
    await living.savings.stop()


async def test_whoever_asks_hears_what_is_so_now_but_once_a_minute(living):
    living = living()
    await living.pass_(240)
    found = await living.savings.fresh()
    assert found.today.known_s == 120
    await living.savings.fresh()
    assert len(living.asked) == 1
    await living.savings.stop()


async def test_a_day_is_reckoned_when_it_is_over_and_a_day_later(living):
    living = living()
    await living.pass_(24 * HOUR + PERIOD)
    yesterday = living.savings.book.get(TODAY)
    assert yesterday.figures.seconds == 86_400
    assert yesterday.figures.coverage == 1.0
    assert yesterday.figures.bill == pytest.approx(24 * 0.30)
    before = len([each for each in living.asked if each == midnight(TODAY, BERLIN)])
    await living.pass_(23 * HOUR - PERIOD)
    assert len([each for each in living.asked if each == midnight(TODAY, BERLIN)]) == before
    await living.pass_(2 * HOUR)
    assert len([each for each in living.asked if each == midnight(TODAY, BERLIN)]) == before + 1
    assert living.savings.now.month.bill == pytest.approx(49 * 0.30, abs=0.2)
    await living.savings.stop()


async def test_a_day_is_reckoned_again_when_what_was_wanted_on_it_is_done(living):
    living = living()
    evening = midnight(TODAY, BERLIN) + 20 * HOUR
    await living.pass_(20 * HOUR)
    living.home.add("9", kind=ModuleKind.LOAD, kinds=(SetpointKind.CONNECT,))
    living.home.registry.set_wish("acme-9", LoadWish(LoadKind.MACHINE).once(evening, evening + 10 * HOUR))
    living.home.runs.keep("acme-9", LoadRun(by=evening + 10 * HOUR, since=evening, need_wh=2000))
    await living.pass_(6 * HOUR)
    yesterday = living.savings.book.get(TODAY)
    assert (yesterday.figures.coverage, yesterday.figures.saved_by_moving) == (1.0, 0.0)
    # It ran from two to four; of itself it would have run from eight to ten the evening before.
    night = int(living.clock.utc())
    living.record("acme-9", night, night + 2 * HOUR, 1000.0)
    await living.pass_(2 * HOUR)
    living.home.runs.keep("acme-9", LoadRun())
    await living.pass_(HOUR)
    assert living.savings.book.get(TODAY).figures.saved_by_moving == pytest.approx(2 * 0.30, abs=0.02)
    today = living.savings.book.get(date(2026, 6, 22)).figures
    assert today.saved_by_moving == pytest.approx(-2 * 0.30, abs=0.02)
    await living.savings.stop()


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25)])
async def test_the_days_on_which_clocks_change_have_all_their_hours(living, day, hours):
    living = living(day)
    await living.pass_(hours * HOUR + PERIOD)
    found = living.savings.book.get(day).figures
    assert (found.seconds, found.coverage) == (hours * HOUR, 1.0)
    assert found.used_wh == pytest.approx(hours * 1000)
    await living.savings.stop()


async def test_another_tariff_does_not_rewrite_the_past(living):
    living = living()
    await living.pass_(6 * HOUR)
    await living.savings.stop()
    living.restart(TariffSettings(import_price=0.50))
    await living.pass_(6 * HOUR)
    found = (await living.savings.fresh()).today
    assert found.bill == pytest.approx(6 * 0.30 + 6 * 0.50, abs=0.05)
    await living.savings.stop()
    # Without any there are no amounts for what comes; what was paid is not forgotten.
    living.restart(None)
    await living.pass_(24 * HOUR)
    assert living.savings.book.get(TODAY).figures.bill == pytest.approx(4.8, abs=0.05)
    now = savings_status(living.savings.now)
    assert now["today"]["bill"] is None
    assert now["today"]["used_wh"] > 0
    await living.savings.stop()


async def test_what_the_hub_missed_is_reckoned_after_a_restart(living):
    living = living()
    await living.pass_(20 * HOUR)
    await living.savings.stop()
    await living.pass_(8 * HOUR, power_w=None)
    living.restart(TariffSettings(import_price=0.30))
    await living.pass_(FIRST)
    found = living.savings.book.get(TODAY).figures
    assert found.seconds == 86_400
    assert found.coverage == pytest.approx(20 / 24, abs=0.01)
    assert found.bill == pytest.approx(6.0, abs=0.05)
    await living.savings.stop()


async def test_what_was_reckoned_stays_when_what_was_measured_is_gone(living, recording, tmp_path):
    living = living()
    await living.pass_(26 * HOUR)
    before = living.savings.book.get(TODAY)
    await living.savings.stop()
    for file in tmp_path.glob("telemetry.db*"):
        file.unlink()
    living.record = recording(BERLIN)
    living.restart(TariffSettings(import_price=0.30))
    await living.pass_(24 * HOUR)
    assert living.savings.book.get(TODAY).figures == before.figures
    await living.savings.stop()


@pytest.mark.parametrize("failure", [SolveError("it hangs"), StateError("the disk is full")])
async def test_what_goes_wrong_is_tried_again(living, failure):
    living = living()
    living.failure = failure
    await living.pass_(HOUR)
    assert living.savings.now == SavingsNow()
    living.failure = None
    await living.pass_(PERIOD)
    assert living.savings.now.today is not None
    await living.savings.stop()


async def test_without_a_meter_or_a_recording_nothing_is_known(living, home):
    living = living()
    home.registry.remove(METER)
    await living.pass_(HOUR)
    assert living.asked == []
    await living.savings.stop()
    prices = PriceBook(home.storage, BERLIN, lambda: None)
    assert (await Savings(home, PlannerSettings, None, prices, living.ask).fresh()).today is None


# ---------------------------------------------------------------- adding up


def test_days_add_up_and_shares_are_of_the_sums():
    cloudy = replace(FIGURES, produced_wh=2000.0, exported_wh=0.0, known_s=86_400.0)
    month = together([FIGURES, cloudy])
    assert month.coverage == pytest.approx(0.75)
    assert month.bill == 2.0
    assert month.self_consumption == pytest.approx(1 - 2000 / 10_000)
    assert together([]) is None
    assert together([replace(FIGURES, known_s=0.0)]) is None


def test_amounts_in_another_currency_are_not_added():
    month = together([replace(FIGURES, currency="DEM", bill=100.0), FIGURES])
    assert (month.currency, month.bill, month.used_wh) == ("EUR", 1.0, 20_000.0)


def test_emissions_are_not_known_when_they_are_not_of_a_day():
    assert together([replace(FIGURES, co2_kg=None), FIGURES]).co2_kg is None


@given(
    st.dictionaries(
        st.sampled_from(sorted(asdict(FIGURES))), st.none() | st.floats() | st.text() | st.just([])
    )
)
def test_figures_with_any_value_are_refused_or_can_be_used(changed):
    try:
        found = Reckoned.from_values(asdict(FIGURES) | changed)
    except ValueError:
        return
    assert 0 <= found.coverage <= 1
    assert together([found, found]) is None or together([found, found]).seconds == 2 * found.seconds


def test_the_hub_cluster_has_them_in_cents():
    shown = shown_savings(SavingsNow(FIGURES, replace(FIGURES, saved_by_battery=-3.456), FIGURES, 0.0))
    assert (shown.currency, shown.decimal_points, shown.today, shown.month) == (978, 2, 90, -346)
    assert shown_savings(SavingsNow()) is None
    assert shown_savings(SavingsNow(today=replace(FIGURES, currency=""))) is None
    assert shown_savings(SavingsNow(month=FIGURES)).today is None


# ---------------------------------------------------------------- the book


def test_five_years_are_kept():
    book = SavingsBook(MemoryStorage())
    for number in range(KEPT_DAYS + 20):
        book.put(ReckonedDay(date.fromordinal(TODAY.toordinal() + number), 0.0, FIGURES))
    days = book.days()
    assert len(days) == KEPT_DAYS + 1
    assert len(book.days("2028-02")) == 29


@given(st.binary(max_size=60))
def test_whatever_is_stored_is_a_day_or_none(data):
    storage = MemoryStorage()
    storage.put("savings/2026-06-21", data)
    storage.put("savings/nonsense", data)
    assert SavingsBook(storage).get(TODAY) is None
    assert SavingsBook(storage).days() == []


def test_a_day_that_was_noted_survives_kill_9(tmp_path):
    code = f"""
import os, signal
from datetime import date
from pathlib import Path
from bridge.savings.book import ReckonedDay, SavingsBook
from bridge.savings.day import Reckoned
from bridge.state import SqliteStorage
book = SavingsBook(SqliteStorage(Path({str(tmp_path / "state.db")!r})))
for number in range(1, 29):
    book.put(ReckonedDay(date(2026, 6, number), 0.0, Reckoned(**{asdict(FIGURES)!r})))
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == -9
    storage = SqliteStorage(tmp_path / "state.db")
    assert [each.figures for each in SavingsBook(storage).days("2026-06")] == [FIGURES] * 28
    storage.close()
