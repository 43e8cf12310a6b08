"""Homes for tests: simple ones to perturb, and random ones with everything in them."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from optimizer.battery import Battery, Taper
from optimizer.grid import DemandCharge, Grid
from optimizer.horizon import Horizon, Window
from optimizer.island import Island
from optimizer.load import BaseLoad, InterruptibleLoad, ShiftableLoad
from optimizer.problem import Problem
from optimizer.solar import Solar
from optimizer.thermal_store import ThermalStore
from optimizer.vehicle import Vehicle

START = datetime(2027, 6, 1, tzinfo=UTC)


def hourly(count):
    return Horizon.uniform(START, 3600, count)


def window(start_h, end_h):
    return Window(START + timedelta(hours=start_h), START + timedelta(hours=end_h))


def home(prices, *, load=500.0, sun=0.0, export=0.05, grid=None, **parts):
    """An hourly home: a price, a load and a production a step, or one for all."""
    horizon = hourly(len(prices))

    def spread(value):
        return tuple(value) if isinstance(value, (list, tuple)) else horizon.constant(value)

    tariff = Grid(tuple(prices), spread(export), **(grid or {}))
    return Problem(horizon, tariff, BaseLoad(spread(load)), Solar(spread(sun)), **parts)


def cellar(**changes):
    """A battery of 10 kWh that holds 5, loses nothing and does not wear, but for what is changed."""
    values = {
        "name": "cellar",
        "capacity_wh": 10_000,
        "stored_wh": 5_000,
        "charge_w": 3_000,
        "discharge_w": 3_000,
        "charge_efficiency": 1.0,
        "discharge_efficiency": 1.0,
        "terminal_value": 0.0,
    }
    return Battery(**{**values, **changes})


class RandomHomes:
    """Random homes, the same for the same seed. With `absurd`, wishes may be far beyond what is possible."""

    def __init__(self, seed, *, steps=(4, 10), absurd=False, negative=0.15):
        self._random = random.Random(seed)
        self._steps = steps
        self._absurd = absurd
        self._negative = negative

    def _chance(self, share):
        return self._random.random() < share

    def _wish(self, usual):
        """An amount, now and then out of all proportion."""
        return usual * self._random.choice((30, 1000)) if self._absurd and self._chance(0.3) else usual

    def problem(self):
        dice = self._random
        count = dice.randint(*self._steps)
        horizon = Horizon(START, tuple(dice.choice((300, 900, 1800, 3600, 7200)) for _ in range(count)))
        load = tuple(dice.uniform(0, 3000) for _ in range(count))
        critical = tuple(each * dice.uniform(0, 1) for each in load) if self._chance(0.4) else None
        sun = tuple(max(0.0, dice.uniform(-2000, 6000)) for _ in range(count))
        cautious = tuple(each * dice.uniform(0, 1) for each in sun) if self._chance(0.5) else None
        bright = tuple(each * dice.uniform(1, 2) for each in sun) if self._chance(0.5) else None
        low = high = None
        if self._chance(0.5):
            low = tuple(each * dice.uniform(0, 1) for each in load)
            high = tuple(each * dice.uniform(1, 3) for each in load)
        return Problem(
            horizon,
            self._grid(horizon),
            BaseLoad(load, critical, low, high),
            Solar(sun, cautious, curtailable=self._chance(0.8), high_w=bright) if self._chance(0.8) else None,
            tuple(self._battery(f"battery {index}", horizon) for index in range(dice.randint(0, 3))),
            tuple(self._vehicle(f"vehicle {index}", horizon) for index in range(self._chance(0.4))),
            tuple(self._interruptible(f"pump {index}", horizon) for index in range(self._chance(0.3))),
            tuple(self._shiftable(f"machine {index}", horizon) for index in range(self._chance(0.3))),
            tuple(self._thermal(f"tank {index}", horizon) for index in range(self._chance(0.3))),
            Island(self._wish(dice.uniform(0, 6)), dice.uniform(0, 0.3)) if self._chance(0.4) else None,
            co2_price=dice.choice((0.0, 0.1)),
        )

    def _grid(self, horizon):
        dice, count = self._random, len(horizon)
        negative = self._chance(self._negative)
        prices = tuple(dice.uniform(-0.2 if negative else 0.05, 0.5) for _ in range(count))
        better = 0.3 if self._chance(0.1) else 0.0
        export = tuple(min(price, dice.uniform(-0.05, 0.2)) + better for price in prices)
        charges = ()
        if self._chance(0.3):
            charges = (
                DemandCharge("peak", self._window(horizon), dice.uniform(0, 2), dice.uniform(0, 2000)),
            )
        return Grid(
            prices,
            export,
            import_cap_w=tuple(dice.uniform(0, 5000) for _ in range(count)) if self._chance(0.3) else None,
            export_cap_w=tuple(dice.uniform(0, 3000) for _ in range(count)) if self._chance(0.3) else None,
            feed_in=self._chance(0.85),
            connected=tuple(self._chance(0.8) for _ in range(count)) if self._chance(0.2) else None,
            co2_kg_per_kwh=tuple(dice.uniform(0, 0.6) for _ in range(count)) if self._chance(0.3) else None,
            demand_charges=charges,
        )

    def _window(self, horizon):
        """A window anywhere, also beyond the horizon, and now and then an empty one."""
        total = sum(horizon.steps_s)
        start = self._random.uniform(-0.2, 0.9) * total
        end = start + self._random.choice((0.0, 0.2, 0.5, 1.2)) * total
        return Window(START + timedelta(seconds=start), START + timedelta(seconds=end))

    def _battery(self, name, horizon):
        dice = self._random
        capacity = dice.choice((0.0, 2000.0, 5000.0, 10_000.0, 15_000.0))
        charge = dice.uniform(0, 5000)
        minimum = capacity * dice.choice((0.0, 0.1, 0.3))
        taper = None
        if capacity and self._chance(0.3):
            taper = Taper(capacity * dice.uniform(0.3, 0.95), charge * dice.uniform(0, 0.5))
        reserve = 0.0
        if self._chance(0.4):
            reserve = self._wish(capacity * dice.uniform(0, 0.8))
            if self._chance(0.3):
                reserve = tuple(reserve * dice.uniform(0, 1) for _ in range(len(horizon)))
        return Battery(
            name,
            capacity,
            capacity * dice.choice((0.0, 0.05, 0.5, dice.random(), 1.0)),
            charge,
            dice.uniform(0, 5000),
            minimum,
            max(minimum, capacity * dice.choice((0.6, 0.9, 1.0))),
            dice.uniform(0.8, 1.0),
            dice.uniform(0.8, 1.0),
            dice.choice((0.0, 0.0, 0.001, 0.02)),
            dice.choice((0.0, 0.01, 0.05)),
            reserve,
            dwell_above_wh=capacity * 0.8 if self._chance(0.2) else None,
            dwell_price=0.001,
            terminal_value=dice.choice((None, 0.0, 0.2)),
            taper=taper,
            grid_charging=self._chance(0.75),
            feed_in=self._chance(0.75),
            available=(self._window(horizon),) if self._chance(0.15) else None,
            backs_up=self._chance(0.8),
        )

    def _vehicle(self, name, horizon):
        dice = self._random
        power = dice.uniform(1500, 11_000)
        need = self._wish(dice.uniform(0, 8000))
        plugged = self._window(horizon)
        return Vehicle(
            name,
            (plugged,),
            need,
            power,
            plugged.start + (plugged.end - plugged.start) * dice.random() if self._chance(0.5) else None,
            dice.choice((0.0, 1380.0)),
            dice.uniform(0.8, 1.0),
            need + dice.uniform(0, 5000) if self._chance(0.5) else None,
            dice.choice((0.0, 0.1, 0.25)),
            from_battery=self._chance(0.5),
        )

    def _interruptible(self, name, horizon):
        dice = self._random
        power = dice.uniform(500, 3000)
        return InterruptibleLoad(
            name,
            self._wish(dice.uniform(0, 3000)),
            self._window(horizon),
            power,
            dice.choice((0.0, power / 2, power)),
            from_battery=self._chance(0.8),
        )

    def _shiftable(self, name, horizon):
        dice = self._random
        slots = dice.randint(1, 400 if self._absurd and self._chance(0.3) else 8)
        profile = tuple(dice.uniform(100, 2500) for _ in range(slots))
        return ShiftableLoad(name, profile, self._window(horizon), dice.choice((300, 900)))

    def _thermal(self, name, horizon):
        dice, count = self._random, len(horizon)
        cools = self._chance(0.3)
        low = self._wish(dice.uniform(15, 50)) if not cools else 0.0
        low = min(low, 900.0)
        return ThermalStore(
            name,
            dice.uniform(5, 60),
            (low,) * count,
            (low + dice.uniform(0, 20),) * count,
            tuple(dice.uniform(-10, 35) for _ in range(count)),
            dice.choice((10.0, 230.0, 5000.0)),
            dice.choice((0.005, 0.05, 0.6)),
            dice.uniform(0, 4000),
            0.0,
            -2.5 if cools else dice.choice((1.0, 3.5)),
            tuple(dice.uniform(-1000, 500) for _ in range(count)) if self._chance(0.5) else None,
            available=tuple(self._chance(0.7) for _ in range(count)) if self._chance(0.3) else None,
        )
