"""What the simulated modules do with light, limits and commands. AC powers are import positive."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

    from hw.simulator.weather import Sun


@dataclass(slots=True)
class Timer:
    """A revert timer of a control; runs in the commander's seconds whatever the simulation's speed is."""

    left: float = 0.0

    def step(self, seconds: float) -> bool:
        """Let time pass; return whether it ran out just now."""
        if self.left <= 0:
            return False
        self.left = max(0.0, self.left - seconds)
        return self.left == 0


GOOD_OHM = 2_000_000.0
"""Isolation resistance of panels and cables that are dry and whole."""


class Health(Enum):
    """What is wrong with a panel."""

    GOOD = auto()
    SAGGING = auto()
    """Gives 40 % less than its light, such as from a loose plug or a shadow that was not there."""
    DEAD = auto()
    """No DC input although the sun shines."""
    DARK = auto()
    """No light, as at night."""


@dataclass(slots=True)
class SolarInverter:
    """A microinverter with its panels."""

    rated_w: float
    panel_w: float
    """Peak power of the panels."""
    strings: int
    tilt: float
    azimuth: float
    soiling: float
    energy_wh: float
    string_energy_wh: list[float] = field(default_factory=list)
    health: Health = Health.GOOD
    limit_percent: float = 100.0
    limited: bool = False
    connected: bool = True
    limit_timer: Timer = field(default_factory=Timer)
    connect_timer: Timer = field(default_factory=Timer)
    power_w: float = 0.0
    dc_w: float = 0.0
    available_w: float = 0.0
    light: float = 0.0
    """W/m2 on the panels."""
    temperature_c: float = 20.0
    throttled: bool = False
    """Whether it gave less than it could over the last step."""
    supplied: bool = True
    """Whether there is voltage at its AC terminals: without it does nothing."""
    share: float = 1.0
    """How much of what it could give the frequency lets it give."""
    deaf: bool = False
    """It heeds no frequency."""
    isolation_ohm: float = GOOD_OHM
    """Between its DC inputs and earth."""
    waits_s: float = 0.0
    """For so long it still watches the voltage before it feeds in, after it was without."""

    EFFICIENCY = 0.965
    WAKE_W = 2.0
    RECONNECT_S = 60.0

    @property
    def asleep(self) -> bool:
        """Whether there is too little light to run."""
        return self.light < 5.0

    def step(self, seconds: float, sun: Sun, transmittance: float, ambient_c: float) -> None:
        """Let time pass."""
        dark = self.health is Health.DARK
        self.light = 0.0 if dark else sun.on_plane(self.tilt, self.azimuth, transmittance)
        panel_c = ambient_c + 0.03 * self.light
        share = {Health.SAGGING: 0.6, Health.DEAD: 0.0}.get(self.health, 1.0)
        heat = 1 - 0.0035 * (panel_c - 25)
        dc = self.panel_w * self.light / 1000 * self.soiling * heat * share
        self.available_w = min(self.rated_w, max(0.0, dc * self.EFFICIENCY))
        limit = self.rated_w * self.limit_percent / 100 if self.limited else self.rated_w
        if not self.supplied:
            self.waits_s = self.RECONNECT_S
        ready = self.connected and self.supplied and self.waits_s <= 0
        running = ready and not self.asleep and self.available_w > self.WAKE_W
        share = 1.0 if self.deaf else self.share
        out = min(self.available_w * share, limit) if running else 0.0
        self.power_w = -out if out else 0.0
        self.dc_w = out / self.EFFICIENCY
        self.throttled = running and out < self.available_w
        self.energy_wh += out * seconds / 3600
        for index in range(self.strings):
            self.string_energy_wh[index] += self.dc_w / self.strings * seconds / 3600
        self.temperature_c += (panel_c + 0.02 * out - self.temperature_c) * (1 - math.exp(-seconds / 300))

    def pass_time(self, seconds: float) -> None:
        """Run the revert timers down."""
        if self.limit_timer.step(seconds):
            self.limited = False
        if self.connect_timer.step(seconds):
            self.connected = True
        if self.supplied:
            self.waits_s = max(0.0, self.waits_s - seconds)


@dataclass(slots=True)
class Battery:
    """A battery with its own inverter that keeps the grid meter at zero unless it is told otherwise."""

    capacity_wh: float = 5120.0
    power_max_w: float = 2500.0
    energy_wh: float = 2560.0
    """In the cells now."""
    reserve_percent: float = 10.0
    charge_rate: float | None = None
    """Commanded most that it may charge with, W; negative forces a discharge. None: not commanded."""
    discharge_rate: float | None = None
    """Commanded most that it may discharge with, W; negative forces a charge. None: not commanded."""
    timer: Timer = field(default_factory=Timer)
    power_w: float = 0.0
    imported_wh: float = 812_000.0
    exported_wh: float = 731_000.0
    temperature_c: float = 24.0
    forming: bool | None = False
    """Whether it makes the home's voltage; None while there is none."""
    seen_w: float = 0.0
    """What it saw at the grid meter a step ago, its own power left out: it follows one step behind."""

    EFFICIENCY = 0.96
    """One way."""
    FLOOR_PERCENT = 5.0
    """The cells' own protection."""
    TAPER_PERCENT = 90.0
    """Above it the management system lets less and less in."""

    @property
    def soc_percent(self) -> float:
        """State of charge."""
        return 100 * self.energy_wh / self.capacity_wh

    @property
    def cycles(self) -> int:
        """Full cycles so far, from the energy that went in."""
        return int((self.imported_wh * self.EFFICIENCY) / self.capacity_wh)

    @property
    def voltage_v(self) -> float:
        """At the cells' terminals: 16 lithium iron phosphate cells in series."""
        return 16 * self.cell_voltage_v

    @property
    def cell_voltage_v(self) -> float:
        """Mean of a cell."""
        return 3.0 + 0.35 * math.pow(self.soc_percent / 100, 0.3) + 0.00002 * self.power_w

    def charge_max_w(self, seconds: float) -> float:
        """Return the most that the cells take at the AC terminals over the coming seconds."""
        taper = 1.0
        if self.soc_percent > self.TAPER_PERCENT:
            taper = max(0.04, (100 - self.soc_percent) / (100 - self.TAPER_PERCENT))
        room = (self.capacity_wh - self.energy_wh) * 3600 / seconds / self.EFFICIENCY
        return max(0.0, min(self.power_max_w * taper, room))

    @property
    def kept_percent(self) -> float:
        """State of charge below which it gives nothing."""
        return max(self.reserve_percent, self.FLOOR_PERCENT)

    def discharge_max_w(self, seconds: float, *, starting: bool = False) -> float:
        """Return the most that the cells give at the AC terminals over the coming seconds.

        :param starting: what is kept back may be used, too
        """
        floor = (self.FLOOR_PERCENT if starting else self.kept_percent) / 100 * self.capacity_wh
        above = (self.energy_wh - floor) * 3600 / seconds * self.EFFICIENCY
        return max(0.0, min(self.power_max_w, above))

    def step(self, seconds: float, residual_w: float, ambient_c: float) -> None:
        """Let time pass; `residual_w` is what the grid meter would read without the battery."""
        want = -self.seen_w
        self.seen_w = residual_w
        if self.charge_rate is not None:
            want = min(want, self.charge_rate)
        if self.discharge_rate is not None:
            want = max(want, -self.discharge_rate)
        self.take(max(-self.discharge_max_w(seconds), min(self.charge_max_w(seconds), want)), seconds)
        self.warm(seconds, ambient_c)

    def allows(self, power_w: float) -> bool:
        """Tell whether a power is one that it was not forbidden to have; all that it can is no limit."""
        most_in, most_out = (
            math.inf if rate is None or rate >= self.power_max_w else rate
            for rate in (self.charge_rate, self.discharge_rate)
        )
        return -most_out - 1 <= power_w <= most_in + 1

    def take(self, power_w: float, seconds: float) -> None:
        """Charge with a power for a time; give when it is negative."""
        self.power_w = power_w or 0.0
        energy = self.power_w * seconds / 3600
        if energy > 0:
            self.imported_wh += energy
            self.energy_wh = min(self.capacity_wh, self.energy_wh + energy * self.EFFICIENCY)
        else:
            self.exported_wh -= energy
            self.energy_wh = max(0.0, self.energy_wh + energy / self.EFFICIENCY)

    def warm(self, seconds: float, ambient_c: float) -> None:
        """Let time pass for the cells' temperature."""
        target = ambient_c + 10 * (abs(self.power_w) / self.power_max_w)
        self.temperature_c += (target - self.temperature_c) * (1 - math.exp(-seconds / 1800))

    def pass_time(self, seconds: float) -> None:
        """Run the revert timer down."""
        if self.timer.step(seconds):
            self.charge_rate = self.discharge_rate = None


