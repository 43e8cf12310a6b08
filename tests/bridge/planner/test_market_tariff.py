from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from bridge.feeds.series import EMPTY, Series
from bridge.feeds.settings import PriceSourceSettings
from bridge.planner.market_tariff import MarketTariff
from bridge.planner.settings import FeeWindowSettings, TariffSettings

BERLIN = ZoneInfo("Europe/Berlin")
HOUR = 3600
START = int(datetime(2026, 11, 20, tzinfo=BERLIN).timestamp())


class Said:
    """What a feed says."""

    def __init__(self, **rows):
        self.rows = rows
        self.state = type("State", (), {"lost": False, "failure": ""})()

    def row(self, name):
        return self.rows.get(name, EMPTY)


def hourly(*prices, start=START):
    return Series.of((start + HOUR * n, start + HOUR * (n + 1), each) for n, each in enumerate(prices))


def tariff(feed, **settings):
    source = PriceSourceSettings(format="awattar")
    return MarketTariff.of(TariffSettings(source=source, **settings), BERLIN, lambda: feed)


def test_the_price_is_the_markets_times_a_factor_and_a_fee_with_tax_on_top():
    found = tariff(
        Said(price=hourly(0.10, -0.05)),
        factor=1.1,
        fee=0.15,
        vat_percent=19,
        export_factor=0.9,
        export_price=-0.01,
    )
    drawn, fed = found.at(START)
    assert drawn == pytest.approx((0.10 * 1.1 + 0.15) * 1.19)
    assert fed == pytest.approx(0.10 * 0.9 - 0.01)
    drawn, fed = found.at(START + HOUR)
    assert drawn == pytest.approx((-0.05 * 1.1 + 0.15) * 1.19)
    assert fed == pytest.approx(-0.05 * 0.9 - 0.01)


def test_feeding_in_may_bring_the_same_always_or_have_prices_of_its_own():
    assert tariff(Said(price=hourly(0.1)), export_price=0.08).at(START)[1] == 0.08
    own = Said(price=hourly(0.1, 0.2), export_price=hourly(0.03, 0.04))
    assert tariff(own, export_price=0.08).over(START, (HOUR, HOUR))[1] == (0.03, 0.04)


def test_what_is_not_known_is_none_to_some_and_the_mean_to_others():
    found = tariff(Said(price=hourly(0.1, 0.3)))
    assert found.charged(START + HOUR, (HOUR, HOUR)) == (0.3, None)
    assert found.over(START + HOUR, (HOUR, HOUR))[0] == (0.3, 0.2)
    assert not tariff(Said()).is_known
    assert not tariff(None).is_known
    assert tariff(None, import_price=0.35).is_known
    assert tariff(None, import_price=0.35).at(START) == (0.35, 0.0)


def test_a_plan_is_told_two_weeks_of_the_past_and_how_far_prices_reach():
    feed = Said(price=hourly(*(0.1 + 0.001 * n for n in range(48))))
    now, end = START + 30 * HOUR, START + 78 * HOUR
    known = tariff(feed).known(now, now, (HOUR,) * 48)
    assert known.step_s == HOUR
    assert known.start + known.step_s * len(known.import_price) >= end
    assert known.until == START + 48 * HOUR
    assert known.import_price[-30:] == (None,) * 30
    assert known.import_price[-31] == pytest.approx(0.147)
    quarters = Series.of((START + 900 * n, START + 900 * (n + 1), 0.1) for n in range(8))
    assert tariff(Said(price=quarters)).known(START, START, (HOUR,) * 78).step_s == 900
    assert tariff(Said()).known(now, now, (HOUR,) * 48) is None


WINTER = (1, 2, 3, 10, 11, 12)


def network(**more):
    """A network whose fee is 10 ct by day in winter, 1 ct at night, and 5 ct else."""
    fees = (
        FeeWindowSettings(start="22:00", end="06:00", fee=0.01),
        FeeWindowSettings(start="07:00", end="20:00", fee=0.10, months=WINTER, **more),
    )
    return {"fee": 0.05, "fees": fees, "factor": 1.1, "vat_percent": 20}


def price(market, fee):
    return pytest.approx((market * 1.1 + fee) * 1.2)


def test_fees_by_the_clock_and_the_calendar_are_added_to_the_market_price():
    found = tariff(Said(price=hourly(*(0.1,) * 48)), **network(days=("mon", "tue", "wed", "thu", "fri")))
    by_hour = [found.at(START + hour * HOUR)[0] for hour in range(24)]
    assert by_hour[:6] == [price(0.1, 0.01)] * 6
    assert by_hour[6] == price(0.1, 0.05)
    assert by_hour[7:20] == [price(0.1, 0.10)] * 13
    assert by_hour[20:22] == [price(0.1, 0.05)] * 2
    assert by_hour[22:] == [price(0.1, 0.01)] * 2
    saturday = START + 24 * HOUR
    assert found.at(saturday + 12 * HOUR)[0] == price(0.1, 0.05)
    assert found.charged(START + 19 * HOUR + 1800, (HOUR,)) == (price(0.1, 0.075),)
    june = int(datetime(2026, 6, 19, tzinfo=BERLIN).timestamp())
    found = tariff(Said(price=hourly(0.1, start=june + 12 * HOUR)), **network())
    assert found.at(june + 12 * HOUR)[0] == price(0.1, 0.05)


@pytest.mark.parametrize(("day", "hours", "nights"), [((2026, 3, 29), 23, 7), ((2026, 10, 25), 25, 9)])
def test_clocks_that_are_moved_move_the_fees(day, hours, nights):
    start = int(datetime(*day, tzinfo=BERLIN).timestamp())
    found = tariff(Said(price=hourly(*(0.1,) * hours, start=start)), **network())
    row = found.charged(start, (HOUR,) * hours)
    assert sum(each == price(0.1, 0.01) for each in row) == nights
    assert row[-3:] == (price(0.1, 0.05), price(0.1, 0.01), price(0.1, 0.01))
    assert found.charged(start, (900,) * (4 * hours))[::4] == row


def test_where_the_market_is_not_known_the_fee_is():
    found = tariff(Said(price=hourly(0.1, 0.3)), **network())
    drawn, _ = found.over(START + 20 * HOUR, (HOUR,) * 3)
    assert drawn == (price(0.2, 0.05), price(0.2, 0.05), price(0.2, 0.01))
    known = found.known(START, START + 20 * HOUR, (HOUR,) * 3)
    assert known.fees == pytest.approx((0.06, 0.06, 0.012))
    assert max(each for each in known.import_price if each is not None) == pytest.approx(0.3 * 1.1 * 1.2)
