"""What a room, or a tank, is as a thermal store: learned from its temperature and what heated or cooled it.

One heat capacity behind one resistance, as `optimizer.thermal_store` has it. For a time constant the model is
linear in everything else, so a row of time constants is tried, and for each the rest follows by least
squares: over half days, each from a beginning of its own, so that what is not known of one does not reach the
next, and so that the noise and the coarse steps of a thermometer do not make the room look leakier than it
is, as they do when each value is explained by the one before it. What does not fit (an open window) weighs
less (Huber).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from optimizer.formulation.program import Floats

SEGMENT_S: Final = 12 * 3600
LEAST_DAYS: Final = 1.0
"""Of data, below which nothing is learned."""
LEAST_EXPLAINED: Final = 0.3
"""Share of what the temperature does within half a day that a model must explain to be used."""
SHORTEST_H, LONGEST_H = 1.0, 400.0
"""Time constants: a glass porch, and a bunker or a good tank."""
USUAL_H: Final = 20.0
"""Time constant of a room that nothing is known of."""
USUAL_RISE_K: Final = 30.0
"""How much warmer than outside it is taken to get when it is heated without a pause."""
USUAL_OUTSIDE_C: Final = (5.0, 30.0)
"""Of one that is heated, and of one that is cooled, when nobody says what it is outside."""
_LEAST_RISE_K, _MOST_RISE_K = 2.0, 400.0
_SURE: Final = 5.0
"""How many times its standard error the effect of heating must be."""
_HUBER: Final = 1.5
_LEAST_NOISE_K: Final = 0.03
_ROUNDS: Final = 4
_TRIED: Final = 40
_KNOWN_OUTSIDE: Final = 0.9
_LEAST_POINTS: Final = 8
"""Of a segment that is worth anything."""


@dataclass(frozen=True, slots=True)
class Room:
    """A thermal store's own figures.

    :ivar time_constant_h: after which a difference to outside has shrunk to 37 %
    :ivar resistance_k_per_w: how much warmer (or cooler) each watt of electricity keeps it than outside
    :ivar outside_c: what is added to the temperature outside (sun, people), where that is known, and else
        what it comes to on the whole
    :ivar knows_outside: which of both
    :ivar explained: share of what its temperature did within half days that this explains, 0 for a usual one
    :ivar days: of data that say so, 0 for a usual one
    """

    time_constant_h: float
    resistance_k_per_w: float
    outside_c: float
    knows_outside: bool
    explained: float = 0.0
    days: float = 0.0

    @property
    def capacity_wh_per_k(self) -> float:
        """Electricity that warms it by one kelvin."""
        return self.time_constant_h / self.resistance_k_per_w

    @property
    def loss_w_per_k(self) -> float:
        """Electricity that each kelvin of difference to outside takes."""
        return 1 / self.resistance_k_per_w


def usual_room(most_w: float, *, heats: bool, knows_outside: bool) -> Room:
    """Return what a room is taken for of which nothing is known but its heater's power."""
    usual = 0.0 if knows_outside else USUAL_OUTSIDE_C[0 if heats else 1]
    return Room(USUAL_H, USUAL_RISE_K / most_w, usual, knows_outside)


