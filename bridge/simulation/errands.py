"""Cars and machines of a simulated home: what they are to get by when, and how the plan has them get it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from hw.simulator.car import Car, trip_on
from optimizer.horizon import Window
from optimizer.load import ShiftableLoad
from optimizer.vehicle import Vehicle

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date, datetime

    from numpy.typing import NDArray

    from optimizer.formulation.program import Floats
    from optimizer.plan import Plan
    from optimizer.simulation import World

CAR_W: Final = 11_000.0
MACHINE_W: Final = 600.0
MACHINE_H: Final = 2.0
"""A dishwasher's program: 1.2 kWh."""
_SET_AT: Final = (19.5, 0.7)
"""Local hour at which it is set, and its spread."""
_DONE_BY: Final = 7.0
_OFTEN: Final = 0.65
"""Share of the evenings on which it is set."""
_SMALL_WH: Final = 1.0
_HASTE: Final = 0.002
"""As the hub has it: share of the highest price for a kWh that comes an hour sooner."""


@dataclass(frozen=True, slots=True)
class Errand:
    """Something that a load is to get. Steps count from the beginning of the simulation.

    :ivar start: step from which on it is wanted; `by` the step before which it is to be done
    :ivar program: it goes on without a pause once begun; else it is a car, which batteries do not feed
    """

    name: str
    start: int
    by: int
    energy_wh: float
    power_w: float
    program: bool


class Taken(NamedTuple):
    """What errands take in a step: what batteries may feed, and what they do not."""

    fed_w: float
    unfed_w: float


def car_errands(world: World, seed: int) -> Iterator[Errand]:
    """Yield what a commuter's car is to get: plugged in when it comes home, full when it next leaves."""
    random = Random(f"{seed} car")  # noqa: S311 - a repeatable home is the point
    came: tuple[date, float, float] | None = None
    for day in _days(world):
        trip = trip_on(day, random)
        if not trip.uses_wh:
            continue
        if came is not None:
            start, by = _step(world, came[0], came[1]), _step(world, day, trip.leaves)
            energy = min(came[2] / Car.EFFICIENCY, (by - start) * world.hours * CAR_W)
            if 0 <= start < by <= len(world):
                yield Errand(f"car {day}", start, by, energy, CAR_W, program=False)
        came = (day, trip.returns, trip.uses_wh)


def machine_errands(world: World, seed: int) -> Iterator[Errand]:
    """Yield the runs of a dishwasher: set in the evening, done by the morning."""
    random = Random(f"{seed} dishwasher")  # noqa: S311 - the same
    for day in _days(world):
        whether, hour = random.random(), random.gauss(*_SET_AT)
        start = _step(world, day, min(max(hour, 17.0), 22.0))
        by = _step(world, day + timedelta(days=1), _DONE_BY)
        if whether < _OFTEN and start >= 0 and by <= len(world):
            yield Errand(f"dishwasher {day}", start, by, MACHINE_W * MACHINE_H, MACHINE_W, program=True)


