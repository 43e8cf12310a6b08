import random
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest

from bridge.telemetry.analytics import PERCENTILES, hours_of_day, percentile
from bridge.telemetry.compaction import rebuild_days
from bridge.telemetry.energy import energy_days, energy_totals
from bridge.time_zone import midnight


def days(diary, start, end, metric="energy_imported_wh"):
    with diary.reader() as reader:
        (found,) = reader.find("m", [metric])
        return energy_days(reader, "m", found, start, end, diary.zone)


def totals(diary, today):
    with diary.reader() as reader:
        return {each.metric: each for each in energy_totals(reader, "m", today, diary.zone)}


def test_a_day_has_what_the_counter_showed_and_counted_between_midnights(diary, at):
    begin = at(2026, 6, 20, 22)
    diary.write(
        range(begin, begin + 6 * 3600, 60), energy_imported_wh=lambda time: 5000.0 + (time - begin) / 60
    )
    for now in (begin, begin + 3 * 3600, begin + 7 * 3600):
        diary.compact(now=now)
        first, second = days(diary, date(2026, 6, 1), date(2026, 6, 30))
        assert (first.day, first.first, first.last, first.delta) == (date(2026, 6, 20), 5000, 5119, 119)
        assert (second.day, second.first, second.last, second.delta) == (date(2026, 6, 21), 5120, 5359, 240)
        (total,) = totals(diary, date(2026, 6, 21)).values()
        assert (total.today, total.lifetime) == (240.0, 5359.0)


@pytest.mark.parametrize(
    ("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25)], ids=["spring", "autumn"]
)
def test_a_day_on_which_clocks_change_has_the_energy_of_its_hours(diary, day, hours):
    begin = midnight(day - timedelta(1), diary.zone)
    end = midnight(day + timedelta(2), diary.zone)
    diary.write(range(begin, end + 1, 300), energy_imported_wh=lambda time: (time - begin) / 3.6)
    diary.compact()
    found = {each.day: each.delta for each in days(diary, day - timedelta(1), day + timedelta(1))}
    assert found[day] == pytest.approx(hours * 1000)
    assert sum(found.values()) == pytest.approx((24 + hours + 24) * 1000, abs=100)


def test_lifetime_goes_on_over_a_reset_and_a_glitch(diary, at):
    noon = at(2026, 6, 21, 12)
    readings = [1000.0, 1010.0, 0.0, 1020.0, 3.0, 7.0]  # ten, a glitch, ten more, a reset, three and four
    diary.write(
        range(noon, noon + 6 * 600, 600),
        energy_imported_wh=lambda time: readings[(time - noon) // 600],
    )
    for now in (noon, noon + 1800, noon + 9000):
        diary.compact(now=now)
        total = totals(diary, date(2026, 6, 21))["energy_imported_wh"]
        assert (total.today, total.lifetime) == (27.0, 1027.0)


def test_what_was_counted_while_the_hub_was_off_is_counted_when_it_reads_again(diary, at):
    diary.write([at(2026, 6, 21, 12)], energy_imported_wh=100.0)
    diary.write([at(2026, 6, 23, 9)], energy_imported_wh=160.0)
    diary.compact()
    assert [(each.day.day, each.delta) for each in days(diary, date(2026, 6, 1), date(2026, 6, 30))] == [
        (21, 0.0),
        (23, 60.0),
    ]


def test_days_stay_when_seconds_and_rollups_are_removed(diary, at):
    noon = at(2026, 6, 21, 12)
    diary.write(range(noon, noon + 900), energy_imported_wh=lambda time: float(time - noon))
    diary.compact()
    with diary.store.transaction() as connection:
        for table in ("block", "r60"):
            connection.execute(f"DELETE FROM {table}")
    diary.write([noon + 86_400], energy_imported_wh=1000.0)
    diary.compact()
    assert [each.delta for each in days(diary, date(2026, 6, 1), date(2026, 6, 30))] == [899.0, 101.0]


def test_days_are_counted_anew_when_the_home_moves(diary, at, new_diary):
    begin = at(2026, 6, 20)
    diary.write(range(begin, begin + 86_400 * 2, 900), energy_imported_wh=lambda time: (time - begin) / 900)
    diary.compact()
    list(rebuild_days(diary.store))
    assert [each.delta for each in days(diary, date(2026, 6, 1), date(2026, 6, 30))] == [95.0, 96.0]
    diary.store.close()
    moved = new_diary(diary.path, ZoneInfo("America/New_York"))
    steps = list(rebuild_days(moved.store))
    assert len(steps) == 1
    found = days(moved, date(2026, 6, 1), date(2026, 6, 30))
    assert [(each.day.day, each.delta) for each in found] == [(19, 23.0), (20, 96.0), (21, 72.0)]
    assert not list(rebuild_days(moved.store)), "it is done once"
    moved.store.close()


def test_hours_of_the_day_show_what_is_usual(diary, at):
    begin = at(2026, 6, 1)
    randomness = random.Random(5)
    night = {time: randomness.uniform(90, 110) for time in range(begin, begin + 5 * 86_400, 60)}

    def power(time):
        return 2000.0 if (time - begin) % 86_400 // 3600 == 12 else night[time]

    diary.write(night, power_w=power, energy_imported_wh=lambda time: (time - begin) / 36)
    diary.compact()
    with diary.reader() as reader:
        (metric,) = reader.find("m", ["power_w"])
        hours = hours_of_day(reader, "m", metric, begin, begin + 5 * 86_400, diary.zone)
        (counter,) = reader.find("m", ["energy_imported_wh"])
        energy = hours_of_day(reader, "m", counter, begin, begin + 5 * 86_400, diary.zone)
        with pytest.raises(ValueError, match="at most 3660 days"):
            hours_of_day(reader, "m", metric, 0, 2**33, diary.zone)
    assert [each.hour for each in hours] == list(range(24))
    noon, midnight_ = hours[12], hours[0]
    assert (noon.mean, noon.minimum, noon.maximum, set(noon.percentiles)) == (2000, 2000, 2000, {2000})
    assert midnight_.n == 5 * 60
    assert 90 <= midnight_.minimum < midnight_.percentiles[0] < midnight_.percentiles[-1] < 110
    assert list(midnight_.percentiles) == sorted(midnight_.percentiles)
    assert all(each.mean == pytest.approx(100, rel=0.02) for each in energy[1:])
    assert energy[3].n == 5


def test_a_percentile_is_interpolated():
    assert [percentile([0.0, 10.0], share) for share in PERCENTILES] == [0.5, 2.5, 5.0, 7.5, 9.5]
    assert percentile([7.0], 95) == 7.0