@dataclass(slots=True)
class GridMeter:
    """The meter at the home's connection."""

    power_w: float = 0.0
    phases_w: tuple[float, float, float] = (0.0, 0.0, 0.0)
    imported_wh: float = 4_321_000.0
    exported_wh: float = 2_345_000.0
    voltages_v: tuple[float, float, float] = (231.0, 230.0, 232.0)
    frequency_hz: float = 50.0
    sag_v: float = 0.0
    """How much less voltage the street has than usual."""

    def step(self, seconds: float, phases_w: tuple[float, float, float], random: Random) -> None:
        """Let time pass; count as a balancing meter does, the sum of the phases in one direction."""
        self.phases_w = phases_w
        self.power_w = sum(phases_w)
        energy = self.power_w * seconds / 3600
        self.imported_wh += max(0.0, energy)
        self.exported_wh += max(0.0, -energy)
        # The street's impedance lifts the voltage where power goes out.
        noise = random.gauss(0.0, 0.15)
        a, b, c = phases_w
        usual = (231.0 - a * 4e-4 + noise, 230.0 - b * 4e-4 - noise, 232.0 - c * 4e-4 + noise / 2)
        self.voltages_v = (usual[0] - self.sag_v, usual[1] - self.sag_v, usual[2] - self.sag_v)
        if not self.frequency_hz:
            self.frequency_hz = 50.0  # it was without voltage
        self.frequency_hz += 0.2 * (50.0 - self.frequency_hz) + random.gauss(0.0, 0.004)

    def darken(self) -> None:
        """Have no grid to measure; what it reads is picked up by the wires."""
        self.phases_w, self.power_w = (0.0, 0.0, 0.0), 0.0
        self.voltages_v, self.frequency_hz = (0.4, 0.3, 0.5), 0.0