def grid_there(world: World, outages: int, seed: int, hours: float = 4.0) -> NDArray[np.bool_]:
    """Return when the grid is there: so many times in the simulation it is gone for some hours."""
    random = Random(f"{seed} outages")  # noqa: S311 - the same
    there, lasts = np.ones(len(world), bool), max(round(hours / world.hours), 1)
    for part in range(outages):
        # One in each equal part of the time.
        first, last = (len(world) * each // outages for each in (part, part + 1))
        begin = random.randrange(first, max(last - lasts, first + 1))
        there[begin : begin + lasts] = False
    return there


def at_once_w(errands: Sequence[Errand], world: World) -> Floats:
    """Return what errands take that run as soon as they are wanted, while there is a grid."""
    power = np.zeros(len(world))
    for errand in errands:
        left, step = errand.energy_wh, errand.start
        while left > _SMALL_WH and step < len(world):
            if world.connected[step] or (errand.program and left < errand.energy_wh):
                takes = min(errand.power_w, left / world.hours)
                power[step] += takes
                left -= takes * world.hours
            step += 1
    return power


def as_vehicles(errands: Sequence[Errand], world: World) -> tuple[Vehicle, ...]:
    """Return all errands as what perfect foresight may do with them: no errand can be done for less."""
    return tuple(
        Vehicle(each.name, (_window(world, each.start, each.by),), each.energy_wh, each.power_w,
                efficiency=1.0, from_battery=True)
        for each in errands
    )  # fmt: skip


class Waiting:
    """The errands as the plan knows them: from when they are wanted, and until they are done.

    :ivar missed_wh: what was not done in time
    """

    def __init__(self, errands: Sequence[Errand], world: World, highest_price: float) -> None:
        """Wait for errands, sooner ones first."""
        self._world = world
        self._haste = _HASTE * highest_price
        self._to_come = sorted(errands, key=lambda each: each.start, reverse=True)
        self._open: dict[Errand, float] = {}
        """What each still is to get."""
        self.missed_wh = 0.0

    def vehicles(self, step: int) -> tuple[Vehicle, ...]:
        """Return the cars that are there when a plan is made."""
        return tuple(
            Vehicle(each.name, (_window(self._world, step, each.by),), left, each.power_w,
                    efficiency=1.0, haste=self._haste)
            for each, left in self._at(step).items()
            if not each.program
        )  # fmt: skip

    def machines(self, step: int) -> tuple[ShiftableLoad, ...]:
        """Return the machines that are set then, and do not run yet."""
        slot_s = self._world.step_s
        return tuple(
            ShiftableLoad(each.name, (each.power_w,) * round(left / each.power_w / self._world.hours),
                          _window(self._world, step, each.by), slot_s, haste=self._haste)
            for each, left in self._at(step).items()
            if each.program and left == each.energy_wh
        )  # fmt: skip

    def running_w(self, step: int, count: int) -> list[float]:
        """Return what machines take that run then, in the next so many steps."""
        power = [0.0] * count
        for each, left in self._at(step).items():
            if each.program and left < each.energy_wh:
                for later in range(min(round(left / each.power_w / self._world.hours), count)):
                    power[later] += each.power_w
        return power

    def take(self, step: int, plan: Plan | None, number: int) -> Taken:
        """Let the errands take what a plan says for a step; return what that is.

        :param number: of the step in the plan
        """
        world = self._world
        planned = {} if plan is None else {each.name: each.power_w[number] for each in plan.loads}
        fed = unfed = 0.0
        for each, left in list(self._at(step).items()):
            running = each.program and left < each.energy_wh
            power = planned.get(each.name, 0.0)
            if running or (each.program and power > 0 and world.connected[step]):
                power = each.power_w
            elif not world.connected[step]:
                power = 0.0
            power = min(power, left / world.hours)
            self._open[each] = left - power * world.hours
            if each.program:
                fed += power
            else:
                unfed += power
        return Taken(fed, unfed)

    def _at(self, step: int) -> dict[Errand, float]:
        """Return what is wanted at a step, and how much of it is left."""
        while self._to_come and self._to_come[-1].start <= step:
            errand = self._to_come.pop()
            self._open[errand] = errand.energy_wh
        for each, left in list(self._open.items()):
            running = each.program and left < each.energy_wh
            if left <= _SMALL_WH or (each.by <= step and not running):
                self.missed_wh += left if left > _SMALL_WH else 0.0
                del self._open[each]
        return self._open


def _days(world: World) -> Iterator[date]:
    first, last = world.time(0).date(), world.time(len(world)).date()
    for later in range((last - first).days + 1):
        yield first + timedelta(days=later)


def _step(world: World, day: date, hour: float) -> int:
    """Return the first step that begins at a local hour of a day or after it."""
    zone, minute = world.start.tzinfo, round(60 * hour)
    then = world.start.replace(year=day.year, month=day.month, day=day.day, hour=0, minute=0) + timedelta(
        minutes=minute
    )
    assert zone is not None
    return -int(-(then.timestamp() - world.start.timestamp()) // world.step_s)


def _window(world: World, first: int, last: int) -> Window:
    return Window(_time(world, first), _time(world, last))


def _time(world: World, step: int) -> datetime:
    return world.time(step)
