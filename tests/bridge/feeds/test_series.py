import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.feeds.series import EARLIEST, EMPTY, MOST_SPANS, Series, SeriesError

START = 1_790_000_100 // 3600 * 3600
HOUR = 3600


def hours(*values, start=START):
    return Series.of((start + HOUR * n, start + HOUR * (n + 1), value) for n, value in enumerate(values))


def test_it_tells_the_value_of_an_instant_and_how_far_it_reaches():
    found = Series.of([(START, START + HOUR, 1.0), (START + HOUR, START + 2 * HOUR, 2.0)])
    assert [found.at(START + offset) for offset in (-1, 0, 3599, 3600, 7200)] == [None, 1.0, 1.0, 2.0, None]
    assert found.until(START) == START + 2 * HOUR
    assert found.until(START - 1) is None
    assert found.until(START + 2 * HOUR) is None
    with_gap = Series.of([(START, START + HOUR, 1.0), (START + 2 * HOUR, START + 3 * HOUR, 2.0)])
    assert with_gap.until(START) == START + HOUR


def test_means_are_weighed_by_time_and_little_known_is_unknown():
    found = hours(1.0, 3.0)
    assert found.over(START, (HOUR, 2 * HOUR)) == (1.0, 3.0)
    assert found.over(START - HOUR, (HOUR, 2 * HOUR, 3 * HOUR)) == (None, 2.0, None)
    assert found.over(START + 1800, (HOUR,)) == (2.0,)


def test_what_is_newer_takes_the_place_of_what_it_speaks_of():
    quarters = Series.of((START + 900 * n, START + 900 * (n + 1), 9.0) for n in range(2))
    assert list(hours(1.0, 2.0).updated(quarters)) == [
        (START, START + 900, 9.0),
        (START + 900, START + 1800, 9.0),
        (START + 1800, START + HOUR, 1.0),
        (START + HOUR, START + 2 * HOUR, 2.0),
    ]
    assert hours(1.0).updated(EMPTY) == hours(1.0)
    assert EMPTY.updated(hours(1.0)) == hours(1.0)
    assert list(hours(1.0, 2.0, 3.0).since(START + HOUR)) == list(hours(2.0, 3.0, start=START + HOUR))


@pytest.mark.parametrize(
    ("spans", "complaint"),
    [
        ([(1000, 4600, 1.0)], "no time that can be meant"),
        ([(START * 1000, START * 1000 + HOUR, 1.0)], "no time that can be meant"),
        ([(START, START, 1.0)], "no time that can be meant"),
        ([(START, START + 10, 1.0)], "holds for 10 s"),
        ([(START, START + 90_001, 1.0)], "a minute to a day"),
        ([(START, START + HOUR, 1.0), (START + 1800, START + HOUR + 1800, 1.0)], "two values"),
        ([(START, START + HOUR, float("nan"))], "is nan"),
        (((EARLIEST + 60 * n, EARLIEST + 60 * (n + 1), 0.0) for n in range(MOST_SPANS + 1)), "more than"),
    ],
)
def test_what_is_no_series_is_refused_in_words(spans, complaint):
    with pytest.raises(SeriesError, match=complaint):
        Series.of(spans)


numbers = st.floats(-1e6, 1e6, allow_nan=False)


@st.composite
def series(draw):
    time, spans = START + 60 * draw(st.integers(0, 500)), []
    for _ in range(draw(st.integers(0, 12))):
        time += 60 * draw(st.integers(0, 90))
        end = time + 60 * draw(st.integers(1, 90))
        spans.append((time, end, draw(numbers)))
        time = end
    return Series.of(spans)


@given(series(), series(), st.integers(START, START + 200_000))
def test_of_two_the_newer_one_counts_and_nothing_is_lost(older, newer, time):
    both = older.updated(newer)
    expected = newer.at(time) if newer.at(time) is not None else older.at(time)
    assert both.at(time) == expected
    assert Series.from_plain(both.plain()) == both


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_anything_else_that_is_stored_is_an_error_of_ours(found):
    try:
        Series.from_plain(found)
    except SeriesError:
        return
