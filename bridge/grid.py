"""Whether the grid is there, as the meter at the supply and the batteries see it.

No single reading and no meter that falls silent make an outage:

| the meter at the supply | a battery that tells | the grid |
|---|---|---|
| measures no voltage, twice in a row | | is gone |
| measures no voltage | forms an island | is gone |
| is silent since the battery began | forms an island, twice in a row | is gone |
| measures voltage and no power | began to form an island, three times in a row | is gone |
| there is none | forms an island, twice in a row | is gone |
| measures voltage | | is there |
| there is none | follows a grid | is there |
| does not answer | follows a grid, or there is none | nobody knows |
"""

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
"""Line to neutral; the first within whose limits the meter was counts. A grid of 230 V that sags to 120 V is
no good one of 120 V."""
GOOD_VOLTAGES: Final = {120.0: (0.917, 1.05), 230.0: (0.85, 1.10)}
"""Shares of the nominal voltage within which a home may return to the grid: IEEE 1547-2018, table 4, and
EN 50549-1:2019, clause 4.10.2."""
GOOD_FREQUENCIES: Final = {50.0: (49.5, 50.2), 60.0: (59.5, 60.1)}
"""The same of frequencies, in Hz."""
CONFIRMED: Final = 2
"""Readings in a row that an outage takes."""
CONTRADICTED: Final = 3
"""Readings in a row that it takes against a meter that measures voltage."""
NO_POWER_W: Final = 50.0
"""What a meter that is inside the island may still measure."""


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
    because: str = ""
    """What says that it is gone, for a person."""


@dataclass(slots=True)
class _Battery:
    """What a battery said of the grid lately."""

    forming: bool
    since: datetime
    readings: int = 1
    """In a row that say so."""


class GridWatch:
    """Follows the meter at the supply: the one whose role is `grid`, else the only one without a role.

    :ivar state: what is known of the grid
    """

    def __init__(self, registry: Registry, bus: EventBus) -> None:
        self._registry = registry
        self._bus = bus
        self._nominal = 0.0
        self._unsubscribe: list[Callable[[], None]] = []
        self._dead = 0
        """Readings in a row in which the meter measured no voltage."""
        self._heard: datetime | None = None
        """When the meter was last read."""
        self._alive: Reading | None = None
        """The meter's last reading, if it measured voltage."""
        self._batteries: dict[str, _Battery] = {}
        self._followed = False
        """Whether a battery followed the grid since it was last there."""
        self._inside = False
        """Whether the meter turned out to be inside the island."""
        self._good: tuple[datetime, datetime] | None = None
        """From when to when the grid was within limits without a break."""
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

    @property
    def good_s(self) -> float:
        """Seconds for which voltage and frequency have been within limits; 0 if they are not."""
        return 0.0 if self._good is None else (self._good[1] - self._good[0]).total_seconds()

    @property
    def apart(self) -> bool:
        """Whether a battery still supplies the home by itself, and no power flows through the meter."""
        power = None if self._alive is None else self._alive.power_w
        return self._islands() and not (power is not None and abs(power) >= NO_POWER_W)

    # ------------------------------------------------------------------ what is heard

    def _read(self, reading: Reading) -> None:
        if reading.module not in self._registry:
            return
        if self._registry[reading.module].record.kind is ModuleKind.BATTERY:
            if reading.grid_forming is None:
                self._batteries.pop(reading.module, None)
            else:
                self._battery_read(reading, forming=reading.grid_forming)
        elif reading.voltage_v is not None and reading.module == self.meter():
            self._meter_read(reading, reading.voltage_v)

    def _meter_read(self, reading: Reading, volts: float) -> None:
        self._heard = reading.time
        if not self._nominal:
            self._nominal = next((each for each in NOMINAL_VOLTAGES if _is_good(each, volts)), 0.0)
        nominal = self._nominal or NOMINAL_VOLTAGES[0]
        if volts < LOST_BELOW * nominal:
            self._dead += 1
            self._alive = self._good = None
            if self._dead >= CONFIRMED or self._islands():
                self._become(GridState.LOST, reading.time, "the meter at the supply measures no voltage")
            return
        self._dead = 0
        self._alive = reading
        if self._is_inside(reading):
            return
        if volts >= BACK_ABOVE * nominal or self.state is GridState.UNKNOWN:
            self._become(GridState.CONNECTED, reading.time)
        if self.state is GridState.CONNECTED:
            self._judge(reading, volts, nominal)

    def _is_inside(self, reading: Reading) -> bool:
        """Whether the meter measures what a battery makes, and says nothing of the grid."""
        power = reading.power_w
        if not (self._inside and self._islands() and power is not None and abs(power) < NO_POWER_W):
            self._inside = False
        return self._inside

    def _battery_read(self, reading: Reading, *, forming: bool) -> None:
        known = self._batteries.get(reading.module)
        if known is None or known.forming is not forming:
            known = self._batteries[reading.module] = _Battery(forming, reading.time)
        else:
            known.readings += 1
        if not forming:
            self._followed = self._followed or self.state is GridState.CONNECTED
            if self.meter() is None and not self._islands():
                self._become(GridState.CONNECTED, reading.time)
                self._good = (reading.time if self._good is None else self._good[0], reading.time)
            return
        if self.meter() is None:
            self._good = None
        if self._is_an_outage(known):
            name = self._registry[reading.module].record.name
            self._become(GridState.LOST, reading.time, f"{name} supplies the home without the grid")

    def _is_an_outage(self, said: _Battery) -> bool:
        """Whether a battery that forms an island is believed."""
        if self._dead:
            return True
        silent = self.meter() is None or self._heard is None or self._heard < said.since
        if silent:
            return said.readings >= CONFIRMED
        power = None if self._alive is None else self._alive.power_w
        idle = power is not None and abs(power) < NO_POWER_W
        # A battery takes its time to return to a grid that is there again: it must have followed it first.
        self._inside = idle and self._followed and said.readings >= CONTRADICTED
        return self._inside

    def _islands(self) -> bool:
        """Whether a battery that answers forms an island."""
        return any(
            said.forming and key in self._registry and self._registry[key].reachable
            for key, said in self._batteries.items()
        )

    def _reachability_changed(self, event: ReachabilityChanged) -> None:
        if not event.reachable:
            self._gone(event.module)

    def _gone(self, module: str) -> None:
        self._batteries.pop(module, None)
        meter = self.meter()
        if module == meter:
            self._dead, self._alive, self._heard, self._good = 0, None, None, None
        silent = meter is None or not self._registry[meter].reachable
        if silent and not self._islands():
            self._become(GridState.UNKNOWN, None)

    # ------------------------------------------------------------------ what follows

    def _judge(self, reading: Reading, volts: float, nominal: float) -> None:
        """See whether the home could return to the grid, and since when."""
        hertz = reading.frequency_hz
        good = _is_good(nominal, volts)
        if hertz is not None:
            near = min(GOOD_FREQUENCIES, key=lambda each: abs(each - hertz))
            slow, fast = GOOD_FREQUENCIES[near]
            good = good and slow <= hertz <= fast
        if not good:
            self._good = None
        else:
            self._good = (reading.time if self._good is None else self._good[0], reading.time)

    def _become(self, state: GridState, time: datetime | None, because: str = "") -> None:
        if state is self.state:
            return
        self.state = state
        if state is GridState.CONNECTED:
            self._followed = False
        else:
            self._good = None
        self._bus.publish(GridChanged(state, time, because))


def _is_good(nominal: float, volts: float) -> bool:
    low, high = GOOD_VOLTAGES[nominal]
    return low * nominal <= volts <= high * nominal
