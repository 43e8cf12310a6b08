import random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.telemetry.database import UnknownMetricError
from bridge.telemetry.history import CHUNK, History
from bridge.telemetry.resolution import NAMES, resolution

FIXED = ("1s", "5s", "10s", "30s", "1m", "5m", "10m", "15m", "30m", "1h")


def test_the_newest_second_is_there_whether_in_memory_in_frames_or_in_blocks(diary, at):
    noon = at(2026, 6, 21, 12)
    diary.write(range(noon, noon + 900), power_w=lambda time: float(time - noon))
    diary.compact(now=noon + 900)
    diary.write(range(noon + 900, noon + 960), power_w=lambda time: float(time - noon))
    diary.pending = [diary.frame(time, power_w=float(time - noon)) for time in range(noon + 960, noon + 970)]
    seconds = diary.points("power_w", noon, noon + 3600, "1s")
    assert [point.mean for point in seconds.values()] == [float(each) for each in range(970)]
    quarters = diary.points("power_w", noon, noon + 3600, "15m")
    assert quarters[noon].mean == 449.5
    assert (quarters[noon + 900].n, quarters[noon + 900].mean) == (70, 934.5)
    (hour,) = diary.points("power_w", noon, noon + 3600, "1h").values()
    assert (hour.n, hour.minimum, hour.maximum, hour.mean) == (970, 0, 969, 484.5)
    (day,) = diary.points("power_w", noon, noon + 1, "1d").values()
    assert day == hour


def test_a_frame_that_is_stored_while_it_is_read_counts_once(diary, at):
    noon = at(2026, 6, 21, 12)
    frames = [diary.frame(time, energy_imported_wh=float(time - noon)) for time in range(noon, noon + 60)]
    diary.store.commit(frames)
    diary.pending = frames
    (point,) = diary.points("energy_imported_wh", noon, noon + 60, "1m").values()
    assert (point.n, point.delta) == (60, 59.0)


@pytest.mark.parametrize("name", FIXED)
def test_each_resolution_divides_the_same_samples(diary, at, name):
    noon = at(2026, 6, 21, 12)
    randomness = random.Random(7)
    powers = {time: round(randomness.uniform(-3000, 3000), 1) for time in range(noon, noon + 7200)}
    diary.write(powers, power_w=powers.get)
    diary.compact(now=noon + 7000)
    span = resolution(name, noon, noon + 7200, diary.zone)
    points = diary.points("power_w", noon, noon + 7200, name)
    assert list(points) == list(range(noon, noon + 7200, span.seconds))
    for start, point in points.items():
        inside = [powers[time] for time in range(start, start + span.seconds)]
        assert point.n == len(inside)
        assert point.mean == pytest.approx(sum(inside) / len(inside), abs=1e-6)
        assert (point.minimum, point.maximum) == (min(inside), max(inside))


@settings(max_examples=25)
@given(st.data())
def test_energy_adds_up_to_the_same_at_every_resolution(tmp_path_factory, new_diary, at, data):
    start = at(2026, 3, 28, 20)  # the night in which clocks are put forward
    steps = data.draw(st.lists(st.tuples(st.integers(1, 3000), st.integers(0, 500)), min_size=1, max_size=60))
    resets = data.draw(st.sets(st.integers(0, 59)))
    readings, time, energy = {}, start, 0
    for index, (seconds, energy_step) in enumerate(steps):
        time += seconds
        energy = energy_step if index in resets else energy + energy_step
        readings[time] = float(energy)
    diary = new_diary(tmp_path_factory.mktemp("energy") / "telemetry.db")
    diary.write(readings, energy_imported_wh=readings.get)
    diary.compact(now=start + data.draw(st.integers(0, 100_000)))
    totals = set()
    for name in NAMES:
        points = diary.points("energy_imported_wh", start, time + 1, name)
        assert all(point.minimum <= point.mean <= point.maximum for point in points.values())
        assert sum(point.n for point in points.values()) == len(readings)
        totals.add(round(sum(point.delta for point in points.values()), 6))
    assert len(totals) == 1
    diary.store.close()