def learned_room(
    temperature_c: Floats,
    power_w: Floats,
    outside_c: Floats | None,
    step_s: int,
    *,
    heats: bool = True,
) -> Room | None:
    """Return what a room is by its past; None when its past says too little, or nothing that can be.

    :param temperature_c: mean of each step; NaN where it is not known, as in the other rows
    :param power_w: electricity that heated it, or cooled it, a magnitude
    :param outside_c: None when it is not known; gaps of an hour or so are filled
    """
    outside = None if outside_c is None else _filled(outside_c)
    usable = ~np.isnan(temperature_c) & ~np.isnan(power_w)
    days = float(np.count_nonzero(usable)) * step_s / 86_400
    running = power_w[usable & (power_w > 0)] if len(power_w) else power_w
    if days < LEAST_DAYS or not len(running):
        return None
    data = _Segments.of(temperature_c, power_w if heats else -power_w, outside, SEGMENT_S // step_s)
    if data is None:
        return None
    hours = step_s / 3600
    tried = np.geomspace(SHORTEST_H, LONGEST_H, _TRIED)
    best = min((data.fitted(hours, each) for each in tried), key=lambda fit: fit.error)
    step = (LONGEST_H / SHORTEST_H) ** (1 / (_TRIED - 1))
    near = best.time_constant_h * np.geomspace(1 / step, step, _TRIED // 2 + 1)
    best = min((data.fitted(hours, each) for each in near), key=lambda fit: fit.error)
    rise = best.resistance * float(np.percentile(running, 90))
    sure = best.resistance > _SURE * best.resistance_error
    if not sure or best.explained < LEAST_EXPLAINED or not _LEAST_RISE_K <= rise <= _MOST_RISE_K:
        return None
    if not SHORTEST_H < best.time_constant_h < LONGEST_H:
        return None
    return Room(
        float(best.time_constant_h),
        float(best.resistance),
        float(best.offset_c),
        outside is not None,
        best.explained,
        days,
    )


class _Fit(NamedTuple):
    """What least squares make of one time constant."""

    time_constant_h: float
    resistance: float
    resistance_error: float
    offset_c: float
    error: float
    explained: float


@dataclass(frozen=True, slots=True)
class _Segments:
    """Half days, one a row. Inputs of a column act on the temperature from the column before to it.

    :ivar outside: zeros when nobody knows it
    :ivar known: where the temperature is known, and all inputs since the segment's beginning
    """

    temperature: Floats
    power: Floats
    outside: Floats
    known: Floats

    @classmethod
    def of(cls, temperature: Floats, power: Floats, outside: Floats | None, length: int) -> _Segments | None:
        count = len(temperature) // length
        if not count:
            return None

        def rows(values: Floats) -> Floats:
            return np.array(values[len(values) - count * length :], float).reshape(count, length)

        def between(values: Floats) -> Floats:
            means = np.zeros_like(values)
            means[:, 1:] = (values[:, 1:] + values[:, :-1]) / 2
            return means

        warm, heat = rows(temperature), rows(power)
        air = np.zeros_like(warm) if outside is None else rows(outside)
        gap = np.isnan(between(heat)) | np.isnan(between(air))
        gap[:, 0] = False
        known = ~np.isnan(warm) & (np.cumsum(gap, axis=1) == 0)
        whole = known.sum(axis=1) >= _LEAST_POINTS
        if not whole.any():
            return None
        filled = [np.nan_to_num(each[whole]) for each in (warm, between(heat), between(air))]
        return cls(filled[0], filled[1], filled[2], known[whole].astype(float))

    def fitted(self, hours: float, time_constant_h: float) -> _Fit:
        """Return the best that a time constant allows."""
        keep = float(np.exp(-hours / time_constant_h))
        fading: Floats = np.power(keep, np.arange(self.temperature.shape[1], dtype=float))
        heat, air = self._response(self.power, keep), self._response(self.outside, keep)
        rest, lasting = self.temperature - air, np.broadcast_to(1 - fading, self.temperature.shape)
        weights = self.known
        for _ in range(_ROUNDS):
            y, x, one = (_without(each, fading, weights) for each in (rest, heat, lasting))
            solution, inverse = _least_squares(y, x, one, weights)
            residual = y - solution[0] * x - solution[1] * one
            sizes = np.abs(residual[self.known > 0])
            noise = max(1.4826 * float(np.median(sizes)), _LEAST_NOISE_K)
            weights = self.known * np.minimum(1.0, _HUBER * noise / np.maximum(np.abs(residual), 1e-9))
        count = max(float(self.known.sum()) - 2 - len(self.temperature), 1.0)
        squares = float((weights * residual**2).sum())
        flat = _without(rest + air, np.ones_like(fading), weights)
        total = float((weights * flat**2).sum())
        bounded = np.minimum(sizes, _HUBER * noise)
        return _Fit(
            time_constant_h,
            solution[0],
            float(np.sqrt(max(inverse * squares / count, 0.0))),
            solution[1],
            # Huber's own measure: time constants are compared by what all of the data say of them.
            float((bounded * (sizes - bounded / 2)).sum()),
            1 - squares / total if total > 0 else 0.0,
        )

    @staticmethod
    def _response(values: Floats, keep: float) -> Floats:
        """Return what inputs have made of the temperature at each column."""
        response = np.zeros_like(values)
        for column in range(1, values.shape[1]):
            response[:, column] = keep * response[:, column - 1] + (1 - keep) * values[:, column]
        return response


def _without(values: Floats, shape: Floats, weights: Floats) -> Floats:
    """Return rows less what of them has a shape: that of the temperature with which each begins."""
    share = (weights * values * shape).sum(axis=1) / np.maximum((weights * shape**2).sum(axis=1), 1e-12)
    without: Floats = values - share[:, None] * shape
    return without


def _least_squares(y: Floats, x: Floats, one: Floats, weights: Floats) -> tuple[tuple[float, float], float]:
    """Return the two factors, and how far the first one is off for a unit of noise, squared."""
    xx, xo, oo = (float((weights * a * b).sum()) for a, b in ((x, x), (x, one), (one, one)))
    xy, oy = float((weights * x * y).sum()), float((weights * one * y).sum())
    determinant = xx * oo - xo * xo
    if determinant <= 1e-9 * max(xx * oo, 1e-9):
        return (0.0, 0.0), np.inf
    return ((oo * xy - xo * oy) / determinant, (xx * oy - xo * xy) / determinant), oo / determinant


def _filled(outside_c: Floats) -> Floats | None:
    """Return a row without gaps; None when too little of it is known."""
    known = ~np.isnan(outside_c)
    if not known.any() or known.mean() < _KNOWN_OUTSIDE:
        return None
    at = np.arange(len(outside_c))
    return np.interp(at, at[known], outside_c[known])
