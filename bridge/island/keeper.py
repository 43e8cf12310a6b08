"""Keeps the home supplied while the grid is gone: reads, decides, commands, remembers, and tells of it."""

from __future__ import annotations

import json
import logging
import math
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from bridge.choices import ChoicesChanged
from bridge.events import ModuleRemoved, ReadingTaken
from bridge.flows import FlowsChanged
from bridge.grid import GridChanged, GridState
from bridge.island.charge import backup_s
from bridge.island.commanding import IslandCommands
from bridge.island.decision import decide
from bridge.island.memory import Memory
from bridge.island.mode import Facts, HomeMode, ModeChanged, due
from bridge.island.observation import Observation
from bridge.island.smoothed import Smoothed
from bridge.record import OperatingMode
from hw.module import ModuleKind

if TYPE_CHECKING:
    from bridge.flows import Flows
    from bridge.home import Home
    from bridge.island.memory import Shed
    from bridge.island.settings import IslandSettings
    from bridge.island.situation import Situation
    from hw.reading import Reading
    from matter_node.clock import Timer

TICK: Final = 1.0
"""Seconds from one look at the home to the next while it is an island."""
CALM_TICK: Final = 10.0
"""The same while it is none."""
SMOOTHED_S: Final = 300.0
"""Seconds over which the critical load is smoothed."""
WHOLE_S: Final = 30.0
"""Seconds after the start in which every module is to be read once before the critical load is known."""
APART_S: Final = 3.0
"""Seconds after the grid or a load went or came in which readings of before and after are mixed."""
_KEY: Final = "island/memory"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LoadShed:
    """A load was switched off so that the rest of the home can go on, or was given power again.

    :ivar power_w: what it took before, or is expected to take
    :ivar because: why it is off; empty when it is given power again
    """

    module: str
    shed: bool
    power_w: float
    because: str


@dataclass(frozen=True, slots=True)
class BackupChanged:
    """How long the home could go on without the grid was worked out anew; None if nobody knows."""

    seconds: float | None


@dataclass(frozen=True, slots=True)
class LoadOff:
    """A load that is off, for people.

    :ivar since: UTC, seconds since 1970
    """

    module: str
    name: str
    since: float
    power_w: float
    because: str


