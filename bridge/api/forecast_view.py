"""What is foreseen, and how good that was, as the HTTP API tells it."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from bridge.api.models import Model, Moment, moment
from bridge.planner.forecast_told import forecast_status

if TYPE_CHECKING:
    from bridge.hub import Hub


class ForecastStep(Model):
    """What is foreseen of a step of the plan. Magnitudes; `low` and `high` are P10 and P90."""

    start: Moment
    duration_s: int
    price: float
    """Of a kWh that is drawn."""
    fee: float
    """What is added to the market's price, a part of `price`: network, levies, taxes."""
    export_price: float
    price_known: bool
    """Whether it is published; else it is the usual one of that time of day."""
    load_w: float
    load_low_w: float
    load_high_w: float
    solar_w: float
    solar_low_w: float
    solar_high_w: float
    co2_kg_per_kwh: float | None
    """Of what is drawn; null if nobody says."""


class ForecastScore(Model):
    """A forecast against what came, over the quarters of an hour that were measured."""

    nmae: float | None
    """Mean absolute error over the mean; null when nothing was used or produced."""
    nrmse: float | None
    bias: float | None
    """Mean error over the mean, positive when too much was foreseen."""
    below_low: float | None
    """Share of the quarters in which less came than P10, which should be 0.1."""
    above_high: float | None
    coverage: float
    """Share of the quarters that were measured."""
    mae: float | None
    """Mean absolute error, in W or per kWh."""
    mean_error: float | None


class DayScore(Model):
    """How good the forecasts of a day were that were in force at noon of the day before."""

    day: date
    issued: Moment
    sun_from: str
    """What the sun was foreseen from: `weather` or `history`."""
    load: ForecastScore
    solar: ForecastScore
    price: ForecastScore


class FeedView(Model):
    """Where prices (`price`), emissions (`co2`) or forecasts of the sun (`sun`) come from."""

    name: str
    source: str
    came: Moment | None
    """When it last said something."""
    until: Moment | None
    """Up to when all is known from now on."""
    failure: str
    """Why the last attempt brought nothing."""
    lost: bool


class Forecasts(Model):
    """What is foreseen, and how good that was."""

    issued: Moment | None
    currency: str
    sun_from: str | None
    notes: list[str]
    """What people are told of what the plan is made from."""
    steps: list[ForecastStep]
    feeds: list[FeedView]
    scores: list[DayScore]
    """The newest day first."""


def forecasts(hub: Hub) -> Forecasts:
    """Return what is foreseen, and the scores of the last days."""
    found = forecast_status(hub)
    steps = [
        ForecastStep(
            start=moment(each["start"]),
            duration_s=each["duration"],
            **{name: value for name, value in each.items() if name not in {"start", "duration"}},
        )
        for each in found["steps"]
    ]
    feeds = [
        FeedView(
            **each | {name: None if each[name] is None else moment(each[name]) for name in ("came", "until")}
        )
        for each in found["feeds"]
    ]
    scores = [
        DayScore(
            day=date.fromisoformat(each["day"]),
            issued=moment(each["issued"]),
            sun_from=each["sun_from"],
            **{name: ForecastScore(**each[name]) for name in ("load", "solar", "price")},
        )
        for each in found["scores"]
    ]
    return Forecasts(
        issued=None if found["issued"] is None else moment(found["issued"]),
        currency=found["currency"],
        sun_from=found["sun_from"],
        notes=found["notes"],
        steps=steps,
        feeds=feeds,
        scores=scores,
    )
