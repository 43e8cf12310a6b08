"""The planner: always a plan in force, made anew every few minutes and when something happens."""

from __future__ import annotations

import asyncio
import logging
import math
from collections import deque
from typing import TYPE_CHECKING, Final

from bridge.choices import ChoicesChanged
from bridge.command import Aspect, CommandState, Origin
from bridge.doubts import doubted
from bridge.events import (
    CommandChanged,
    ModuleChanged,
    ModuleRemoved,
    ModulesRegistered,
    ReachabilityChanged,
)
from bridge.faults import FaultCleared, FaultRaised
from bridge.feeds.news import PRICE, FeedChanged
from bridge.grid import GridChanged
from bridge.island.mode import ModeChanged
from bridge.loads.events import LoadChanged
from bridge.memory import give_back
from bridge.planner.alerting import PlanAlerting
from bridge.planner.carrying_out import CarryingOut
from bridge.planner.curtailing import Curtailing
from bridge.planner.import_limit import within
from bridge.planner.keeper import KeptPlan
from bridge.planner.news import (
    EnergySettingsChanged,
    NotBelievedError,
    NotNowError,
    PlanChanged,
    PlannerBusyError,
    PlannerState,
    Trigger,
)
from bridge.planner.pulses import Pulses
from bridge.planner.solving import SolveError
from bridge.state import StateError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bridge.faults import ActiveFault
    from bridge.home import Home
    from bridge.loads.carrying_out import LoadCarryingOut
    from bridge.planner.keeper import PlanKeeper
    from bridge.planner.plan import HomePlan
    from bridge.planner.posing import Posing
    from bridge.planner.question import Question
    from matter_node.clock import Timer

PERIOD: Final = 300.0
"""Seconds from one plan to the next."""
TICK: Final = 10.0
"""Seconds from one look at the home to the next: follows the meter, and notices what is stale."""
SETTLING: Final = 0.25
"""Seconds for which more events are waited for before planning anew: modules come and go together."""
BURST: Final = 3
"""Plans that events may have made within `BURST_S`: a module that comes and goes keeps no computer busy."""
BURST_S: Final = 15.0
RETRY: Final = 60.0
"""Seconds after which it is tried again when no plan came of it."""
OLDEST: Final = 6 * 3600.0
"""Seconds for which the last plan stays in force while no other can be made."""
FIRST_READINGS: Final = 30.0
"""Seconds that a plan from before the start waits for the first readings of its batteries."""

_OF_A_MODULE: Final = ("mode", "role", "nameplate", "quarantined", "wish", "priority")
"""What of a module's record plans are made from."""

_log = logging.getLogger(__name__)


_EVENTS: Final = frozenset(set(Trigger) - {Trigger.SCHEDULE, Trigger.REQUEST})