class IslandKeeper:
    """The home's mode, and what is done in it.

    :ivar backup_s: seconds for which the batteries carry the present critical load; None if nobody knows
    :ivar settings: how the home lives without the grid
    """

    def __init__(self, home: Home, settings: IslandSettings) -> None:
        self.settings = settings
        self._home = home
        self._clock = home.clock
        self._seen = Observation(home.registry)
        self._commands = IslandCommands(home.registry, home.arbiter, home.bus, settings)
        self._memory = self._kept() if settings.enabled else self._given_up(self._kept())
        self._import_w = 0.0
        self._critical = Smoothed(SMOOTHED_S)
        self._mixed_until = -math.inf
        self._timer: Timer | None = None
        self._begun = self._clock.monotonic()
        self._stepping = self._again = False
        self.backup_s: float | None = None

    @property
    def mode(self) -> HomeMode:
        """How the home works now."""
        return self._memory.mode

    @property
    def lost_at(self) -> float | None:
        """When the grid went, UTC in seconds since 1970; None while it is there and all is as ever."""
        lost = self._memory.lost_at
        return None if lost is None else self._utc() - (self._clock.monotonic() - lost)

    @property
    def solar_limit_w(self) -> float | None:
        """What all producers together may give; None for all that they can."""
        return self._memory.solar_limit_w

    def off(self) -> list[LoadOff]:
        """Return the loads that are off because of the outage, in the order in which they went."""
        ago = self._utc() - self._clock.monotonic()
        return [
            LoadOff(each.load, self._name(each.load), each.since + ago, each.expected_w, each.cause)
            for each in self._memory.off
        ]

    def start(self) -> None:
        """Go on where a former run ended, and follow the home. The arbiter has been started."""
        bus = self._home.bus
        bus.subscribe(ReadingTaken, lambda event: self._read(event.reading))
        bus.subscribe(FlowsChanged, lambda event: self._flowed(event.flows))
        bus.subscribe(GridChanged, lambda _: self.look())
        bus.subscribe(ChoicesChanged, lambda _: self.look())
        bus.subscribe(ModuleRemoved, self._removed)
        if self.mode.apart:
            _log.warning("the home was in the mode %s when the hub ended, and still is", self.mode)
        self.look()

    def stop(self) -> None:
        """Look at the home no more. Loads that are off stay so until the next run or their own timers."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def use(self, settings: IslandSettings) -> None:
        """Live by other settings from now on; who switches the island off in an outage has all loads back."""
        before, self.settings = self.settings, settings
        self._commands.use(settings)
        if before.enabled and not settings.enabled and self.mode.apart:
            off, former = self._memory.off, self.mode
            self._remember(self._given_up(self._memory))
            self._changed_mode(former, "the island was switched off in the settings")
            for each in off:
                self._home.bus.publish(LoadShed(each.load, False, each.expected_w, ""))
        self.look()

    def look(self) -> None:
        """See in which mode the home has to be, and do what is due in it."""
        if self._stepping:
            self._again = True  # what was commanded has changed something: once more, from the outside
            return
        self._stepping = True
        try:
            self._look()
        finally:
            self._stepping = False
        again, self._again = self._again, False
        self._look_in(0.0 if again else TICK if self.mode.apart else CALM_TICK)

    # ------------------------------------------------------------------ what is heard

    def _read(self, reading: Reading) -> None:
        self._seen.note(reading, self._clock.monotonic())
        registry = self._home.registry
        if self.mode is HomeMode.ISLAND and reading.module in registry:
            record = registry[reading.module].record
            if record.kind is ModuleKind.BATTERY or self._memory.shed(record.key) is not None:
                self.look()

    def _flowed(self, flows: Flows) -> None:
        now = self._clock.monotonic()
        if self._home.grid.state is GridState.CONNECTED:
            self._import_w = float(flows.grid_w)
        if now - self._begun < WHOLE_S and any(each.reading is None for each in self._home.registry):
            return  # a home of which half was read uses next to nothing
        if now >= self._mixed_until:
            self._critical.add(max(self._seen.critical_w(float(flows.load_w), now), 0.0), now)

    def _removed(self, event: ModuleRemoved) -> None:
        key = event.record.key
        self._seen.forget(key)
        memory = self._memory
        self._remember(
            replace(
                memory,
                off=tuple(each for each in memory.off if each.load != key),
                giving=tuple(each for each in memory.giving if each != key),
                throttles={each: told for each, told in memory.throttles.items() if each != key},
            )
        )

    # ------------------------------------------------------------------ what is done

    def _look(self) -> None:
        now = self._clock.monotonic()
        if self._commands.given:
            left = tuple(each for each in self._memory.giving if each not in self._commands.given)
            self._commands.given.clear()
            self._remember(replace(self._memory, giving=left))
        while self._change_mode(now):
            pass
        if self.mode.apart:
            self._decide(now)
            self._change_mode(now)
        self._commands.carry_out(self._memory)
        self._work_out_backup(now)

    def _change_mode(self, now: float) -> bool:
        grid, memory, settings = self._home.grid, self._memory, self.settings
        state = grid.state if settings.enabled else GridState.UNKNOWN
        facts = Facts(
            state, grid.good_s, settings.stable_s, self._home.choices.mode, len(memory.off), grid.apart
        )
        row = due(memory.mode, facts)
        if row is None:
            return False
        before = memory.mode
        self._mixed_until = now + APART_S
        memory = replace(memory, mode=row.after)
        if row.after is HomeMode.ISLAND and not before.apart:
            memory = Memory(HomeMode.ISLAND, lost_at=now, giving=memory.giving)
        elif not row.after.apart:
            memory = Memory(row.after, giving=memory.giving)
        self._remember(memory)
        self._changed_mode(before, row.because)
        return True

    def _changed_mode(self, before: HomeMode, because: str) -> None:
        level = logging.WARNING if self.mode.apart else logging.INFO
        _log.log(level, "the home is %s now: %s", self.mode.value, because)
        time = datetime.fromtimestamp(self._utc(), UTC)
        self._home.bus.publish(ModeChanged(before, self.mode, because, time))

    def _decide(self, now: float) -> None:
        lost_at = self._memory.lost_at
        situation = self._seen.situation(now, now if lost_at is None else lost_at, self._import_w)
        before = self._memory.throttles
        decision = decide(self._memory, situation, self.settings)
        memory, back = decision.memory, decision.back
        if decision.shed:
            going = {each.load for each in decision.shed}
            memory = replace(memory, giving=tuple(each for each in memory.giving if each not in going))
        if back is not None and back.was_on and self._commands.can_be_switched_on(back.load):
            memory = replace(memory, giving=(*memory.giving, back.load))
        self._remember(memory)
        self._tell(decision.shed, back, situation)
        for key, throttle in memory.throttles.items():
            if key not in before or throttle.current_a != before[key].current_a:
                _log.info("%s may take %d A per phase", self._name(key), throttle.current_a)

    def _tell(self, shed: tuple[Shed, ...], back: Shed | None, situation: Situation) -> None:
        if not shed and back is None:
            return
        self._mixed_until = situation.now + APART_S
        # The loads are told before anybody hears of it.
        self._commands.carry_out(self._memory)
        soc = situation.soc_percent
        held = "unknown" if soc is None else f"{soc:.0f} %"
        for each in shed:
            _log.warning("%s goes off: %s (charge %s)", self._name(each.load), each.cause.value, held)
            self._home.bus.publish(LoadShed(each.load, True, each.power_w, each.cause))
        if back is not None:
            _log.info("%s has power again (charge %s)", self._name(back.load), held)
            self._home.bus.publish(LoadShed(back.load, False, back.expected_w, ""))

    def _work_out_backup(self, now: float) -> None:
        lost_at = now if self._memory.lost_at is None else self._memory.lost_at
        situation = self._seen.situation(now, lost_at, 0.0)
        seconds = None
        if situation.stores and self._critical.value is not None:
            usable = situation.above_wh(self.settings.floor_percent)
            seconds = backup_s(usable, self._critical.value)
        if seconds != self.backup_s:
            self.backup_s = seconds
            self._home.bus.publish(BackupChanged(seconds))

    # ------------------------------------------------------------------ what is kept

    def _remember(self, memory: Memory) -> None:
        """Keep it, on the disk what must outlive the hub. A full disk keeps no home from being supplied."""
        before, self._memory = self._memory, memory
        if _lasting(before) == _lasting(memory):
            return
        try:
            if memory.mode.apart or memory.giving:
                stored = {"at": self._clock.monotonic(), "memory": json.loads(memory.to_json())}
                self._home.storage.put(_KEY, json.dumps(stored).encode())
            else:
                self._home.storage.delete(_KEY)
        except OSError as error:
            _log.error("cannot keep what was done on the island: %s", error)

    def _kept(self) -> Memory:
        now, fresh = self._clock.monotonic(), Memory(mode=_chosen(self._home.choices.mode))
        stored = self._home.storage.get(_KEY)
        if stored is None:
            return fresh
        try:
            values = json.loads(stored)
            memory = Memory.from_json(json.dumps(values["memory"]).encode()).moved(now - values["at"])
        except (ValueError, KeyError, TypeError) as error:
            _log.error("what was done on the island cannot be read, and is forgotten: %r", error)
            return fresh
        known = self._home.registry
        return replace(
            memory,
            off=tuple(each for each in memory.off if each.load in known),
            giving=tuple(each for each in memory.giving if each in known),
            solar_limit_w=None,
        )

    def _given_up(self, memory: Memory) -> Memory:
        """Return what there is to do when nobody looks after the home without the grid: give loads back."""
        back = (each.load for each in memory.off if each.was_on)
        giving = (each for each in back if self._commands.can_be_switched_on(each))
        return Memory(_chosen(self._home.choices.mode), giving=(*memory.giving, *giving))

    def _look_in(self, delay: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._clock.call_later(delay, self.look)

    def _name(self, module: str) -> str:
        registry = self._home.registry
        return registry[module].record.name if module in registry else module

    def _utc(self) -> float:
        return self._clock.utc() or 0.0


def _lasting(memory: Memory) -> tuple[object, ...]:
    """Return what of the memory has to outlive the hub."""
    return memory.mode, memory.lost_at, memory.off, memory.back, memory.giving


def _chosen(mode: OperatingMode) -> HomeMode:
    return HomeMode.AUTONOMOUS if mode is OperatingMode.AUTONOMOUS else HomeMode.FEDERATED
