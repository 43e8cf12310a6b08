"""The command that tells what is foreseen, and how good that was on the last days."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import click

from bridge.cli import load_settings, with_place
from bridge.cli_ask import as_json_option, ask

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import tzinfo
    from pathlib import Path

_HOUR: Final = 3600
_DAYS: Final = 14
"""Days whose scores are shown; `--json` has all that are remembered."""


@click.command()
@with_place
@as_json_option
def forecast(config_file: Path | None, data_dir: Path | None, *, as_json: bool) -> None:
    """Show what is foreseen of prices, load and sun, and how good that was on the last days.

    Powers are in W, with what they will hardly fall below or exceed beside them. A ~ marks prices that are
    not published: usual ones stand for them. Scores compare what was foreseen at noon of the day before with
    what came: the mean error against the mean, and by how much too much or too little was foreseen.

    \b
    ores-bridge forecast
    ores-bridge forecast --json | jq '.scores[0].load.nmae'
    """  # noqa: D301 - a backspace tells click to leave the lines as they are
    found: dict[str, Any] = ask(config_file, data_dir, "forecast", {})
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    from bridge.time_zone import time_zone

    for line in lines(found, time_zone(load_settings(config_file, data_dir).timezone)):
        click.echo(line)


def lines(found: dict[str, Any], zone: tzinfo) -> Iterator[str]:
    """Yield the forecasts and scores as a person reads them, in the home's time."""
    for feed in found["feeds"]:
        yield _feed(feed, zone)
    yield from found["notes"]
    if found["steps"]:
        yield f"{'time':9}  {'price':>8}  {'load':>17}  {'sun':>17}  {'CO2':>7}"
        for steps in _hours(found["steps"]):
            yield _row(steps, zone)
    else:
        yield "Nothing is foreseen: there is no plan."
    if not found["scores"]:
        yield "No day has been scored yet."
        return
    yield ""
    yield f"{'day':10}  {'load':>15}  {'sun':>15}  {'price':>8}  {'measured':>8}  sun foreseen from"
    for score in found["scores"][:_DAYS]:
        price = score["price"]["mae"]
        yield (
            f"{score['day']:10}  {_errors(score['load']):>15}  {_errors(score['solar']):>15}  "
            f"{'' if price is None else f'{price:.4f}':>8}  {100 * score['load']['coverage']:6.0f} %  "
            f"{score['sun_from']}"
        )


def _feed(feed: dict[str, Any], zone: tzinfo) -> str:
    what = {"price": "Prices", "co2": "Emissions", "sun": "Sun"}[feed["name"]]
    came = "never came" if feed["came"] is None else f"came {_clock(feed['came'], zone)}"
    until = "" if feed["until"] is None else f", known until {_clock(feed['until'], zone)}"
    failure = f"; {feed['failure']}" if feed["failure"] else ""
    return f"{what} from {feed['source']}: {came}{until}{failure}"


def _clock(time: float, zone: tzinfo) -> str:
    return f"{datetime.fromtimestamp(time, UTC).astimezone(zone):%a %H:%M}"


def _hours(steps: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    hour: list[dict[str, Any]] = []
    for step in steps:
        if hour and step["start"] // _HOUR != hour[0]["start"] // _HOUR:
            yield hour
            hour = []
        hour.append(step)
    if hour:
        yield hour


def _row(steps: list[dict[str, Any]], zone: tzinfo) -> str:
    length = float(sum(step["duration"] for step in steps))

    def mean(name: str) -> float:
        return sum(float(step[name]) * float(step["duration"]) for step in steps) / length

    def spread(name: str) -> str:
        return f"{mean(f'{name}_w'):6.0f} ({mean(f'{name}_low_w'):.0f}-{mean(f'{name}_high_w'):.0f})"

    usual = "" if all(step["price_known"] for step in steps) else "~"
    clean = "" if steps[0]["co2_kg_per_kwh"] is None else f"{mean('co2_kg_per_kwh'):.3f}"
    return (
        f"{_clock(steps[0]['start'], zone):9}  {usual + format(mean('price'), '.4f'):>8}  "
        f"{spread('load'):>17}  {spread('solar'):>17}  {clean:>7}".rstrip()
    )


def _errors(score: dict[str, Any]) -> str:
    if score["nmae"] is None:
        return "" if score["mae"] is None else f"{score['mae']:.0f} W"
    return f"{100 * score['nmae']:.0f} % ({100 * score['bias']:+.0f} %)"
