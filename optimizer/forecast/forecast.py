"""A forecast: expected power, and what it will hardly fall below or exceed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from optimizer.formulation.program import Floats


@dataclass(frozen=True, slots=True)
class Forecast:
    """Power in each step of a horizon, as magnitudes.

    :ivar expected_w: P50 or mean
    :ivar low_w: P10: nine times in ten it is more
    :ivar high_w: P90: nine times in ten it is less
    """

    expected_w: tuple[float, ...]
    low_w: tuple[float, ...]
    high_w: tuple[float, ...]

    @classmethod
    def of(cls, expected: Floats, low: Floats, high: Floats) -> Forecast:
        """Return a forecast whose values are in order, and never negative."""
        expected = np.maximum(expected, 0.0)
        low = np.clip(low, 0.0, expected)
        return cls(tuple(expected.tolist()), tuple(low.tolist()), tuple(np.maximum(high, expected).tolist()))
