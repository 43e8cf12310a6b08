"""What is foreseen, and how good it was, in plain values: for `ores-bridge forecast` and the HTTP API."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from bridge.feeds.news import PRICE

if TYPE_CHECKING:
    from bridge.hub import Hub


def forecast_status(hub: Hub) -> dict[str, Any]:
    """Return the forecasts in force and the scores of the last days.

    `steps` are those of the plan: magnitudes in W with P10 and P90, prices per kWh (`fee`
    is what is added to the market's, and part of `price`), kg of carbon dioxide per
    kWh; `price_known` tells published prices from usual ones.
    """
    plan = None if hub.planner is None else hub.planner.state.plan
    return {
        "issued": None if hub.planner is None or plan is None else hub.planner.state.made,
        "currency": hub.economy.settings.tariff.currency,
        "sun_from": None if plan is None or plan.foreseen is None else plan.foreseen.sun_from,
        "notes": [] if plan is None else list(plan.notes),
        "steps": _steps(hub),
        "feeds": [asdict(state) for state in hub.economy.feeds.states()],
        "scores": [asdict(score) for score in hub.economy.forecasts.scores()],
    }


def _steps(hub: Hub) -> list[dict[str, Any]]:
    plan = None if hub.planner is None else hub.planner.state.plan
    if plan is None or plan.foreseen is None:
        return []
    foreseen = plan.foreseen
    feed = hub.economy.feeds.get(PRICE)
    tariff = hub.economy.tariff
    steps = [each.duration for each in plan.steps]
    fees = (0.0,) * len(steps) if tariff is None else tariff.added(plan.steps[0].start, steps)
    published = None if feed is None else feed.row(PRICE)
    return [
        {
            "start": step.start,
            "duration": step.duration,
            "price": step.import_price,
            "fee": fees[index],
            "export_price": step.export_price,
            "price_known": published is None or published.at(step.start) is not None,
            "load_w": foreseen.load_w[index],
            "load_low_w": foreseen.load_low_w[index],
            "load_high_w": foreseen.load_high_w[index],
            "solar_w": foreseen.solar_w[index],
            "solar_low_w": foreseen.solar_low_w[index],
            "solar_high_w": foreseen.solar_high_w[index],
            "co2_kg_per_kwh": None if foreseen.co2 is None else foreseen.co2[index],
        }
        for index, step in enumerate(plan.steps)
    ]
