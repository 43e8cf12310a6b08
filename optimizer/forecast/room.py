"""What a room, or a tank, is as a thermal store: learned from its temperature and what heated or cooled it.

One heat capacity behind one resistance, as `optimizer.thermal_store` has it. For a time constant the model is
linear in everything else, so a row of time constants is tried, and for each the rest follows by least
squares: over half days, each from a beginning of its own, so that what is not known of one does not reach the
next, and so that the noise and the coarse steps of a thermometer do not make the room look leakier than it
is, as they do when each value is explained by the one before it. What does not fit (an open window) weighs
less (Huber). What nobody measures of the outside (its temperature where it is not known, sun, people) is
taken for a constant and a daily swing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from optimizer.formulation.program import Floats, Numbers

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
_MOST_SWING_K: Final = 25.0
_KNOWN_K, _UNKNOWN_K = (3.0, 2.0), (10.0, 5.0)
"""How far what is outside may be off from what is usual, and its daily swing: with its temperature known, and
without."""
_ALIKE: Final = 10.0
_SURE: Final = 5.0
"""How many times its standard error the effect of heating must be."""
_HUBER: Final = 1.5
_LEAST_NOISE_K: Final = 0.03
_ROUNDS: Final = 3
_TRIED: Final = 24
_KNOWN_OUTSIDE: Final = 0.9
_DAY_S: Final = 86_400
_LEAST_POINTS: Final = 8
"""Of a segment that is worth anything."""


@dataclass(frozen=True, slots=True)
class Room:
    """A thermal store's own figures.

    :ivar time_constant_h: after which a difference to outside has shrunk to 37 %
    :ivar resistance_k_per_w: how much warmer (or cooler) each watt of electricity keeps it than outside
    :ivar outside_c: mean of what is added to the temperature outside (sun, people) where that is known, and
        else of all that is outside
    :ivar swing_k: its daily swing: the factors of cosine and sine of the time of day, UTC
    :ivar knows_outside: whether the temperature outside is known, and is to be added
    :ivar explained: share of what its temperature did within half days that this explains, 0 for a usual one
    :ivar days: of data that say so, 0 for a usual one
    """

    time_constant_h: float
    resistance_k_per_w: float
    outside_c: float
    knows_outside: bool
    swing_k: tuple[float, float] = (0.0, 0.0)
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

    def outside(self, times_s: Numbers | Floats) -> Floats:
        """Return what is outside, or is to be added to it, at times in seconds since 1970."""
        outside: Floats = self.outside_c + _daily(times_s) @ np.array(self.swing_k)
        return outside


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
    start_s: int = 0,
    heats: bool = True,
) -> Room | None:
    """Return what a room is by its past; None when its past says too little, or nothing that can be.

    :param temperature_c: mean of each step; NaN where it is not known, as in the other rows
    :param power_w: electricity that heated it, or cooled it, a magnitude
    :param outside_c: None when it is not known; gaps are filled if there are few
    :param start_s: of the rows, in seconds since 1970
    """
    usable = ~np.isnan(temperature_c) & ~np.isnan(power_w)
    days = float(np.count_nonzero(usable)) * step_s / 86_400
    running = power_w[usable & (power_w > 0)] if len(power_w) else power_w
    if days < LEAST_DAYS or not len(running):
        return None
    outside = None if outside_c is None else _filled(outside_c, usable)
    middles: Floats = start_s + step_s * (np.arange(len(temperature_c), dtype=float) + 0.5)
    daily = _daily(middles)
    heat = power_w if heats else -power_w
    usual = 0.0 if outside is not None else USUAL_OUTSIDE_C[0 if heats else 1]
    data = _Segments.of(temperature_c, heat, outside, daily, SEGMENT_S // step_s, usual)
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
    if not SHORTEST_H < best.time_constant_h < LONGEST_H or max(map(abs, best.swing_k)) > _MOST_SWING_K:
        return None
    return Room(
        float(best.time_constant_h),
        float(best.resistance),
        float(best.offset_c),
        outside is not None,
        best.swing_k,
        best.explained,
        days,
    )


class _Fit(NamedTuple):
    """What least squares make of one time constant."""

    time_constant_h: float
    resistance: float
    resistance_error: float
    offset_c: float
    swing_k: tuple[float, float]
    error: float
    explained: float


@dataclass(frozen=True, slots=True)
class _Segments:
    """Half days, one a row. Inputs of a column act on the temperature from the column before to it.

    :ivar outside: zeros when nobody knows it
    :ivar daily: cosine and sine of the time of day
    :ivar known: where the temperature is known, and all inputs since the segment's beginning
    :ivar usual_c: what the outside comes to usually, beside what is known of it
    :ivar spread_k: how far that may be off, and how large its daily swing may be: of what the data leave
        open, the more usual is taken
    """

    temperature: Floats
    power: Floats
    outside: Floats
    daily: tuple[Floats, Floats]
    known: Floats
    usual_c: float
    spread_k: tuple[float, float]

    @classmethod
    def of(
        cls,
        temperature: Floats,
        power: Floats,
        outside: Floats | None,
        daily: Floats,
        length: int,
        usual_c: float,
    ) -> _Segments | None:
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
        inputs = (warm, between(heat), between(air), *(between(rows(each)) for each in daily.T))
        filled = [np.nan_to_num(each[whole]) for each in inputs]
        swings = (filled[3], filled[4])
        spread = _UNKNOWN_K if outside is None else _KNOWN_K
        warm, heat, air = filled[:3]
        return cls(warm, heat, air, swings, known[whole].astype(float), usual_c, spread)

    def fitted(self, hours: float, time_constant_h: float) -> _Fit:
        """Return the best that a time constant allows."""
        keep = float(np.exp(-hours / time_constant_h))
        fading: Floats = np.power(keep, np.arange(self.temperature.shape[1], dtype=float))
        lasting = np.broadcast_to(1 - fading, self.temperature.shape)
        inputs = [
            self._response(self.power, keep),
            lasting,
            *(self._response(each, keep) for each in self.daily),
        ]
        rest = self.temperature - self._response(self.outside, keep)
        usual = np.array([0.0, self.usual_c, 0.0, 0.0])
        weights, noise = self.known, _LEAST_NOISE_K
        for _ in range(_ROUNDS):
            # Neighbouring errors are much the same: they say less than as many of their own would.
            doubt = _ALIKE * noise**2 / np.array([np.inf, *self.spread_k, self.spread_k[1]]) ** 2
            y = _without(rest, fading, weights)
            columns = np.stack([_without(each, fading, weights) for each in inputs], axis=-1)
            squares = np.einsum("sk,ski,skj->ij", weights, columns, columns) + np.diag(doubt)
            inverse = np.linalg.pinv(squares, hermitian=True)
            factors = inverse @ (np.einsum("sk,ski,sk->i", weights, columns, y) + doubt * usual)
            residual = y - columns @ factors
            sizes = np.abs(residual[self.known > 0])
            noise = max(1.4826 * float(np.median(sizes)), _LEAST_NOISE_K)
            weights = self.known * np.minimum(1.0, _HUBER * noise / np.maximum(np.abs(residual), 1e-9))
        free = max(float(self.known.sum()) - len(factors) - len(self.temperature), 1.0)
        left = float((weights * residual**2).sum())
        total = float((weights * _without(self.temperature, np.ones_like(fading), weights) ** 2).sum())
        bounded = np.minimum(sizes, _HUBER * noise)
        return _Fit(
            time_constant_h,
            float(factors[0]),
            float(np.sqrt(max(inverse[0, 0] * left / free, 0.0))),
            float(factors[1]),
            (float(factors[2]), float(factors[3])),
            # Huber's own measure: time constants are compared by what all of the data say of them.
            float((bounded * (sizes - bounded / 2)).sum() + (doubt * (factors - usual) ** 2).sum() / 2),
            1 - left / total if total > 0 else 0.0,
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


def _daily(times_s: Numbers | Floats) -> Floats:
    """Return cosine and sine of the time of day, a row for each time."""
    angle = 2 * np.pi * np.asarray(times_s, float) / _DAY_S
    return np.stack([np.cos(angle), np.sin(angle)], axis=-1)


def _filled(outside_c: Floats, usable: NDArray[np.bool_]) -> Floats | None:
    """Return a row without gaps; None when too little of it is known where it counts."""
    known = ~np.isnan(outside_c)
    if not known.any() or known[usable].mean() < _KNOWN_OUTSIDE:
        return None
    at = np.arange(len(outside_c))
    return np.interp(at, at[known], outside_c[known])
