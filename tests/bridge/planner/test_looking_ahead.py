"""What the planning process makes of prices, weather, emissions and of what the grid asks."""

from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from bridge.planner.outlook import AskedDemand, KnownPrices, KnownSun, Outlook
from bridge.planner.question import AskedBattery, AskedBefore, Question, steps_from
from bridge.planner.worker import answer
from optimizer.plan import BatteryMode
from optimizer.reason import ReasonCode

BERLIN = ZoneInfo("Europe/Berlin")
HOUR = 3600
BATTERY = AskedBattery("b", 10_000.0, 5_000.0, 4_000.0, 4_000.0, 1_000.0, 0.95, 0.95, 0.02, True, False)


def at(*local):
    return int(datetime(*local, tzinfo=BERLIN).timestamp())


def question(start, *, price=0.3, feed=0.08, battery=BATTERY, **more):
    begin, steps = steps_from(start)
    outlook = more.pop("outlook", Outlook())
    return Question(
        **{
            "start": begin,
            "steps_s": steps,
            "zone": "Europe/Berlin",
            "import_price": (price,) * len(steps),
            "export_price": (feed,) * len(steps),
            "currency": "EUR",
            "feed_in_counts": True,
            "load_w": 800.0,
            "production_w": 0.0,
            "peak_w": 0.0,
            "place": (52.5, 13.4),
            "batteries": (battery,),
            "backup_hours": None,
            "recorded": None,
            "outlook": outlook,
        }
        | more
    )


def steps(plan):
    return {datetime.fromtimestamp(each.start, BERLIN).strftime("%d %H:%M"): each for each in plan.steps}


# ---------------------------------------------------------------- prices


@pytest.mark.parametrize("before", [False, True])
def test_where_later_is_as_good_the_battery_serves_now(before):
    """Or it would never serve: each plan would find later as good, and buy meanwhile."""
    own_sun_only = replace(BATTERY, grid_charging=False)
    asked = question(at(2026, 11, 26, 18), battery=own_sun_only, feed_in_counts=False)
    if before:
        kept = AskedBefore(asked.start, asked.steps_s, {"b": (0.0,) * len(asked.steps_s)})
        asked = replace(asked, before=kept)
    told = [step.batteries["b"] for step in answer(asked).steps]
    served = next(number for number, each in enumerate(told) if each.soc_percent < 10.1)
    assert all(each.power_w == pytest.approx(-800.0) for each in told[: served - 1])
    assert told[0].mode in {BatteryMode.BALANCE, BatteryMode.COVER}
    assert told[0].code is ReasonCode.DISCHARGE_LOAD


def known_prices(price_at, until, now):
    """Prices of two weeks, as a function of the local hour tells them, known until some time."""
    start = now // HOUR * HOUR - 14 * 86_400
    row = []
    for time in range(start, now + 49 * HOUR, HOUR):
        local = datetime.fromtimestamp(time, BERLIN)
        row.append(price_at(local) if time < until else None)
    fees = (0.0,) * len(steps_from(now)[1])
    return KnownPrices(start, HOUR, tuple(row), fees, (0.08,) * len(row), until, "")


def test_known_prices_count_as_far_as_they_go_and_then_the_usual_ones_of_the_hour():
    now = at(2026, 11, 26, 14)
    prices = known_prices(lambda local: 0.5 if local.hour in (18, 19) else 0.2, at(2026, 11, 27), now)
    plan = answer(question(now, outlook=Outlook(prices=prices, notes=("Known until midnight.",))))
    found = steps(plan)
    assert found["26 18:00"].import_price == 0.5
    assert found["27 18:00"].import_price == pytest.approx(0.5)
    assert found["27 15:00"].import_price == pytest.approx(0.2)
    assert plan.notes == ("Known until midnight.",)
    # It keeps what it holds for the dear hours of both days, published or not.
    assert found["26 18:00"].batteries["b"].power_w < -700
    assert found["27 18:00"].batteries["b"].power_w < -700


@pytest.mark.parametrize("now", [at(2026, 10, 24, 14), at(2027, 3, 27, 14)])
def test_usual_is_by_the_clock_on_the_wall_also_when_that_is_moved(now):
    prices = known_prices(lambda local: 0.5 if local.hour == 7 else 0.2, now + HOUR, now)
    plan = answer(question(now, outlook=Outlook(prices=prices)))
    dear = [each for each in plan.steps if each.import_price > 0.4]
    assert dear
    assert {datetime.fromtimestamp(each.start, BERLIN).hour for each in dear} == {7}


