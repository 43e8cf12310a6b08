"""The command that asks what a battery and plans would be worth: a simulated home, or a recorded one."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from bridge.choices import Policy
from bridge.cli import Refusal, load_settings, with_place
from bridge.cli_ask import as_json_option

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.simulation.comparison import Progress

_NOT_NEGATIVE: Final = click.FloatRange(min=0, max=1000)


@click.command()
@click.option("--days", type=click.IntRange(1, 366), help="How long; a year, or what was recorded.")
@click.option("--start", type=click.DateTime(["%Y-%m-%d"]), help="First day; 1 January of this year.")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=1, help="Which made-up home and weather.")
@click.option("--battery-kwh", type=_NOT_NEGATIVE, help="What the battery holds.")
@click.option("--battery-kw", type=_NOT_NEGATIVE, help="What it charges and discharges with.")
@click.option("--reserve", type=click.FloatRange(0, 100), default=10.0, help="Percent it keeps back (10).")
@click.option("--solar-kwp", type=_NOT_NEGATIVE, help="Peak power of the panels.")
@click.option(
    "--load-kwh-per-year", type=click.FloatRange(min=0, max=1e6), help="What the home takes in a year."
)
@click.option("--policy", type=click.Choice([policy.value for policy in Policy]), help="What plans are for.")
@click.option("--import-price", type=click.FloatRange(-100, 100), help="Of a kWh drawn, outside windows.")
@click.option("--export-price", type=click.FloatRange(-100, 100), help="Of a kWh fed in, outside windows.")
@click.option("--window", "windows", multiple=True, help="Times with another price: 22:00-06:00=0.20[/0.05].")
@click.option(
    "--data",
    type=click.Path(dir_okay=False, path_type=Path),
    help="CSV of a recorded home: time, load_w, solar_w.",
)
@click.option("--from-telemetry", is_flag=True, help="Take what this hub has recorded.")
@click.option("--car", is_flag=True, help="A commuter's car: home in the evening, full by the morning.")
@click.option("--dishwasher", is_flag=True, help="A machine that is set in the evening and done by seven.")
@click.option(
    "--outages", type=click.IntRange(0, 50), default=0, help="How often the grid goes for four hours."
)
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for figures, steps and picture.",
)
@click.option(
    "--replan", type=click.IntRange(5, 60), default=60, help="Minutes from one plan to the next (60)."
)
@click.option("--scenario", type=click.Choice(["week"]), help="Let the hub's own brain live through it.")
@click.option("--fine", is_flag=True, help="As finely as a hub lives: a scenario takes much longer.")
@click.option("--jobs", type=click.IntRange(0, 64), help="Processes that forecast beside the one that plans.")
@as_json_option
@with_place
def simulate(
    config_file: Path | None, data_dir: Path | None, *, as_json: bool, output: Path | None, **options: Any
) -> None:
    """Ask what a battery and plans would be worth in a home.

    A home lives through a year under the tariff and the battery settings of this hub: without a battery,
    with one that stores what is left over and covers what is missing (the rule), with plans as the hub makes
    them, which know no more than what has been, and with perfect foresight. What the hub knows of its home
    (batteries, panels, policy) is taken from there; options take its place.

    \b
    ores-bridge simulate
    ores-bridge simulate --battery-kwh 5 --solar-kwp 8 --import-price 0.34 --window 00:00-05:00=0.18
    ores-bridge simulate --car --dishwasher --outages 2
    ores-bridge simulate --data home.csv --policy savings --output result
    ores-bridge simulate --from-telemetry --battery-kwh 20

    --scenario week is another thing: the brain of the hub itself (what decides, commands and tells, without
    network and apps) lives in virtual time through a week with two outages, dead and lying devices, and it
    is told what must hold and whether it did. The exit code is 1 if something did not.

    \b
    ores-bridge simulate --scenario week
    """  # noqa: D301 - a backspace tells click to leave the lines as they are
    scenario, fine, seed = options.pop("scenario"), options.pop("fine"), options["seed"]
    if scenario is not None:
        _live_week(seed, fine=fine, as_json=as_json)
        return
    from bridge.simulation.asked import Asked, case
    from bridge.simulation.comparison import compare
    from bridge.simulation.report import PLOT, PLOT_MISSING, lines, sentences, values, write
    from bridge.state import StateError

    settings, jobs = load_settings(config_file, data_dir), options.pop("jobs")
    replan_s = 60 * options.pop("replan")
    policy = options.pop("policy")
    try:
        answer = case(Asked(policy=None if policy is None else Policy(policy), **options), settings)
    except (ValueError, StateError) as error:
        raise Refusal(str(error)) from error
    currency = answer.currency
    if not as_json:
        for line in (f"Simulated: {answer.case.profile.about}.", *answer.notes):
            click.echo(line)
    with _progress(hidden=as_json) as progress:
        comparison = compare(
            answer.case,
            jobs=_usual_jobs() if jobs is None else jobs,
            replan_s=replan_s,
            progress=progress,
        )
    try:
        written = [] if output is None else write(comparison, output, currency)
    except OSError as error:
        raise Refusal(f"{output} cannot be written: {error}") from error
    if as_json:
        found = values(comparison, currency) | {"files": [str(path) for path in written]}
        click.echo(json.dumps(found, indent=2))
        return
    click.echo(f"Bills in {currency}; energies, shares and cycles are those under the plan.")
    for line in (*lines(comparison), *sentences(comparison, currency)):
        click.echo(line)
    for path in written:
        click.echo(f"Written: {path}")
    if output is not None and output / PLOT not in written:
        click.echo(PLOT_MISSING)


def _usual_jobs() -> int:
    """Return how many processes forecast beside the one that plans: it is the slower one."""
    return 1 if len(os.sched_getaffinity(0)) > 1 else 0


@contextlib.contextmanager
def _progress(*, hidden: bool) -> Iterator[Progress | None]:
    """Show how far it is, and how long it still takes, where a person looks."""
    from rich.console import Console  # draws; not every command does
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    if hidden:
        yield None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("planning", total=None)
        yield lambda done, count: bar.update(task, completed=done, total=count)


def _live_week(seed: int, *, fine: bool, as_json: bool) -> None:
    """Let the week be lived, and tell of it; end with 1 if something did not hold."""
    import logging

    from bridge.simulation.week import COARSE, FINE, live_week

    # What the hub logs is in the report, at the time of the week.
    logging.disable(logging.ERROR)
    try:
        report = live_week(seed=seed, pacing=FINE if fine else COARSE)
    finally:
        logging.disable(logging.NOTSET)
    if as_json:
        click.echo(json.dumps(report.values(), indent=2))
    else:
        for line in report.lines():
            click.echo(line)
    if report.breaches:
        raise SystemExit(1)
