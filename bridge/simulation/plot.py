"""The picture of a simulation: flows, what the battery did, its charge, and prices. Needs matplotlib."""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from matplotlib.dates import ConciseDateFormatter
from matplotlib.figure import Figure

from bridge.simulation.figures import battery_w

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes

    from bridge.simulation.comparison import Comparison
    from optimizer.formulation.program import Floats

DAYS: Final = 7
"""Shown step by step."""
_SUN, _LOAD, _IN, _OUT, _PLAN, _RULE, _PERFECT = (
    "#e0a100",
    "#444444",
    "#b5372f",
    "#3a7ca5",
    "#1b7f4b",
    "#999999",
    "#8e6bbf",
)


def draw(comparison: Comparison, path: Path) -> None:
    """Write a picture: on the left the days of the whole time, on the right one week of it step by step.

    :param path: its ending says the format, such as `.svg` or `.png`
    :raises OSError: it cannot be written
    :raises ValueError: there is no such format
    """
    figure = Figure(figsize=(18, 11), layout="constrained")
    axes = figure.subplots(4, 2, sharex="col", height_ratios=(3, 2, 2, 1.5))
    _days(comparison, [row[0] for row in axes])
    first = _week(comparison)
    _steps(
        comparison, [row[1] for row in axes], first, first + DAYS * 86_400 // comparison.case.profile.step_s
    )
    figure.suptitle(
        f"{comparison.case.profile.about}; battery {comparison.case.battery.capacity_wh / 1000:g} kWh, "
        f"policy {comparison.case.policy.value}"
    )
    figure.savefig(path)


def _week(comparison: Comparison) -> int:
    """Return the step at which the week begins that is shown: a midnight in the middle of the time."""
    world = comparison.case.world
    per_day = 86_400 // world.step_s
    days = len(world) // per_day
    return max((days - DAYS) // 2, 0) * per_day


def _days(comparison: Comparison, axes: list[Axes]) -> None:
    world, plan = comparison.case.world, comparison.plan
    per_day = 86_400 // world.step_s
    days = len(world) // per_day
    begin = world.start.replace(tzinfo=None)
    times = np.array([begin + timedelta(days=day) for day in range(days)])

    def table(row: Floats) -> Floats:
        rows: Floats = row[: days * per_day].reshape(days, per_day)
        return rows

    def energy(row: Floats) -> Floats:
        total: Floats = table(row).sum(axis=1) * world.hours / 1000
        return total

    axes[0].set_title("by day")
    for row, colour, label in (
        (world.load_w, _LOAD, "load"),
        (world.sun_w - plan.curtailed_w, _SUN, "sun"),
        (plan.grid_w.clip(0), _IN, "import"),
        (-(-plan.grid_w).clip(0), _OUT, "export"),
    ):
        axes[0].plot(times, energy(row), color=colour, label=label, linewidth=1)
    axes[0].set_ylabel("kWh a day")
    for outcome, colour, label in ((plan, _PLAN, "plan"), (comparison.rule, _RULE, "rule")):
        discharged = energy((-battery_w(comparison, outcome)).clip(0))
        axes[1].plot(times, discharged, color=colour, label=f"discharged, {label}", linewidth=1)
    axes[1].set_ylabel("kWh a day")
    held = table(comparison.plan.stored_wh) / comparison.case.battery.capacity_wh * 100
    axes[2].fill_between(
        times, held.min(axis=1), held.max(axis=1), color=_PLAN, alpha=0.3, label="least to most"
    )
    axes[2].plot(times, held.mean(axis=1), color=_PLAN, linewidth=1, label="mean")
    price = table(world.import_price)
    axes[3].fill_between(times, price.min(axis=1), price.max(axis=1), color=_IN, alpha=0.3)
    axes[3].plot(times, price.mean(axis=1), color=_IN, linewidth=1, label="import, mean and range")
    _finish(axes)


def _steps(comparison: Comparison, axes: list[Axes], first: int, last: int) -> None:
    world, plan = comparison.case.world, comparison.plan
    last = min(last, len(world))
    # Local time without its zone: that is what people read, and matplotlib would show another.
    offset = world.time(first).utcoffset() or timedelta()
    begin = (world.time(first).astimezone(UTC) + offset).replace(tzinfo=None)
    edges = np.array([begin + timedelta(seconds=world.step_s * step) for step in range(last - first + 1)])

    def stairs(axis: Axes, row: Floats, colour: str, label: str, **style: Any) -> None:
        axis.stairs(row[first:last], edges, baseline=None, color=colour, label=label, linewidth=1, **style)

    axes[0].set_title(f"step by step from {begin:%d %B %Y}")
    stairs(axes[0], world.load_w / 1000, _LOAD, "load")
    stairs(axes[0], (world.sun_w - plan.curtailed_w) / 1000, _SUN, "sun")
    stairs(axes[0], plan.grid_w / 1000, _IN, "grid, import positive")
    axes[0].set_ylabel("kW")
    outcomes = (
        (plan, _PLAN, "plan"),
        (comparison.rule, _RULE, "rule"),
        (comparison.perfect, _PERFECT, "perfect"),
    )
    for outcome, colour, label in outcomes:
        style = {} if outcome is plan else {"linestyle": "--", "alpha": 0.8}
        stairs(axes[1], battery_w(comparison, outcome) / 1000, colour, f"battery, {label}", **style)
        stairs(axes[2], outcome.stored_wh / comparison.case.battery.capacity_wh * 100, colour, label, **style)
    axes[1].set_ylabel("kW, charging positive")
    stairs(axes[3], world.import_price, _IN, "import")
    stairs(axes[3], world.export_price, _OUT, "export")
    _finish(axes)


def _finish(axes: list[Axes]) -> None:
    axes[2].set_ylabel("state of charge, %")
    axes[2].set_ylim(0, 100)
    axes[3].set_ylabel("price of a kWh")
    for axis in axes:
        axis.legend(loc="upper right", fontsize="small")
        axis.grid(alpha=0.3)
    times = axes[-1].xaxis
    times.set_major_formatter(ConciseDateFormatter(times.get_major_locator()))  # type: ignore[no-untyped-call] # matplotlib's types stop short of it
