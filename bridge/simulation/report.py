"""A simulation as people and programs get it: a table, plain values, and files."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any, Final

from bridge.simulation.figures import battery_w, by_month, in_total

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from bridge.simulation.comparison import Comparison
    from bridge.simulation.figures import Figures

PLOT: Final = "plot.svg"
PLOT_MISSING: Final = (
    "No picture was drawn: that takes matplotlib, which is not installed. "
    "Install it with: pip install 'ores-bridge[plot]'"
)
_HEAD: Final = tuple(
    line.split("|")
    for line in (
        "|load|sun|import|export|no||||gap|own|self-|",
        "month|kWh|kWh|kWh|kWh|battery|rule|plan|perfect|won|use|supply|cycles",
    )
)
_ERRANDS: Final = tuple(line.split("|") for line in ("moved|won by", "kWh|moving"))
"""Two more columns where there are cars or machines."""
_WHOLE_YEAR: Final = 360
_WIDTHS: Final = (7, 6, 6, 6, 6, 9, 9, 9, 9, 6, 6, 6, 6, 6, 8)


def values(comparison: Comparison, currency: str) -> dict[str, Any]:
    """Return everything in plain values."""
    case = comparison.case
    battery = case.battery
    return {
        "home": case.profile.about,
        "start": case.world.start.isoformat(),
        "days": len(case.world) * case.profile.step_s / 86_400,
        "step_s": case.profile.step_s,
        "policy": case.policy.value,
        "currency": currency,
        "battery": {
            "capacity_wh": battery.capacity_wh,
            "reserve_wh": battery.minimum_wh,
            "charge_w": battery.charge_w,
            "discharge_w": battery.discharge_w,
            "efficiency": battery.charge_efficiency * battery.discharge_efficiency,
            "wear": battery.wear,
            "grid_charging": battery.grid_charging,
            "sell_stored": battery.feed_in,
        },
        "months": [each.values() for each in by_month(comparison)],
        "total": in_total(comparison).values(),
        "missed_wh": comparison.missed_wh,
        "seconds_a_plan": comparison.seconds,
    }


def lines(comparison: Comparison) -> Iterator[str]:
    """Yield the table of months and total."""
    more = bool(comparison.case.errands)
    yield from (_line(row + also if more else row) for row, also in zip(_HEAD, _ERRANDS, strict=True))
    for each in (*by_month(comparison), in_total(comparison)):
        cells = [*_cells(each)]
        if more:
            cells += [f"{each.errands_wh / 1000:.0f}", f"{each.won_by_moving:.2f}"]
        yield _line(cells)


def _line(cells: Iterable[str]) -> str:
    aligned = (f"{cell:>{width}}" for cell, width in zip(cells, _WIDTHS, strict=False))
    return " ".join(aligned).rstrip()


def _cells(each: Figures) -> Iterator[str]:
    energies = (each.load_wh, each.solar_wh, each.imported_wh, each.exported_wh)
    bills = (each.bill_none, each.bill_rule, each.bill_plan, each.bill_perfect)
    shares = (each.gap_won, each.self_consumption, each.self_sufficiency)
    yield each.label
    yield from (f"{energy / 1000:.0f}" for energy in energies)
    yield from (f"{bill:.2f}" for bill in bills)
    yield from ("-" if share is None else f"{100 * share:.0f} %" for share in shares)
    yield f"{each.cycles:.1f}"


def sentences(comparison: Comparison, currency: str) -> Iterator[str]:
    """Yield what the table means."""
    total = in_total(comparison)
    by_rule, by_plan = total.cost_none - total.cost_rule, total.cost_none - total.cost_plan
    yield (
        f"Against no battery the rule saves {by_rule:.2f} {currency} and the plan {by_plan:.2f} {currency} "
        f"({by_plan / total.days * 365.25:.0f} a year), wear and what the battery holds at the end counted; "
        f"with perfect foresight it would be {total.cost_none - total.cost_perfect:.2f}."
    )
    if comparison.case.errands:
        yield _of_errands(comparison, total, currency)
    gone_h = float((~comparison.case.world.connected).sum()) * comparison.case.profile.hours
    if gone_h:
        yield (
            f"The grid was gone for {gone_h:.0f} h. What had no power then: "
            f"{total.unserved_none_wh / 1000:.1f} kWh without a battery, "
            f"{total.unserved_rule_wh / 1000:.1f} with the rule, "
            f"{total.unserved_plan_wh / 1000:.1f} with the plan; it is not paid for, either."
        )
    if total.days < _WHOLE_YEAR:
        yield "A part of a year says little of the whole: batteries do most in spring and autumn."


def _of_errands(comparison: Comparison, total: Figures, currency: str) -> str:
    """Return what moving cars and machines comes to."""
    won = total.cost_rule - total.cost_plan
    share = f", {100 * total.won_by_moving / won:.0f} % of that" if 0 < total.won_by_moving < won else ""
    late = f"{comparison.missed_wh / 1000:.1f} kWh of it late" if comparison.missed_wh else "none of it late"
    return (
        f"Cars and machines took {total.errands_wh / 1000:.0f} kWh under the plan, {late}; otherwise they "
        f"run as soon as they are wanted. The plan costs {won:.2f} {currency} less than the rule; moving "
        f"them brings {total.won_by_moving:.2f}{share}."
    )


def write(comparison: Comparison, folder: Path, currency: str) -> list[Path]:
    """Write `summary.json`, `steps.csv`, and `plot.svg` if matplotlib is there. Raise OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    summary, steps, plot = folder / "summary.json", folder / "steps.csv", folder / PLOT
    summary.write_text(json.dumps(values(comparison, currency), indent=2) + "\n", encoding="utf-8")
    _write_steps(comparison, steps)
    try:
        from bridge.simulation.plot import draw  # matplotlib is an extra
    except ImportError:
        return [summary, steps]
    draw(comparison, plot)
    return [summary, steps, plot]


def _write_steps(comparison: Comparison, path: Path) -> None:
    world, plan = comparison.case.world, comparison.plan
    columns = {
        "load_w": plan.load_w,
        "solar_w": world.sun_w,
        "import_price": world.import_price,
        "export_price": world.export_price,
        "grid_none_w": comparison.none.grid_w,
        "grid_rule_w": comparison.rule.grid_w,
        "grid_plan_w": plan.grid_w,
        "grid_perfect_w": comparison.perfect.grid_w,
        "battery_rule_w": battery_w(comparison, comparison.rule),
        "battery_plan_w": battery_w(comparison, plan),
        "battery_perfect_w": battery_w(comparison, comparison.perfect),
        "stored_rule_wh": comparison.rule.stored_wh,
        "stored_plan_wh": plan.stored_wh,
        "stored_perfect_wh": comparison.perfect.stored_wh,
        "curtailed_plan_w": plan.curtailed_w,
    }
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["time", *columns])
        rows = zip(*(row.tolist() for row in columns.values()), strict=True)
        writer.writerows([world.time(step).isoformat(), *row] for step, row in enumerate(rows))
