from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.telemetry.rollups import cell, cells, increases, last_reading

quantities = st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=50)


@pytest.mark.parametrize(
    ("readings", "before", "counted"),
    [
        ([100, 110, 130], None, [0, 10, 20]),
        ([100, 110], 95, [5, 10]),
        ([1000, 1010, 5, 15], 1000, [0, 10, 5, 10]),  # it was reset
        ([1000, 999, 1001], 1000, [0, -1, 2]),  # it was corrected
        ([1000, 0, 0, 1002], 1000, [0, 0, 0, 2]),  # the device started anew
        ([1000, 0, 3, 4], 1000, [0, 0, 3, 1]),  # it was reset while it started
        ([0, 0, 7], None, [0, 0, 7]),
        ([], 5, []),
    ],
)
def test_a_counter_goes_on_over_resets_corrections_and_zeros(readings, before, counted):
    assert increases(readings, before) == counted


@given(st.lists(st.integers(0, 1000), max_size=30), st.integers(0, 30), st.none() | st.integers(0, 1000))
def test_a_counter_counts_the_same_in_one_piece_or_in_two(readings, border, before):
    first, second = readings[:border], readings[border:]
    apart = increases(first, before) + increases(second, last_reading(first, before))
    assert apart == increases(readings, before)


@given(quantities, quantities)
def test_a_merged_cell_weighs_each_sample_the_same(first, second):
    merged = cell(first).merged(cell(second))
    both = first + second
    assert (merged.n, merged.minimum, merged.maximum) == (len(both), min(both), max(both))
    assert merged.minimum <= merged.mean <= merged.maximum
    assert merged.mean == pytest.approx(float(Fraction(sum(both), len(both))), rel=1e-12, abs=1e-6)


@given(st.dictionaries(st.integers(0, 4000), st.integers(0, 10**6), min_size=1))
def test_minutes_and_quarters_say_the_same(samples):
    times = sorted(samples)
    values = [samples[time] for time in times]
    counted = increases(values, None)
    minutes, quarters = (cells(times, values, step, counted) for step in (60, 900))
    assert all(start % 900 == 0 for start in quarters)
    for start, quarter in quarters.items():
        inside = [minutes[minute] for minute in range(start, start + 900, 60) if minute in minutes]
        merged = inside[0]
        for each in inside[1:]:
            merged = merged.merged(each)
        assert (merged.n, merged.minimum, merged.maximum, merged.delta) == (
            quarter.n,
            quarter.minimum,
            quarter.maximum,
            quarter.delta,
        )
        assert merged.mean == pytest.approx(quarter.mean, rel=1e-12)
    assert sum(each.delta for each in quarters.values()) == sum(counted)
