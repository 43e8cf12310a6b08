from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge.telemetry import energy_counts
from bridge.telemetry.energy import energy_totals
from bridge.telemetry.energy_counts import EnergyCounts
from bridge.telemetry.ingest import Batch, ingest
from bridge.telemetry.metrics import known_metric
from bridge.telemetry.retention import begin_erasure
from bridge.time_zone import local_day, midnight
from hw.module import Capabilities

EXPORTED = "energy_exported_wh"
DAY = date(2026, 6, 21)


@pytest.fixture
def counts(diary):
    def pending(module):
        return [each for each in diary.pending if each.module == module]

    return EnergyCounts(diary.path, pending, lambda: diary.store.database.changes, diary.zone)


def read_anew(diary, today=DAY):
    with diary.reader() as reader:
        return energy_totals(reader, "m", today, diary.zone)


def test_what_waits_in_memory_is_counted_on_without_another_look_at_the_file(diary, counts, at, monkeypatch):
    noon = at(2026, 6, 21, 12)
    diary.write(range(noon, noon + 60), **{EXPORTED: lambda time: 5000.0 + time - noon})
    assert counts.totals("m", DAY) == read_anew(diary)
    monkeypatch.setattr(energy_counts, "Reader", None)  # whoever opens the file fails
    for time in range(noon + 60, noon + 120):
        diary.pending.append(diary.frame(time, **{EXPORTED: 5000.0 + time - noon}))
        (total,) = counts.totals("m", DAY)
        assert (total.today, total.lifetime) == (float(time - noon), 5000.0 + time - noon)
    assert counts.totals("m", DAY) == read_anew(diary)


def test_a_change_of_the_file_is_seen_at_once(diary, counts, at):
    noon = at(2026, 6, 21, 12)
    diary.write([noon], **{EXPORTED: 100.0})
    counts.totals("m", DAY)
    diary.write([noon + 60], **{EXPORTED: 130.0})
    assert [each.today for each in counts.totals("m", DAY)] == [30.0]
    begin_erasure(diary.store, "m")
    assert counts.totals("m", DAY) == []


def test_a_new_day_begins_at_nothing(diary, counts, at):
    late = midnight(DAY, diary.zone) - 2
    diary.write([late], **{EXPORTED: 100.0})
    diary.pending = [diary.frame(late + step, **{EXPORTED: 100.0 + step}) for step in range(1, 5)]
    assert counts.totals("m", DAY) == read_anew(diary)
    (total,) = counts.totals("m", DAY)
    assert (total.today, total.lifetime) == (3.0, 104.0)
    (total,) = counts.totals("m", DAY - timedelta(1))
    assert (total.today, total.lifetime) == (1.0, 104.0)


moves = st.lists(
    st.one_of(
        st.tuples(st.just("read"), st.sampled_from([1, 1, 2, 30, 400, 3000]), st.integers(-40, 200)),
        st.tuples(st.just("read nothing"), st.sampled_from([1, 60])),
        st.tuples(st.just("clock"), st.integers(-700, 0)),
        st.tuples(st.just("commit")),
        st.tuples(st.just("compact")),
        st.tuples(st.just("log"), st.integers(-1200, 200), st.integers(0, 3000)),
    ),
    min_size=4,
    max_size=30,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moves=moves, counted=st.booleans())
def test_the_figures_are_those_that_reading_everything_anew_gives(new_diary, tmp_path, moves, counted):
    """Readings, resets, gaps, clocks that go back, commits, quarters that end, days that end, batches."""
    path = tmp_path / f"{len(list(tmp_path.iterdir()))}.db"
    diary = new_diary(path)
    counts = EnergyCounts(path, lambda _: diary.pending, lambda: diary.store.database.changes, diary.zone)
    time, shown = midnight(DAY, diary.zone) - 3000, 1000
    try:
        for name, *values in moves:
            if name == "read":
                time, shown = time + values[0], max(0, shown + values[1])
                energies = {EXPORTED: float(shown)} if counted else {}
                capabilities = Capabilities(exported_energy=counted, imported_energy=counted)
                frame = diary.frame(time, capabilities=capabilities, power_w=-3600.0 * shown, **energies)
                diary.pending = [*diary.pending, frame]
            elif name == "read nothing":
                time += values[0]
                diary.pending = [*diary.pending, diary.frame(time, power_w=5.0)]
            elif name == "clock":
                time += values[0]
            elif name == "commit":
                diary.store.commit(diary.pending)
                diary.pending = []
            elif name == "compact":
                diary.compact(now=time)
            else:
                batch = Batch({known_metric(EXPORTED): {time + values[0]: float(values[1])}})
                ingest(diary.store, "m", batch)
            for today in {local_day(time, diary.zone), DAY}:
                assert counts.totals("m", today) == read_anew(diary, today)
                assert counts.totals("m", today) == read_anew(diary, today), "the second time, too"
    finally:
        diary.store.close()
