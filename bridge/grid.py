"""Whether the grid is there, as the meter at the supply sees it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Final

from bridge.events import ModuleRemoved, ReachabilityChanged, ReadingTaken
from bridge.flows import GRID_ROLE
from hw.module import ModuleKind

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from bridge.events import EventBus
    from bridge.registry import Registry
    from hw.reading import Reading

LOST_BELOW: Final = 0.5
"""Share of the nominal voltage below which the grid is gone (IEEE 1547-2018, table 11: trip at once)."""
BACK_ABOVE: Final = 0.88
"""Share of the nominal voltage from which it is there again: the lower end of continuous operation there."""
NOMINAL_VOLTAGES: Final = (120.0, 230.0)
"""Line to neutral; the one nearest to what was measured while the grid was there counts."""


class GridState(IntEnum):
    """What is known of the grid."""

    UNKNOWN = 0
    CONNECTED = 1
    LOST = 2


@dataclass(frozen=True, slots=True)
class GridChanged:
    """The grid went away, came back, or nobody can tell any more."""

    state: GridState
    time: datetime | None
    """When the reading was taken that says so; None when there is none."""


class GridWatch:
    """Follows the meter at the supply: the one whose role is `grid`, else the only one without a role."""

    def __init__(self, registry: Registry, bus: EventBus) -> None:
        self._registry = registry
        self._bus = bus
        self._nominal = 0.0
        self._unsubscribe: list[Callable[[], None]] = []
        self.state = GridState.UNKNOWN

    def start(self) -> None:
        """Follow the meter."""
        self._unsubscribe = [
            self._bus.subscribe(ReadingTaken, lambda event: self._read(event.reading)),
            self._bus.subscribe(ReachabilityChanged, self._reachability_changed),
            self._bus.subscribe(ModuleRemoved, lambda event: self._gone(event.record.key)),
        ]

    def stop(self) -> None:
        """Follow no more."""
        for unsubscribe in self._unsubscribe:
            unsubscribe()
        self._unsubscribe = []

    def meter(self) -> str | None:
        """Return the key of the meter at the supply, None if there is none."""
        meters = [module for module in self._registry if module.record.kind is ModuleKind.METER]
        named = [module for module in meters if module.record.role == GRID_ROLE]
        plain = [module for module in meters if not module.record.role]
        chosen = named or plain
        return chosen[0].key if chosen else None

    def _read(self, reading: Reading) -> None:
        if reading.module not in self._registry or reading.module != self.meter():
            return
        volts = reading.voltage_v
        if volts is None:
            return
        if self.state is not GridState.LOST and volts >= LOST_BELOW * NOMINAL_VOLTAGES[0]:
            self._nominal = min(NOMINAL_VOLTAGES, key=lambda nominal: abs(nominal - volts))
        nominal = self._nominal or NOMINAL_VOLTAGES[0]
        if volts < LOST_BELOW * nominal:
            self._become(GridState.LOST, reading.time)
        elif volts >= BACK_ABOVE * nominal or self.state is GridState.UNKNOWN:
            self._become(GridState.CONNECTED, reading.time)

    def _reachability_changed(self, event: ReachabilityChanged) -> None:
        if not event.reachable:
            self._gone(event.module)

    def _gone(self, module: str) -> None:
        if module == self.meter() or self.meter() is None:
            self._become(GridState.UNKNOWN, None)

    def _become(self, state: GridState, time: datetime | None) -> None:
        if state is not self.state:
            self.state = state
            self._bus.publish(GridChanged(state, time))
