"""What batteries and plan saved: the same load and the same sun, replayed without battery and with a rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from optimizer.dispatch import BALANCE, dispatch
from optimizer.problem_error import ProblemError, moment, number

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from numpy.typing import NDArray

    from optimizer.battery import Battery
    from optimizer.formulation.program import Floats


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """What was measured and paid, in equal intervals; NaN where something is not known.

    :ivar load_w: used by the home, batteries not counted; a magnitude
    :ivar sun_w: produced by the panels; a magnitude
    :ivar grid_w: drawn from the grid, feeding in negative
    :ivar import_price: per kWh
    :ivar export_price: per kWh
    :ivar co2_kg_per_kwh: of what is drawn; None when nobody says
    :raises ProblemError: the rows are not equally long
    """

    start: datetime
    step_s: int
    load_w: Floats
    sun_w: Floats
    grid_w: Floats
    import_price: Floats
    export_price: Floats
    co2_kg_per_kwh: Floats | None = None

    def __post_init__(self) -> None:
        moment("the start of what was measured", self.start)
        number("the step of what was measured", self.step_s, 1, 86_400)
        for what in ("load_w", "sun_w", "grid_w", "import_price", "export_price", "co2_kg_per_kwh"):
            row = getattr(self, what)
            if row is not None:
                object.__setattr__(self, what, np.asarray(row, float))
                if np.shape(row) != np.shape(self.load_w):
                    raise ProblemError(f"{what} has {np.size(row)} values, the load {np.size(self.load_w)}")

    @property
    def known(self) -> NDArray[np.bool_]:
        """Which intervals are measured and priced in full."""
        rows = (self.load_w, self.sun_w, self.grid_w, self.import_price, self.export_price)
        complete: NDArray[np.bool_] = np.all([np.isfinite(row) for row in rows], axis=0)
        return complete


@dataclass(frozen=True, slots=True)
class Ledger:
    """What one way of running the home costs.

    :ivar bill: what the supplier asks
    :ivar wear: of the batteries
    :ivar stored: worth of what the batteries gained since the start, negative when they lost
    :ivar co2_kg: of what was drawn; None when nobody says
    """

    bill: float
    wear: float
    stored: float
    co2_kg: float | None

    @property
    def cost(self) -> float:
        """Bill and wear, less what the batteries gained."""
        return self.bill + self.wear - self.stored


@dataclass(frozen=True, slots=True)
class Savings:
    """The home as it was against the home as it would have been, over the intervals that are known in full.

    :ivar actual: as it was
    :ivar without_battery: the same load and sun without any battery
    :ivar with_rule: the same batteries, storing what is left over and covering what is missing
    :ivar at_once: the same, with a load of which nothing had been moved
    :ivar coverage: share of the time that is known in full; the rest is in none of the figures
    :ivar self_consumption: share of what the panels produced that stayed in the home; None without sun
    :ivar self_sufficiency: share of what the home used that did not come from the grid; None without load
    """

    actual: Ledger
    without_battery: Ledger
    with_rule: Ledger
    at_once: Ledger
    coverage: float
    produced_wh: float
    used_wh: float
    imported_wh: float
    exported_wh: float
    self_consumption: float | None
    self_sufficiency: float | None

    @property
    def by_battery(self) -> float:
        """What was saved against having no battery."""
        return self.without_battery.cost - self.actual.cost

    @property
    def by_plan(self) -> float:
        """What was saved against the same batteries without a plan."""
        return self.with_rule.cost - self.actual.cost

    @property
    def by_moving(self) -> float:
        """What was saved by moving loads, whatever the batteries did: both are reckoned with the rule."""
        return self.at_once.cost - self.with_rule.cost


def savings(
    measured: Measured,
    batteries: Sequence[Battery],
    *,
    stored_after_wh: float | None = None,
    stored_value: float | None = None,
    at_once_w: Floats | None = None,
) -> Savings:
    """Return what batteries and plan saved.

    :param batteries: as they were at the start, their stored energy included
    :param stored_after_wh: what they hold together at the end; None for as much as at the start
    :param stored_value: worth of a kWh in them; None for what it saves at the mean import price
    :param at_once_w: the load as it would have been with nothing moved; None for as it was
    """
    known, hours = measured.known, measured.step_s / 3600
    load, sun, grid = (
        np.where(known, row, 0.0) for row in (measured.load_w, measured.sun_w, measured.grid_w)
    )
    before = sum(each.stored_wh for each in batteries)
    worth = _worth(measured, batteries) if stored_value is None else stored_value
    after = before if stored_after_wh is None else stored_after_wh
    replayed, wear, rule_after = _replay(load - sun, known, batteries, hours)
    ways = {
        "actual": (grid, _actual_wear(grid - load + sun, batteries, hours), after - before),
        "without_battery": (load - sun, 0.0, 0.0),
        "with_rule": (replayed, wear, rule_after - before),
    }
    ways["at_once"] = ways["with_rule"]
    if at_once_w is not None:
        unmoved = np.where(known, at_once_w, 0.0)
        flow, cost, unmoved_after = _replay(unmoved - sun, known, batteries, hours)
        ways["at_once"] = (flow, cost, unmoved_after - before)
    ledgers = {
        way: Ledger(_bill(measured, flow), cost, gained / 1000 * worth, _co2(measured, flow))
        for way, (flow, cost, gained) in ways.items()
    }
    produced, used = float(sun.sum()) * hours, float(load.sum()) * hours
    imported, exported = float(grid.clip(0).sum()) * hours, float((-grid).clip(0).sum()) * hours
    return Savings(
        **ledgers,
        coverage=float(known.mean()) if len(known) else 0.0,
        produced_wh=produced,
        used_wh=used,
        imported_wh=imported,
        exported_wh=exported,
        self_consumption=float(np.clip(1 - exported / produced, 0, 1)) if produced > 0 else None,
        self_sufficiency=float(np.clip(1 - imported / used, 0, 1)) if used > 0 else None,
    )


def _worth(measured: Measured, batteries: Sequence[Battery]) -> float:
    price = measured.import_price[measured.known]
    if not len(price) or not batteries:
        return 0.0
    return max(float(price.mean()), 0.0) * min(each.discharge_efficiency for each in batteries)


def _replay(
    net_w: Floats, known: NDArray[np.bool_], batteries: Sequence[Battery], hours: float
) -> tuple[Floats, float, float]:
    """Return grid flows, wear and what is stored at the end, under the rule; time stands still in gaps."""
    stored: list[float] = [each.stored_wh for each in batteries]
    bands = [BALANCE] * len(batteries)
    grid, wear = np.zeros(len(net_w)), 0.0
    for step in np.flatnonzero(known):
        powers, stored = dispatch(batteries, stored, bands, float(net_w[step]), hours)
        grid[step] = net_w[step] + sum(powers)
        wear += sum(abs(power) * each.wear for power, each in zip(powers, batteries, strict=True))
    return grid, wear / 2000 * hours, sum(stored)


def _actual_wear(battery_w: Floats, batteries: Sequence[Battery], hours: float) -> float:
    """Return the wear of what batteries did; by how much each took part is not known, so a mean is taken."""
    if not batteries:
        return 0.0
    strength = sum(each.discharge_w for each in batteries)
    mean = sum(each.wear * each.discharge_w for each in batteries) / strength if strength else 0.0
    return float(np.abs(battery_w).sum()) * mean / 2000 * hours


def _bill(measured: Measured, grid_w: Floats) -> float:
    energy = grid_w[measured.known] / 1000 * measured.step_s / 3600
    bought, sold = measured.import_price[measured.known], measured.export_price[measured.known]
    return float(np.where(energy > 0, energy * bought, energy * sold).sum())


def _co2(measured: Measured, grid_w: Floats) -> float | None:
    intensity = measured.co2_kg_per_kwh
    if intensity is None:
        return None
    drawn = np.clip(grid_w, 0.0, None) / 1000 * measured.step_s / 3600
    which = measured.known & np.isfinite(intensity)
    return float((drawn[which] * intensity[which]).sum())
