"""A home under four controllers: no battery, the rule, the receding plan, and perfect foresight."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from bridge.choices import Policy
from bridge.simulation.errands import Waiting, as_vehicles, at_once_w
from bridge.simulation.forecasting import Foresight, expectations
from optimizer.forecast.history import History
from optimizer.forecast.price_profile import forecast_price
from optimizer.grid import Grid
from optimizer.island import Island
from optimizer.load import BaseLoad
from optimizer.problem import Problem
from optimizer.simulation import Receding, Rule, World, followed, simulate, whole
from optimizer.solar import Solar
from optimizer.solve import solve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from bridge.simulation.errands import Errand
    from bridge.simulation.forecasting import Expected
    from bridge.simulation.profile import Profile
    from optimizer.battery import Battery
    from optimizer.forecast.clear_sky import Site
    from optimizer.formulation.program import Floats
    from optimizer.horizon import Horizon
    from optimizer.plan import Band
    from optimizer.simulation import Outcome

    Progress = Callable[[int, int], None]

_OUTAGES_PER_HOUR: Final = 1 / (30 * 24)
"""As the planning process has it."""
REPLAN_S: Final = 3600
"""A hub plans every five minutes, which is somewhat better; it would take twelve times as long."""
_PUBLISHED_HOUR: Final = 13
"""Local hour at which tomorrow's prices are known."""


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """What is simulated.

    :ivar profile: with what was before the simulation begins
    :ivar lead: steps at its beginning that are past by then: the hub has seen them, and that is all
    :ivar import_price: one value a step and beyond the last, as far as prices are known ahead
    :ivar export_price: the same
    :ivar published: prices are published a day ahead, and not known for ever
    :ivar backup_hours: how long the home should last without the grid under the policy `backup`
    :ivar errands: what cars and machines are to get; steps count from the end of the lead
    :ivar connected: whether there is a grid in each of those steps; empty for always
    """

    profile: Profile
    lead: int
    site: Site
    battery: Battery
    policy: Policy
    import_price: Floats
    export_price: Floats
    published: bool
    backup_hours: float
    peak_w: float
    errands: tuple[Errand, ...] = ()
    connected: NDArray[np.bool_] = field(default_factory=lambda: np.ones(0, bool))

    @property
    def world(self) -> World:
        """What happens, with the battery."""
        count = len(self.profile)
        whole = World(
            self.profile.start,
            self.profile.step_s,
            self.profile.load_w,
            self.profile.sun_w,
            self.import_price[:count],
            self.export_price[:count],
            (self.battery,),
        )
        return replace(whole.part(self.lead, count), connected=self.connected)

    @property
    def worth(self) -> float:
        """What a kWh counts that is stored at the end."""
        return max(float(self.world.import_price.mean()), 0.0) * self.battery.discharge_efficiency


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """What came of it.

    :ivar none: without a battery
    :ivar rule: the battery stores what is left over, and covers what is missing
    :ivar plan: it follows plans that are made again and again, from forecasts of the past
    :ivar perfect: it knew all
    :ivar moved: the rule, with cars and machines when the plan has them run: what moving them brings is what
        the rule costs more
    :ivar missed_wh: what cars and machines did not get in time under the plan
    :ivar seconds: that a plan took, the mean
    """

    case: Case
    none: Outcome
    rule: Outcome
    plan: Outcome
    perfect: Outcome
    moved: Outcome
    missed_wh: float
    seconds: float


