"""All loads' runs: kept over restarts, and brought up to date by every reading."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from bridge.command import Aspect, CommandState, Origin
from bridge.events import CommandChanged, ModuleRemoved, ReadingTaken
from bridge.loads.events import LoadChanged
from bridge.loads.needs import has_car, is_planned
from bridge.loads.run import LoadRun
from bridge.loads.wish import LoadKind
from hw.module import ModuleKind

if TYPE_CHECKING:
    from bridge.home import Home
    from hw.reading import Reading

_SAVE_S: Final = 60.0
"""Seconds after which what a load has taken is stored anew."""
_PREFIX: Final = "load-run/"

_log = logging.getLogger(__name__)


class RunBook:
    """The runs of loads that are planned, by module."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._runs: dict[str, LoadRun] = {}
        self._saved: dict[str, float] = {}
        self._obeyed: dict[str, str] = {}
        """Id of the plan's command that each load was seen to follow."""
        self._cars: dict[str, bool] = {}

    def start(self) -> None:
        """Take up what a former run of the hub has left, and follow the loads."""
        for key, value in self._home.storage.scan(_PREFIX):
            module = key.removeprefix(_PREFIX)
            try:
                self._runs[module] = LoadRun.from_json(value)
            except (ValueError, TypeError) as error:
                _log.warning("how far %s is cannot be read and is dropped: %r", module, error)
            if module not in self._home.registry:
                self._forget(module)
        bus = self._home.bus
        bus.subscribe(ReadingTaken, lambda event: self._read(event.reading))
        bus.subscribe(CommandChanged, self._commanded)
        bus.subscribe(ModuleRemoved, lambda event: self._forget(event.record.key))

    def run(self, module: str) -> LoadRun:
        """Return how far a load is."""
        return self._runs.get(module, LoadRun())

    def keep(self, module: str, run: LoadRun) -> None:
        """Keep how far a load is, before anything is done about it. Raise StateError."""
        if run != self._runs.get(module):
            self._home.storage.put(_PREFIX + module, run.to_json())
            self._runs[module] = run
            self._saved[module] = run.seen

    # Inside

    def _forget(self, module: str) -> None:
        self._home.charging_points.pop(module, None)
        if self._runs.pop(module, None) is not None:
            self._home.storage.delete(_PREFIX + module)

    def _read(self, reading: Reading) -> None:
        if reading.module not in self._home.registry:
            return
        module = self._home.registry[reading.module]
        if module.record.kind not in {ModuleKind.LOAD, ModuleKind.EVSE}:
            return
        before = self.run(module.key)
        run = before.read(reading, module.record.wish.power_w)
        if not is_planned(module, self._home):
            # Of one that is planned some day it is known then whether it is in the middle of a program.
            self._runs[module.key] = run
            return
        if module.record.kind is ModuleKind.LOAD:
            run = self._switched_by_hand(reading, run)
        if module.record.wish.kind is LoadKind.MACHINE:
            run = _started_by_hand(run, reading.time.timestamp())
        self._note(module.key, before, run)
        self._plugged(reading)

    def _note(self, module: str, before: LoadRun, run: LoadRun) -> None:
        counted = replace(run, taken_wh=before.taken_wh, counter_wh=before.counter_wh, seen=before.seen)
        news = counted != before
        self._runs[module] = run
        if not news and run.seen - self._saved.get(module, 0.0) < _SAVE_S:
            return
        try:
            self._home.storage.put(_PREFIX + module, run.to_json())
        except OSError as error:
            _log.error("how far %s is cannot be stored: %s", module, error)
        self._saved[module] = run.seen
        if (before.started, before.ended) != (run.started, run.ended):
            why = "its program began" if run.ended is None else "its program is over"
            self._home.bus.publish(LoadChanged(module, why))
        if (before.person_on, before.person_until) != (run.person_on, run.person_until):
            self._home.bus.publish(LoadChanged(module, "a person switched it"))

    def _switched_by_hand(self, reading: Reading, run: LoadRun) -> LoadRun:
        """Notice that a load is not as the plan has it any more: somebody pressed its button."""
        live = [each for each in self._home.arbiter.live(reading.module) if each.aspect is Aspect.CONNECTION]
        if reading.connected is None:
            return run
        now = reading.time.timestamp()
        if not live:
            # Nobody commands it: whoever switched it before has done so again.
            again = run.person_until > now and reading.connected is not run.person_on
            return run.taken_by_hand(now, on=reading.connected) if again else run
        command = live[0]
        if command.origin is not Origin.PLAN or command.state is not CommandState.APPLIED:
            return run
        if reading.connected is (command.value == 1):
            self._obeyed[reading.module] = command.id
            return run
        if self._obeyed.pop(reading.module, "") != command.id:
            return run
        return run.taken_by_hand(now, on=reading.connected)

    def _commanded(self, event: CommandChanged) -> None:
        """Notice that a person switched a load by the hub."""
        command = event.command
        by_person = command.origin is Origin.USER and command.state is CommandState.DONE
        if not by_person or command.aspect is not Aspect.CONNECTION:
            return
        module = self._home.registry[command.module]
        if not is_planned(module, self._home):
            return
        before = self.run(module.key)
        now = self._home.clock.utc() or command.created
        run = before.taken_by_hand(now, on=command.value == 1)
        if module.record.wish.kind is LoadKind.MACHINE:
            run = _started_by_hand(run, now)
        self._note(module.key, before, run)

    def _plugged(self, reading: Reading) -> None:
        """Notice that a car came or went."""
        if reading.evse is None:
            return
        car = has_car(self._home.registry[reading.module])
        if self._cars.get(reading.module, car) is not car:
            self._home.bus.publish(LoadChanged(reading.module, "a car came" if car else "the car went"))
        self._cars[reading.module] = car


def _started_by_hand(run: LoadRun, now: float) -> LoadRun:
    """Take a machine that was waited for as started when a person switched it on, or it runs already."""
    if run.by <= now or run.started is not None:
        return run
    by_switch = run.person_on and run.person_until > now
    return run.began(now, run.run_s) if by_switch or run.is_busy(now) else run