# ---------------------------------------------------------------- weather


def test_a_weather_forecast_takes_the_place_of_what_is_usual_as_far_as_it_reaches():
    now = at(2026, 6, 20, 6)
    asked = question(now, peak_w=5000.0)
    usual = answer(asked).foreseen
    assert usual.sun_from == "history"
    dull = tuple(100.0 if n < 140 else None for n in range(len(asked.steps_s)))
    plan = answer(replace(asked, outlook=Outlook(sun=KnownSun(float(now), dull, None, None, None))))
    assert plan.foreseen.sun_from == "weather"
    noon = next(n for n, each in enumerate(plan.steps) if each.start == at(2026, 6, 20, 13))
    next_noon = next(n for n, each in enumerate(plan.steps) if each.start >= at(2026, 6, 21, 19))
    assert plan.foreseen.solar_w[noon] < 0.25 * usual.solar_w[noon]
    assert plan.foreseen.solar_w[next_noon] == pytest.approx(usual.solar_w[next_noon])


def test_a_service_that_knows_the_panels_is_taken_at_its_word():
    now = at(2026, 6, 20, 12)
    asked = question(now, production_w=2000.0)
    count = len(asked.steps_s)
    sun = KnownSun(float(now), None, (2000.0,) * count, (1200.0,) * count, (2500.0,) * count)
    foreseen = answer(replace(asked, outlook=Outlook(sun=sun))).foreseen
    third = slice(20, 24)
    assert foreseen.solar_w[third] == pytest.approx((2000.0,) * 4, rel=0.02)
    assert foreseen.solar_low_w[third] == pytest.approx((1200.0,) * 4, rel=0.02)
    assert foreseen.solar_high_w[third] == pytest.approx((2500.0,) * 4, rel=0.02)


# ---------------------------------------------------------------- emissions


def test_green_emits_less_than_any_other_plan_though_it_pays_more():
    now = at(2026, 11, 26, 14)
    asked = question(now, battery=replace(BATTERY, stored_wh=1_000.0))
    hours = [datetime.fromtimestamp(now + offset, BERLIN).hour for offset in _offsets(asked)]
    # The cleanest hours are the dearest ones.
    co2 = tuple(0.05 if hour < 6 else 0.5 for hour in hours)
    price = tuple(0.4 if hour < 6 else 0.2 for hour in hours)
    plain = replace(asked, import_price=price)
    cheap = answer(replace(plain, outlook=Outlook(co2=co2)))
    green = answer(replace(plain, outlook=Outlook(co2=co2, clean=True)))
    assert green.co2_kg < 0.75 * cheap.co2_kg
    assert green.bill > cheap.bill
    assert "kg CO2" in steps(green)["27 02:00"].batteries["b"].sentence
    assert steps(green)["27 02:00"].grid_w > 800
    assert green.bill == pytest.approx(
        sum(each.import_price * each.grid_w / 1000 * each.duration / HOUR for each in green.steps)
    )


def test_between_equally_clean_hours_the_price_decides():
    now = at(2026, 11, 26, 14)
    asked = question(now)
    hours = [datetime.fromtimestamp(now + offset, BERLIN).hour for offset in _offsets(asked)]
    price = tuple(0.6 if hour in (18, 19) else 0.2 for hour in hours)
    co2 = (0.3,) * len(hours)
    plan = answer(replace(asked, import_price=price, outlook=Outlook(co2=co2, clean=True)))
    dear = [each for each in plan.steps if each.import_price == 0.6][:8]
    assert sum(each.grid_w for each in dear) == pytest.approx(0, abs=1)


def _offsets(asked):
    total = 0
    for each in asked.steps_s:
        yield total
        total += each


# ---------------------------------------------------------------- what the grid asks


def test_the_caps_are_kept_and_what_breaks_them_is_named():
    now = at(2026, 11, 26, 22)
    hours = 6
    cheap = tuple(0.05 if offset < hours * HOUR else 0.4 for offset in _offsets(question(now)))
    plain = question(now, battery=replace(BATTERY, stored_wh=1_000.0), import_price=cheap)
    assert max(each.grid_w for each in answer(plain).steps) > 2500
    capped = answer(replace(plain, outlook=Outlook(import_limit_w=2000.0)))
    assert max(each.grid_w for each in capped.steps) <= 2000.5
    impossible = answer(replace(plain, outlook=Outlook(import_limit_w=500.0)))
    assert "Up to 300 W more are drawn than allowed." in impossible.violations


