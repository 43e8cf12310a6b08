"""The limit on what the home feeds in, set by grid operator or contract: kept whatever is planned."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from bridge.command import Origin
from bridge.doubts import doubted
from bridge.feed_in_ceiling import FeedInCeiling
from bridge.flows import FlowsChanged
from bridge.island.mode import HomeMode
from bridge.state import StateError
from hw.module import ModuleKind
from hw.reading import Quality

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.home import Home
    from matter_node.clock import Timer

SOURCE: Final = "export-limit"
LOOK: Final = 5.0
"""Seconds from one look at the meter to the next."""
FRESH: Final = 15.0
"""Seconds after which the meter's reading says nothing about now, if it is read more often than that."""
SLOWEST: Final = 60.0
"""Seconds from one reading of a module to the next, at most, that can be set."""
MISSED: Final = 3.0
"""So many readings must fail to come from a meter that is read less often."""
FIRST_READINGS: Final = 30.0
"""Seconds that what a former run has left stays as it is while modules have not been read."""
MARGIN: Final = 0.02
"""Share of the limit that is kept clear of it."""

_log = logging.getLogger(__name__)


class ExportLimit:
    """Keeps the limit; while no meter says what is fed in, the panels give no more than the limit itself."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._limit_w: float | None = None
        self._ceiling = FeedInCeiling(home.registry, home.arbiter, home.clock, Origin.GRID_OPERATOR, SOURCE)
        self._timer: Timer | None = None
        self._unsubscribe: Callable[[], None] | None = None
        self._running = False
        self._begun = 0.0
        self._read = 0.0
        self._spacing = 0.0
        """Seconds between the last two readings of the meter."""

    def use(self, limit_w: float | None) -> None:
        """Keep another limit, or none."""
        self._limit_w = limit_w
        if not self._running:
            return
        if limit_w is None:
            self._ceiling.release("there is no limit any more")
        else:
            self._look()

    def start(self) -> None:
        """Begin to keep it."""
        self._running = True
        self._begun = self._home.clock.monotonic()
        self._unsubscribe = self._home.bus.subscribe(FlowsChanged, lambda _: self._see())
        self._look()

    def stop(self) -> None:
        """Look no more, and leave the inverters a limit that holds without the hub.

        Together they give no more than may be fed in, whatever the home takes. In an island they give what
        they can: nothing can be fed in, and nobody would be there to free them.
        """
        self._running = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None
        if self._limit_w is None or self._home.island.mode is HomeMode.ISLAND:
            return
        try:
            self._ceiling.leave(self._limit_w)
        except StateError as error:
            _log.error("the limit on what is fed in cannot be left to the inverters: %s", error)

    def _look(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._home.clock.call_later(LOOK, self._look) if self._limit_w is not None else None
        self._see()

    def _see(self) -> None:
        if self._limit_w is None:
            return
        if self._home.island.mode is HomeMode.ISLAND:
            # Nothing can be fed in, and a silent meter is no reason to keep the sun from the home.
            self._ceiling.release("the grid is gone")
            return
        if self._is_waking():
            return
        flows = self._home.flow_meter.balance()
        try:
            if self._is_blind():
                self._ceiling.limit(self._limit_w, flows)
            else:
                self._ceiling.hold((1 - MARGIN) * self._limit_w, flows, room=self._has_room())
        except StateError as error:
            _log.error("the limit on what is fed in cannot be kept: %s", error)

    def _is_waking(self) -> bool:
        """Whether what a former run has left is in force still, and the home was not read in whole yet."""
        if self._home.clock.monotonic() - self._begun > FIRST_READINGS or not self._ceiling.in_force:
            return False
        kinds = {ModuleKind.METER, ModuleKind.MICROINVERTER}
        return any(each.reading is None for each in self._home.registry if each.record.kind in kinds)

    def _is_blind(self) -> bool:
        """Whether no meter that can be believed says what is fed in now."""
        key = self._home.grid.meter()
        if key is None:
            return True
        module = self._home.registry[key]
        if not module.reachable or module.reading is None or module.reading.power_w is None:
            return True
        if doubted(self._home.faults.active(key)) is not None:
            return True
        read = module.reading.time.timestamp()
        if read != self._read:
            self._read, self._spacing = read, read - self._read if self._read else 0.0
        age = (self._home.clock.utc() or 0.0) - read
        oldest = max(FRESH, MISSED * min(self._spacing, SLOWEST))
        return module.reading.quality is Quality.STALE or age > oldest

    def _has_room(self) -> bool:
        """Whether a battery could take more than it does."""
        return any(
            module.record.kind is ModuleKind.BATTERY
            and module.reachable
            and module.reading is not None
            and module.reading.battery is not None
            and (module.reading.battery.soc_percent or 100.0) < 98.0
            and (module.reading.power_w or 0.0)
            < 0.95 * (module.record.nameplate.charge_power_w or module.record.nameplate.power_w or 0.0)
            for module in self._home.registry
        )
