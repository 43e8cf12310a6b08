"""Carrying out what the plan wants of loads and cars, as setpoints through the arbiter."""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING, Final

from bridge.charging_current import SMALLEST_A, watts_per_ampere
from bridge.command import ASPECTS, Origin
from bridge.loads.charging import Bounds, Charging, steadied, wanted_current
from bridge.loads.deadlines import Deadlines
from bridge.loads.events import LoadChanged
from bridge.loads.needs import has_car, is_planned
from bridge.loads.posing import held_until, is_fit, most_current
from bridge.loads.run import LoadState, power_w
from bridge.loads.switching import LeastTimes, settled
from bridge.loads.wish import LoadKind
from bridge.planner.carrying_out import LIFE, RENEWED, SOURCE
from bridge.state import StateError
from hw.module import ModuleKind
from hw.setpoint import SetpointKind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bridge.flows import Flows
    from bridge.home import Home
    from bridge.loads.asked import LoadProgram, LoadStep
    from bridge.loads.run import LoadRun
    from bridge.planner.plan import PlanStep
    from bridge.registry import RegisteredModule

_AGAIN_S: Final = 60.0
"""Seconds after which a machine is switched on again that is still off."""

_log = logging.getLogger(__name__)


class LoadCarryingOut:
    """Keeps loads and cars at what the plan's current step says."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._import_limit_w: float | None = None
        self.deadlines = Deadlines(home)
        self._told: set[str] = set()
        self._charging: dict[str, Charging] = {}
        self._started: dict[str, float] = {}
        self._unsubscribe: Callable[[], None] | None = None

    def start(self) -> None:
        """Follow what people do with loads."""
        self._unsubscribe = self._home.bus.subscribe(LoadChanged, self._changed)

    def stop(self) -> None:
        """Follow no more."""
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None

    def step(
        self,
        step: PlanStep,
        programs: Mapping[str, LoadProgram],
        flows: Flows,
        import_limit_w: float | None = None,
    ) -> None:
        """Tell the loads what a step wants of them.

        :param import_limit_w: most that the home is to draw; cars give way before that
        :raises StateError: it cannot be kept
        """
        now = self._home.clock.utc() or 0.0
        self._import_limit_w = import_limit_w
        told = set()
        cars = []
        for module in self._home.registry:
            wanted = step.loads.get(module.key)
            if wanted is None or not is_fit(module, now):
                continue
            if module.record.kind is ModuleKind.EVSE:
                cars.append((module, wanted))
                told.add(module.key)
                continue
            if self._load(module, wanted, programs.get(module.key), now):
                told.add(module.key)
            if not wanted.on:
                self.deadlines.note(module.key, wanted.sentence)
        for module in self._home.registry:
            if module.key not in step.loads and self._is_satisfied(module, now):
                self._tell(module.key, SetpointKind.CONNECT, 0.0)
                told.add(module.key)
        self._cars(cars, step, flows, now)
        for key in self._told - told:
            self._release(key, "the plan wants nothing of it")
        self._told = told

    def cars_w(self, step: PlanStep) -> float:
        """Return what the cars of a step take now: batteries do not feed them."""
        return sum(
            _power(module)
            for module in self._home.registry
            if module.record.kind is ModuleKind.EVSE and module.reachable and module.key in step.loads
        )

    # ------------------------------------------------------------------ loads behind a relay

    def _load(
        self, module: RegisteredModule, wanted: LoadStep, program: LoadProgram | None, now: float
    ) -> bool:
        """Tell a load what is wanted of it; return whether it is under the plan's command now."""
        runs, wish = self._home.runs, module.record.wish
        run = runs.run(module.key)
        if program is not None and run.by and run.state is not LoadState.RUNNING:
            run = run.wanted(run.by, program.need_wh, program.run_s, now)
            runs.keep(module.key, run)
        if wish.kind is LoadKind.MACHINE and run.state is LoadState.RUNNING:
            self._see_that_it_runs(module, run, now)
            return False
        if run.by <= now or run.person_until > now:
            return False
        if wish.kind is LoadKind.MACHINE:
            if run.state is LoadState.DONE:
                return False
            if not wanted.on:
                self._tell(module.key, SetpointKind.CONNECT, 0.0)
                return True
            self._begin(module, run, program, now)
            return False
        least = LeastTimes(60 * wish.min_on_minutes, 60 * wish.min_off_minutes)
        on = wanted.on and run.state is not LoadState.DONE
        self._tell(module.key, SetpointKind.CONNECT, float(settled(on, run.on, run.switched, now, least)))
        return True

    def _begin(self, module: RegisteredModule, run: LoadRun, program: LoadProgram | None, now: float) -> None:
        """Start a machine, once: that it runs is kept before it does, so that no restart starts it again."""
        if held_until(self._home.arbiter.live(module.key), now, on=False) > now:
            return
        self._home.runs.keep(module.key, run.began(now, None if program is None else program.run_s))
        self._switch_on(module.key, now)
        self._home.bus.publish(LoadChanged(module.key, "its program began"))

    def _see_that_it_runs(self, module: RegisteredModule, run: LoadRun, now: float) -> None:
        """Switch a machine on again that has not come on."""
        if run.on is False and run.person_until <= now and now - self._started.get(module.key, 0) > _AGAIN_S:
            self._switch_on(module.key, now)

    def _switch_on(self, module: str, now: float) -> None:
        """Switch a machine on for good: nothing that becomes of the hub is to break its program off."""
        self._started[module] = now
        self._home.arbiter.submit(
            module, SetpointKind.CONNECT, 1.0, origin=Origin.PLAN, source=SOURCE, duration=None
        )

    # ------------------------------------------------------------------ cars

    def _is_satisfied(self, module: RegisteredModule, now: float) -> bool:
        """Tell whether a car is there that has what it was to get, and nothing more is wanted."""
        done = self._home.runs.run(module.key).state is LoadState.DONE
        is_car = module.record.kind is ModuleKind.EVSE and has_car(module)
        return done and is_car and is_planned(module, self._home) and is_fit(module, now)

    def _cars(
        self, cars: list[tuple[RegisteredModule, LoadStep]], step: PlanStep, flows: Flows, now: float
    ) -> None:
        """Offer the cars what the plan wants; what a higher priority takes, the others do not get."""
        cars.sort(key=lambda car: -car[0].record.priority)
        takes = {module.key: _power(module) for module, _ in cars}
        everything = sum(takes.values())
        stored = max(step.storage_w, 0.0)
        sun_w = everything + flows.storage_w - flows.grid_w - stored
        room_w = math.inf
        if self._import_limit_w is not None:
            room_w = self._import_limit_w - flows.grid_w + everything
        for module, wanted in cars:
            got = self._car(module, wanted, sun_w, room_w, now)
            sun_w, room_w = sun_w - got, room_w - got

    def _car(
        self, module: RegisteredModule, wanted: LoadStep, sun_w: float, room_w: float, now: float
    ) -> float:
        """Offer one car a current; return the power that it comes to."""
        key, reading = module.key, module.reading
        evse = None if reading is None else reading.evse
        point = self._home.charging_points.get(key)
        bounds = Bounds(
            watts_per_ampere(module),
            (evse and evse.current_min_a) or SMALLEST_A,
            most_current(self._home, module),
        )
        follows_sun = point is not None and point.follows_sun
        current, by_sun = wanted_current(wanted, bounds, sun_w, follows_sun=follows_sun)
        run = self._home.runs.run(key)
        if run.state is LoadState.DONE and not follows_sun:
            current = 0
        before = self._charging.get(key)
        if before is None:
            # As it is found: that is not changed sooner than anything else.
            offered = evse.current_offered_a if evse is not None and run.on else None
            before = Charging(round(offered or 0), run.switched)
        charging = steadied(before, current, now, bounds, by_sun=by_sun)
        fits = bounds.amperes(room_w) if room_w < math.inf else charging.current_a
        if charging.current_a > fits:
            # The fuse does not wait.
            charging = Charging(fits, before.switched if fits else now)
        self._charging[key] = charging
        if charging.current_a:
            self._tell(key, SetpointKind.CHARGE_CURRENT_A, float(charging.current_a))
        self._tell(key, SetpointKind.CONNECT, float(charging.current_a > 0))
        if not wanted.on:
            self.deadlines.note(key, wanted.sentence)
        return charging.current_a * bounds.ampere_w

    # ------------------------------------------------------------------ telling

    def _tell(self, module: str, kind: SetpointKind, value: float) -> None:
        """Tell a module something, unless it is told so already."""
        now = self._home.clock.utc() or 0.0
        for command in self._home.arbiter.live(module):
            same = command.origin is Origin.PLAN and command.aspect is ASPECTS[kind]
            if same and command.value == value and (command.expires or 0.0) - now >= RENEWED:
                return
        self._home.arbiter.submit(module, kind, value, origin=Origin.PLAN, source=SOURCE, duration=LIFE)

    def _release(self, module: str, reason: str) -> None:
        """Take back what a module was told."""
        self._charging.pop(module, None)
        for command in self._home.arbiter.live(module):
            if command.origin is Origin.PLAN and command.source == SOURCE:
                self._home.arbiter.withdraw(command.id, reason)

    def _changed(self, event: LoadChanged) -> None:
        """Let go at once of a load that a person has switched by hand."""
        run = self._home.runs.run(event.module)
        if run.person_until > (self._home.clock.utc() or 0.0):
            try:
                self._release(event.module, "a person switched it")
            except StateError as error:
                _log.error("%s cannot be let go: %s", event.module, error)


def _power(module: RegisteredModule) -> float:
    return power_w(module.reading, module.record.wish.power_w)
