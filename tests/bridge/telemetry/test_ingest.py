import json
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.telemetry.ingest import MOST_METRICS, MOST_SAMPLES, BatchError, Ingested, ingest, parse_batch

NOW = int(datetime(2026, 6, 21, 12, tzinfo=UTC).timestamp())
OLDEST = NOW - 30 * 86_400


def parsed(*samples):
    return parse_batch({"samples": list(samples)}, now=NOW, oldest=OLDEST)


def refusal(body):
    with pytest.raises(BatchError) as caught:
        parse_batch(body, now=NOW, oldest=OLDEST)
    return str(caught.value)


def test_a_batch_is_history_at_once_and_may_come_again(diary):
    samples = [
        {"time": NOW - 60 + each, "power_w": 100.0 + each, "energy_imported_wh": each} for each in range(60)
    ]
    batch = parsed(*samples)
    assert ingest(diary.store, "m", batch) == Ingested(stored=120, known=0)
    assert ingest(diary.store, "m", batch) == Ingested(stored=0, known=120)
    assert ingest(diary.store, "m", parsed(*samples[30:], {"time": NOW, "power_w": 7})) == Ingested(1, 60)
    points = diary.points("power_w", NOW - 60, NOW + 1, "1s")
    assert [point.mean for point in points.values()] == [100.0 + each for each in range(60)] + [7.0]
    (day,) = diary.points("energy_imported", NOW, NOW + 1, "1d").values()
    assert day.delta == 59.0


def test_a_corrected_sample_takes_the_place_of_the_old_one(diary):
    ingest(diary.store, "m", parsed({"time": NOW - 5000, "power_w": 1}, {"time": NOW - 4000, "power_w": 2}))
    assert ingest(diary.store, "m", parsed({"time": NOW - 5000, "power_w": 3})) == Ingested(1, 0)
    (hour,) = {point.mean for point in diary.points("power_w", NOW - 7200, NOW, "1d").values()}
    assert hour == 2.5


def test_samples_from_before_are_put_between_those_that_are_there(diary):
    readings = {0: 0, 1000: 50, 2000: 90, 5000: 300}
    for offset in (0, 5000, 1000, 2000):
        sample = {"time": NOW - 9000 + offset, "energy_imported_wh": readings[offset]}
        ingest(diary.store, "m", parsed(sample))
    points = diary.points("energy_imported", NOW - 9000, NOW, "15m")
    assert [point.delta for point in points.values()] == [0.0, 50.0, 40.0, 210.0]
    assert diary.query("SELECT sum(delta) FROM counter_day") == [(3000,)]


@settings(max_examples=50)
@given(st.data())
def test_in_whatever_order_batches_come_the_history_is_the_same(tmp_path_factory, new_diary, data):
    readings = data.draw(st.dictionaries(st.integers(0, 9000), st.integers(0, 50), min_size=1, max_size=25))
    batches = [
        parsed({"time": NOW - 10_000 + time, "energy_imported_wh": energy, "power_w": energy})
        for time, energy in readings.items()
    ]
    tables = []
    for order in (
        sorted(range(len(batches)), key=list(readings).__getitem__),
        data.draw(st.permutations(range(len(batches)))),
    ):
        diary = new_diary(tmp_path_factory.mktemp("order") / "telemetry.db")
        for index in order:
            ingest(diary.store, "m", batches[index])
        tables.append(
            [diary.query(f"SELECT * FROM {table}") for table in ("block", "r60", "r900", "counter_day")]
        )
        diary.store.close()
    assert tables[0] == tables[1]


def test_ingested_and_polled_samples_stand_beside_each_other(diary):
    begin = NOW - NOW % 900
    diary.write(range(begin, begin + 30), power_w=1.0)
    ingest(diary.store, "m", parsed(*({"time": begin + each, "power_w": 2} for each in range(20, 40))))
    expected = [1.0] * 20 + [2.0] * 20
    for now in (begin, begin + 900):
        diary.compact(now=now)
        points = diary.points("power_w", begin, begin + 900, "1s")
        assert [point.mean for point in points.values()] == expected
        (minute,) = diary.points("power_w", begin, begin + 900, "1m").values()
        assert (minute.n, minute.mean) == (40, 1.5)


