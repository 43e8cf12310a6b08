"""A feed over hours and days that pass in an instant."""

import os
import stat
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from bridge.alerts import AlertState
from bridge.events import EventBus
from bridge.feeds.asking import Answer, FeedError
from bridge.feeds.cache import Cache
from bridge.feeds.feed import Feed
from bridge.feeds.formats.asked import Asked
from bridge.feeds.news import FeedAlert, FeedChanged
from bridge.feeds.series import Series
from bridge.feeds.source import Source

BERLIN = ZoneInfo("Europe/Berlin")
HOUR = 3600


def at(*local):
    return datetime(*local, tzinfo=BERLIN).timestamp()


class Market:
    """Publishes the prices of the next day at one o'clock, and can fail."""

    def __init__(self, clock):
        self.clock = clock
        self.asked = []
        self.error = None
        self.failed = 0
        self.price = 0.1

    async def __call__(self, request):
        self.asked.append(request)
        if self.error is not None:
            self.failed += 1
            raise self.error
        now = datetime.fromtimestamp(self.clock.utc(), BERLIN)
        end = at(now.year, now.month, now.day + (2 if now.hour >= 13 else 1))
        begin = request["asked"]["begin"]
        spans = [(time, time + HOUR, self.price) for time in range(begin, int(end), HOUR)]
        return Answer({"price": Series.of(spans)}, {"etag": "x"})


@pytest.fixture
def clock(clock):
    clock.now = at(2026, 6, 16, 9) - 1_780_000_000
    return clock


@pytest.fixture
def market(clock):
    return Market(clock)


@pytest.fixture
def bus():
    return EventBus()


@pytest.fixture
def heard(bus):
    said = []
    bus.subscribe(FeedChanged, said.append)
    bus.subscribe(FeedAlert, said.append)
    return said


@pytest.fixture
def make(tmp_path, bus, clock, market):
    def make(format_="awattar", url="https://prices.example.org/", **more):
        asked = Asked("price", "Europe/Berlin")
        source = Source("price", format_, asked, url="" if "file" in more else url, days_back=7, **more)
        return Feed(source, Cache(tmp_path / "feeds" / "price.json"), bus, clock, BERLIN, asking=market)

    return make


async def test_it_asks_for_a_week_first_then_hourly_and_sooner_while_tomorrow_is_due(
    make, market, clock, heard
):
    feed = make()
    feed.start()
    await clock.pass_(1)
    assert [each["asked"]["begin"] for each in market.asked] == [at(2026, 6, 9)]
    assert feed.row("price").until(clock.utc()) == at(2026, 6, 17)
    assert heard == [FeedChanged("price")]
    await clock.pass_(3.5 * HOUR)
    assert 3 <= len(market.asked) <= 5
    assert market.asked[-1]["asked"]["begin"] == at(2026, 6, 16)
    assert market.asked[-1]["seen"] == {"etag": "x"}
    # At 12:45 the next day's prices are due; they come with the first request after one o'clock.
    await clock.pass_(HOUR)
    assert feed.row("price").until(clock.utc()) == at(2026, 6, 18)
    assert heard == [FeedChanged("price")] * 2
    await clock.pass_(10 * HOUR)
    assert len(market.asked) < 24
    await feed.stop()


async def test_a_service_is_never_asked_sooner_than_it_wants(make, market, clock):
    market.error = FeedError("the server answers 503")
    feed = make()
    feed.start()
    await clock.pass_(86_400)
    # aWATTar allows a hundred requests a day, failed ones counted.
    assert 20 <= len(market.asked) <= 100
    await feed.stop()


