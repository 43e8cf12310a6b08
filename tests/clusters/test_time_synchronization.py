"""The node's time: shown as good as it is, corrected when an administrator knows better."""

import pytest

from clusters.definitions.time_synchronization import (
    GranularityEnum,
    SetUtcTimeRequest,
    TimeSourceEnum,
    TimeSynchronization,
)
from clusters.time_synchronization import TIME_NOT_ACCEPTED, TimeSynchronizationServer
from matter_node.clock import MATTER_EPOCH_OFFSET
from matter_node.model import Endpoint
from matter_node.status import Status, StatusError
from matter_node.system_clock import TimeQuality

NOON_2026 = 1_782_000_000


class Clock:
    def __init__(self, quality, utc=None):
        self.quality = quality
        self.time = utc

    def utc(self):
        return self.time

    def set_utc(self, utc):
        if self.quality is TimeQuality.SYNCHRONIZED:
            return False
        self.quality, self.time = TimeQuality.ADMINISTRATOR, utc
        return True


@pytest.fixture
def serve(tree):
    def serve(clock):
        server = TimeSynchronizationServer(clock)
        tree.add(Endpoint(0, [], [server]))
        return server

    return serve


def shown(server, context):
    return (
        server.read(TimeSynchronization.utc_time, context),
        server.read(TimeSynchronization.granularity, context),
        server.read(TimeSynchronization.time_source, context),
    )


def at(utc, granularity=GranularityEnum.MILLISECONDS_GRANULARITY):
    return SetUtcTimeRequest(utc_time=(utc - MATTER_EPOCH_OFFSET) * 1_000_000, granularity=granularity)


@pytest.mark.parametrize(
    ("quality", "granularity", "source"),
    [
        (TimeQuality.UNVERIFIED, GranularityEnum.SECONDS_GRANULARITY, TimeSourceEnum.UNKNOWN),
        (TimeQuality.SYNCHRONIZED, GranularityEnum.MILLISECONDS_GRANULARITY, TimeSourceEnum.NON_MATTER_NTP),
    ],
)
def test_the_time_is_told_in_microseconds_since_2000(serve, context, quality, granularity, source):
    server = serve(Clock(quality, NOON_2026 + 0.25))
    micros = (NOON_2026 - MATTER_EPOCH_OFFSET) * 1_000_000 + 250_000
    assert shown(server, context) == (micros, granularity, source)


def test_without_a_time_there_is_none_and_an_event_says_so(serve, context, tree):
    server = serve(Clock(TimeQuality.UNKNOWN))
    assert shown(server, context) == (None, GranularityEnum.NO_TIME_GRANULARITY, TimeSourceEnum.NONE)
    assert [record.event for record in tree.events.since(0)] == [TimeSynchronization.time_failure]


def test_with_a_time_there_is_no_failure(serve, tree):
    serve(Clock(TimeQuality.UNVERIFIED, NOON_2026))
    assert list(tree.events.since(0)) == []


def test_an_administrator_may_set_it_and_subscribers_learn_how_good_it_is(serve, context, reports):
    clock = Clock(TimeQuality.UNKNOWN)
    server = serve(clock)
    server.handle_set_utc_time(context, at(NOON_2026, GranularityEnum.MINUTES_GRANULARITY))
    assert clock.time == NOON_2026
    assert shown(server, context)[1:] == (GranularityEnum.MINUTES_GRANULARITY, TimeSourceEnum.ADMIN)
    assert {name for _, name, _ in reports.seen} == {"granularity", "time_source"}
    # it is no finer than a message travels
    server.handle_set_utc_time(context, at(NOON_2026, GranularityEnum.MICROSECONDS_GRANULARITY))
    assert shown(server, context)[1] is GranularityEnum.SECONDS_GRANULARITY


def test_a_synchronized_system_knows_better(serve, context):
    clock = Clock(TimeQuality.SYNCHRONIZED, NOON_2026)
    server = serve(clock)
    with pytest.raises(StatusError) as refused:
        server.handle_set_utc_time(context, at(NOON_2026 + 60))
    assert (refused.value.status, refused.value.cluster_status) == (Status.FAILURE, TIME_NOT_ACCEPTED)
    assert clock.time == NOON_2026


def test_once_synchronized_an_administrators_doubts_are_forgotten(serve, context):
    clock = Clock(TimeQuality.UNKNOWN)
    server = serve(clock)
    server.handle_set_utc_time(context, at(NOON_2026, GranularityEnum.MINUTES_GRANULARITY))
    clock.quality = TimeQuality.SYNCHRONIZED
    assert shown(server, context)[1] is GranularityEnum.MILLISECONDS_GRANULARITY


def test_subscribers_learn_within_a_minute_that_the_time_is_better_or_worse(serve, reports, turned_clock):
    clock = Clock(TimeQuality.UNVERIFIED, NOON_2026)
    server = serve(clock)
    turned_clock.advance(300)
    assert reports.seen == []
    for quality in (TimeQuality.SYNCHRONIZED, TimeQuality.UNVERIFIED):
        clock.quality = quality
        turned_clock.advance(60)
        assert {name for _, name, _ in reports.seen} == {"granularity", "time_source"}
        reports.seen.clear()
    server.detached()
    clock.quality = TimeQuality.SYNCHRONIZED
    turned_clock.advance(600)
    assert reports.seen == []


def test_a_time_without_granularity_is_none(serve, context):
    clock = Clock(TimeQuality.UNKNOWN)
    server = serve(clock)
    with pytest.raises(StatusError) as refused:
        server.handle_set_utc_time(context, at(NOON_2026, GranularityEnum.NO_TIME_GRANULARITY))
    assert refused.value.status is Status.INVALID_COMMAND
    assert clock.time is None


def test_setting_the_time_takes_an_administrator():
    assert TimeSynchronization.set_utc_time.access.write.name == "ADMINISTER"
