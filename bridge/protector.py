"""Judges readings by the rules of `bridge.protection`: raises faults, acts through the arbiter, releases."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from bridge.arbiter import UnknownCommandError
from bridge.command import ASPECTS, Origin
from bridge.doubts import DOUBTS
from bridge.events import ModuleRemoved, ReadingTaken
from bridge.fault_log import described
from bridge.faults import TEST_SOURCE, ActiveFault
from bridge.grid import NOMINAL_VOLTAGES
from bridge.protection import RULES, Action, Quantity, command_for, commands_for, judged, rule, rules_of
from hw.reading import OperatingState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.arbiter import Arbiter
    from bridge.command import Aspect
    from bridge.events import EventBus
    from bridge.fault_log import FaultLog
    from bridge.faults import FaultBook
    from bridge.protection import Rule
    from bridge.registry import RegisteredModule, Registry
    from hw.reading import Reading
    from hw.setpoint import SetpointKind
    from matter_node.clock import Clock, Timer

TICK: Final = 2.0
"""Seconds between two looks at what is silent, and at tests that end."""
SOURCE: Final = "protection"
"""Under which name modules are commanded."""
_KNOWN_WITHIN: Final = 0.15
"""Share by which a voltage may be off a nominal one to tell which of them it is."""

_log = logging.getLogger(__name__)


class AlreadyRaisedError(RuntimeError):
    """The fault that is to be tested is there, in earnest or as a test."""


@dataclass(slots=True)
class _Watch:
    """How a rule stands with a module."""

    raised: bool = False
    turning: float | None = None
    """Since when it is beyond the limit, or back when it is raised; monotonic."""


class Protector:
    """Keeps every module to every rule."""

    def __init__(
        self,
        registry: Registry,
        arbiter: Arbiter,
        bus: EventBus,
        clock: Clock,
        faults: FaultBook,
        log: FaultLog,
    ) -> None:
        self._registry = registry
        self._arbiter = arbiter
        self._bus = bus
        self._clock = clock
        self._faults = faults
        self._log = log
        self._watches: dict[tuple[str, str], _Watch] = {}
        self._tests: dict[tuple[str, str], float] = {}
        """Rules under test by module and code, with the monotonic time of their end."""
        self._nominal: dict[str, float] = {}
        self._heard: dict[str, float] = {}
        self._commands: dict[str, dict[Aspect, str]] = {}
        self._timer: Timer | None = None

    def start(self) -> None:
        """Take up the faults that were open, act on them anew, and follow the readings."""
        for fault in tuple(self._faults.everywhere()):
            if not fault.own or fault.code in DOUBTS:
                continue  # those are `bridge.plausibility`'s
            known = any((each.code, each.source) == (fault.code, fault.source) for each in RULES)
            if known and fault.module in self._registry:
                self._watches[fault.module, fault.code] = _Watch(raised=True)
            else:
                self._faults.clear(fault.module, fault.code, fault.source, self._utc())
        for module in {key for key, _ in self._watches}:
            self._act(module)
        self._bus.subscribe(ReadingTaken, lambda event: self._read(event.reading))
        self._bus.subscribe(ModuleRemoved, lambda event: self._forget(event.record.key))
        self._tick()

    def stop(self) -> None:
        """Look no more at what is silent."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def test(self, module: str, code: str, duration: float) -> None:
        """Raise a fault that is none for some seconds, and act as if it were one.

        :raises UnknownModuleError: there is no such module
        :raises ValueError: the rule is unknown, or not for such a module
        :raises AlreadyRaisedError: it is raised already
        """
        registered = self._registry[module]
        try:
            tested = rule(code)
        except KeyError:
            raise ValueError(f"there is no rule {code!r}") from None
        if registered.record.kind not in tested.kinds:
            raise ValueError(f"{code} is no rule for a {registered.record.kind.value}")
        if (module, code) in self._tests or self._is_raised(module, code):
            raise AlreadyRaisedError(f"{code} of {registered.record.name} is raised already")
        self._tests[module, code] = self._clock.monotonic() + duration
        evidence = f"a test of {duration:g} s: {_condition(tested)}"
        self._faults.raise_fault(
            ActiveFault(module, code, TEST_SOURCE, tested.severity, self._utc(), evidence)
        )
        self._act(module)

    # ------------------------------------------------------------------ judging

    def _read(self, reading: Reading) -> None:
        module = reading.module
        if module not in self._registry:
            return
        registered = self._registry[module]
        now = self._clock.monotonic()
        self._heard[module] = now
        self._learn_nominal(registered, reading)
        for each in rules_of(registered.record.kind):
            if each.quantity is Quantity.SILENCE_S:
                value: float | None = 0.0
            else:
                value = judged(each.quantity, reading, registered.record, self._nominal.get(module))
            self._judge(each, module, value, now)
        if self._is_to_act(module):
            self._act(module)

    def _judge(self, judging: Rule, module: str, value: float | None, now: float) -> None:
        watch = self._watches.get((module, judging.code))
        if watch is None:
            if value is None or not judging.is_beyond(value):
                return  # nearly every rule of nearly every reading
            watch = self._watches[module, judging.code] = _Watch()
        if value is None or not (judging.is_back(value) if watch.raised else judging.is_beyond(value)):
            watch.turning = None
            return
        if watch.turning is None:
            watch.turning = now
        if now - watch.turning < (judging.clears_s if watch.raised else judging.lasts_s):
            return
        if watch.raised:
            self._release(judging, module)
        else:
            watch.raised, watch.turning = True, None
            evidence = f"{judging.quantity.value} is {value:.4g}; {_condition(judging)}"
            self._faults.raise_fault(
                ActiveFault(module, judging.code, judging.source, judging.severity, self._utc(), evidence)
            )

    def _release(self, judging: Rule, module: str) -> None:
        if judging.latched:
            record = self._log.open_record(module, judging.code, judging.source)
            if record is not None and record.acknowledged is None:
                return
        del self._watches[module, judging.code]
        self._faults.clear(module, judging.code, judging.source, self._utc())

    def _learn_nominal(self, module: RegisteredModule, reading: Reading) -> None:
        """Learn the nominal voltage: as the plate says, else by the first voltage that is near one."""
        if module.key in self._nominal:
            return
        if module.record.nameplate.voltage_v:
            self._nominal[module.key] = module.record.nameplate.voltage_v
            return
        for nominal in NOMINAL_VOLTAGES:
            volts = reading.voltage_v
            if volts is not None and abs(volts / nominal - 1) <= _KNOWN_WITHIN:
                self._nominal[module.key] = nominal

    def _tick(self) -> None:
        now = self._clock.monotonic()
        for module in self._registry:
            heard = self._heard.setdefault(module.key, now)
            asleep = module.reading is not None and module.reading.state is OperatingState.SLEEPING
            if not module.reachable and not asleep:
                for each in RULES:
                    if each.quantity is Quantity.SILENCE_S:
                        self._judge(each, module.key, now - heard, now)
        for (module_key, code), end in tuple(self._tests.items()):
            if end <= now:
                del self._tests[module_key, code]
                self._faults.clear(module_key, code, TEST_SOURCE, self._utc())
                self._act(module_key)
        self._timer = self._clock.call_later(TICK, self._tick)

    # ------------------------------------------------------------------ acting

    def _is_to_act(self, module: str) -> bool:
        return bool(self._commands.get(module)) or any(self._raised_rules(module))

    def _act(self, module: str) -> None:
        """Tell a module what its faults ask for, and take back what they do not ask for any more."""
        able = self._registry[module].record.capabilities.setpoints
        raised = list(self._raised_rules(module))
        wanted = commands_for((each.action for each, _ in raised), able)
        told = self._commands.setdefault(module, {})
        for aspect, command in tuple(told.items()):
            if aspect not in wanted:
                self._withdraw(command)
                del told[aspect]
        for aspect, (kind, value) in wanted.items():
            if aspect not in told or not self._says(told[aspect], kind, value):
                self._command(module, aspect, kind, value)
        for each, source in raised:
            self._note(module, each, source, able)

    def _command(self, module: str, aspect: Aspect, kind: SetpointKind, value: float | None) -> None:
        try:
            command = self._arbiter.submit(module, kind, value, origin=Origin.SAFETY, source=SOURCE)
        except OSError as error:
            _log.error("%s cannot be protected now, and is with its next reading: %s", module, error)
            return
        self._commands[module][aspect] = command.id

    def _withdraw(self, command: str) -> None:
        try:
            self._arbiter.withdraw(command, "the fault is over")
        except UnknownCommandError:
            _log.debug("the command %s was forgotten", command)

    def _says(self, command: str, kind: SetpointKind, value: float | None) -> bool:
        try:
            told = self._arbiter.command(command)
        except UnknownCommandError:
            return False
        return (told.kind, told.value) == (kind, value)

    def _note(self, module: str, of: Rule, source: str, able: frozenset[SetpointKind]) -> None:
        """Note with a fault what is done about it."""
        record = self._log.open_record(module, of.code, source)
        if record is None or of.action is Action.NONE:
            return
        told = command_for(of.action, able)
        if told is None:
            action, command = f"none: the module cannot be told to {of.action.value.replace('_', ' ')}", ""
        else:
            command = self._commands[module].get(ASPECTS[told[0]], "")
            action = self._described(command)
        if (record.action, record.command) != (action, command):
            self._log.acted(record, action, command)

    def _described(self, command: str) -> str:
        try:
            return described(self._arbiter.command(command))
        except UnknownCommandError:
            return "none yet"

    def _raised_rules(self, module: str) -> Iterator[tuple[Rule, str]]:
        """Yield the rules that a module breaks now, in earnest or as a test, with their faults' sources."""
        for each in RULES:
            if self._is_raised(module, each.code):
                yield each, each.source
            if (module, each.code) in self._tests:
                yield each, TEST_SOURCE

    def _is_raised(self, module: str, code: str) -> bool:
        watch = self._watches.get((module, code))
        return watch is not None and watch.raised

    def _forget(self, module: str) -> None:
        memory: dict[str, Any]
        for memory in (self._nominal, self._heard, self._commands):
            memory.pop(module, None)
        names: dict[tuple[str, str], Any]
        for names in (self._watches, self._tests):
            for name in [each for each in names if each[0] == module]:
                del names[name]

    def _utc(self) -> datetime:
        return datetime.fromtimestamp(self._clock.utc() or 0.0, UTC)


def _condition(of: Rule) -> str:
    """Return when a rule trips, for a person."""
    side = "above" if of.trips_above else "below"
    lasting = f" for {of.lasts_s:g} s" if of.lasts_s else ""
    return f"a fault {side} {of.limit:g}{lasting}, until it is back at {of.release:g}"
