"""Tying a forecast to what was measured just now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from optimizer.forecast.forecast import Forecast

if TYPE_CHECKING:
    from optimizer.horizon import Horizon

MEMORY_H: Final = 0.5
"""In which the difference between measurement and forecast falls to 1/e."""


def anchored(
    forecast: Forecast, horizon: Horizon, measured_w: float, said_w: float, *, memory_h: float = MEMORY_H
) -> Forecast:
    """Return a forecast that begins where the measurement is and goes over into what it said before.

    :param measured_w: mean power just before the horizon, a magnitude
    :param said_w: what the forecast says for that time
    """
    edges = np.array(horizon.offsets_s) / 3600
    # The mean of an exponential over each step, so that long steps are tied as little as they should be.
    decay = -np.diff(np.exp(-edges / memory_h)) * memory_h / np.diff(edges)
    shift = (measured_w - said_w) * decay
    rows = (np.array(values) + shift for values in (forecast.expected_w, forecast.low_w, forecast.high_w))
    return Forecast.of(*rows)
