"""A charging point with the car that comes to it: what a go-eCharger does with force, limits and demand."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hw.simulator.physics import Timer

if TYPE_CHECKING:
    from datetime import datetime

    from hw.simulator.car import Car

NEUTRAL, OFF, ON = 0, 1, 2
"""Who decides whether the car may charge: the charger's own logic, which says yes, or a command."""


@dataclass(slots=True)
class ChargingPoint:
    """Three phases of 16 A, connected to the phases of the home in their order."""

    car: Car
    energy_wh: float
    """What it has counted in its life."""
    session_wh: float = 0.0
    force: int = NEUTRAL
    requested_a: int = 16
    """What the user set."""
    temporary_a: int | None = None
    """A limit that is forgotten after a while."""
    timer: Timer = field(default_factory=Timer)
    error: int = 0
    """Why it does not work; 0 when it does."""
    current_a: float = 0.0
    """On each phase, without what it takes itself."""
    voltages_v: tuple[float, float, float] = (230.0, 230.0, 230.0)
    has_charged: bool = False
    """In this session."""
    temperature_c: float = 22.0
    supplied: bool = True
    """Whether it has power."""
    starts_s: float = 0.0
    """So long it still talks with the car before that charges, after it was without power."""
    _plugged: bool = False

    INSTALLED_A = 16
    LEAST_A = 6
    PHASES = 3
    STANDBY_W = 3.0
    FORGETS_S = 600.0
    START_S = 20.0

    @property
    def allowed(self) -> bool:
        """Whether the car may charge."""
        return self.force != OFF and not self.error

    @property
    def limit_a(self) -> int:
        """What is offered while charging is allowed."""
        return min(self.INSTALLED_A, self.requested_a, self.temporary_a or self.INSTALLED_A)

    @property
    def powers_w(self) -> tuple[float, float, float]:
        """What the car takes from each phase."""
        a, b, c = (voltage * self.current_a for voltage in self.voltages_v)
        return a, b, c

    @property
    def power_w(self) -> float:
        """What car and charging point take together."""
        return math.fsum(self.powers_w) + self.standby_w

    @property
    def standby_w(self) -> float:
        """What it takes itself."""
        return self.STANDBY_W if self.supplied else 0.0

    def limit(self, amperes: int | None) -> None:
        """Set the temporary limit for the next ten minutes, or take it back."""
        self.temporary_a = amperes
        self.timer.left = 0.0 if amperes is None else self.FORGETS_S

    def step(
        self, seconds: float, now: datetime, voltages_v: tuple[float, float, float], ambient_c: float
    ) -> None:
        """Let time pass."""
        self.car.live(now)
        if self.car.plugged and not self._plugged:
            self.session_wh, self.has_charged = 0.0, False
        self._plugged = self.car.plugged
        self.voltages_v = voltages_v
        if not self.supplied:
            self.starts_s = self.START_S
        ready = self.allowed and self.supplied and self.starts_s <= 0
        offered = float(self.limit_a) if ready else 0.0
        self.current_a = self.car.draws_a(offered, sum(voltages_v) / 3, self.PHASES) if ready else 0.0
        energy = math.fsum(self.powers_w) * seconds / 3600
        if energy > 0:
            self.has_charged = True
            self.car.charge(energy)
            self.session_wh += energy
            self.energy_wh += energy
        target = ambient_c + 0.09 * self.current_a**2
        self.temperature_c += (target - self.temperature_c) * (1 - math.exp(-seconds / 900))

    def pass_time(self, seconds: float) -> None:
        """Run the timer of the temporary limit down."""
        if self.timer.step(seconds):
            self.temporary_a = None
        if self.supplied:
            self.starts_s = max(0.0, self.starts_s - seconds)
