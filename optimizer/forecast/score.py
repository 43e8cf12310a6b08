"""How good forecasts were."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Score:
    """A forecast against what came, over the intervals that were measured.

    :ivar nmae: mean absolute error over mean measured power; None when nothing was used or produced
    :ivar nrmse: root of the mean squared error over mean measured power; None likewise
    :ivar bias: mean error over mean measured power, positive when too much was forecast; None likewise
    :ivar below_low: share of the intervals in which less came than the forecast's P10, which should be 0.1;
        None when it had none
    :ivar above_high: share in which more came than its P90; None when it had none
    :ivar coverage: share of the intervals that were measured
    :ivar mae: mean absolute error, in the unit of what was forecast; None when nothing was measured
    :ivar mean_error: mean error, in the same unit; None likewise
    """

    nmae: float | None
    nrmse: float | None
    bias: float | None
    below_low: float | None
    above_high: float | None
    coverage: float
    mae: float | None = None
    mean_error: float | None = None


def score(
    expected_w: Sequence[float],
    measured_w: Sequence[float],
    *,
    low_w: Sequence[float] | None = None,
    high_w: Sequence[float] | None = None,
) -> Score:
    """Return the score of a day, or of any equal intervals; measured NaN is a gap.

    :raises ValueError: the rows are not equally long, or empty
    """
    said, came = np.asarray(expected_w, float), np.asarray(measured_w, float)
    if said.shape != came.shape or not len(came):
        raise ValueError(f"{len(said)} forecast and {len(came)} measured values do not go together")
    known = ~np.isnan(came)
    coverage = float(known.mean())
    if not known.any():
        return Score(None, None, None, None, None, coverage)
    error, mean = (said - came)[known], float(came[known].mean())
    below = None if low_w is None else float((came < np.asarray(low_w, float) - 1e-9)[known].mean())
    above = None if high_w is None else float((came > np.asarray(high_w, float) + 1e-9)[known].mean())
    mae, mean_error = float(np.abs(error).mean()), float(error.mean())
    if mean <= 0:
        return Score(None, None, None, below, above, coverage, mae, mean_error)
    nrmse = float(np.sqrt((error**2).mean())) / mean
    return Score(mae / mean, nrmse, mean_error / mean, below, above, coverage, mae, mean_error)
