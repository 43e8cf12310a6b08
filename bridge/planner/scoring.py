"""The scoring process: how good a day's forecasts were, against what was recorded of the day."""

from __future__ import annotations

import json
import math
import os
import signal
import sys
from dataclasses import asdict
from typing import Any, Final

from bridge.planner.past import STEP, past
from bridge.planner.question import Recorded
from optimizer.forecast.score import score

_NICENESS: Final = 10
_LONGEST_S: Final = 120


def answer(question: dict[str, Any]) -> dict[str, Any]:
    """Return the scores of load, sun and price.

    :param question: `forecast`, a row of `bridge.planner.forecast_book.DayForecast`; `recorded`, where what
        was measured is; `price`, what prices turned out to be, None where they are not known
    """
    found, recorded = question["forecast"], question["recorded"]
    start, count = found["start"], len(found["load_w"])
    measured = past(
        None
        if recorded is None
        else Recorded(recorded["path"], *(tuple(recorded[name]) for name in ("grid", "solar", "storage"))),
        start + count * STEP,
    )
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


def main() -> None:
    """Answer one question: JSON on standard input, JSON on standard output."""
    os.nice(_NICENESS)
    signal.alarm(_LONGEST_S)
    json.dump(answer(json.load(sys.stdin)), sys.stdout)


if __name__ == "__main__":
    main()
