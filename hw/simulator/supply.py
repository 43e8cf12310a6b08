"""What the sockets of the simulated home have: the street's grid, the battery's own, or nothing.

A battery that loses the grid makes the home's voltage itself. It carries more than its rating for a few
seconds, lifts the frequency where there is more sun than it can take, and gives up when it is overloaded,
empty, fed with sun that nobody takes, or told a power that is not the home's. Then the home is dark until it
dares again. Pauses are in the commander's seconds, whatever the simulation's speed is.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hw.simulator.physics import Battery

OVERLOAD_S = 10.0
"""For so long a battery carries more than it is rated for, or takes more than it can."""
SURGE = 2.0
"""Times its rating that it carries at most, however short."""
RETRY_S = 20.0
"""After so long in the dark a battery tries again."""
RECONNECT_S = 5.0
"""So long the grid has to be back before the battery gives the home to it."""
SPARE_PERCENT = 2.0
"""Charge above what it keeps back that a battery needs to start again without the sun."""
SUN_W = 100.0
"""Sun on the roof that is worth a start."""
LEAST_SHARE = 0.02
"""Share of the sun below which inverters cannot be pushed by the frequency."""
NOMINAL_HZ = 50.0
SHIFT_HZ = 0.2
"""Above nominal, where inverters begin to give less; a hertz further they give nothing."""
HIGHEST_HZ = 1.4
"""Above nominal, as far as a battery pushes when nobody follows."""


class SupplyState(StrEnum):
    """Who supplies the home."""

    GRID = "grid"
    ISLAND = "island"
    DARK = "dark"


class Wires(Protocol):
    """What a device is connected to."""

    voltages_v: tuple[float, float, float]
    frequency_hz: float


@dataclass(slots=True)
class HomeSupply:
    """The home's side of the main switch."""

    state: SupplyState = SupplyState.GRID
    grid: bool = True
    """Whether the street has power."""
    voltages_v: tuple[float, float, float] = (231.0, 230.0, 232.0)
    frequency_hz: float = NOMINAL_HZ
    share: float = 1.0
    """How much of the sun the frequency lets inverters give."""
    blackouts: int = 0
    because: str = ""
    """Why it was dark last."""
    _waited_s: float = 0.0
    _strained_s: float = 0.0
    _starting: bool = False
    """It has been started from what is kept for that, and the sun has to help."""

    @property
    def live(self) -> bool:
        """Whether there is voltage."""
        return self.state is not SupplyState.DARK

    def pass_time(self, seconds: float, battery: Battery | None, sun_w: float) -> None:
        """Let the commander's time pass: the grid goes, comes back, or the battery dares again.

        :param sun_w: what the inverters could give
        """
        self._waited_s += seconds
        if self.state is SupplyState.GRID:
            if not self.grid:
                self._leave(battery)
        elif self.state is SupplyState.DARK:
            if self.grid:
                self._become(SupplyState.GRID, battery)
            elif battery is not None and self._waited_s >= RETRY_S and self._dares(battery, sun_w):
                self._form(battery)
                self._starting = battery.soc_percent < battery.kept_percent + SPARE_PERCENT
        elif not self.grid:
            self._waited_s = 0.0
        elif self._waited_s >= RECONNECT_S:
            self._become(SupplyState.GRID, battery)

    def follow(self, voltages_v: tuple[float, float, float], frequency_hz: float) -> None:
        """Have what the street has."""
        self.voltages_v, self.frequency_hz = voltages_v, frequency_hz

    def carry(self, battery: Battery, seconds: float, own_s: float, phases_w: Sequence[float]) -> None:
        """Let the battery balance the home, or give up.

        :param own_s: the commander's seconds
        :param phases_w: what the home takes without it, less its sun
        """
        need = sum(phases_w)
        room, most = battery.charge_max_w(seconds), battery.discharge_max_w(seconds, starting=self._starting)
        if not battery.allows(-need):
            self._give_up(battery, "it was told another power than the home's")
        elif need > 0 and (most <= 0 or need > SURGE * battery.power_max_w):
            self._give_up(battery, "the battery is empty" if most <= 0 else "far too much load")
        else:
            strained = need > most or -need > room * 1.05 + 50
            self._strained_s = self._strained_s + own_s if strained else 0.0
            if self._strained_s > OVERLOAD_S:
                self._give_up(battery, "too much load" if need > 0 else "sun that nobody takes")
                return
            battery.take(-need, seconds)
            self._shift(max(0.0, -need), room, phases_w)
        if battery.soc_percent >= battery.kept_percent + SPARE_PERCENT:
            self._starting = False

    def _shift(self, surplus_w: float, room_w: float, phases_w: Sequence[float]) -> None:
        """Set frequency and voltage: more sun than room pushes the frequency up."""
        if surplus_w > room_w:
            self.share = max(LEAST_SHARE, self.share * (1 - (surplus_w - room_w) / (surplus_w + 500)))
        elif self.share < 1:
            self.share = min(1.0, self.share * (1 + (room_w - surplus_w) / (surplus_w + 500)) + 0.01)
        above = 0.0 if self.share >= 1 else SHIFT_HZ + 1 - self.share
        if self.share <= LEAST_SHARE:
            above = HIGHEST_HZ
        self.frequency_hz = NOMINAL_HZ + above
        a, b, c = phases_w
        self.voltages_v = (230.0 - a * 1e-3, 230.0 - b * 1e-3, 230.0 - c * 1e-3)

    def _leave(self, battery: Battery | None) -> None:
        if battery is None or battery.soc_percent <= battery.kept_percent:
            self._give_up(battery, "there is nothing that could supply it")
        else:
            self._form(battery)

    def _form(self, battery: Battery) -> None:
        """Begin to supply the home: what the battery was told with the grid is void."""
        battery.charge_rate = battery.discharge_rate = None
        battery.timer.left = 0.0
        self._starting = False
        self._become(SupplyState.ISLAND, battery)
        self.voltages_v, self.frequency_hz = (230.0, 230.0, 230.0), NOMINAL_HZ

    def _dares(self, battery: Battery, sun_w: float) -> bool:
        if battery.soc_percent >= battery.kept_percent + SPARE_PERCENT:
            return True
        return sun_w >= SUN_W and battery.soc_percent > battery.FLOOR_PERCENT + 0.5

    def _give_up(self, battery: Battery | None, because: str) -> None:
        if battery is not None:
            battery.power_w = 0.0
        self.blackouts += 1
        self.because = because
        self._become(SupplyState.DARK, battery)
        self.voltages_v, self.frequency_hz = (0.0, 0.0, 0.0), 0.0

    def _become(self, state: SupplyState, battery: Battery | None) -> None:
        self.state = state
        if battery is not None:
            battery.forming = {SupplyState.GRID: False, SupplyState.ISLAND: True}.get(state)
        self.share = 1.0
        self._waited_s = self._strained_s = 0.0
