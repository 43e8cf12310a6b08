"""Scoring in the planning process: how good a day's forecasts were, against what was recorded of the day."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from bridge.planner.past import STEP, past
from bridge.planner.question import Recorded
from optimizer.forecast.score import score


def answer(question: dict[str, Any]) -> dict[str, Any]:
    """Return the scores of load, sun and price.

    :param question: `forecast`, a `bridge.planner.forecast_book.DayForecast`; `price`, what prices turned out
        to be, None where they are not known
    """
    found = question["forecast"]
    start, count = found["start"], len(found["load_w"])
    measured = past(Recorded.of(found["recorded"]), start + count * STEP)
    rows = {
        "load": measured.load.power_w[-count:].tolist(),
        "solar": measured.production.power_w[-count:].tolist(),
        "price": _row(question["price"]),
    }
    scores = {
        name: score(
            _row(found[f"{name}_w"]),
            rows[name],
            low_w=_row(found[f"{name}_low_w"]),
            high_w=_row(found[f"{name}_high_w"]),
        )
        for name in ("load", "solar")
    }
    scores["price"] = score(_row(found["price"]), rows["price"])
    return {name: asdict(each) for name, each in scores.items()}


def _row(values: list[float | None]) -> list[float]:
    return [math.nan if each is None else each for each in values]
