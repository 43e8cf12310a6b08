"""Market prices in a running home: known, lost and back; and settings that change meanwhile."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from bridge.choices import Policy
from bridge.feeds.asking import Answer, FeedError
from bridge.feeds.feed import Feed
from bridge.feeds.feeds import Feeds
from bridge.feeds.series import Series
from bridge.feeds.settings import CarbonSettings, CarbonSourceSettings, PriceSourceSettings, WeatherSettings
from bridge.planner.economy import Economy
from bridge.planner.news import NotNowError, PlanChanged, Trigger
from bridge.planner.plan import HomePlan
from bridge.planner.planner import Planner
from bridge.planner.settings import (
    DemandSettings,
    EnergySettings,
    GridSettings,
    PlannerSettings,
    TariffSettings,
)
from hw.setpoint import SetpointKind

BERLIN = ZoneInfo("Europe/Berlin")
HOUR = 3600
BATTERY = "acme-2"
MARKET = TariffSettings(source=PriceSourceSettings(format="energy-charts", area="DE-LU"))


def at(*local):
    return int(datetime(*local, tzinfo=BERLIN).timestamp())


class Services:
    """All services: cheap from two to five, dear from 18 to 20 o'clock, known until the end of tomorrow."""

    def __init__(self, clock):
        self.clock = clock
        self.lost = set()
        self.asked = []

    async def __call__(self, request):
        name = request["asked"]["row"]
        self.asked.append(name)
        if name in self.lost:
            raise FeedError("the server answers 503")
        begin, end = request["asked"]["begin"], request["asked"]["end"]
        value = {"price": self.price, "co2": self.co2, "sun": lambda _: 200.0}[name]
        spans = [
            (time, time + HOUR, value(datetime.fromtimestamp(time, BERLIN)))
            for time in range(begin, end, HOUR)
        ]
        row = "irradiance" if name == "sun" else name
        return Answer({row: Series.of(spans)}, {})

    @staticmethod
    def price(local):
        return 0.05 if 2 <= local.hour < 5 else 0.6 if 18 <= local.hour < 20 else 0.3

    @staticmethod
    def co2(local):
        return 0.05 if 11 <= local.hour < 14 else 0.5


@pytest.fixture
def services(clock):
    return Services(clock)


