"""Loads that a plug switches."""

from __future__ import annotations

from dataclasses import dataclass, field

from hw.simulator.physics import Timer


@dataclass(slots=True)
class WaterHeater:
    """A tank with a thermostat and a heating rod, behind a relay with a flip-back timer."""

    energy_wh: float
    """What the plug has counted."""
    output: bool = True
    """Whether the relay is closed."""
    timer: Timer = field(default_factory=Timer)
    """Flips the relay when it runs out."""
    timer_set_s: float = 0.0
    """What the timer was set to."""
    heating: bool = True
    """What the thermostat wants."""
    water_c: float = 40.0
    power_w: float = 0.0
    supplied: bool = True
    """Whether the socket has power; without it the relay stays as it is, and forgets its timer."""
    initial: bool | None = None
    """What the relay is when the socket gets power again; None: what it was."""
    up_s: float = 86_400.0
    """Since when the socket has power."""

    RATED_W = 2000.0
    STANDBY_W = 0.6
    """What the plug itself takes."""
    TANK_WH_PER_K = 174.0
    """150 litres of water."""
    LOSS_W_PER_K = 1.8
    ON_BELOW_C = 55.0
    OFF_ABOVE_C = 62.0

    def switch(self, *, on: bool, flip_back_s: float | None = None) -> None:
        """Open or close the relay, for so long or until further notice."""
        self.output = on
        self.timer_set_s = self.timer.left = flip_back_s or 0.0

    def step(self, seconds: float, ambient_c: float) -> None:
        """Let time pass."""
        if self.water_c >= self.OFF_ABOVE_C:
            self.heating = False
        elif self.water_c <= self.ON_BELOW_C:
            self.heating = True
        if not self.supplied:
            self.timer_set_s = self.timer.left = self.up_s = 0.0
        elif not self.up_s and self.initial is not None:
            self.output = self.initial
        heat_w = self.RATED_W if self.output and self.heating and self.supplied else 0.0
        self.power_w = heat_w + self.STANDBY_W if self.supplied else 0.0
        loss_w = self.LOSS_W_PER_K * (self.water_c - ambient_c)
        self.water_c += (heat_w - loss_w) * seconds / 3600 / self.TANK_WH_PER_K
        self.energy_wh += heat_w * seconds / 3600
        if self.supplied:
            self.up_s += seconds

    def pass_time(self, seconds: float) -> None:
        """Run the flip-back timer down."""
        if self.timer.step(seconds):
            self.output = not self.output


class Pump(WaterHeater):
    """A pump behind such a relay: it runs whenever it has power."""

    __slots__ = ()

    RATED_W = 60.0

    def step(self, seconds: float, ambient_c: float) -> None:
        """Let time pass."""
        self.water_c, self.heating = ambient_c, True
        super().step(seconds, ambient_c)
