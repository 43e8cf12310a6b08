"""Percents that people say, as levels and back."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_types.percent_level import level_of_percent, percent_of_level

PERCENTS = range(101)


def test_the_ends_and_what_a_person_says():
    assert [level_of_percent(percent) for percent in (0, 1, 40, 50, 100)] == [1, 3, 102, 127, 254]
    assert [percent_of_level(level) for level in (1, 102, 127, 254)] == [0, 40, 50, 100]


@pytest.mark.parametrize("percent", PERCENTS)
def test_every_percent_comes_back(percent):
    assert percent_of_level(level_of_percent(percent)) == percent


@pytest.mark.parametrize("to_level", [round, math.floor, math.ceil])
@pytest.mark.parametrize("percent", PERCENTS)
def test_the_device_is_told_what_the_app_meant_however_it_rounds(percent, to_level):
    level = max(to_level(percent * 254 / 100), 1)
    assert percent_of_level(level) == percent


@given(st.integers(1, 254))
def test_a_level_is_a_percent_and_the_nearest_level_of_it(level):
    percent = percent_of_level(level)
    assert 0 <= percent <= 100
    assert abs(level_of_percent(percent) - level) <= 2


@given(st.integers(1, 253))
def test_more_is_never_less(level):
    assert percent_of_level(level) <= percent_of_level(level + 1)


@given(st.floats(-1e6, 1e6))
def test_every_number_has_a_level(percent):
    assert 1 <= level_of_percent(percent) <= 254
