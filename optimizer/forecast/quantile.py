"""Quantiles of columns with gaps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from optimizer.formulation.program import Floats


def quantiles(table: Floats, *shares: float) -> Floats:
    """Return a row for each share: the quantile of each column, NaN left out, as `numpy.nanquantile` has it.

    All columns at once: numpy goes through them one by one when there are gaps, which takes most of the time
    of a forecast.

    :param table: each column has a number at least
    :param shares: 0 to 1
    """
    ordered = np.sort(table, axis=0)  # puts gaps last
    last = (~np.isnan(table)).sum(axis=0) - 1
    at = np.array(shares)[:, None] * last
    below = np.floor(at).astype(int)
    above = np.minimum(below + 1, last)
    low, high = (np.take_along_axis(ordered, index, axis=0) for index in (below, above))
    between: Floats = low + (high - low) * (at - below)
    return between
