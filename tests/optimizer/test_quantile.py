"""Quantiles of columns with gaps are numpy's, only faster."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from optimizer.forecast.quantile import quantiles

POWERS = st.floats(0, 1e6) | st.just(np.nan)


@given(arrays(float, array_shapes(min_dims=2, max_dims=2, max_side=12), elements=POWERS))
def test_they_are_those_of_numpy(table):
    known = table[:, ~np.isnan(table).all(axis=0)]
    if known.shape[1]:
        expected = np.nanquantile(known, (0.0, 0.1, 0.5, 0.9, 1.0), axis=0)
        assert quantiles(known, 0.0, 0.1, 0.5, 0.9, 1.0) == pytest.approx(expected, rel=1e-12, abs=1e-6)


def test_a_column_of_one_number_is_that_number():
    table = np.array([[np.nan, 1.0], [7.0, 3.0]])
    assert quantiles(table, 0.1, 0.5).tolist() == [[7.0, 1.2], [7.0, 2.0]]
