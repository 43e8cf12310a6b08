"""Looking ahead in the planning process: prices, sun and emissions of each step, and what the grid asks."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import numpy as np

from optimizer.forecast.history import History
from optimizer.forecast.price_profile import forecast_price
from optimizer.forecast.solar_profile import forecast_solar
from optimizer.forecast.weather import Weather
from optimizer.grid import DemandCharge, Grid
from optimizer.horizon import Window

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import tzinfo

    from bridge.planner.outlook import KnownSun
    from bridge.planner.question import Question
    from optimizer.forecast.clear_sky import Site
    from optimizer.forecast.forecast import Forecast
    from optimizer.horizon import Horizon

CLEAN: Final = "kg CO2"
"""In what a plan counts that is to emit as little as possible."""
WEAR_KG: Final = 0.01
"""What a kWh through a battery stands for in making it: 60 to 100 kg for each kWh that it holds, over some
thousand cycles."""
_TIE: Final = 1e-3
"""How much of the emissions, at most, prices weigh in a plan that goes by emissions: they decide equals."""
_GAP: Final = math.nan


def priced(question: Question, horizon: Horizon, zone: tzinfo) -> Question:
    """Return a question whose prices are the known ones as far as they go, and then the usual ones."""
    known = question.outlook.prices
    if known is None:
        return question

    def over(
        row: Sequence[float | None], fees: Sequence[float], otherwise: tuple[float, ...]
    ) -> tuple[float, ...]:
        if all(each is None for each in row):
            return otherwise
        # The last day that is known tells the level of the next ones: the row ends with it.
        length = max(index for index, each in enumerate(row) if each is not None) + 1
        history = History.of(datetime.fromtimestamp(known.start, UTC), known.step_s, list(row[:length]))
        usual = forecast_price(history, horizon, zone=zone)
        return tuple(round(float(each) + fee, 9) for each, fee in zip(usual, fees, strict=True))

    drawing = over(known.import_price, known.fees, question.import_price)
    feeding = over(known.export_price, (0.0,) * len(horizon), question.export_price)
    return replace(question, import_price=drawing, export_price=feeding)


def sun(question: Question, production: History, horizon: Horizon, site: Site) -> Forecast:
    """Return the expected production: by the weather forecast where there is one."""
    known = question.outlook.sun
    weather = None if known is None else _weather(known, len(horizon))
    return forecast_solar(production, horizon, site, weather=weather, prior_w=question.peak_w)


def _weather(known: KnownSun, count: int) -> Weather:
    def row(values: Sequence[float | None] | None) -> tuple[float, ...] | None:
        return None if values is None else tuple(_GAP if each is None else each for each in values)

    irradiance = row(known.irradiance)
    if irradiance is None and known.production is None:
        irradiance = (_GAP,) * count
    return Weather(
        datetime.fromtimestamp(known.came, UTC),
        irradiance_w_m2=irradiance,
        production_w=row(known.production),
        low_production_w=row(known.low),
        high_production_w=row(known.high),
    )


def emissions(question: Question, horizon: Horizon, zone: tzinfo) -> tuple[float, ...] | None:
    """Return kg for each kWh drawn in each step, None if nobody says.

    What is not known is as at the same hour when it is.
    """
    known = question.outlook.co2
    if known is None or all(each is None for each in known):
        return None
    said = np.array([_GAP if each is None else each for each in known])
    local = [horizon.time(step).astimezone(zone).hour for step in range(len(horizon))]
    hours, mean = np.array(local), float(np.nanmean(said))
    usual = {
        hour: float(np.nanmean(at)) if not np.isnan(at := said[hours == hour]).all() else mean
        for hour in set(local)
    }
    return tuple(
        round(float(value), 9) if not math.isnan(value) else usual[hour]
        for value, hour in zip(said, local, strict=True)
    )


def grid(question: Question, horizon: Horizon, co2: tuple[float, ...] | None) -> tuple[Grid, float]:
    """Return what the grid asks and allows, and what a kg of emissions counts.

    A plan that is to be clean counts emissions alone; prices decide between equals.
    """
    outlook = question.outlook
    feed_in = question.export_price
    if not question.feed_in_counts:
        feed_in = tuple(min(price, 0.0) for price in feed_in)
    count = len(horizon)
    caps = [
        None if limit is None else horizon.constant(limit)
        for limit in (outlook.import_limit_w, outlook.export_limit_w)
    ]
    if outlook.clean and co2 is not None:
        highest = max(map(abs, (*question.import_price, *feed_in)), default=0.0) or 1.0
        weight = _TIE * max(*co2, 0.01) / highest
        return (
            Grid(
                tuple(weight * price for price in question.import_price),
                tuple(weight * min(price, 0.0) for price in feed_in),
                import_cap_w=caps[0],
                export_cap_w=caps[1],
                co2_kg_per_kwh=co2,
                currency=CLEAN,
            ),
            1.0,
        )
    charges = tuple(
        DemandCharge(each.name, windows[0], each.price, each.reached_w, windows[1:])
        for each in outlook.demand
        if (windows := tuple(_window(*window) for window in each.windows))
    )
    assert len(question.import_price) == count, "one price a step"
    return (
        Grid(
            question.import_price,
            feed_in,
            import_cap_w=caps[0],
            export_cap_w=caps[1],
            co2_kg_per_kwh=co2,
            demand_charges=charges,
            currency=question.currency,
        ),
        0.0,
    )


def _window(begin: int, end: int) -> Window:
    return Window(datetime.fromtimestamp(begin, UTC), datetime.fromtimestamp(end, UTC))


def wear(question: Question, own: float) -> float:
    """Return what a kWh through a battery counts, in what the plan counts."""
    return min(own, WEAR_KG) if question.outlook.clean else own