@pytest.mark.parametrize(
    "time", ["2026-06-21T11:00:00Z", "2026-06-21T13:00:00+02:00", NOW - 3600, NOW - 3600 + 0.75]
)
def test_a_time_is_rfc_3339_or_seconds(time):
    (samples,) = parsed({"time": time, "power_w": 1}).samples.values()
    assert samples == {NOW - 3600: 1.0}


def test_states_are_given_in_words(diary):
    ingest(
        diary.store,
        "m",
        parsed({"time": NOW - 1, "state": "running", "connected": True, "soc_percent": None}),
    )
    rows = diary.rows([], NOW - 1, NOW, "1s")
    assert [point.mean for point in rows[0].points] == [4.0, 1.0]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ([], "a batch is an object with a list of samples"),
        ({"samples": {}}, "a batch is an object"),
        ({"samples": [], "x": 1}, "a batch is an object"),
        ({"samples": []}, f"a batch has 1 to {MOST_SAMPLES} samples, got 0"),
        ({"samples": [{"time": NOW}] * (MOST_SAMPLES + 1)}, "samples, got 5001"),
        ({"samples": [7]}, "samples[0] is an object with a time"),
        ({"samples": [{"power_w": 1}]}, "samples[0] is an object with a time"),
        ({"samples": [{"time": "noon", "power_w": 1}]}, "samples[0].time is a time such as"),
        ({"samples": [{"time": "2026-06-21T11:00:00", "power_w": 1}]}, "samples[0].time is a time such as"),
        ({"samples": [{"time": True, "power_w": 1}]}, "samples[0].time is a time such as"),
        ({"samples": [{"time": float("nan"), "power_w": 1}]}, "samples[0].time is a time such as"),
        ({"samples": [{"time": NOW + 3600, "power_w": 1}]}, "samples[0].time is in the future"),
        ({"samples": [{"time": NOW - 31 * 86_400, "power_w": 1}]}, "longer ago than single samples are kept"),
        ({"samples": [{"time": NOW, "powr_w": 1}]}, "there is no metric 'powr_w'; did you mean power_w?"),
        ({"samples": [{"time": NOW, "energy_imported_estimated_wh": 1}]}, "there is no metric"),
        ({"samples": [{"time": NOW, "power_w": "1"}]}, "samples[0].power_w is a number"),
        ({"samples": [{"time": NOW, "power_w": True}]}, "samples[0].power_w is a number"),
        ({"samples": [{"time": NOW, "power_w": 1e300}]}, "samples[0].power_w cannot be 1e+300"),
        ({"samples": [{"time": NOW, "power_w": 10**400}]}, "samples[0].power_w is too large"),
        ({"samples": [{"time": NOW, "power_w": float("nan")}]}, "samples[0].power_w cannot be nan"),
        ({"samples": [{"time": NOW, "energy_imported_wh": -1}]}, "energy_imported_wh cannot be -1"),
        ({"samples": [{"time": NOW, "state": 4}]}, "samples[0].state is one of unknown, off, sleeping"),
        ({"samples": [{"time": NOW, "power_w": None}]}, "there is no value in any sample"),
    ],
)
def test_a_batch_that_is_not_in_order_is_refused_with_its_place(body, message):
    assert message in refusal(body)


def test_a_module_cannot_fill_the_store_with_metrics(diary):
    def strings(first, last):
        return {f"string_{each}_power_w": 1.0 for each in range(first, last)}

    assert "at most 256 metrics" in refusal({"samples": [{"time": NOW, **strings(0, MOST_METRICS + 1)}]})
    ingest(diary.store, "m", parsed({"time": NOW, **strings(0, 200)}))
    with pytest.raises(BatchError, match="with these it would be 300"):
        ingest(diary.store, "m", parsed({"time": NOW, **strings(200, 300)}))
    with diary.reader() as reader:
        assert len(reader.metrics("m")) == 200


names = st.sampled_from(["time", "power_w", "state", "energy_imported_wh", "string_1_power_w", "x", ""])
plain = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5) | st.just(NOW),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4),
    max_leaves=10,
)


@given(
    st.one_of(plain, st.fixed_dictionaries({"samples": st.lists(st.dictionaries(names, plain), max_size=3)}))
)
def test_any_json_is_a_batch_or_a_batch_error(body):
    json.dumps(body)
    try:
        batch = parse_batch(body, now=NOW, oldest=OLDEST)
    except BatchError:
        return
    assert all(OLDEST - 1 <= time <= NOW + 300 for samples in batch.samples.values() for time in samples)
