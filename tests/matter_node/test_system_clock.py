"""How good the node's time is, and whose time counts."""

import time

import pytest

from matter_node import system_clock
from matter_node.system_clock import EARLIEST_PLAUSIBLE_UTC, SystemClock, TimeQuality, system_synchronized


@pytest.fixture
def system(monkeypatch):
    """A system clock that a test sets: seconds since 1970, and whether something keeps it right."""

    class System:
        utc = EARLIEST_PLAUSIBLE_UTC + 1000.0
        synchronized = False

    state = System()
    monkeypatch.setattr(system_clock, "system_synchronized", lambda: state.synchronized)
    monkeypatch.setattr(time, "time", lambda: state.utc)
    return state


async def test_a_synchronized_system_has_the_time(system):
    system.synchronized = True
    clock = SystemClock()
    assert (clock.quality, clock.utc()) == (TimeQuality.SYNCHRONIZED, system.utc)
    assert clock.set_utc(5.0) is False
    assert clock.utc() == system.utc


async def test_a_plausible_time_is_better_than_none(system):
    clock = SystemClock()
    assert (clock.quality, clock.utc()) == (TimeQuality.UNVERIFIED, system.utc)


async def test_a_clock_that_was_never_set_has_no_time(system):
    system.utc = 3600.0  # 1970, as after a power cut without a battery
    clock = SystemClock()
    assert (clock.quality, clock.utc()) == (TimeQuality.UNKNOWN, None)


async def test_an_administrator_s_time_counts_and_goes_on(system):
    system.utc = 3600.0
    clock = SystemClock()
    assert clock.set_utc(1_800_000_000.0) is True
    assert clock.quality is TimeQuality.ADMINISTRATOR
    before = clock.monotonic()
    told = clock.utc()
    assert told == pytest.approx(1_800_000_000.0 + clock.monotonic() - before, abs=0.5)
    system.utc += 7 * 86_400  # the system's clock jumps; the administrator's does not
    assert clock.utc() == pytest.approx(told, abs=0.5)


async def test_once_the_system_is_synchronized_an_administrator_is_forgotten(system):
    clock = SystemClock()
    clock.set_utc(1_900_000_000.0)
    system.synchronized = True
    assert clock.utc() == system.utc
    system.synchronized = False
    assert (clock.quality, clock.utc()) == (TimeQuality.UNVERIFIED, system.utc)


def test_the_kernel_answers_the_question():
    assert system_synchronized() in {True, False}


def test_a_kernel_without_the_call_is_not_synchronized(monkeypatch):
    monkeypatch.setattr(system_clock, "_adjtimex", None)
    assert system_synchronized() is False


@pytest.mark.parametrize(("answer", "synchronized"), [(0, True), (4, True), (5, False), (-1, False)])
def test_what_the_kernel_s_answers_mean(monkeypatch, answer, synchronized):
    monkeypatch.setattr(system_clock, "_adjtimex", lambda _: answer)
    assert system_synchronized() is synchronized
