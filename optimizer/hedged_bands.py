"""The bands of the first hour or less, for load and sun that may differ from the forecast."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from optimizer.explanation.facts import SMALL_KW
from optimizer.hedging import STAGE_S, Hedge, Stages, Store, hedge, levels, possibilities
from optimizer.plan import Band, BatteryMode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from optimizer.backup import Outages
    from optimizer.explanation.facts import Facts
    from optimizer.formulation.battery_part import BatteryPart
    from optimizer.formulation.program import Floats
    from optimizer.problem import Problem

_LONGEST: Final = 48
"""Stages that are looked ahead."""
_FEWEST: Final = 2
_NO_LIMIT_KW: Final = 1e9


def hedged(
    facts: Facts, outages: Outages | None, bands: Sequence[tuple[Band, ...]]
) -> tuple[Hedge, list[tuple[Band, ...]]] | None:
    """Return what is best for all batteries together, and what each is told in the steps of the first stage.

    :param outages: what surviving them takes; None when that is not wished
    :param bands: of each battery, taking the forecast for certain
    :return: None where hedging does not apply; no bands where those of the plan are best
    """
    home = facts.home
    rows = _rows(home.problem)
    fleet = [part for part in home.batteries if part.battery.available is None]
    clock = _Clock(facts)
    if (
        not rows
        or not fleet
        or clock.count < _FEWEST
        or not facts.connected[: clock.steps(clock.count)].all()
    ):
        return None
    whole = _store(facts, fleet)
    if not whole.usable_kwh or not (whole.charge_kw or whole.discharge_kw):
        return None
    held = sum(max(part.battery.stored_wh - part.battery.minimum_wh, 0.0) for part in fleet) / 1000
    index = [home.batteries.index(part) for part in fleet]
    planned = (
        sum(bands[each][0].lowest_w for each in index) / 1000,
        sum(bands[each][0].highest_w for each in index) / 1000,
    )
    stages = clock.stages(rows, fleet, outages, levels(whole))
    best = hedge(whole, stages, min(held, whole.usable_kwh), planned)
    told: list[tuple[Band, ...]] = [()] * len(bands)
    for each, part in zip(index, fleet, strict=True):
        if best.gain:
            told[each] = (_share(best, whole, part, home.problem.grid.feed_in),) * clock.steps(1)
    return best, told


def _rows(problem: Problem) -> tuple[tuple[Floats, ...], tuple[Floats, ...]] | None:
    """Return low, expected and high load and sun, None when neither is uncertain; a lone bound is none."""
    load, solar = problem.load, problem.solar
    used = given = None
    if load.low_w is not None and load.high_w is not None:
        used = (np.array(load.low_w), np.array(load.power_w), np.array(load.high_w))
    if solar is not None and solar.cautious_w is not None and solar.high_w is not None:
        given = (np.array(solar.cautious_w), np.array(solar.production_w), np.array(solar.high_w))
    if used is None and given is None:
        return None
    sun = np.zeros(len(problem.horizon)) if solar is None else np.array(solar.production_w)
    return used or (np.array(load.power_w),) * 3, given or (sun,) * 3


def _store(facts: Facts, fleet: Sequence[BatteryPart]) -> Store:
    """Return all batteries as one: sums, and means weighted by size."""
    sizes = np.array([part.battery.most_wh - part.battery.minimum_wh for part in fleet]) / 1000
    weights = sizes / sizes.sum() if sizes.sum() else np.full(len(fleet), 1 / len(fleet))

    def mean(name: str) -> float:
        return float(weights @ [getattr(part.battery, name) for part in fleet])

    sells = facts.home.problem.grid.feed_in
    return Store(
        float(sizes.sum()),
        sum(part.battery.charge_w for part in fleet) / 1000,
        sum(part.battery.discharge_w for part in fleet) / 1000,
        mean("charge_efficiency"),
        mean("discharge_efficiency"),
        mean("wear"),
        1 - mean("self_discharge"),
        sum(part.battery.charge_w for part in fleet if part.battery.grid_charging) / 1000,
        sum(part.battery.discharge_w for part in fleet if part.battery.feed_in and sells) / 1000,
        float(weights @ [part.terminal for part in fleet]),
    )


def _share(best: Hedge, whole: Store, part: BatteryPart, sells: bool) -> Band:  # noqa: FBT001 - the grid's flag
    """Return one battery's share of the band of all."""
    battery = part.battery
    charge, discharge = battery.charge_w / 1000, battery.discharge_w / 1000
    low, high = best.lowest_kw, best.highest_kw
    if low > 0:
        low = low * charge / whole.buys_kw if battery.grid_charging else 0.0
    elif whole.discharge_kw:
        low = low * discharge / whole.discharge_kw
    if high < 0:
        high = high * discharge / whole.sells_kw if battery.feed_in and sells else 0.0
    elif whole.charge_kw:
        high = high * charge / whole.charge_kw
    low, high = min(low, high), max(low, high)
    return Band(_mode(low, high), low * 1000, high * 1000)


def _mode(low_kw: float, high_kw: float) -> BatteryMode:
    if low_kw > SMALL_KW:
        return BatteryMode.CHARGE
    if high_kw < -SMALL_KW:
        return BatteryMode.DISCHARGE
    if high_kw > SMALL_KW:
        return BatteryMode.BALANCE if low_kw < -SMALL_KW else BatteryMode.STORE
    return BatteryMode.COVER if low_kw < -SMALL_KW else BatteryMode.HOLD