class Planner:
    """Plans, carries out, and lets go when what it knows is not fit to command by."""

    def __init__(
        self,
        posing: Posing,
        home: Home,
        time_limit: float,
        *,
        make: Callable[[Question, float], Awaitable[HomePlan]],
        keeper: PlanKeeper | None = None,
        period: float = PERIOD,
    ) -> None:
        """Plan for a home.

        :param time_limit: seconds that making a plan may take
        :param make: makes a plan within a time, or raises SolveError
        :param keeper: keeps the last plan over restarts
        :param period: seconds from one plan to the next
        """
        self._posing = posing
        self._home = home
        self.time_limit = time_limit
        """Seconds that making a plan may take."""
        self._make = make
        self._keeper = keeper
        self._period = period
        self._clock = home.clock
        self._carrying_out = CarryingOut(home.arbiter, home.clock)
        self._alerting = PlanAlerting(home, posing)
        self._loads: LoadCarryingOut | None = None
        """Made when it starts: a hub that plans nothing has no use for it."""
        self._pulses = Pulses(home, posing.candidates)
        self._curtailing = Curtailing(home)
        self._unsubscribe: list[Callable[[], None]] = []
        self._timer: Timer | None = None
        self._task: asyncio.Task[None] | None = None
        self._due = -math.inf
        self._hurried: deque[float] = deque(maxlen=BURST)
        """When events last had a plan made, monotonic."""
        self._trigger = Trigger.SCHEDULE
        self._plan: HomePlan | None = None
        self._made: float | None = None
        self._made_because = Trigger.SCHEDULE
        self._waiting = "the hub has just started"
        self._fit = False
        self._failure = ""
        self._asked: Question | None = None
        """What the plan in force is the answer to."""
        self._awaited: frozenset[str] = frozenset()
        """Batteries of a plan from before the start that may not have been read yet."""
        self._awaited_until = -math.inf

    @property
    def state(self) -> PlannerState:
        """How it is."""
        return PlannerState(self._plan, self._made, self._made_because, self._waiting, self._failure)

    def start(self) -> None:
        """Plan as soon as the modules have been read, and follow the home."""
        bus = self._home.bus
        self._unsubscribe = [
            bus.subscribe(ReachabilityChanged, lambda _: self._anew(Trigger.MODULE)),
            bus.subscribe(ModulesRegistered, lambda _: self._anew(Trigger.MODULE)),
            bus.subscribe(ModuleRemoved, lambda _: self._anew(Trigger.MODULE)),
            bus.subscribe(ModuleChanged, self._module_changed),
            bus.subscribe(ChoicesChanged, lambda _: self._anew(Trigger.POLICY)),
            bus.subscribe(GridChanged, lambda _: self._anew(Trigger.GRID)),
            bus.subscribe(FeedChanged, self._feed_changed),
            bus.subscribe(EnergySettingsChanged, lambda _: self._anew(Trigger.POLICY)),
            bus.subscribe(ModeChanged, lambda _: self._anew(Trigger.GRID)),
            bus.subscribe(CommandChanged, self._command_changed),
            bus.subscribe(LoadChanged, lambda _: self._anew(Trigger.MODULE)),
            bus.subscribe(FaultRaised, lambda event: self._doubt_changed(event.fault)),
            bus.subscribe(FaultCleared, lambda event: self._doubt_changed(event.fault)),
        ]
        from bridge.loads.carrying_out import LoadCarryingOut  # only for a hub that plans

        self._alerting.start()
        self._loads = LoadCarryingOut(self._home)
        self._loads.start()
        self._pulses.start()
        self._take_up()
        self._look()

    async def stop(self) -> None:
        """Plan no more, and take back what the plan told."""
        for unsubscribe in self._unsubscribe:
            unsubscribe()
        self._unsubscribe = []
        if self._loads is not None:
            self._loads.stop()
        self._pulses.stop()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._carrying_out.release("the planner ends")

    def without(self) -> list[str]:
        """Return the keys of modules that could be in a plan and are not, for they are lost, dead or lie."""
        return self._posing.left_out()

    def replan(self, *, dry: bool = False) -> None:
        """Plan anew because somebody asks for it; `PlanChanged` says when it is done.

        :param dry: only judge whether it can be
        :raises PlannerBusyError: a plan is being made
        :raises NotNowError: nothing can be planned now
        """
        if self._task is not None:
            raise PlannerBusyError("a plan is being made")
        self._posing.check(self._now())
        if dry:
            return
        self._trigger = Trigger.REQUEST
        self._due = self._clock.monotonic()
        self._look_in(0.0)

    # Inside

    def _take_up(self) -> None:
        """Put the plan in force again that was when a former run ended, if it still holds."""
        kept = None if self._keeper is None else self._keeper.kept(*self._circumstances())
        if kept is None or not 0 <= self._now() - kept.made < OLDEST:
            return
        step = kept.plan.step(self._now())
        if step is None or kept.trigger not in list(Trigger):
            return
        self._plan, self._made, self._made_because = kept.plan, kept.made, Trigger(kept.trigger)
        self._awaited = frozenset(step.batteries)
        self._awaited_until = self._clock.monotonic() + FIRST_READINGS
        _log.info("the plan of %.0f s ago is in force again", self._now() - kept.made)

    def _circumstances(self) -> tuple[str, frozenset[str]]:
        """Return what else a plan is made for."""
        return self._home.choices.policy.value, self._posing.candidates()

    def _waits_for_batteries(self) -> bool:
        """Tell whether batteries of the plan in force are about to be read for the first time."""
        if self._awaited and self._clock.monotonic() < self._awaited_until:
            self._awaited -= {each.module.key for each in self._posing.batteries()}
        else:
            self._awaited = frozenset()
        return bool(self._awaited)

    def _now(self) -> float:
        return self._clock.utc() or 0.0

    def _feed_changed(self, event: FeedChanged) -> None:
        self._anew(Trigger.PRICE if event.name == PRICE else Trigger.FORECAST)

    def _module_changed(self, event: ModuleChanged) -> None:
        before, after = event.before, event.record
        if any(getattr(before, name) != getattr(after, name) for name in _OF_A_MODULE):
            self._anew(Trigger.MODULE)

    def _doubt_changed(self, fault: ActiveFault) -> None:
        if doubted((fault,)) is not None:
            self._anew(Trigger.MODULE)

    def _command_changed(self, event: CommandChanged) -> None:
        command = event.command
        settled = command.state in {CommandState.APPLIED, CommandState.EXPIRED, CommandState.WITHDRAWN}
        if not settled or command.origin >= Origin.PLAN:
            return
        if command.aspect is Aspect.RESERVE:
            self._anew(Trigger.POLICY)
        elif command.aspect is Aspect.STORAGE:
            self._anew(Trigger.MODULE)

    def _anew(self, trigger: Trigger) -> None:
        self._trigger = trigger
        full = len(self._hurried) == BURST
        self._due = max(self._clock.monotonic() + SETTLING, self._hurried[0] + BURST_S if full else -math.inf)
        # What has changed may concern what is carried out, before there is another plan.
        self._look_in(0.0)

    def _look_in(self, delay: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._clock.call_later(delay, self._look)

    def _look(self) -> None:
        """See whether the home can be commanded, whether a plan is due, and what the step wants."""
        self._look_in(min(TICK, max(self._due - self._clock.monotonic(), SETTLING)))
        assert self._loads is not None
        self._loads.deadlines.look(self._now(), self._waiting)
        try:
            self._posing.check(self._now())
        except NotNowError as error:
            self._fit = False
            self._wait(str(error))
            if isinstance(error, NotBelievedError):
                self._alerting.waits(error)
            return
        if not self._fit:
            self._fit = True
            self._alerting.goes_on()
            self._due = min(self._due, self._clock.monotonic())
        if self._task is None and self._clock.monotonic() >= self._due and not self._waits_for_batteries():
            self._begin()
        self._carry_out()

    def _wait(self, reason: str) -> None:
        """Go into the safe mode: the modules follow their own logic until the home can be commanded again."""
        before, self._waiting = self._waiting, reason
        if reason == before:
            return
        _log.warning("the plan is not carried out: %s", reason)
        self._carrying_out.release(reason)
        if not before:
            self._home.bus.publish(PlanChanged(None, self._trigger))

    def _carry_out(self) -> None:
        step = None
        if self._plan is not None and self._made is not None and self._now() - self._made < OLDEST:
            step = self._plan.step(self._now())
        if step is None:
            self._wait("there is no plan for now yet" if self._plan is None else "the last plan is too old")
            return
        if self._waiting:
            _log.info("the plan is carried out")
            self._waiting = ""
            self._home.bus.publish(PlanChanged(self._plan, self._made_because))
        flows = self._home.flow_meter.balance()
        try:
            batteries = self._posing.batteries()
            step = within(step, batteries, flows.grid_w, self._posing.import_limit_w)
            assert self._loads is not None
            cars_w = self._loads.cars_w(step)
            self._carrying_out.step(step, batteries, float(flows.grid_w), cars_w)
            self._curtailing.step(step, batteries, flows)
            programs = {} if self._plan is None else self._plan.programs
            self._loads.step(step, programs, flows, self._posing.import_limit_w)
        except StateError as error:
            _log.error("what the plan wants cannot be kept: %s", error)

    def _begin(self) -> None:
        trigger, self._trigger = self._trigger, Trigger.SCHEDULE
        now = self._clock.monotonic()
        if trigger in _EVENTS:
            self._hurried.append(now)
        self._due = now + self._period
        self._task = asyncio.get_running_loop().create_task(self._replan(trigger), name="planner")

    async def _replan(self, trigger: Trigger) -> None:
        circumstances = self._circumstances()
        members = self._alerting.members()
        try:
            question = self._posing.question(self._now(), self._plan)
            plan = await self._make(question, self.time_limit)
        except (SolveError, NotNowError) as error:
            self._failed(str(error))
        except Exception as error:  # noqa: BLE001 - the plan in force stays, whatever went wrong
            _log.exception("making a plan went wrong")
            self._failed(repr(error))
        else:
            self._plan, self._made, self._made_because = plan, self._now(), trigger
            self._failure = ""
            if self._keeper is not None:
                self._keeper.keep(KeptPlan(plan, self._made, trigger.value), *circumstances)
            _log.info(
                "planned (%s) until %d h ahead in %.2f s, bill %.2f %s",
                trigger.value,
                (plan.end - plan.steps[0].start) // 3600,
                plan.seconds,
                plan.bill,
                plan.currency,
            )
            if not self._waiting:
                self._home.bus.publish(PlanChanged(plan, trigger))
            await self._tell_change(plan, question, members)
        finally:
            self._task = None
        give_back()  # half a millisecond
        self._look_in(0.0)

    async def _tell_change(self, plan: HomePlan, question: Question, members: frozenset[str]) -> None:
        """Tell what it changes that modules left the plan or came back: what it would be as before."""
        last, self._asked = self._asked, question
        otherwise = None
        if last is not None and self._alerting.is_news(members):
            try:
                otherwise = await self._make(question.with_modules_of(last), self.time_limit)
            except Exception as error:  # noqa: BLE001 - people are told all the same, without figures
                _log.warning("what the change of modules makes of the plan is not known: %r", error)
        self._alerting.planned(otherwise, plan, members, self._now())

    def _failed(self, reason: str) -> None:
        self._failure = reason
        self._due = min(self._due, self._clock.monotonic() + RETRY)
        kept = "; the last one stays in force" if self._plan is not None else ""
        _log.warning("no plan could be made: %s%s", reason, kept)
