"""A home over weeks or a year, under a controller that does not know what comes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

import numpy as np

from optimizer.dispatch import BALANCE, dispatch
from optimizer.grid import Grid
from optimizer.horizon import Horizon
from optimizer.load import BaseLoad
from optimizer.problem import Problem
from optimizer.problem_error import ProblemError, moment
from optimizer.solar import Solar
from optimizer.solve import solve

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from optimizer.battery import Battery
    from optimizer.formulation.program import Floats
    from optimizer.plan import Band, Plan
    from optimizer.vehicle import Vehicle


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """What happens to a home, in equal steps, whatever it does.

    :ivar load_w: one value a step, like all rows; a magnitude
    :ivar sun_w: what the panels could give; a magnitude
    :ivar import_price: per kWh
    :ivar batteries: as they are at the start
    :ivar import_cap_w: of the grid connection, None for none; plans heed it, the plant does not
    :ivar connected: False in steps without a grid; nobody knows of them before. Batteries then supply the
        home whatever they are told, with what they keep back otherwise, too; without one nobody does
    :raises ProblemError: the rows are not equally long, or hold no number
    """

    start: datetime
    step_s: int
    load_w: Floats
    sun_w: Floats
    import_price: Floats
    export_price: Floats
    batteries: tuple[Battery, ...]
    feed_in: bool = True
    import_cap_w: float | None = None
    connected: NDArray[np.bool_] = field(default_factory=lambda: np.ones(0, bool))

    def __post_init__(self) -> None:
        moment("the start of a world", self.start)
        for what in ("load_w", "sun_w", "import_price", "export_price"):
            row = np.asarray(getattr(self, what), float)
            object.__setattr__(self, what, row)
            if row.shape != (len(self.load_w),) or not np.isfinite(row).all():
                raise ProblemError(f"{what} of a world has gaps, or another length than the load")
        connected = np.asarray(self.connected, bool)
        object.__setattr__(self, "connected", connected if len(connected) else np.ones(len(self), bool))
        if len(self.connected) != len(self):
            raise ProblemError("of a world it is not known in each step whether there is a grid")

    def __len__(self) -> int:
        return len(self.load_w)

    @property
    def hours(self) -> float:
        """How long a step is."""
        return self.step_s / 3600

    def time(self, step: int) -> datetime:
        """Return when a step begins, in the start's time zone."""
        later = self.start.astimezone(UTC) + timedelta(seconds=self.step_s * step)
        return later.astimezone(self.start.tzinfo)

    def part(self, first: int, last: int) -> World:
        """Return the steps from the first up to the last, without it."""
        rows = {
            what: getattr(self, what)[first:last]
            for what in ("load_w", "sun_w", "import_price", "export_price", "connected")
        }
        return replace(self, start=self.time(first), **rows)


