"""Where the home's power comes from and goes to, now."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bridge.events import ReadingTaken
from hw.module import ModuleKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bridge.events import EventBus
    from bridge.registry import RegisteredModule, Registry
    from matter_node.clock import Clock

SPACING: Final = 1.0
"""Seconds from one balance to the next, at least: modules are read that often, one after the other."""
GRID_ROLE: Final = "grid"
SUPPLY_ROLES: Final = frozenset({"", GRID_ROLE})
"""Roles of meters that are at the supply."""


@dataclass(frozen=True, slots=True)
class Flows:
    """The home's balance, in whole watts, so that it adds up exactly: grid = load + solar + storage.

    :ivar grid_w: positive while the home draws from the grid
    :ivar solar_w: of all producers, negative while they produce
    :ivar storage_w: of all batteries, positive while they charge
    :ivar load_w: what everything else takes, chargers and plugs included
    :ivar measured: a meter measures the grid; else the loads that can be measured are all that is known
    """

    grid_w: int
    solar_w: int
    storage_w: int
    load_w: int
    measured: bool


@dataclass(frozen=True, slots=True)
class FlowsChanged:
    """The home's balance was struck anew."""

    flows: Flows


class FlowMeter:
    """Strikes the balance from the modules' last readings, at most once a second."""

    def __init__(
        self, registry: Registry, bus: EventBus, clock: Clock, *, lost: Callable[[], bool] = lambda: False
    ) -> None:
        """Follow modules; nothing flows from or to a grid that is gone, whether or not a meter says so.

        :param lost: tells whether the grid is gone
        """
        self._lost = lost
        self._registry = registry
        self._bus = bus
        self._clock = clock
        self._next = -math.inf
        self._unsubscribe: Callable[[], None] | None = None
        self.flows: Flows | None = None
        """The last balance; None until a module was read."""

    def start(self) -> None:
        """Follow the readings."""
        self._unsubscribe = self._bus.subscribe(ReadingTaken, lambda _: self._due())

    def stop(self) -> None:
        """Follow no more."""
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None

    def _due(self) -> None:
        now = self._clock.monotonic()
        if now < self._next:
            return
        self._next = now + SPACING
        self.flows = self.balance()
        self._bus.publish(FlowsChanged(self.flows))

    def balance(self) -> Flows:
        """Return the balance of the modules that answer; one that does not takes and gives nothing."""
        solar = self._sum(ModuleKind.MICROINVERTER)
        storage = self._sum(ModuleKind.BATTERY)
        if self._lost():
            return Flows(0, solar, storage, -solar - storage, measured=True)
        meters = [module for module in self._answering(ModuleKind.METER) if is_at_the_supply(module)]
        if meters:
            grid = sum(_watts(module) for module in meters)
            return Flows(grid, solar, storage, grid - solar - storage, measured=True)
        load = self._sum(ModuleKind.LOAD) + self._sum(ModuleKind.EVSE)
        return Flows(load + solar + storage, solar, storage, load, measured=False)

    def _sum(self, kind: ModuleKind) -> int:
        return sum(_watts(module) for module in self._answering(kind))

    def _answering(self, kind: ModuleKind) -> Iterator[RegisteredModule]:
        for module in self._registry:
            if module.record.kind is kind and module.reachable and module.reading is not None:
                yield module


def is_at_the_supply(module: RegisteredModule) -> bool:
    """Tell whether a module is a meter that measures what the home draws from the grid and feeds into it."""
    return module.record.kind is ModuleKind.METER and module.record.role in SUPPLY_ROLES


def _watts(module: RegisteredModule) -> int:
    power = module.reading.power_w if module.reading is not None else None
    return round(power) if power is not None and math.isfinite(power) else 0
