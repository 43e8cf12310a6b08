import pytest

from bridge.telemetry.retention import ADVANCE, DAY, Keeping, begin_erasure, erase, retain

KEEPING = Keeping(block=30, r60=365, r900=0)


def counts(diary, *tables):
    return [diary.query(f"SELECT count(*) FROM {table}")[0][0] for table in tables]


def fill(diary, begin, days, module="m"):
    for day in range(days):
        diary.write(range(begin + day * DAY, begin + day * DAY + 3600, 60), module, power_w=1.0)
    diary.compact()


def run(generator):
    return sum(1 for _ in generator)


def test_what_is_older_than_its_days_goes_and_the_rest_stays(diary, at):
    begin = at(2026, 1, 1, 1)  # midnight UTC
    fill(diary, begin, 40)
    now = begin + 40 * DAY
    for _ in range(5):
        run(retain(diary.store, KEEPING, now))
    assert diary.query("SELECT min(ts) FROM block") == [(begin + 10 * DAY,)]
    assert diary.query("SELECT min(ts) FROM r60") == [(begin,)]
    assert diary.store.noted("cut.block") == begin + 10 * DAY
    rows = diary.rows(["power_w"], begin, now, "1s")
    lengths = [row.end - row.start for row in rows]
    assert lengths == [60] * (10 * 60) + [1] * (30 * 60)


def test_nothing_is_removed_that_is_kept_for_ever(diary, at):
    fill(diary, at(2026, 1, 1), 3)
    before = counts(diary, "block", "r60", "r900")
    for _ in range(5):
        run(retain(diary.store, Keeping(0, 0, 0), at(2036, 1, 1)))
    assert counts(diary, "block", "r60", "r900") == before


def test_a_clock_that_is_years_ahead_costs_a_week_a_pass(diary, at):
    begin = at(2026, 1, 1, 1)
    fill(diary, begin, 20)
    run(retain(diary.store, KEEPING, at(2099, 1, 1)))
    assert diary.query("SELECT min(ts) FROM block") == [(begin + ADVANCE,)]


def test_it_goes_in_small_steps_that_can_be_broken_off(diary, at):
    begin = at(2026, 1, 1, 1)
    diary.write(range(begin, begin + 6 * DAY, 60), power_w=1.0)
    diary.compact()
    steps = retain(diary.store, Keeping(0, 1, 0), begin + 7 * DAY)
    next(steps)
    steps.close()
    assert counts(diary, "r60") == [2 * 6 * 1440 - 1000]  # power and state
    run(retain(diary.store, Keeping(0, 1, 0), begin + 7 * DAY))
    assert counts(diary, "r60") == [0]


def test_an_erased_module_is_unknown_at_once_and_its_data_goes_for_good(diary, at):
    noon = at(2026, 6, 21, 12)
    diary.write(range(noon, noon + 1800), "gone", power_w=7321.9, energy_imported_wh=12345.0)
    diary.write(range(noon, noon + 1800), "kept", power_w=1.0)
    diary.compact(now=noon + 1000)
    assert begin_erasure(diary.store, "gone")
    assert not begin_erasure(diary.store, "gone")
    with diary.reader() as reader:
        assert reader.metrics("gone") == []
    assert diary.query("SELECT count(*) FROM block")[0][0] == 5, "it is still to be removed"
    run(erase(diary.store))
    assert diary.query("SELECT key FROM device") == [("kept",)]
    kept = {number for (number,) in diary.query("SELECT id FROM metric")}
    for table in ("block", "r60", "r900", "counter_day"):
        assert {number for (number,) in diary.query(f"SELECT DISTINCT metric FROM {table}")} <= kept
    assert len(diary.points("power_w", noon, noon + 1800, "1s", module="kept")) == 1800
    diary.write([noon], "gone", power_w=2.0)
    assert list(diary.points("power_w", noon - 900, noon + 1800, "1s", module="gone")) == [noon]


def test_an_erasure_that_was_broken_off_goes_on_later(diary, at):
    noon = at(2026, 6, 21, 12)
    diary.write(range(noon, noon + 900), "gone", power_w=1.0)
    diary.compact()
    begin_erasure(diary.store, "gone")
    steps = erase(diary.store)
    next(steps)
    steps.close()
    diary.store.close()
    run(erase(diary.store))
    assert counts(diary, "device", "metric", "block", "r60", "r900") == [0] * 5


@pytest.mark.parametrize("table", ["block", "r60"])
def test_erased_values_are_not_left_in_the_file(diary, at, table):
    noon = at(2026, 6, 21, 12)
    diary.write(range(noon, noon + 900), "gone", power_w=lambda time: float(time * 7919 % 9973))
    diary.compact()
    column = {"block": "data", "r60": "mean"}[table]
    if table == "block":
        needle = diary.query(f"SELECT {column} FROM block ORDER BY n, length(data) DESC")[0][0][20:60]
        files = list(diary.path.parent.glob("telemetry.db*"))
        assert any(needle in file.read_bytes() for file in files)
        begin_erasure(diary.store, "gone")
        run(erase(diary.store))
        assert not any(needle in file.read_bytes() for file in diary.path.parent.glob("telemetry.db*"))
    else:
        begin_erasure(diary.store, "gone")
        run(erase(diary.store))
        assert counts(diary, "r60") == [0]
