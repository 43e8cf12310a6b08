"""What the people in the simulated home switch on."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime
    from random import Random


@dataclass(frozen=True, slots=True)
class Appliance:
    """Something that runs for a while now and then."""

    name: str
    power_w: float
    minutes: tuple[float, float]
    """Shortest and longest run."""
    per_day: float
    """Runs in a day when people are as active as on average."""
    phase: int


APPLIANCES = (
    Appliance("kettle", 2000, (2, 4), 5, 0),
    Appliance("oven", 1800, (20, 50), 0.7, 1),
    Appliance("hob", 1400, (10, 30), 1.6, 2),
    Appliance("washing machine", 900, (60, 100), 0.5, 1),
    Appliance("dishwasher", 1100, (50, 90), 0.6, 2),
    Appliance("vacuum cleaner", 700, (10, 25), 0.3, 0),
    Appliance("television", 120, (40, 180), 2, 0),
    Appliance("microwave", 1100, (1, 5), 3, 1),
)
STANDBY_W = (45.0, 30.0, 25.0)
FRIDGE_W = 85.0
FRIDGE_ON_S, FRIDGE_OFF_S = 900.0, 1500.0
_ACTIVITY = (
    0.2,
    0.1,
    0.1,
    0.1,
    0.2,
    0.6,
    1.4,
    1.8,
    1.3,
    0.9,
    0.9,
    1.2,
    1.6,
    1.1,
    0.8,
    0.8,
    1.1,
    1.7,
    2.2,
    2.0,
)
_ACTIVITY_LATE = (1.6, 1.2, 0.7, 0.4)


class Household:
    """The home's own consumption, phase by phase, drawn from a seed."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._running: dict[int, float] = {}
        """Seconds left, by index of the appliance."""
        self._fridge = random.uniform(0, FRIDGE_ON_S + FRIDGE_OFF_S)

    def step(self, time: datetime, seconds: float) -> tuple[float, float, float]:
        """Let time pass; return the watts taken on each phase."""
        activity = (_ACTIVITY + _ACTIVITY_LATE)[(time.hour + 1) % 24]
        phases = list(STANDBY_W)
        self._fridge = (self._fridge + seconds) % (FRIDGE_ON_S + FRIDGE_OFF_S)
        if self._fridge < FRIDGE_ON_S:
            phases[0] += FRIDGE_W
        for index, appliance in enumerate(APPLIANCES):
            left = self._running.get(index, 0.0) - seconds
            # One draw a step and appliance, whether it runs or not, keeps the sequence the same for a seed.
            draw = self._random.random()
            if left <= 0 and draw < 1 - math.exp(-appliance.per_day * activity * seconds / 86400):
                low, high = appliance.minutes
                left = (low + (high - low) * draw * 86400 / (appliance.per_day * activity * seconds)) * 60
            if left > 0:
                self._running[index] = left
                phases[appliance.phase] += appliance.power_w
            else:
                self._running.pop(index, None)
        return phases[0], phases[1], phases[2]