def test_sun_beyond_the_export_cap_is_stored_or_curtailed():
    now = at(2026, 6, 20, 10)
    asked = question(now, production_w=6000.0)
    sun = KnownSun(float(now), None, (6000.0,) * len(asked.steps_s), None, None)
    plan = answer(replace(asked, outlook=Outlook(sun=sun, export_limit_w=1000.0)))
    assert min(each.grid_w for each in plan.steps) >= -1000.5
    assert max(each.curtailed_w for each in plan.steps) > 1000
    for each in plan.steps:
        assert each.grid_w == pytest.approx(each.load_w + each.solar_w + each.storage_w, abs=0.01)


def test_where_feeding_in_costs_panels_give_less():
    now = at(2026, 6, 20, 10)
    asked = question(now, production_w=6000.0, feed=-0.05)
    sun = KnownSun(float(now), None, (6000.0,) * len(asked.steps_s), None, None)
    plan = answer(replace(asked, outlook=Outlook(sun=sun)))
    assert min(each.grid_w for each in plan.steps) >= -0.5
    assert plan.steps[-1].curtailed_w > 4000
    fixed = answer(replace(asked, outlook=Outlook(sun=sun, curtailable=False)))
    assert max(each.curtailed_w for each in fixed.steps) < 1
    assert min(each.grid_w for each in fixed.steps) < -4000


def test_a_demand_charge_levels_what_is_drawn_up_to_what_is_reached_already():
    now = at(2026, 11, 26, 22)
    cheap = tuple(0.05 if offset < 6 * HOUR else 0.4 for offset in _offsets(question(now)))
    plain = question(now, battery=replace(BATTERY, stored_wh=1_000.0), import_price=cheap)

    def highest(reached_w, price, windows=((now, now + 48 * HOUR),)):
        demand = (AskedDemand("2026-11", price, reached_w, windows),)
        plan = answer(replace(plain, outlook=Outlook(demand=demand)))
        return max(each.grid_w for each in plan.steps if each.start < windows[0][1])

    assert highest(0.0, 0.0) > 2500
    level = highest(0.0, 30.0)
    assert level < 2500
    assert highest(level + 600, 30.0) == pytest.approx(level + 600, abs=5)
    # Outside of its windows it is no concern.
    morning = ((now + 8 * HOUR, now + 10 * HOUR),)
    assert max(highest(0.0, 30.0, morning), 2500) > 2499


def test_fees_by_the_clock_count_in_full_also_for_days_whose_prices_are_not_known():
    now = at(2026, 11, 26, 14)
    prices = known_prices(lambda local: 0.2, at(2026, 11, 27), now)
    begin, lengths = steps_from(now)
    fees = []
    for seconds in lengths:
        fees.append(0.15 if begin >= at(2026, 11, 27, 18) and begin < at(2026, 11, 27, 20) else 0.05)
        begin += seconds
    found = steps(answer(question(now, outlook=Outlook(prices=replace(prices, fees=tuple(fees))))))
    assert found["27 18:00"].import_price == pytest.approx(0.35)
    assert found["27 15:00"].import_price == found["26 18:00"].import_price == pytest.approx(0.25)


def test_the_outlook_survives_its_way():
    outlook = Outlook(
        prices=KnownPrices(1, 900, (0.1, None), (0.05, 0.0), (None, 0.2), None, "gone"),
        sun=KnownSun(1.0, (1.0, None), None, None, None),
        co2=(0.1, None),
        clean=True,
        demand=(AskedDemand("2026-11", 5.0, 100.0, ((1, 2), (3, 4))),),
        import_limit_w=5000.0,
        export_limit_w=0.0,
        notes=("so",),
    )
    asked = question(at(2026, 11, 26, 14), outlook=outlook)
    assert Question.from_json(asked.to_json()) == asked


def test_steps_follow_each_other_over_the_hour_that_comes_twice():
    plan = answer(question(at(2026, 10, 24, 23)))
    for one, next_ in pairwise(plan.steps):
        assert one.start + one.duration == next_.start
    assert datetime.fromtimestamp(plan.steps[0].start, UTC).minute == 0