async def test_what_was_said_survives_a_restart_and_nobody_else_can_read_it(make, market, clock, tmp_path):
    feed = make()
    feed.start()
    await clock.pass_(1)
    await feed.stop()
    file = tmp_path / "feeds" / "price.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    again = make()
    assert again.row("price") == feed.row("price")
    again.start()
    await clock.pass_(600)
    assert len(market.asked) == 1, "it is not time to ask again, restart or not"
    await again.stop()
    other = make("table", url="http://127.0.0.1/")
    assert len(other.row("price")) == 0, "another source's prices are not its own"


@pytest.mark.parametrize("damage", [b"", b"{", b"null", b'{"version": 1}', b"\xff" * 100, b"[" * 100_000])
async def test_a_damaged_cache_is_as_good_as_none(make, market, clock, tmp_path, damage):
    (tmp_path / "feeds").mkdir()
    (tmp_path / "feeds" / "price.json").write_bytes(damage)
    feed = make()
    feed.start()
    await clock.pass_(1)
    assert feed.row("price").at(clock.utc()) == 0.1
    await feed.stop()


async def test_a_lost_feed_is_told_once_and_so_is_its_return(make, market, clock, heard):
    feed = make()
    feed.start()
    await clock.pass_(2 * HOUR)
    heard.clear()
    market.error = FeedError("the server answers 503")
    while not market.failed:
        await clock.pass_(60)
    await clock.pass_(1200)
    assert heard == [], "some minutes without news are none to be alarmed about"
    await clock.pass_(2 * HOUR)
    alert, changed = heard
    assert (alert.name, changed) == ("price", FeedChanged("price"))
    assert alert.detail == "https://prices.example.org/: the server answers 503; known until Wed 00:00."
    assert feed.state.lost
    assert feed.row("price").at(clock.utc()) == 0.1, "what is known still holds"
    await clock.pass_(20 * HOUR)
    assert len(heard) == 2
    assert feed.state.until is None
    market.error, market.price = None, 0.2
    await clock.pass_(HOUR + 600)
    assert heard[2:] == [FeedChanged("price"), FeedAlert("price", ""), FeedChanged("price")]
    assert not feed.state.lost
    assert feed.row("price").at(clock.utc()) == 0.2
    await feed.stop()


async def test_a_server_that_wants_to_be_left_alone_is(make, market, clock):
    market.error = FeedError("too often", wait=5 * HOUR)
    feed = make()
    feed.start()
    await clock.pass_(4.9 * HOUR)
    assert len(market.asked) == 1
    await clock.pass_(HOUR)
    assert len(market.asked) == 2
    await feed.stop()


async def test_a_file_is_read_again_when_it_changes(make, market, clock, tmp_path):
    file = tmp_path / "prices.csv"
    file.write_text("1")
    feed = make("table", file=file)
    feed.start()
    await clock.pass_(4 * HOUR)
    assert len(market.asked) == 1
    file.write_text("22")
    market.price = 0.5
    await clock.pass_(120)
    assert len(market.asked) == 2
    assert feed.row("price").at(clock.utc()) == 0.5
    os.utime(file, ns=(1, 1))
    await clock.pass_(120)
    assert len(market.asked) == 3
    await feed.stop()


async def test_a_disk_that_takes_nothing_stops_no_feed(make, market, clock, tmp_path):
    (tmp_path / "feeds").write_text("in the way")
    feed = make()
    feed.start()
    await clock.pass_(1)
    assert feed.row("price").at(clock.utc()) == 0.1
    await feed.stop()


async def test_people_are_alerted_of_lost_prices_until_these_return(home):
    home.start()
    home.bus.publish(FeedAlert("sun", "no weather"))
    assert home.alerts.alerts() == []
    home.bus.publish(FeedAlert("price", "the server answers 503; known until Wed 00:00."))
    (alert,) = home.alerts.unresolved()
    assert (alert.code, alert.title) == ("PRICES_LOST", "No new prices come")
    assert "known until Wed 00:00" in alert.text
    home.bus.publish(FeedAlert("price", ""))
    assert home.alerts.alerts()[0].state(home.alerts.now) is AlertState.RESOLVED