class Controller(Protocol):
    """Tells batteries what to do for a step before it is known what happens in it."""

    def command(self, step: int, stored_wh: tuple[float, ...]) -> tuple[Band, ...]:
        """Return what each battery is told.

        :param stored_wh: what each holds
        """


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What came of it, one value a step.

    :ivar grid_w: drawing positive
    :ivar curtailed_w: sun that nothing could be done with
    :ivar stored_wh: of all batteries together at the end of each step
    :ivar bill: what the supplier asks in each step
    :ivar wear: cost of the batteries' use in each step
    :ivar load_w: what the home took, and was to take without a grid
    :ivar unserved_w: of that, what nobody supplied
    """

    grid_w: Floats
    curtailed_w: Floats
    stored_wh: Floats
    bill: Floats
    wear: Floats
    load_w: Floats
    unserved_w: Floats

    def cost(self, first: int = 0, last: int | None = None) -> float:
        """Return bill and wear of some steps."""
        return float(self.bill[first:last].sum() + self.wear[first:last].sum())


class Rule:
    """The rule without a plan: store what is left over, cover what is missing."""

    def __init__(self, batteries: int) -> None:
        self._commands = (BALANCE,) * batteries

    def command(self, _step: int, _stored_wh: tuple[float, ...]) -> tuple[Band, ...]:
        """Return BALANCE for all."""
        return self._commands


class Receding:
    """A plan for each step, of which only the beginning is done: receding horizon.

    A plan may also be kept for some steps; its own steps must then be as long as the world's for that time.

    :ivar plans: how many were made
    :ivar seconds: they took together, forecasts not included
    :ivar slowest_s: the slowest of them took
    :ivar last: the latest of them; `begun` the step at which it begins
    """

    def __init__(self, pose: Callable[[int, tuple[float, ...]], Problem], *, every: int = 1) -> None:
        """Plan.

        :param every: for how many steps a plan is kept
        """
        self._pose = pose
        self._every = every
        self.begun = 0
        self.plans = 0
        self.seconds = 0.0
        self.slowest_s = 0.0
        self.last: Plan | None = None

    def command(self, step: int, stored_wh: tuple[float, ...]) -> tuple[Band, ...]:
        """Return what the plan made now, or kept, says for the step."""
        if self.last is not None and step % self._every:
            return tuple(each.bands[step - self.begun] for each in self.last.batteries)
        plan = solve(self._pose(step, stored_wh), explain=False)
        self.plans += 1
        self.seconds += plan.solved.seconds
        self.slowest_s = max(self.slowest_s, plan.solved.seconds)
        self.last, self.begun = plan, step
        return tuple(each.bands[0] for each in plan.batteries)


def simulate(
    world: World, controller: Controller, loads: Callable[[int], tuple[float, float]] | None = None
) -> Outcome:
    """Return what comes of a controller in a world.

    :param loads: what loads take besides in a step that the controller has commanded: those that batteries
        may feed, and those that they do not
    """
    batteries, hours, count = world.batteries, world.hours, len(world)
    stored = [each.stored_wh for each in batteries]
    grid, curtailed, held, wear, load, unserved = (np.zeros(count) for _ in range(6))
    alone = [replace(each, minimum_wh=0.0) for each in batteries]
    net = (world.load_w - world.sun_w).tolist()
    sun, connected = world.sun_w.tolist(), world.connected.tolist()
    export = world.export_price.tolist()
    for step in range(count):
        commands = controller.command(step, tuple(stored))
        fed, unfed = (0.0, 0.0) if loads is None else loads(step)
        load[step] = world.load_w[step] + fed + unfed
        if connected[step]:
            powers, stored = dispatch(batteries, stored, commands, net[step] + fed, hours)
            flow = net[step] + fed + unfed + sum(powers)
        else:
            # What forms the island supplies whatever is on; nothing flows to the street.
            powers, stored = dispatch(alone, stored, [BALANCE] * len(alone), net[step] + fed + unfed, hours)
            flow = net[step] + fed + unfed + sum(powers)
            unserved[step] = max(flow, 0.0) if batteries else load[step]
            curtailed[step] = max(-flow, 0.0) if batteries else sun[step]
            flow = 0.0
        if flow < 0 and (not world.feed_in or export[step] < 0):
            # Panels give less rather than feed in at a cost.
            less = min(-flow, sun[step])
            curtailed[step] = less
            flow += less
        grid[step] = flow
        held[step] = sum(stored)
        wear[step] = sum(
            abs(power) / 1000 * hours * battery.wear / 2
            for power, battery in zip(powers, batteries, strict=True)
        )
    return Outcome(grid, curtailed, held, bill(world, grid), wear, load, unserved)


def bill(world: World, grid_w: Floats) -> Floats:
    """Return what the supplier asks for grid flows, one value a step."""
    energy = grid_w / 1000 * world.hours
    asked: Floats = np.where(energy > 0, energy * world.import_price, energy * world.export_price)
    return asked


def whole(
    world: World, vehicles: tuple[Vehicle, ...] = (), *, terminal_value: float | None = None
) -> Problem:
    """Return a world as one planning problem, with everything known: what perfect foresight would solve.

    :param vehicles: what is to be done besides
    """
    count = len(world)
    batteries = tuple(replace(each, terminal_value=terminal_value) for each in world.batteries)
    cap = None if world.import_cap_w is None else (world.import_cap_w,) * count
    grid = Grid(
        tuple(world.import_price.tolist()),
        tuple(world.export_price.tolist()),
        import_cap_w=cap,
        feed_in=world.feed_in,
        connected=None if world.connected.all() else tuple(world.connected.tolist()),
    )
    return Problem(
        Horizon.uniform(world.start, world.step_s, count),
        grid,
        BaseLoad(tuple(world.load_w.tolist())),
        Solar(tuple(world.sun_w.tolist())),
        batteries,
        vehicles,
    )


def followed(world: World, plan: Plan) -> Outcome:
    """Return what comes of a plan for the whole world when everything happens as it says."""
    grid = np.array(plan.grid_w)
    wear = np.zeros(len(world))
    held = np.zeros(len(world))
    for battery, planned in zip(world.batteries, plan.batteries, strict=True):
        wear += np.abs(planned.power_w) / 1000 * world.hours * battery.wear / 2
        held += np.array(planned.stored_wh)
    load = world.load_w + sum((np.array(each.power_w) for each in plan.loads), np.zeros(len(world)))
    lost = np.array(plan.unserved_w)
    return Outcome(grid, np.array(plan.curtailed_w), held, bill(world, grid), wear, load, lost)
