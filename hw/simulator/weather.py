"""The sun over one place, and the clouds before it.

The sun's path is the textbook's: declination after Cooper (1969), clear-sky irradiance on the ground after
Haurwitz (1945). The clouds are a Markov chain of sky states with a first-order autoregressive flicker within
each, drawn from a seed: the same seed gives the same sky.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime
    from random import Random

LATITUDE = 48.0
LONGITUDE = 11.0
DIFFUSE_SHARE = 0.15
"""Of the clear sky's light, what comes from everywhere and not from the sun."""


@dataclass(frozen=True, slots=True)
class Sun:
    """Where the sun stands and what it sends through a clear sky."""

    elevation: float
    """Radians above the horizon, negative at night."""
    azimuth: float
    """Radians from south, west positive."""
    clear_sky: float
    """W/m2 on level ground."""

    def on_plane(self, tilt: float, azimuth: float, transmittance: float) -> float:
        """Return W/m2 on a panel (radians as above) when `transmittance` of the beam passes the clouds."""
        if self.clear_sky <= 0:
            return 0.0
        sine = math.sin(self.elevation)
        incidence = sine * math.cos(tilt) + math.cos(self.elevation) * math.sin(tilt) * math.cos(
            self.azimuth - azimuth
        )
        # Near the horizon level-ground light over a small sine would give any number: no more than 8 times.
        beam = self.clear_sky * (1 - DIFFUSE_SHARE) * max(0.0, incidence) / max(sine, 0.125)
        # What clouds take from the beam comes back in part from the whole sky.
        diffuse = self.clear_sky * (DIFFUSE_SHARE + 0.25 * (1 - transmittance)) * (1 + math.cos(tilt)) / 2
        return beam * transmittance + diffuse


def sun_at(time: datetime, latitude: float = LATITUDE, longitude: float = LONGITUDE) -> Sun:
    """Return the sun over a place (degrees, north and east positive) at a UTC time."""
    day = time.timetuple().tm_yday
    hours = time.hour + time.minute / 60 + (time.second + time.microsecond / 1e6) / 3600
    declination = math.radians(23.45) * math.sin(2 * math.pi * (284 + day) / 365)
    angle = math.radians(15 * (hours + longitude / 15 - 12))
    north = math.radians(latitude)
    sine = math.sin(north) * math.sin(declination) + math.cos(north) * math.cos(declination) * math.cos(angle)
    elevation = math.asin(max(-1.0, min(1.0, sine)))
    azimuth = math.atan2(
        math.sin(angle),
        math.cos(angle) * math.sin(north) - math.tan(declination) * math.cos(north),
    )
    clear_sky = 1098 * sine * math.exp(-0.057 / sine) if sine > 0.001 else 0.0
    return Sun(elevation, azimuth, clear_sky)


@dataclass(frozen=True, slots=True)
class _Sky:
    transmittance: float
    flicker: float
    """Standard deviation of the flicker."""
    dwell_s: float
    next: tuple[tuple[int, float], ...]
    """States that follow, with their probabilities."""


_CLEAR, _BROKEN, _OVERCAST = 0, 1, 2
_SKIES = (
    _Sky(0.98, 0.01, 1800, ((_BROKEN, 1.0),)),
    _Sky(0.65, 0.22, 900, ((_CLEAR, 0.6), (_OVERCAST, 0.4))),
    _Sky(0.22, 0.05, 1200, ((_BROKEN, 1.0),)),
)
_FLICKER_S = 45.0
"""Time in which a cloud's edge passes the roof."""


class Clouds:
    """The clouds over the home."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._state = _CLEAR
        self._left = random.expovariate(1 / _SKIES[_CLEAR].dwell_s)
        self._level = _SKIES[_CLEAR].transmittance
        self._flicker = 0.0

    def step(self, seconds: float) -> float:
        """Let time pass; return the share of the sun's beam that comes through, 0.05 to 1."""
        self._left -= seconds
        while self._left <= 0:
            states, weights = zip(*_SKIES[self._state].next, strict=True)
            self._state = self._random.choices(states, weights)[0]
            self._left += self._random.expovariate(1 / _SKIES[self._state].dwell_s)
        sky = _SKIES[self._state]
        keep = math.exp(-seconds / _FLICKER_S)
        self._level = sky.transmittance + (self._level - sky.transmittance) * keep
        noise = sky.flicker * math.sqrt(1 - keep * keep)
        self._flicker = self._flicker * keep + self._random.gauss(0.0, 1.0) * noise
        return min(1.0, max(0.05, self._level + self._flicker))
