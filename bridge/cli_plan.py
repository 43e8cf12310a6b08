"""The command that looks ahead: the plan of the running hub."""

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


@click.command()
@with_place
@as_json_option
@click.option("--new", "anew", is_flag=True, help="Begin to plan anew.")
def plan(config_file: Path | None, data_dir: Path | None, *, as_json: bool, anew: bool) -> None:
    """Show what the hub wants for the coming hours, and why.

    Powers are in W: what is drawn from the grid and charged is positive, what is fed in, discharged and
    produced is negative. Steps that follow each other with the same reason are one line.

    \b
    ores-bridge plan
    ores-bridge plan --json | jq '.plan.steps[0].batteries'
    """  # noqa: D301 - a backspace tells click to leave the lines as they are
    found: dict[str, Any] = ask(config_file, data_dir, "plan", {"anew": anew})
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    from bridge.time_zone import time_zone

    zone = time_zone(load_settings(config_file, data_dir).timezone)
    for line in lines(found, zone):
        click.echo(line)


def lines(found: dict[str, Any], zone: tzinfo) -> Iterator[str]:
    """Yield the plan as a person reads it, in the home's time."""
    if found["waiting"]:
        yield f"Not carried out now: {found['waiting']}"
    if found["failure"]:
        yield f"The last attempt brought no plan: {found['failure']}"
    plan = found["plan"]
    if plan is None:
        yield "There is no plan yet."
        return
    made = datetime.fromtimestamp(found["made"], UTC).astimezone(zone)
    proof = "proved best for its forecasts" if plan["exact"] else "not proved best"
    yield (
        f"Planned at {made:%H:%M:%S} for {found['policy']} ({found['trigger']}), {proof}, "
        f"from {plan['history_days']:.1f} days of history; bill {plan['bill']:.2f} {plan['currency']}"
    )
    if plan["backup_hours"] is not None:
        yield f"Without the grid the home would last for {plan['backup_hours']:.1f} h from now."
    yield from plan["notes"]
    yield from (f"Not possible: {sentence}" for sentence in plan["violations"])
    for key, program in plan["programs"].items():
        if program["learned_from"]:
            yield (
                f"{found['names'].get(key, key)} usually takes {program['need_wh'] / 1000:.1f} kWh with "
                f"{program['power_w']:.0f} W (the middle of {program['learned_from']})."
            )
    yield f"{'time':9}  {'price':>6} {'load':>6} {'sun':>6} {'battery':>7} {'grid':>6} {'charge':>6}  why"
    for steps in _alike(plan["steps"]):
        yield from _row(steps, found["names"], zone)


_SAYS_NOTHING: Final = {"done", "unavailable"}
"""Why loads do not run that are not to: of that a person need not read."""


def _alike(steps: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Join neighbouring steps of one price in which each battery has the same mode and reason."""

    def mark(step: dict[str, Any]) -> tuple[object, ...]:
        said = ((key, each["mode"], each["code"]) for key, each in step["batteries"].items())
        loads = ((key, each["on"], each["code"]) for key, each in step["loads"].items())
        return (round(step["import_price"], 4), *said, *loads)

    run: list[dict[str, Any]] = []
    for step in steps:
        if run and mark(step) != mark(run[0]):
            yield run
            run = []
        run.append(step)
    if run:
        yield run


def _row(steps: list[dict[str, Any]], names: dict[str, str], zone: tzinfo) -> Iterator[str]:
    length = float(sum(step["duration"] for step in steps))

    def mean(values: Iterator[float]) -> float:
        weighed = zip(values, steps, strict=True)
        return float(sum(value * step["duration"] for value, step in weighed)) / length

    load, sun, grid = (mean(step[name] for step in steps) for name in ("load_w", "solar_w", "grid_w"))
    storage = mean(sum(each["power_w"] for each in step["batteries"].values()) for step in steps)
    charges = [each["soc_percent"] for each in steps[-1]["batteries"].values()]
    charge = f"{sum(charges) / len(charges):.0f} %" if charges else ""
    start = datetime.fromtimestamp(steps[0]["start"], UTC).astimezone(zone)
    head = (
        f"{start:%a %H:%M}  {steps[0]['import_price']:6.3f} {load:z6.0f} {sun:z6.0f} {storage:z7.0f} "
        f"{grid:z6.0f} {charge:>6}"
    )
    loads = {key: each for key, each in steps[0]["loads"].items() if each["code"] not in _SAYS_NOTHING}
    reasons = [*steps[0]["batteries"].items(), *loads.items()]
    if not reasons:
        yield head
    for number, (key, each) in enumerate(reasons):
        who = f"{names.get(key, key)}: " if len(reasons) > 1 or loads else ""
        yield f"{head if number == 0 else ' ' * len(head)}  {who}{each['sentence']}"
