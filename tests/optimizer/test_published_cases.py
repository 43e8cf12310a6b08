"""Scenarios of another optimizer with the schedules it found: ours are as good or better, by its own rules.

The cases are those of evcc's optimizer (MIT). docs/optimizer.md tells where the results differ and why.
"""

import json
from datetime import UTC, datetime, timedelta
from itertools import accumulate

import numpy as np
import pytest
from optimizer_lab.recorded import recorded

from optimizer.battery import Battery
from optimizer.grid import DemandCharge, Grid
from optimizer.horizon import Horizon, Window
from optimizer.load import BaseLoad
from optimizer.problem import Problem
from optimizer.solar import Solar
from optimizer.solve import solve
from optimizer.vehicle import Vehicle

START = datetime(2027, 1, 1, tzinfo=UTC)
CASES = [
    "009-discharge-before-import",
    "010-infesible-charge-goal",
    "012-early-charging-not-perfect",
    "014-grid-import-limit-violation",
    "015-low-soc-initial",
    "017-battery-charge-priotization-2",
    "022-feed-in-cap-recovery",
    "024-attenuate-demand-peaks",
]


class Case:
    """A request in our words, and both results by the request's rules. Energies in Wh, prices per Wh."""

    def __init__(self, name):
        document = json.loads(recorded(f"optimizer-cases/{name}.json").read_text())
        self.request, self.theirs = document["request"], document["expected_response"]
        self.series = self.request["time_series"]
        self.horizon = Horizon(START, tuple(self.series["dt"]))
        self.hours = np.array(self.horizon.hours)
        self.ends = [START + timedelta(seconds=each) for each in accumulate(self.series["dt"])]
        self.stores = [self.store(index, each) for index, each in enumerate(self.request["batteries"])]

    def store(self, index, battery):
        """A battery that cannot give and may charge from the grid is a vehicle."""
        name, room = f"store {index}", battery["s_max"] - battery["s_initial"]
        if battery["d_max"] == 0 and battery.get("charge_from_grid"):
            goals = [(step, goal) for step, goal in enumerate(battery.get("s_goal", ())) if goal]
            step, goal = goals[0] if goals else (len(self.ends) - 1, battery["s_initial"])
            return Vehicle(
                name,
                (Window(START, self.ends[-1]),),
                max(goal - battery["s_initial"], 0),
                battery["c_max"],
                self.ends[step],
                battery["c_min"],
                self.request["eta_c"],
                room,
                battery["p_a"] * 1000,
                from_battery=True,
            )
        return Battery(
            name,
            max(battery.get("s_capacity", battery["s_max"]), battery["s_initial"]),
            battery["s_initial"],
            battery["c_max"],
            battery["d_max"],
            battery["s_min"],
            battery["s_max"],
            self.request["eta_c"],
            self.request["eta_d"],
            terminal_value=battery["p_a"] * 1000,
            grid_charging=battery.get("charge_from_grid", False),
            feed_in=battery.get("discharge_to_grid", False),
        )

    def problem(self):
        grid, count = self.request.get("grid", {}), len(self.horizon)
        leveling = self.request.get("strategy", {}).get("charging_strategy") == "attenuate_demand_peaks"
        charges = (DemandCharge("peak", Window(START, self.ends[-1]), 0.3),) if leveling else ()
        caps = {}
        for theirs, ours in (("p_max_imp", "import_cap_w"), ("p_max_exp", "export_cap_w")):
            if theirs in grid:
                caps[ours] = (grid[theirs],) * count
        prices = (tuple(np.array(self.series[each]) * 1000) for each in ("p_N", "p_E"))
        return Problem(
            self.horizon,
            Grid(*prices, demand_charges=charges, **caps),
            BaseLoad(tuple(np.array(self.series["gt"]) / self.hours)),
            # They let panels give less only where the export is capped.
            Solar(tuple(np.array(self.series["ft"]) / self.hours), curtailable="p_max_exp" in grid),
            tuple(each for each in self.stores if isinstance(each, Battery)),
            tuple(each for each in self.stores if isinstance(each, Vehicle)),
        )

    def ours(self, plan):
        """Our plan in the words of their response."""
        grid = np.array(plan.grid_w) * self.hours
        rows = []
        for store, battery in zip(self.stores, self.request["batteries"], strict=True):
            ours = plan.battery if isinstance(store, Battery) else plan.load
            power = np.array(ours(store.name).power_w) * self.hours
            into = np.where(power > 0, power * self.request["eta_c"], power / self.request["eta_d"])
            rows.append((power.clip(0), (-power).clip(0), battery["s_initial"] + np.cumsum(into)))
        return grid.clip(0), (-grid).clip(0), rows

    def their_result(self):
        over = self.theirs.get("grid_import_overshoot") or [0.0] * len(self.horizon)
        keys = ("charging_power", "discharging_power", "state_of_charge")
        rows = [tuple(np.array(each[key]) for key in keys) for each in self.theirs["batteries"]]
        return np.array(self.theirs["grid_import"]) + over, np.array(self.theirs["grid_export"]), rows

    def judge(self, drawn, fed, rows):
        """Return worth (more is better), and what is broken: energy over the cap and short of goals."""
        worth = fed @ np.array(self.series["p_E"]) - drawn @ np.array(self.series["p_N"])
        cap = self.request.get("grid", {}).get("p_max_imp", np.inf)
        over = float((drawn - cap * self.hours).clip(0).sum())
        short = 0.0
        for battery, (_, _, stored) in zip(self.request["batteries"], rows, strict=True):
            worth += stored[-1] * battery["p_a"]
            goals = np.array(battery.get("s_goal", np.zeros(len(self.horizon))))
            short += float((goals - stored)[goals > 0].clip(0).sum())
        return float(worth), over, short