@settings(max_examples=25)
@given(st.data())
def test_two_ranges_side_by_side_have_the_energy_of_both(tmp_path_factory, new_diary, at, data):
    start = at(2026, 6, 21)
    times = sorted(data.draw(st.sets(st.integers(0, 4000), min_size=2, max_size=40)))
    readings = {start + time: float(3 * index) for index, time in enumerate(times)}
    diary = new_diary(tmp_path_factory.mktemp("ranges") / "telemetry.db")
    diary.write(readings, energy_imported_wh=readings.get)
    diary.compact(now=start + data.draw(st.integers(0, 5000)))
    name = data.draw(st.sampled_from(["1s", "1m", "15m"]))
    seconds = {"1s": 1, "1m": 60, "15m": 900}[name]
    border = start + data.draw(st.integers(1, 4000 // seconds)) * seconds
    before = diary.points("energy_imported_wh", start, border, name)
    after = diary.points("energy_imported_wh", border, start + 4500, name)
    both = diary.points("energy_imported_wh", start, start + 4500, name)
    assert before | after == both
    assert not before.keys() & after.keys()
    diary.store.close()


@pytest.mark.parametrize(
    ("day", "hours"), [((2026, 3, 29), 23), ((2026, 6, 21), 24), ((2026, 10, 25), 25)], ids=str
)
def test_a_day_is_the_homes_day_of_23_24_or_25_hours(diary, at, day, hours):
    begin = at(*day)
    end = begin + hours * 3600
    assert end == at(day[0], day[1], day[2] + 1)
    times = range(begin - 3600, end + 3600, 60)
    diary.write(times, power_w=lambda time: 1000.0 if begin <= time < end else 0.0)
    diary.compact()
    days = diary.points("power_w", begin, end, "1d")
    assert list(days) == [begin]
    assert (days[begin].n, days[begin].minimum) == (hours * 60, 1000.0)
    (row,) = diary.rows(["power_w"], begin, end, "1d")
    assert row.end - row.start == hours * 3600
    assert list(diary.points("power_w", begin, end, "1h")) == list(range(begin, end, 3600))


def test_months_and_weeks_are_those_of_the_calendar(diary, at):
    begin = at(2026, 1, 1)
    diary.write(range(begin, at(2026, 4, 1), 3 * 3600), power_w=1.0)
    diary.compact()
    months = diary.rows(["power_w"], begin, at(2026, 4, 1), "1mo")
    assert [(row.start, row.end) for row in months] == [
        (at(2026, 1, 1), at(2026, 2, 1)),
        (at(2026, 2, 1), at(2026, 3, 1)),
        (at(2026, 3, 1), at(2026, 4, 1)),
    ]
    assert [row.points[0].n for row in months] == [31 * 8, 28 * 8, 31 * 8]
    weeks = diary.rows(["power_w"], at(2026, 1, 7), at(2026, 1, 13), "1w")
    assert [row.start for row in weeks] == [at(2026, 1, 5), at(2026, 1, 12)]


def test_hours_begin_with_the_zones_hour_where_it_has_no_whole_hours(tmp_path, new_diary, at):
    kathmandu = ZoneInfo("Asia/Kathmandu")  # 5:45 ahead
    diary = new_diary(tmp_path / "k.db", kathmandu)
    begin = at(2026, 6, 21, 12, zone=kathmandu)
    diary.write(range(begin, begin + 7200, 10), power_w=lambda time: float(time >= begin + 3600))
    diary.compact()
    points = diary.points("power_w", begin, begin + 7200, "1h")
    assert {start: point.mean for start, point in points.items()} == {begin: 0.0, begin + 3600: 1.0}
    diary.store.close()


def test_where_seconds_were_removed_minutes_answer_and_then_quarters(diary, at):
    begin = at(2026, 6, 21, 2)  # midnight UTC
    day = 86_400
    for start in (begin, begin + day, begin + 2 * day):
        diary.write(range(start, start + 1800), power_w=500.0)
    diary.compact()
    diary.store.note("cut.block", begin + 2 * day)
    diary.store.note("cut.r60", begin + day)
    rows = diary.rows(["power_w"], begin, begin + 3 * day, "1s")
    lengths = [(row.start, row.end - row.start) for row in rows]
    assert lengths[:2] == [(begin, 900), (begin + 900, 900)]
    assert lengths[2:32] == [(begin + day + 60 * each, 60) for each in range(30)]
    assert lengths[32:] == [(begin + 2 * day + each, 1) for each in range(1800)]
    minutes = [row.end - row.start for row in diary.rows(["power_w"], begin, begin + 3 * day, "5m")]
    assert minutes == [900] * 2 + [300] * 12
    (month,) = diary.points("power_w", begin, begin + 1, "1mo").values()
    assert (month.n, month.mean) == (5400, 500.0)


def test_gaps_stay_gaps_and_a_row_has_what_was_measured_in_it(diary, at):
    noon = at(2026, 6, 21, 12)
    diary.write(range(noon, noon + 10), power_w=1.0)
    diary.write(range(noon + 5, noon + 20), module="m", voltage_v=230.0)
    diary.write([at(2026, 6, 25)], power_w=2.0)
    diary.compact()
    rows = diary.rows(["power", "voltage"], noon - 100, at(2026, 6, 26), "1s")
    assert [row.start - noon for row in rows[:-1]] == list(range(20))
    assert [point is None for point in rows[0].points] == [False, True]
    assert [point is None for point in rows[7].points] == [True, False]
    assert rows[-1].points[1] is None


@pytest.mark.timeout(60)
def test_a_range_of_decades_costs_what_is_in_it(diary, at):
    diary.write([at(1990, 1, 1), at(2026, 6, 21)], power_w=1.0)
    diary.compact()
    assert len(diary.rows(["power_w"], 0, 2**36, "1s")) == 2
    assert len(diary.rows(["power_w"], 0, 2**36, "1mo")) == 2


def test_few_rows_are_in_memory_at_a_time(diary, at):
    noon = at(2026, 6, 21, 12)
    diary.write(range(noon, noon + 5000), power_w=1.0, voltage_v=2.0, current_a=3.0, frequency_hz=50.0)
    diary.compact()
    with diary.reader() as reader:
        metrics = reader.find("m")
        history = History(
            reader, "m", metrics, noon, noon + 5000, resolution("1s", noon, noon + 5000, diary.zone)
        )
        sizes = [len(chunk) * len(metrics) for chunk in history.chunks()]
    assert max(sizes) <= CHUNK
    assert sum(sizes) == 5000 * len(metrics)


def test_a_metric_may_be_called_without_its_unit(diary, at):
    diary.write([at(2026, 6, 21)], power_w=1.0, energy_imported_wh=2.0, isolation_ohm=3.0)
    with diary.reader() as reader:
        names = ["power", "energy_imported", "isolation", "power_w"]
        assert [each.name for each in reader.find("m", names)] == [
            "power_w",
            "energy_imported_wh",
            "isolation_ohm",
        ]
        with pytest.raises(UnknownMetricError, match="no history of 'voltage'; there are energy_imported_wh"):
            reader.find("m", ["voltage"])
        with pytest.raises(UnknownMetricError, match="nothing has been recorded of x"):
            reader.find("x")


def test_an_energy_that_is_not_counted_is_the_estimated_one(diary, at):
    from hw.module import Capabilities

    noon = at(2026, 6, 21, 12)
    diary.store.commit(
        [diary.frame(time, capabilities=Capabilities(), power_w=3600.0) for time in range(noon, noon + 120)]
    )
    diary.compact()
    with diary.reader() as reader:
        (metric,) = reader.find("m", ["energy_imported"])
    assert metric.spec.estimated
    (hour,) = diary.points("energy_imported", noon, noon + 3600, "1h").values()
    assert hour.delta == pytest.approx(118.0)


@pytest.mark.parametrize(("start", "end"), [(-1, 5), (10, 5), (0, 2**40)])
def test_a_range_that_is_none_is_refused(diary, at, start, end):
    diary.write([at(2026, 6, 21)], power_w=1.0)
    with diary.reader() as reader, pytest.raises(ValueError, match="a range begins"):
        History(reader, "m", reader.find("m"), start, end, resolution("1h", 0, 1))