class _Clock:
    """Turns what the plan knows of its steps into what happens in each stage.

    The first stage ends where prices change, within the hour: what is best at the mean of two prices is best
    at neither of them.
    """

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._offsets = np.array(facts.home.problem.horizon.offsets_s)
        changes = (np.diff(facts.import_price) != 0) | (np.diff(facts.export_price) != 0)
        first = min(int(self._offsets[1:-1][changes].min(initial=STAGE_S)), STAGE_S)
        self.count = min(1 + int(self._offsets[-1] - first) // STAGE_S, _LONGEST)
        self._edges = first + STAGE_S * np.arange(-1, self.count)
        self._edges[0] = 0

    def steps(self, stages: int) -> int:
        """Return how many of the plan's steps begin within the first stages."""
        return int(np.searchsorted(self._offsets[:-1], self._edges[stages]))

    def mean(self, values: Floats) -> Floats:
        """Return means over the stages."""
        summed = np.concatenate(([0.0], np.cumsum(values * np.diff(self._offsets))))
        means: Floats = np.diff(np.interp(self._edges, self._offsets, summed)) / np.diff(self._edges)
        return means

    def stages(
        self,
        rows: tuple[tuple[Floats, ...], tuple[Floats, ...]],
        fleet: Sequence[BatteryPart],
        outages: Outages | None,
        level: Floats,
    ) -> Stages:
        """Return what may happen in each stage.

        :param rows: low, expected and high of load and of sun, in W, one value a step
        """
        facts, problem = self._facts, self._facts.home.problem
        solar, grid = problem.solar, problem.grid
        used, given = (possibilities(*(self.mean(row) / 1000 for row in each)) for each in rows)
        fed, aside = self._planned(fleet)
        lavish = solar is None or solar.curtailable
        sell = self.mean(facts.export_price)
        import_kw, excess = self._import_limit()
        caps = np.full(facts.home.bus.count, _NO_LIMIT_KW if grid.feed_in else 0.0)
        if grid.export_cap_w is not None and grid.feed_in:
            caps = np.array(grid.export_cap_w) / 1000
        return Stages(
            np.diff(self._edges) / 3600,
            used + fed[:, None],
            given,
            aside,
            self.mean(facts.import_price),
            np.maximum(sell, 0.0) if lavish else sell,
            import_kw,
            excess,
            self.mean(caps),
            *self._holding(fleet, outages, level),
        )

    def _planned(self, fleet: Sequence[BatteryPart]) -> tuple[Floats, Floats]:
        """Return what waiting loads and batteries that come and go draw as planned, and what is set aside."""
        facts, home = self._facts, self._facts.home
        fed = np.zeros(home.bus.count)
        for energy in home.energies:
            fed[energy.steps] += facts.values(energy.power)
        fed -= facts.aside
        for machine in home.shiftable:
            fed += facts.values(machine.start) @ machine.profile_kw
        for thermal in home.thermal:
            fed += facts.values(thermal.power)
        for part in home.batteries:
            if part not in fleet:
                fed += facts.values(part.charge) - facts.values(part.discharge)
        return self.mean(fed), self.mean(facts.aside)

    def _import_limit(self) -> tuple[Floats, Floats]:
        """Return what may be drawn at the price of energy alone, and what a kW more costs."""
        facts, home = self._facts, self._facts.home
        limit, excess = np.full(home.bus.count, _NO_LIMIT_KW), np.zeros(home.bus.count)
        for charge, (steps, _) in zip(home.problem.grid.demand_charges, home.grid.peaks, strict=True):
            peak = max(charge.reached_w / 1000, float(facts.drawn[steps].max(initial=0.0)))
            limit[steps] = np.minimum(limit[steps], peak)
            excess[steps] = np.maximum(excess[steps], charge.price)
        cap = home.grid.import_cap
        if cap is not None:
            limit = np.minimum(limit, cap.limit_kw)
            excess = np.maximum(excess, home.problem.tiers.limit)
        return self.mean(limit), self.mean(excess)

    def _holding(
        self, fleet: Sequence[BatteryPart], outages: Outages | None, level: Floats
    ) -> tuple[Floats, Floats]:
        """Return what is held back, and what holding each level at the end of each stage costs.

        A reserve that is dearer to miss than any kWh is held back: it would not be used up within the hour,
        since plans are made anew meanwhile. Reserve, outages and dwelling high cost.
        """
        problem = self._facts.home.problem
        last = np.searchsorted(self._offsets, self._edges[1:]) - 1
        cost = np.zeros((len(last), len(level)))
        asked, price = np.zeros(len(last)), 0.0
        for part in fleet:
            battery = part.battery
            minimum = battery.minimum_wh / 1000
            if part.missing is not None:
                asked += np.maximum(part.reserve_kwh[last] - minimum, 0.0)
                own = battery.reserve_price
                price = max(price, problem.tiers.wish if own is None else own)
            if battery.dwell_above_wh is not None and len(fleet) == 1:
                high = battery.dwell_above_wh / 1000 - minimum
                cost += battery.dwell_price * np.maximum(level - high, 0.0)
        cost += price * np.maximum(asked[:, None] - level, 0.0)
        island = problem.island
        if island is not None and outages is not None:
            after = np.minimum(last + 1, len(outages.need_kwh) - 1)
            need = np.minimum(outages.need_kwh[after], level[-1])
            lost = island.outages_per_hour * island.lost_load_value * outages.fleet.discharge_efficiency
            cost += lost * np.maximum(need[:, None] - level, 0.0)
        floor = asked if price >= problem.highest_price else np.zeros(len(last))
        return floor, cost