def compare(
    case: Case, *, jobs: int, replan_s: int = REPLAN_S, progress: Progress | None = None
) -> Comparison:
    """Simulate.

    :param jobs: processes that forecast beside this one; the result is the same however many there are
    :param replan_s: how long a plan is followed before the next is made
    :param progress: told how many steps are done, and of how many
    """
    world = case.world
    count, every = len(world), max(replan_s // world.step_s, 1)
    at_once = replace(world, load_w=world.load_w + at_once_w(case.errands, world))
    none = simulate(replace(at_once, batteries=()), Rule(0))
    rule = simulate(at_once, Rule(1))
    vehicles = as_vehicles(case.errands, world)
    perfect = followed(world, solve(whole(world, vehicles, terminal_value=case.worth), explain=False))
    profile = case.profile
    foresight = Foresight(
        profile.start, profile.step_s, profile.load_w, profile.sun_w, case.site, case.peak_w
    )
    waiting = Waiting(case.errands, world, float(np.abs(case.import_price).max()))
    expected = expectations(foresight, range(case.lead, len(profile), every), jobs)
    receding = Receding(Posing(case, foresight, expected, waiting), every=every)
    plan = simulate(
        world,
        _Told(receding, count, progress) if progress is not None else receding,
        lambda step: waiting.take(step, receding.last, step - receding.begun),
    )
    moved = rule if not case.errands else simulate(replace(world, load_w=plan.load_w), Rule(1))
    seconds = receding.seconds / max(receding.plans, 1)
    return Comparison(case, none, rule, plan, perfect, moved, waiting.missed_wh, seconds)


class Posing:
    """Poses the problem of each step as the hub would, from what it knows then."""

    def __init__(
        self,
        case: Case,
        foresight: Foresight,
        expected: Iterator[Expected],
        waiting: Waiting | None = None,
    ) -> None:
        """Take what is known.

        :param expected: the forecasts of each step, in their order
        :param waiting: cars and machines; none without
        """
        self._waiting = waiting
        self._case = case
        self._foresight = foresight
        self._expected = expected
        step_s = case.profile.step_s
        self._known = tuple(
            np.concatenate(([0.0], np.cumsum(row * step_s))) for row in (case.import_price, case.export_price)
        )

    def __call__(self, step: int, stored_wh: tuple[float, ...]) -> Problem:
        """Return the problem of a step; steps are asked for in their order."""
        case, waiting, begin = self._case, self._waiting, step
        step += case.lead
        horizon = self._foresight.horizon(step)
        load, sun = next(self._expected)
        running = [0.0] * len(horizon) if waiting is None else waiting.running_w(begin, len(horizon))
        drawing, feeding = self._prices(step, horizon)
        if case.policy in {Policy.SELF_CONSUMPTION, Policy.GREEN}:
            # The home's own sun is to stay in the home: fed in it counts nothing.
            feeding = tuple(min(price, 0.0) for price in feeding)
        return Problem(
            horizon,
            Grid(drawing, feeding),
            BaseLoad(
                _added(load.expected_w, running),
                low_w=_added(load.low_w, running),
                high_w=_added(load.high_w, running),
            ),
            Solar(sun.expected_w, sun.low_w, high_w=sun.high_w),
            (replace(case.battery, stored_wh=stored_wh[0]),),
            () if waiting is None else waiting.vehicles(begin),
            shiftable=() if waiting is None else waiting.machines(begin),
            island=Island(case.backup_hours, outages_per_hour=_OUTAGES_PER_HOUR)
            if case.policy is Policy.BACKUP
            else None,
        )

    def _prices(self, step: int, horizon: Horizon) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Return the prices that are known or expected, of drawing and of feeding in."""
        case, step_s = self._case, self._case.profile.step_s
        if not case.published:
            edges = step * step_s + np.array(horizon.offsets_s)
            at = np.arange(len(self._known[0])) * step_s
            drawing, feeding = (
                # Rounded, so that equal prices stay equal.
                tuple(np.round(np.diff(np.interp(edges, at, row)) / np.diff(edges), 9).tolist())
                for row in self._known
            )
            return drawing, feeding
        now = horizon.start
        hours = 24 - now.hour + (24 if now.hour >= _PUBLISHED_HOUR else 0)
        until = step + hours * 3600 // step_s
        rows = (
            History(case.profile.start, step_s, row[:until]) for row in (case.import_price, case.export_price)
        )
        drawing, feeding = (forecast_price(row, horizon) for row in rows)
        return drawing, feeding


def _added(forecast_w: tuple[float, ...], more_w: list[float]) -> tuple[float, ...]:
    return tuple(base + more for base, more in zip(forecast_w, more_w, strict=True))


class _Told:
    """Tells how far a controller has come."""

    def __init__(self, controller: Receding, count: int, progress: Progress) -> None:
        self._controller = controller
        self._count = count
        self._progress = progress

    def command(self, step: int, stored_wh: tuple[float, ...]) -> tuple[Band, ...]:
        commands = self._controller.command(step, stored_wh)
        self._progress(step + 1, self._count)
        return commands
