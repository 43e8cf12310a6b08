"""Prices as they were in force."""

from datetime import UTC, date, datetime

import pytest

from bridge.planner.settings import PriceWindowSettings, TariffSettings
from bridge.planner.tariff import Tariff
from bridge.savings.prices_paid import KEPT_DAYS, SLOT, PriceBook, PricePaid
from bridge.time_zone import midnight, time_zone
from matter_node.storage import MemoryStorage

BERLIN = time_zone("Europe/Berlin")
DAY = date(2026, 6, 21)
START = midnight(DAY, BERLIN)
CHEAP = TariffSettings(import_price=0.20, export_price=0.05)
DEAR = TariffSettings(import_price=0.40, export_price=0.05)


@pytest.fixture
def storage():
    return MemoryStorage()


@pytest.fixture
def book(storage):
    def book(settings=CHEAP, **options):
        tariff = Tariff.of(settings, BERLIN)
        return PriceBook(storage, BERLIN, lambda: tariff, lambda: repr(settings), **options)

    return book


def note(book, start, end):
    for now in range(int(start), int(end), 60):
        book.note(now)


def test_a_price_that_holds_is_noted_once(book):
    book = book()
    note(book, START, START + 3600)
    assert book.paid(DAY) == [PricePaid(START, START + 3600, 0.20, 0.05, "EUR")]


def test_windows_of_the_tariff_are_noted_as_they_come(book):
    night = PriceWindowSettings(start="00:30", end="01:00", import_price=0.10)
    book = book(TariffSettings(import_price=0.20, windows=(night,)))
    note(book, START, START + 3600)
    assert [(each.start - START, each.import_price) for each in book.paid(DAY)] == [(0, 0.20), (1800, 0.10)]


def test_another_tariff_changes_nothing_that_was_noted(book):
    note(book(), START, START + 3600)
    note(book(DEAR), START + 3600, START + 7200)
    assert [(each.start - START, each.end - START, each.import_price) for each in book().paid(DAY)] == [
        (0, 3600, 0.20),
        (3600, 7200, 0.40),
    ]


def test_a_restart_with_the_same_tariff_leaves_no_gap_and_with_another_one_does(book):
    note(book(), START, START + 600)
    note(book(), START + 3000, START + 3600)
    assert [(each.start - START, each.end - START) for each in book().paid(DAY)] == [(0, 3600)]
    note(book(DEAR), START + 7200, START + 7500)
    assert [(each.start - START, each.end - START) for each in book().paid(DAY)] == [(0, 3600), (7200, 7500)]


def test_a_restart_over_midnight_fills_both_days(book):
    before = midnight(date(2026, 6, 20), BERLIN)
    note(book(), before, before + 3600)
    note(book(), START + 7200, START + 7500)
    assert book().paid(date(2026, 6, 20)) == [PricePaid(before, START, 0.20, 0.05, "EUR")]
    assert book().paid(DAY) == [PricePaid(START, START + 7500, 0.20, 0.05, "EUR")]


def test_after_a_week_off_only_what_is_known_is_noted(book):
    before = START - 7 * 86_400
    note(book(), before, before + 3600)
    note(book(), START + 7200, START + 7500)
    assert [(each.start - START, each.end - START) for each in book().paid(DAY)] == [(7200, 7500)]


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25)])
def test_the_days_on_which_clocks_change_have_all_their_hours(book, day, hours):
    start = midnight(day, BERLIN)
    book = book()
    note(book, start - 600, start + hours * 3600 + 600)
    assert book.paid(day) == [PricePaid(start, start + hours * 3600, 0.20, 0.05, "EUR")]


def test_emissions_are_noted_with_the_prices(book):
    book = book(emissions=lambda start, steps: [0.3 if start < START + 1800 else None])
    note(book, START, START + 3600)
    assert [each.co2_kg_per_kwh for each in book.paid(DAY)] == [0.3, None]


def test_without_a_tariff_there_are_no_prices_and_the_day_is_known(storage):
    book = PriceBook(storage, UTC, lambda: None)
    book.note(START)
    (paid,) = book.paid(datetime.fromtimestamp(START, UTC).date())
    assert paid.currency == ""


def test_what_is_older_than_it_is_kept_goes(book):
    book = book()
    for day in range(KEPT_DAYS + 10):
        book.note(START + day * 86_400)
    assert len(book.days()) == KEPT_DAYS + 1
    assert book.days()[-1] == date.fromordinal(DAY.toordinal() + KEPT_DAYS + 9)


@pytest.mark.parametrize("stored", [b"", b"nonsense", b"[]", b'{"paid": [[1]], "basis": ""}', b'{"paid": 5}'])
def test_what_cannot_be_read_is_no_price_and_does_not_stay(book, storage, stored):
    storage.put(f"prices-paid/{DAY}", stored)
    storage.put("prices-paid/nonsense", b"")
    book = book()
    assert book.paid(DAY) == []
    book.note(START + 2 * SLOT)
    assert book.paid(DAY)[-1].end == START + 3 * SLOT
    assert book.days() == [DAY]
