"""The month's highest power, from readings that come second by second."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from bridge.planner.demand import DemandPeak
from bridge.planner.settings import DemandSettings
from bridge.telemetry.database import UnknownMetricError
from bridge.telemetry.frames import FrameMaker
from bridge.telemetry.history import History
from bridge.telemetry.reader import Reader
from bridge.telemetry.resolution import Resolution
from bridge.telemetry.store import Store
from bridge.time_zone import time_zone
from hw.module import Capabilities, ModuleKind
from hw.reading import Quality, Reading

BERLIN = ZoneInfo("Europe/Berlin")
NOVEMBER = date(2026, 11, 1)


def at(*local):
    return int(datetime(*local, tzinfo=BERLIN).timestamp())


@pytest.fixture
def make(home):
    home.zone = BERLIN
    home.add(kind=ModuleKind.METER)
    home.start()

    def make(**settings):
        peak = DemandPeak(DemandSettings(**{"price": 10.0} | settings), home)
        peak.start()
        return peak

    return make


@pytest.fixture
def read(home):
    meter = home.registry["acme-1001"]

    def read(start, power_w, seconds, *, every=30, **more):
        for time in range(start, start + seconds + 1, every):
            reading = Reading("acme-1001", datetime.fromtimestamp(time, UTC), power_w=power_w, **more)
            home.registry.took(meter, reading)

    return read


def test_the_mean_of_a_quarter_counts_and_not_what_was_drawn_for_a_moment(make, read):
    peak = make()
    start = at(2026, 11, 26, 12)
    read(start, 1000.0, 840)
    read(start + 870, 16_000.0, 30)
    read(start + 930, 1000.0, 900)
    assert peak.reached_w(NOVEMBER) == pytest.approx(1000 + 15_000 * 60 / 900, abs=600)
    assert peak.reached_w(NOVEMBER) < 3000


def test_it_is_kept_over_a_restart_and_each_month_begins_anew(make, read, home):
    peak = make()
    read(at(2026, 11, 30, 22), 4000.0, 3600)
    peak.stop()
    again = DemandPeak(DemandSettings(price=10.0), home)
    assert again.reached_w(NOVEMBER) == 4000.0
    (now, coming) = again.asked(at(2026, 11, 30, 23), at(2026, 12, 2))
    assert (now.name, now.reached_w) == ("2026-11", 4000.0)
    assert (coming.name, coming.reached_w) == ("2026-12", 0.0)
    assert now.windows[-1][1] == coming.windows[0][0] == at(2026, 12, 1)


def test_what_is_not_measured_counts_for_nothing(make, read):
    peak = make()
    start = at(2026, 11, 26, 12)
    read(start, 9000.0, 300)
    read(start + 1800, 100.0, 900)
    assert peak.reached_w(NOVEMBER) == pytest.approx(100.0)
    read(start + 3600, 9000.0, 900, quality=Quality.STALE)
    assert peak.reached_w(NOVEMBER) == pytest.approx(100.0)


def test_it_counts_within_its_hours_and_days_only(make, read):
    peak = make(start="17:00", end="20:00", days=("mon", "tue", "wed", "thu", "fri"))
    read(at(2026, 11, 26, 12), 9000.0, 1800)
    assert peak.reached_w(NOVEMBER) == 0.0
    read(at(2026, 11, 28, 18), 9000.0, 1800)
    assert peak.reached_w(NOVEMBER) == 0.0, "a Saturday"
    read(at(2026, 11, 30, 18), 3000.0, 1800)
    assert peak.reached_w(NOVEMBER) == 3000.0
    (asked,) = peak.asked(at(2026, 11, 27, 18), at(2026, 11, 29, 18))
    assert asked.windows == ((at(2026, 11, 27, 18), at(2026, 11, 27, 20)),)


def test_a_window_over_midnight_belongs_to_the_day_on_which_it_begins(make):
    peak = make(start="22:00", end="06:00", days=("sat",))
    start, end = at(2026, 10, 23), at(2026, 10, 27)
    assert list(peak.windows(start, end)) == [(at(2026, 10, 24, 22), at(2026, 10, 25, 6))]
    # Clocks are put back that night: it is an hour longer.
    assert at(2026, 10, 25, 6) - at(2026, 10, 24, 22) == 9 * 3600


def test_without_a_price_nothing_is_asked(make):
    assert make(price=0.0).asked(at(2026, 11, 26), at(2026, 11, 28)) == ()


async def test_what_was_recorded_before_there_was_such_a_price_counts_too(make, tmp_path, clock):
    store = Store(tmp_path / "telemetry.db", time_zone("UTC"))
    maker = FrameMaker()
    for hour, power in ((9, 2500.0), (10, 6000.0), (11, -3000.0)):
        readings = (
            Reading("acme-1001", datetime.fromtimestamp(time, UTC), power_w=power)
            for time in range(at(2026, 11, 20, hour), at(2026, 11, 20, hour, 15), 30)
        )
        store.commit([maker.frame(each, Capabilities()) for each in readings])
    store.close()

    async def history(module, metrics, start, end, resolution):
        assert (module, resolution) == ("acme-1001", "15m")
        with Reader(tmp_path / "telemetry.db") as reader:
            found = reader.find(module, metrics)
            return Rows(list(History(reader, module, found, start, end, Resolution(resolution)).chunks()))

    peak = make()
    await peak.recall(history, at(2026, 11, 26, 12))
    assert peak.reached_w(NOVEMBER) == pytest.approx(6000.0)

    async def nothing(*_):
        raise UnknownMetricError("nothing has been recorded")

    await peak.recall(nothing, at(2026, 11, 26, 12))
    assert peak.reached_w(NOVEMBER) == pytest.approx(6000.0)


class Rows:
    def __init__(self, rows):
        self.rows = rows

    async def __aiter__(self):
        for each in self.rows:
            yield each
