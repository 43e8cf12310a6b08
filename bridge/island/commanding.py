"""What the modules are told in an island: kept in force through the arbiter, and taken back afterwards."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from bridge.command import Aspect, CommandState, Origin
from bridge.events import CommandChanged
from bridge.island.mode import HomeMode
from bridge.island.observation import can_be_limited
from hw.module import ModuleKind
from hw.setpoint import SetpointKind

if TYPE_CHECKING:
    from bridge.arbiter import Arbiter
    from bridge.events import EventBus
    from bridge.island.memory import Memory
    from bridge.island.settings import IslandSettings
    from bridge.registry import RegisteredModule, Registry

SOURCE: Final = "island"
_CARRYING: Final = frozenset({HomeMode.ISLAND, HomeMode.RETURNING})
"""Modes in which the batteries carry the home."""
_STEP: Final = 1.0
"""Percent in which limits of producers are told: less is not worth a write."""

Told = tuple[SetpointKind, float | None]

_log = logging.getLogger(__name__)


class IslandCommands:
    """Tells the modules what the memory of the island says, and nothing twice."""

    def __init__(self, registry: Registry, arbiter: Arbiter, bus: EventBus, settings: IslandSettings) -> None:
        self._registry = registry
        self._arbiter = arbiter
        self._settings = settings
        self._refused: set[tuple[str, Told]] = set()
        self.given: set[str] = set()
        """Loads that said, since this was emptied, that they are on again."""
        bus.subscribe(CommandChanged, self._changed)

    def use(self, settings: IslandSettings) -> None:
        """Go by other settings from now on."""
        self._settings = settings

    def carry_out(self, memory: Memory) -> None:
        """Bring what is in force to what is remembered."""
        wanted = self._wanted(memory)
        for module in self._registry:
            told = wanted.get(module.key, {})
            for command in self._arbiter.live(module.key):
                if command.origin is not Origin.ISLAND or command.source != SOURCE:
                    continue
                if command.aspect in told and told[command.aspect] == (command.kind, command.value):
                    del told[command.aspect]
                elif command.aspect not in told:
                    self._arbiter.withdraw(command.id, "the grid is back" if not wanted else "not needed now")
            for each in told.values():
                self._tell(module.key, each)
        if memory.mode in _CARRYING:
            self._free_batteries()
        if not wanted:
            self._refused.clear()

    def can_be_switched_on(self, module: str) -> bool:
        """Tell whether nobody else has a word on whether a load is on: then the island switches it on."""
        if module not in self._registry or self._registry[module].record.kind is not ModuleKind.LOAD:
            return False
        others = (each for each in self._arbiter.live(module) if each.origin is not Origin.ISLAND)
        return all(each.aspect is not Aspect.CONNECTION for each in others)

    # ------------------------------------------------------------------ inside

    def _wanted(self, memory: Memory) -> dict[str, dict[Aspect | None, Told]]:
        wanted: dict[str, dict[Aspect | None, Told]] = {}
        for shed in memory.off:
            wanted[shed.load] = {Aspect.CONNECTION: (SetpointKind.CONNECT, 0.0)}
        for load in memory.giving:
            wanted.setdefault(load, {Aspect.CONNECTION: (SetpointKind.CONNECT, 1.0)})
        for key, throttle in memory.throttles.items():
            told = wanted.setdefault(key, {})
            told[Aspect.CURRENT] = (SetpointKind.CHARGE_CURRENT_A, float(throttle.current_a))
        if memory.mode in _CARRYING:
            sources = [each for each in self._registry if can_be_limited(each.record)]
            rated = sum(each.record.nameplate.power_w or 0.0 for each in sources)
            for module in self._registry:
                if module.record.kind is ModuleKind.BATTERY and not module.record.quarantined:
                    wanted[module.key] = self._for_battery(module)
                elif module in sources and memory.solar_limit_w is not None:
                    share = min(1.0, memory.solar_limit_w / rated)
                    wanted[module.key] = {Aspect.OUTPUT: _limit(module, share)}
        return wanted

    def _for_battery(self, module: RegisteredModule) -> dict[Aspect | None, Told]:
        """Return what lets a battery follow its own logic, whatever anybody else had told it.

        A limit of charging that is none keeps the plan's and people's powers out; its reserve is for now.
        """
        able, plate = module.record.capabilities.setpoints, module.record.nameplate
        told: dict[Aspect | None, Told] = {}
        most = plate.charge_power_w or plate.power_w
        if SetpointKind.CHARGE_LIMIT_W in able and most:
            told[Aspect.STORAGE] = (SetpointKind.CHARGE_LIMIT_W, most)
        if SetpointKind.RESERVE_PERCENT in able:
            told[Aspect.RESERVE] = (SetpointKind.RESERVE_PERCENT, self._settings.floor_percent)
        return told

    def _free_batteries(self) -> None:
        """Take back powers that people, programmes and the plan told batteries without such a limit."""
        for module in self._registry:
            if module.record.kind is not ModuleKind.BATTERY:
                continue
            live = self._arbiter.live(module.key)
            if any(each.origin is Origin.ISLAND and each.aspect is Aspect.STORAGE for each in live):
                continue
            for command in live:
                if command.origin > Origin.ISLAND and command.aspect is Aspect.STORAGE:
                    self._arbiter.withdraw(command.id, "the grid is gone: the battery carries the home")

    def _tell(self, module: str, told: Told) -> None:
        if (module, told) in self._refused:
            return
        kind, value = told
        try:
            command = self._arbiter.submit(module, kind, value, origin=Origin.ISLAND, source=SOURCE)
        except OSError as error:
            _log.error("%s cannot be told %s now, and is in a second: %s", module, kind.value, error)
            return
        if command.state is CommandState.REFUSED:
            self._refused.add((module, told))

    def _changed(self, event: CommandChanged) -> None:
        command = event.command
        if command.origin is not Origin.ISLAND or command.source != SOURCE:
            return
        if command.state is CommandState.REFUSED:
            self._refused.add((command.module, (command.kind, command.value)))
        switched = command.kind is SetpointKind.CONNECT and command.value == 1
        if switched and command.state in {CommandState.DONE, CommandState.REFUSED}:
            self.given.add(command.module)


def _limit(module: RegisteredModule, share: float) -> Told:
    percent = round(100 * share / _STEP) * _STEP
    if SetpointKind.POWER_LIMIT_PERCENT in module.record.capabilities.setpoints:
        return SetpointKind.POWER_LIMIT_PERCENT, percent
    return SetpointKind.POWER_LIMIT_W, round(percent / 100 * (module.record.nameplate.power_w or 0.0))
