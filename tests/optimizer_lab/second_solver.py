"""A second opinion: the same home stated anew, in Wh, with every yes-or-no from the start, for highspy.

It shares nothing with the planner but the problem; what it takes from docs/optimizer.md are the ranks of
broken wishes and the tiny amounts that put equals in an order.
"""

from __future__ import annotations

import math
from collections import defaultdict

import highspy

from optimizer.vehicle import Vehicle


class Sum(defaultdict):
    """A linear expression: a factor for each variable."""

    def __init__(self, factors=()):
        super().__init__(float, factors)

    def add(self, variable, factor=1.0):
        self[variable] += factor
        return self


class SecondSolver:
    """States a home and solves it. All flows are energies of a step, in Wh."""

    def __init__(self, problem):
        self.problem = problem
        self.hours = [each / 3600 for each in problem.horizon.steps_s]
        self.steps = range(len(self.hours))
        self.lower, self.upper, self.cost, self.whole, self.rows = [], [], [], [], []
        grid, highest = problem.grid, 0.1
        self.price = list(grid.import_price)
        if grid.co2_kg_per_kwh:
            pairs = zip(self.price, grid.co2_kg_per_kwh, strict=True)
            self.price = [price + problem.co2_price * co2 for price, co2 in pairs]
        for value in (
            *self.price,
            *grid.export_price,
            *(each.value for each in problem.vehicles),
            *(each.terminal_value or 0.0 for each in problem.batteries),
        ):
            highest = max(highest, abs(value))
        self.highest = highest
        self.wish = 10 * highest if problem.wish_price is None else problem.wish_price
        total = sum(self.hours)
        self.late = [2e-5 * highest * sum(self.hours[:step]) / total for step in self.steps]
        self.load = [w * h for w, h in zip(problem.load.power_w, self.hours, strict=True)]
        self.sun = [0.0] * len(self.hours)
        if problem.solar:
            self.sun = [w * h for w, h in zip(problem.solar.production_w, self.hours, strict=True)]

    # ------------------------------------------------------------------ words of the model

    def variable(self, upper=math.inf, cost=0.0, *, lower=0.0, whole=False):
        """A variable; its cost is per kWh, or per piece when it is whole."""
        self.lower.append(lower)
        self.upper.append(upper)
        self.cost.append(cost if whole else cost / 1000)
        self.whole.append(whole)
        return len(self.cost) - 1

    def row(self, lower, expression, upper):
        self.rows.append((lower, expression, upper))

    def choose(self, one, one_most, other, other_most):
        """One of two flows is zero."""
        which = self.variable(1.0, whole=True)
        self.row(-math.inf, Sum().add(one).add(which, -one_most), 0.0)
        self.row(-math.inf, Sum().add(other).add(which, other_most), other_most)

    def off_or(self, flow, least, most):
        runs = self.variable(1.0, whole=True)
        self.row(-math.inf, Sum().add(flow).add(runs, -most), 0.0)
        self.row(0.0, Sum().add(flow).add(runs, -least), math.inf)

    # ------------------------------------------------------------------ the home

    def solve(self, need_wh=None):
        """The lowest cost.

        :param need_wh: stored energy that outages need, one value a step, where survival is wished
        """
        problem, grid = self.problem, self.problem.grid
        self.balance = [Sum() for _ in self.steps]
        self.from_all = [Sum() for _ in self.steps]
        self.from_unsold = [Sum() for _ in self.steps]
        self.sun_charge = [Sum() for _ in self.steps]
        self.draw = [0.0] * len(self.hours)
        self.give = [0.0] * len(self.hours)
        self.stored = {battery.name: self._battery(battery) for battery in problem.batteries}
        choosy = False
        for load in (*problem.vehicles, *problem.interruptible):
            self._energy(load)
            choosy |= not load.from_battery
        for load in problem.shiftable:
            self._run(load)
        for store in problem.thermal:
            self._thermal(store)
        if need_wh is not None and problem.island is not None:
            self._island(need_wh)
        peaks = [self.variable(cost=charge.price) for charge in grid.demand_charges]
        for step, hour in enumerate(self.hours):
            self._grid(step, hour, peaks, choosy=choosy)
        return self._run_highs()

    def _grid(self, step, hour, peaks, *, choosy):
        problem, grid = self.problem, self.problem.grid
        joined = grid.connected is None or grid.connected[step]
        most_in = (self.load[step] + self.draw[step]) if joined else 0.0
        most_out = (self.sun[step] + self.give[step]) if joined else 0.0
        bought = self.variable(most_in, self.price[step] + 1e-6 * self.highest)
        sold = self.variable(most_out, -grid.export_price[step])
        self.choose(bought, most_in, sold, most_out)
        lavish = problem.solar is None or problem.solar.curtailable
        unused = self.variable(self.sun[step], 1e-6 * self.highest if lavish else 2 * 2000 * self.highest)
        balance = self.balance[step].add(bought).add(sold, -1.0).add(unused, -1.0)
        lost = []
        if not joined:
            critical = self.load[step]
            if problem.load.critical_w is not None:
                critical = problem.load.critical_w[step] * hour
            lost.append(self.variable(critical, 10_000 * self.highest))
            lost.append(self.variable(max(self.load[step] - critical, 0.0), 3000 * self.highest))
        for each in lost:
            balance.add(each)
        self.row(self.load[step] - self.sun[step], balance, self.load[step] - self.sun[step])
        self._limits(step, hour, peaks, bought, sold)
        self._ways(step, sold, unused, lost, choosy=choosy)

    def _limits(self, step, hour, peaks, bought, sold):
        grid = self.problem.grid
        caps = [(bought, grid.import_cap_w)]
        caps.append((sold, grid.export_cap_w if grid.feed_in else (0.0,) * len(self.hours)))
        for flow, cap in caps:
            if cap is not None:
                over = self.variable(cost=2000 * self.highest)
                self.row(-math.inf, Sum().add(flow).add(over, -1.0), cap[step] * hour)
        for peak, charge in zip(peaks, grid.demand_charges, strict=True):
            if self.problem.horizon.shares(*charge.windows)[step] > 0:
                expression = Sum().add(bought, 1 / hour).add(peak, -1.0)
                self.row(-math.inf, expression, charge.reached_w)

    def _ways(self, step, sold, unused, lost, *, choosy):
        problem = self.problem
        if choosy and problem.batteries:
            expression = self.from_all[step].add(sold, -1.0)
            for each in lost:
                expression.add(each)
            self.row(-math.inf, expression, self.load[step])
        if not all(battery.feed_in for battery in problem.batteries):
            for each in lost:
                self.from_unsold[step].add(each)
            self.row(-math.inf, self.from_unsold[step], self.load[step])
        if not all(battery.grid_charging for battery in problem.batteries):
            over = max(self.sun[step] - self.load[step], 0.0)
            self.row(-math.inf, Sum(self.sun_charge[step]), over)
            self.row(-math.inf, self.sun_charge[step].add(unused), self.sun[step])

    def _battery(self, battery):
        problem = self.problem
        share = [1.0] * len(self.hours)
        if battery.available is not None:
            share = problem.horizon.shares(*battery.available)
        before, untouched, stored = None, battery.stored_wh, []
        final = battery.terminal_value
        if final is None:
            final = self._terminal(battery)
        reserve = battery.reserve_wh
        for step, hour in enumerate(self.hours):
            keep = (1 - battery.self_discharge) ** hour
            untouched *= keep
            level = self.variable(
                max(battery.maximum_wh, untouched),
                -final if step == len(self.hours) - 1 else 0.0,
                lower=min(battery.minimum_wh, untouched),
            )
            most_in, most_out = (
                battery.charge_w * share[step] * hour,
                battery.discharge_w * share[step] * hour,
            )
            price = battery.wear / 2 + self.late[step]
            charge, discharge = self.variable(most_in, price), self.variable(most_out, price)
            self.choose(charge, most_in, discharge, most_out)
            expression = Sum().add(level).add(charge, -battery.charge_efficiency)
            expression.add(discharge, 1 / battery.discharge_efficiency)
            start = 0.0
            if before is None:
                start = keep * battery.stored_wh
            else:
                expression.add(before, -keep)
            self.row(start, expression, start)
            self.balance[step].add(charge, -1.0).add(discharge)
            self.draw[step] += most_in
            self.give[step] += most_out
            # What a battery stores may come from another one.
            for way in (self.from_all, self.from_unsold):
                way[step].add(charge, -1.0)
            self.from_all[step].add(discharge)
            if not battery.feed_in:
                self.from_unsold[step].add(discharge)
            if not battery.grid_charging:
                self.sun_charge[step].add(charge)
            if battery.taper is not None:
                slope = (battery.charge_w - battery.taper.to_w) / (
                    battery.capacity_wh - battery.taper.from_wh
                )
                limit = battery.charge_w + slope * battery.taper.from_wh
                self.row(-math.inf, Sum().add(charge, 1 / hour).add(level, slope), limit)
            if battery.dwell_above_wh is not None:
                above = self.variable(cost=battery.dwell_price * hour)
                self.row(-math.inf, Sum().add(level).add(above, -1.0), battery.dwell_above_wh)
            if untouched < battery.minimum_wh:
                lacks = self.variable(cost=100 * self.wish / 10 * hour)
                self.row(battery.minimum_wh, Sum().add(level).add(lacks), math.inf)
            wished = reserve if isinstance(reserve, float) else reserve[step]
            if wished > 0:
                lacks = self.variable(cost=hour * self.wish)
                self.row(wished, Sum().add(level).add(lacks), math.inf)
            stored.append(level)
            before = level
        return stored

    def _terminal(self, battery):
        grid, total = self.problem.grid, sum(self.hours)
        worths, elapsed = [], 0.0
        for step, hour in enumerate(self.hours):
            if elapsed >= total - 24:
                sold = grid.export_price[step] if grid.feed_in else 0.0
                over = self.sun[step] > self.load[step]
                worths.append(min(sold, self.price[step]) if over else self.price[step])
            elapsed += hour
        worths.sort()
        middle = (worths[(len(worths) - 1) // 2] + worths[len(worths) // 2]) / 2
        return max(middle - battery.wear / 2, 0.0) * battery.discharge_efficiency * 0.98

    def _energy(self, load):
        horizon = self.problem.horizon
        if isinstance(load, Vehicle):
            windows, efficiency, value = load.plugged, load.efficiency, load.value
            deadline = load.deadline or windows[-1].end
            need, room = load.need_wh, load.need_wh if load.room_wh is None else load.room_wh
        else:
            windows, efficiency, value = (load.window,), 1.0, 0.0
            deadline, need, room = load.window.end, load.energy_wh, load.energy_wh
        got, in_time, before = Sum(), Sum(), horizon.start
        for step, (hour, share) in enumerate(zip(self.hours, horizon.shares(*windows), strict=True)):
            after = horizon.time(step + 1)
            most = load.max_w * hour * share
            if most > 0:
                price = self.late[step] - efficiency * value
                flow = self.variable(most, price)
                self.balance[step].add(flow, -1.0)
                self.draw[step] += most
                if load.from_battery:
                    self.from_all[step].add(flow, -1.0)
                    self.from_unsold[step].add(flow, -1.0)
                if load.min_w > 0:
                    self.off_or(flow, load.min_w * hour * share, most)
                got.add(flow, efficiency)
                if all(min(window.end, after) <= deadline or window.start >= after for window in windows):
                    in_time.add(flow, efficiency)
            before = after
        if deadline > before:
            # Of a need that reaches beyond the horizon, the part of its time that lies within.
            start = min(max(windows[0].start, horizon.start), before)
            end = max(min(windows[0].end, deadline), start)
            need *= (min(before, end) - start) / (end - start) if end > start else 0.0
        missing = self.variable(cost=self.wish)
        self.row(need, in_time.add(missing), math.inf)
        self.row(-math.inf, got, room)

    def _run(self, load):
        horizon, offsets = self.problem.horizon, self.problem.horizon.offsets_s
        first, last = horizon.seconds(load.window.start), horizon.seconds(load.window.end)
        once, kwh, found, highest = Sum(), load.energy_wh / 1000, False, [0.0] * len(self.hours)
        for start in self.steps:
            end = offsets[start] + load.duration_s
            if offsets[start] < first or end > min(last, offsets[-1]):
                continue
            found = True
            begins = self.variable(1.0, kwh * self.late[start], whole=True)
            once.add(begins)
            for step in self.steps:
                used = 0.0
                for slot, power in enumerate(load.profile_w):
                    since = offsets[start] + slot * load.slot_s
                    overlap = min(since + load.slot_s, offsets[step + 1]) - max(since, offsets[step])
                    used += power * max(overlap, 0) / 3600
                if used:
                    self.balance[step].add(begins, -used)
                    self.from_all[step].add(begins, -used)
                    self.from_unsold[step].add(begins, -used)
                    highest[step] = max(highest[step], used)
        for step in self.steps:
            self.draw[step] += highest[step]
        free = not found and load.window.end > horizon.end
        never = self.variable(1.0, 0.0 if free else self.wish * kwh, whole=True)
        self.row(1.0, once.add(never), 1.0)

    def _thermal(self, store):
        before = None
        for step, hour in enumerate(self.hours):
            most = store.max_w * hour
            flow = self.variable(most, self.late[step])
            self.balance[step].add(flow, -1.0)
            self.from_all[step].add(flow, -1.0)
            self.from_unsold[step].add(flow, -1.0)
            self.draw[step] += most
            degree = self.variable(lower=-math.inf)
            keep = math.exp(-hour / (store.resistance_k_per_w * store.capacity_wh_per_k))
            gain = 0.0 if store.gain_w is None else store.gain_w[step]
            rest = (1 - keep) * (store.outside_c[step] + store.resistance_k_per_w * gain)
            expression = Sum().add(degree)
            expression.add(flow, -(1 - keep) * store.resistance_k_per_w * store.heat_per_w / hour)
            if before is None:
                rest += keep * store.temperature_c
            else:
                expression.add(before, -keep)
            self.row(rest, expression, rest)
            cold, hot = (self.variable(cost=1000 * hour * self.wish) for _ in range(2))
            self.row(store.minimum_c[step], Sum().add(degree).add(cold), math.inf)
            self.row(-math.inf, Sum().add(degree).add(hot, -1.0), store.maximum_c[step])
            before = degree

    def _island(self, need_wh):
        island = self.problem.island
        fleet = [each for each in self.problem.batteries if each.backs_up and each.available is None]
        usable = sum(each.maximum_wh - each.minimum_wh for each in fleet)
        for step in self.steps[1:]:
            need = min(need_wh[step], usable)
            if not fleet or need <= 1e-6:
                continue
            worst = min(each.discharge_efficiency for each in fleet)
            lost = self.hours[step] * island.outages_per_hour * island.lost_load_value * worst
            lacks = self.variable(cost=lost)
            held = Sum().add(lacks)
            for each in fleet:
                held.add(self.stored[each.name][step - 1])
            self.row(need + sum(each.minimum_wh for each in fleet), held, math.inf)

    # ------------------------------------------------------------------ the solver

    def _run_highs(self):
        highs = highspy.Highs()
        highs.silent()
        for option in ("mip_rel_gap", "mip_abs_gap", "dual_feasibility_tolerance"):
            highs.setOptionValue(option, 1e-10)
        for lower, upper in zip(self.lower, self.upper, strict=True):
            highs.addVar(lower, upper)
        for column, (cost, whole) in enumerate(zip(self.cost, self.whole, strict=True)):
            highs.changeColCost(column, cost * 1000)  # of the order of one, as tolerances are absolute
            if whole:
                highs.changeColIntegrality(column, highspy.HighsVarType.kInteger)
        for lower, expression, upper in self.rows:
            columns, factors = list(expression), list(expression.values())
            highs.addRow(lower, upper, len(columns), columns, factors)
        highs.run()
        assert highs.getModelStatus() == highspy.HighsModelStatus.kOptimal, highs.getModelStatus()
        return highs.getInfo().objective_function_value / 1000