@pytest.mark.parametrize("name", CASES)
def test_a_published_case_is_solved_as_well_or_better_by_its_own_rules(name):
    case = Case(name)
    plan = solve(case.problem())
    assert plan.solved.exact
    drawn, fed, rows = case.ours(plan)
    worth, over, short = case.judge(drawn, fed, rows)
    their_worth, their_over, their_short = case.judge(*case.their_result())
    prices = max(map(abs, (*case.series["p_N"], *case.series["p_E"])))
    assert over <= their_over + 1
    assert short <= their_short + 1
    # What they broke less is worth its price to us; their solver stops within 1e-4 of the best.
    assert worth >= their_worth - 2 * prices - 1e-6 * abs(their_worth)
    check_rules(case, fed, rows)


def check_rules(case, fed, rows):
    """Their rules that we do not have as such hold all the same.

    One is read more widely: a battery that must not charge from the grid may take what the sun leaves over
    from the base load even while a vehicle draws. In case 014, at a negative price, that is worth 0.0009.
    """
    left_over = (np.array(case.series["ft"]) - np.array(case.series["gt"])).clip(0)
    for battery, (charged, discharged, stored) in zip(case.request["batteries"], rows, strict=True):
        power = charged / case.hours
        assert ((power < 0.01) | (power > battery["c_min"] - 0.01)).all()
        assert (stored <= battery["s_max"] + 0.1).all()
        if not battery.get("charge_from_grid"):
            assert (charged <= left_over + 0.1).all()
        if not battery.get("discharge_to_grid"):
            assert not ((discharged > 0.1) & (fed > 0.1)).any()


def test_a_goal_beyond_reach_is_named_with_what_lacks():
    case = Case("010-infesible-charge-goal")
    (violation,) = solve(case.problem()).violations
    assert (violation.wish, violation.name) == ("energy", "store 0")
    expected = case.theirs["batteries"][0]["state_of_charge"][9]
    assert violation.amount == pytest.approx(68_800 - expected, abs=1)


def test_an_import_beyond_the_cap_is_named():
    case = Case("014-grid-import-limit-violation")
    (violation,) = solve(case.problem()).violations
    assert (violation.wish, round(violation.amount)) == ("import_cap", 480)


def test_peaks_are_levelled_as_evenly_as_theirs():
    case = Case("024-attenuate-demand-peaks")
    drawn, _, _ = case.ours(solve(case.problem()))
    assert drawn == pytest.approx(case.their_result()[0], abs=0.1)