@pytest.fixture
def run(home, simulated, clock, services, tmp_path):
    """Run a home by some settings from some time on."""
    home.zone = BERLIN

    async def run(start, **settings):
        clock.now = start - 1_780_000_000
        simulated.read()

        def feed(*parts):
            return Feed(*parts, asking=services)

        feeds = Feeds(tmp_path / "feeds", home.bus, clock, BERLIN, make=feed)

        async def reckon(*_):
            raise AssertionError("nothing is to be scored")

        economy = Economy(
            EnergySettings(**{"tariff": MARKET} | settings), home, tmp_path, None, reckon=reckon, feeds=feeds
        )
        from bridge.planner.worker import answer

        plans = {}

        async def solved(question, limit):
            # One plan in three hours is enough here, unless something is otherwise.
            known = None if question.outlook.prices is None else question.outlook.prices.until
            key = (question.start // (3 * HOUR), question.outlook.notes, known)
            if key not in plans:
                plans[key] = HomePlan.from_json(answer(question).to_json())
            return plans[key]

        planner = Planner(economy.posing, home, 60.0, make=solved)
        economy.start()
        planner.start()
        await simulated.pass_(20, step=5.0)
        return economy, planner

    return run


@pytest.fixture
def heard(home):
    said = []
    home.bus.subscribe(PlanChanged, said.append)
    return said


async def end(economy, planner):
    await planner.stop()
    await economy.stop()


async def test_plans_go_by_market_prices_as_soon_as_they_come(run, simulated, heard):
    simulated.soc = 60.0
    economy, planner = await run(at(2026, 6, 16, 17))
    plan = planner.state.plan
    dear = [each for each in plan.steps if each.import_price == 0.6]
    assert len(dear) >= 8
    assert all(each.batteries[BATTERY].power_w < -900 for each in dear[:8])
    assert planner.state.waiting == ""
    assert heard[-1].trigger in {Trigger.PRICE, Trigger.SCHEDULE}
    await end(economy, planner)


async def test_without_any_price_nothing_is_planned_and_it_says_so(run, services, simulated, clock):
    services.lost.add("price")
    economy, planner = await run(at(2026, 6, 16, 17))
    assert planner.state.waiting == "no price is known yet"
    services.lost.clear()
    await simulated.pass_(1200)
    assert planner.state.waiting == ""
    assert planner.state.plan is not None
    await end(economy, planner)


async def test_lost_prices_are_told_and_usual_ones_take_their_place_until_they_return(
    run, services, simulated, home, heard
):
    economy, planner = await run(at(2026, 6, 16, 9))
    services.lost.add("price")
    await simulated.pass_(4 * HOUR, step=120.0)
    (alert,) = home.alerts.unresolved()
    assert alert.code == "PRICES_LOST"
    (note,) = planner.state.plan.notes
    assert note == (
        "No new prices come (the server answers 503): known until Thu 00:00, from then on usual ones count."
    )
    # Two days later nothing is known any more; the usual evening is dear all the same.
    await simulated.pass_(44 * HOUR, step=300.0)
    (note,) = planner.state.plan.notes
    assert note.startswith("Nobody says what energy costs now (the server answers 503)")
    evening = [each for each in planner.state.plan.steps if each.start == at(2026, 6, 18, 18)]
    assert evening[0].import_price == pytest.approx(0.6)
    services.lost.clear()
    heard.clear()
    await simulated.pass_(2 * HOUR, step=120.0)
    assert Trigger.PRICE in [each.trigger for each in heard]
    assert home.alerts.unresolved() == []
    assert not any("No new prices" in each for each in planner.state.plan.notes)
    await end(economy, planner)


async def test_green_goes_by_emissions_and_says_why_if_it_cannot(run, services, simulated, home):
    simulated.soc, simulated.reserve = 10.0, 10.0
    home.choices.choose(policy=Policy.GREEN)
    carbon = CarbonSettings(source=CarbonSourceSettings(format="energy-charts", area="de"))
    economy, planner = await run(at(2026, 6, 16, 11, 30), carbon=carbon)
    assert planner.state.plan.foreseen.co2[0] == 0.05
    # Noon is neither the cheapest nor a sunny hour here, and the cleanest.
    assert simulated.told[0] is SetpointKind.CHARGE_W
    assert planner.state.plan.co2_kg > 0
    await end(economy, planner)


async def test_green_without_figures_keeps_the_own_sun_and_says_so(run, simulated, home):
    home.choices.choose(policy=Policy.GREEN)
    economy, planner = await run(at(2026, 6, 16, 1))
    assert any("Nothing tells how clean" in each for each in planner.state.plan.notes)
    assert planner.state.plan.co2_kg is None
    assert simulated.told[0] is not SetpointKind.CHARGE_W
    await end(economy, planner)


async def test_weather_is_gone_by_while_it_is_fresh(run, services, simulated):
    settings = {
        "weather": WeatherSettings(service="open-meteo"),
        "planner": PlannerSettings(latitude=52.5, longitude=13.4),
    }
    economy, planner = await run(at(2026, 6, 16, 9), **settings)
    assert planner.state.plan.foreseen.sun_from == "weather"
    services.lost.add("sun")
    await simulated.pass_(13 * HOUR, step=300.0)
    assert planner.state.plan.foreseen.sun_from == "history"
    assert any("h old: the sun is foreseen from history" in each for each in planner.state.plan.notes)
    await end(economy, planner)


async def test_other_settings_hold_at_once(run, services, simulated, clock):
    economy, planner = await run(at(2026, 6, 16, 9))
    fixed = TariffSettings(import_price=0.25, demand=DemandSettings(price=8.0))
    economy.use(EnergySettings(tariff=fixed, grid=GridSettings(import_limit_w=4000.0)))
    question = economy.posing.question(clock.utc())
    assert set(question.import_price) == {0.25}
    assert question.outlook.prices is None
    assert question.outlook.import_limit_w == 4000.0
    assert [each.price for each in question.outlook.demand] == [8.0]
    asked = len(services.asked)
    await simulated.pass_(3 * HOUR, step=300.0)
    assert len(services.asked) == asked, "nobody is asked who is not wanted any more"
    economy.use(EnergySettings())
    with pytest.raises(NotNowError, match="there is no tariff"):
        economy.posing.check(clock.utc())
    economy.use(EnergySettings(tariff=fixed, planner=PlannerSettings(enabled=False)))
    with pytest.raises(NotNowError, match="switched off"):
        economy.posing.check(clock.utc())
    await end(economy, planner)


async def test_forecast_solar_waits_until_it_is_known_what_the_inverters_are_rated_for(run, simulated, home):
    from hw.module import Nameplate

    settings = {
        "weather": WeatherSettings(service="forecast-solar"),
        "planner": PlannerSettings(latitude=52.5, longitude=13.4),
    }
    economy, planner = await run(at(2026, 6, 16, 9), **settings)
    assert economy.feeds.get("sun") is None
    device = simulated.devices["acme-3"]
    device.nameplate = Nameplate(power_w=5000)
    home.registry.found([device], "sunspec")
    economy.use(economy.settings)
    assert economy.feeds.get("sun").source.asked.plane == (30.0, 0.0, 5.0)
    await end(economy, planner)
