"""Notices what the hub's own commands change, and what the meter at the supply makes of it.

A step begins with a command that fixes what a module does, and ends when the module reads what it was told,
or has had the time for it, and the meter has been read after that. Only such commands count: a battery that
follows its own logic moves against the load, and the meter rightly does not.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from bridge.command import CommandState
from bridge.events import CommandChanged, ModuleRemoved, ReadingTaken
from bridge.step_response import STEP_W, Step
from hw.module import ModuleKind
from hw.reading import Quality
from hw.setpoint import SetpointKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.command import Command
    from bridge.events import EventBus
    from bridge.grid import GridWatch
    from bridge.registry import RegisteredModule, Registry
    from hw.reading import Reading
    from matter_node.clock import Clock

FRESH: Final = 15.0
"""Seconds that what was read before a command may be old."""
JOINED: Final = 2.0
"""Seconds within which commands to several modules are one step."""
WRITTEN: Final = 10.0
"""Seconds within which a command must be in force."""
SETTLED: Final = 4.0
"""Seconds after which a module that reads what it was told has done it."""
SLOW: Final = 15.0
"""The same of a module that was told no power: cars take their time."""
LATE: Final = 60.0
"""Seconds after which a battery that reads something else does not do what it was told, or hides it."""
NEAR_W: Final = 60.0
"""By how much what it reads may be off, and by `NEAR_SHARE`."""
NEAR_SHARE: Final = 0.2
ASIDE: Final = 0.3
"""Of the step, what other batteries and loads may have changed meanwhile."""
BEFORE: Final = 20.0
"""Seconds before a step in which the meter is looked at."""
LOOKED_BACK: Final = 32
"""Readings of it that are kept, at most."""

_FIXED: Final = frozenset(
    {
        SetpointKind.CHARGE_W,
        SetpointKind.DISCHARGE_W,
        SetpointKind.HOLD,
        SetpointKind.CONNECT,
        SetpointKind.CHARGE_CURRENT_A,
    }
)
_ASIDE: Final = frozenset(
    {SetpointKind.RESERVE_PERCENT, SetpointKind.POWER_LIMIT_W, SetpointKind.POWER_LIMIT_PERCENT}
)
"""What makes no step: the sun goes its own way below a limit, and limits follow the meter."""
_IN_FORCE: Final = frozenset({CommandState.APPLIED, CommandState.DONE})
_STEPPED_ASIDE: Final = frozenset({CommandState.REPLACED, CommandState.SUPERSEDED})
_QUICK: Final = frozenset({ModuleKind.BATTERY, ModuleKind.EVSE})
"""What may answer the step by itself, and must have been read after it."""


@dataclass(slots=True)
class _Window:
    """A step that is going on. Times are UTC, seconds since 1970.

    :ivar restless_w: between which readings the meter moved before, highest less lowest
    :ivar before: what every module read when it began
    :ivar told: what its modules are told, in W; None for no power
    :ivar was: what they were told before
    :ivar waits: modules whose command is not in force yet
    """

    opened: float
    meter: str
    metered_w: float
    restless_w: float
    before: dict[str, float]
    told: dict[str, float | None] = field(default_factory=dict)
    was: dict[str, float | None] = field(default_factory=dict)
    waits: set[str] = field(default_factory=set)
    since: float = 0.0


class StepWatch:
    """Follows commands and readings, and tells of steps."""

    def __init__(
        self, registry: Registry, bus: EventBus, clock: Clock, grid: GridWatch, tell: Callable[[Step], None]
    ) -> None:
        """Tell `tell` of each step."""
        self._registry = registry
        self._bus = bus
        self._clock = clock
        self._grid = grid
        self._tell = tell
        self._window: _Window | None = None
        self._meter = ""
        self._metered: deque[tuple[float, float]] = deque(maxlen=LOOKED_BACK)
        """When the meter was read lately, and its power."""
        self._told: dict[str, tuple[float, float]] = {}
        """What batteries are told now in W, and since when."""
        self._unsubscribe: list[Callable[[], None]] = []

    def start(self) -> None:
        """Follow the home."""
        self._unsubscribe = [
            self._bus.subscribe(CommandChanged, lambda event: self._commanded(event.command)),
            self._bus.subscribe(ReadingTaken, lambda event: self._read(event.reading)),
            self._bus.subscribe(ModuleRemoved, lambda event: self._free(event.record.key)),
        ]

    def stop(self) -> None:
        """Follow no more."""
        for unsubscribe in self._unsubscribe:
            unsubscribe()
        self._unsubscribe = []
        self._window = None

    # ------------------------------------------------------------------ commands

    def _commanded(self, command: Command) -> None:
        if command.kind in _ASIDE:
            return
        if command.kind not in _FIXED or command.permits:
            self._free(command.module)
        elif command.state is CommandState.QUEUED:
            self._begin(command)
        elif command.state in _IN_FORCE:
            self._in_force(command)
        elif command.state not in _STEPPED_ASIDE:
            self._free(command.module)

    def _free(self, module: str) -> None:
        """Note that a module does what it wants, or that nobody knows what it will do."""
        self._told.pop(module, None)
        if self._window is not None and module in self._window.told:
            self._window = None

    def _begin(self, command: Command) -> None:
        now = self._clock.utc() or 0.0
        if self._window is not None and now - self._window.opened > JOINED:
            self._end(now)
            self._window = None
        if self._window is None:
            self._window = self._opened(now)
        window, module = self._window, command.module
        if window is None:
            return
        before = window.before.get(module)
        if before is None or not self._is_settled(module, before, now):
            self._window = None
            return
        window.told[module] = _power_of(command)
        window.was[module] = self._told[module][0] if module in self._told else None
        window.waits.add(module)

    def _opened(self, now: float) -> _Window | None:
        meter = self._grid.meter()
        said = None if meter is None else self._fresh(self._registry[meter], now - FRESH)
        if meter is None or said is None:
            return None
        if meter != self._meter:
            self._meter = meter
            self._metered.clear()
        lately = [power for time, power in self._metered if time >= now - BEFORE]
        if len(lately) < 2:
            return None
        before = {}
        for module in self._registry:
            reading = self._fresh(module, now - FRESH)
            if reading is not None and module.key != meter:
                before[module.key] = reading
            elif module.record.kind in _QUICK:
                return None  # it may do anything
        return _Window(now, meter, said, max(lately) - min(lately), before)

    def _is_settled(self, module: str, power_w: float, now: float) -> bool:
        """Tell whether what a module reads is what it does: some tell their power late."""
        if module not in self._told:
            return True
        told_w, since = self._told[module]
        return _is_near(power_w, told_w) or now - since >= LATE

    def _in_force(self, command: Command) -> None:
        now, module = self._clock.utc() or 0.0, command.module
        power = _power_of(command)
        if power is None:
            self._told.pop(module, None)
        else:
            self._told[module] = power, now
        window = self._window
        if window is not None and module in window.waits:
            window.waits.discard(module)
            window.since = now
        elif window is not None and module in window.told:
            self._window = None

    # ------------------------------------------------------------------ readings

    def _read(self, reading: Reading) -> None:
        if reading.module != self._meter:
            return
        if reading.power_w is not None:
            self._metered.append((reading.time.timestamp(), reading.power_w))
        if self._window is not None:
            self._end(self._clock.utc() or 0.0)

    def _end(self, now: float) -> None:
        """Tell of the step if it is over, and drop it if it will never be."""
        window = self._window
        assert window is not None
        if window.waits:
            if now - window.opened > WRITTEN:
                self._window = None
            return
        metered = self._fresh(self._registry[window.meter], window.since + SETTLED)
        powers = self._powers(window)
        if metered is not None and powers is not None and self._is_over(window, powers, now):
            self._window = None
            changes = {key: power - window.before[key] for key, power in powers.items()}
            aside = sum(abs(change) for key, change in changes.items() if self._is_aside(window, key))
            own = sum(changes[key] for key in window.told)
            if aside <= ASIDE * max(abs(own), STEP_W):
                moved = sum(changes.values())
                self._tell(self._step(window, powers, own, moved, metered - window.metered_w))
        elif now - window.since > 2 * LATE:
            self._window = None

    def _powers(self, window: _Window) -> dict[str, float] | None:
        """Return what the modules read now, None while those that matter have not been read since."""
        powers = {}
        for module in self._registry:
            key = module.key
            power = self._fresh(module, window.since + SETTLED)
            if power is not None and key in window.before:
                powers[key] = power
            elif key in window.before or module.record.kind in _QUICK:
                return None
        return powers

    def _is_aside(self, window: _Window, module: str) -> bool:
        """Tell whether a module should keep still: a plug may measure another module. The sun never does."""
        sun = self._registry[module].record.kind is ModuleKind.MICROINVERTER
        return module not in window.told and not sun

    def _is_over(self, window: _Window, powers: dict[str, float], now: float) -> bool:
        passed = now - window.since
        if any(told is None for told in window.told.values()):
            return passed >= SLOW
        return passed >= LATE or _obeyed(window, powers) is True

    def _step(
        self,
        window: _Window,
        powers: dict[str, float],
        own_w: float,
        moved_w: float,
        metered_w: float,
    ) -> Step:
        differences = [
            None if now is None or (was := window.was[module]) is None else now - was
            for module, now in window.told.items()
        ]
        known = [each for each in differences if each is not None]
        told_w = sum(known) if len(known) == len(differences) else None
        obeyed = _obeyed(window, powers)
        return Step(tuple(sorted(window.told)), own_w, moved_w, metered_w, window.restless_w, told_w, obeyed)

    def _fresh(self, module: RegisteredModule, since: float) -> float | None:
        """Return what a module has read since a time, None if it has not."""
        said = module.reading
        if said is None or not module.reachable or said.quality is Quality.STALE:
            return None
        return said.power_w if said.time.timestamp() >= since else None


def _power_of(command: Command) -> float | None:
    """Return what a battery is told in W, charging positive; None if it is no power."""
    match command.kind:
        case SetpointKind.CHARGE_W:
            return command.value
        case SetpointKind.DISCHARGE_W:
            return -(command.value or 0.0)
        case SetpointKind.HOLD:
            return 0.0
        case _:
            return None


def _is_near(power_w: float, told_w: float) -> bool:
    return abs(power_w - told_w) <= max(NEAR_W, NEAR_SHARE * abs(told_w))


def _obeyed(window: _Window, powers: dict[str, float]) -> bool | None:
    """Tell whether all that were told read what they were told; None if some were told no power."""
    near = []
    for module, told in window.told.items():
        if told is None:
            return None
        near.append(_is_near(powers[module], told))
    return all(near)
