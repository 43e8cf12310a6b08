"""Virtual time passes as fast as the processor can, and otherwise as time does."""

import asyncio
import time
from datetime import UTC, datetime

import pytest

from bridge.simulation.virtual_time import VirtualClock, VirtualTimeError, run_virtually

START = datetime(2026, 6, 15, tzinfo=UTC)
WEEK = 7 * 86_400.0


def test_a_week_of_sleep_takes_no_time_and_is_a_week_on_the_clock():
    async def sleep():
        clock = VirtualClock(START)
        await asyncio.sleep(WEEK)
        return clock.monotonic(), clock.utc()

    began = time.monotonic()
    slept, utc = run_virtually(sleep())
    assert time.monotonic() - began < 10
    assert slept == pytest.approx(WEEK)
    assert utc == pytest.approx(START.timestamp() + WEEK)


def test_what_is_due_happens_in_its_order_and_at_its_distance():
    async def wait():
        clock, happened = VirtualClock(START), []
        for delay in (30.0, 10.0, 20.0):
            clock.call_later(delay, lambda delay=delay: happened.append((delay, clock.monotonic())))
        taken_back = clock.call_later(15.0, lambda: happened.append(("never", 0.0)))
        taken_back.cancel()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(25.0):
                await asyncio.Event().wait()
        happened.append(("timeout", clock.monotonic()))
        await asyncio.sleep(10.0)
        return happened

    happened = run_virtually(wait())
    assert [what for what, _ in happened] == [10.0, 20.0, "timeout", 30.0]
    assert [when for _, when in happened] == pytest.approx([10.0, 20.0, 25.0, 30.0])


def test_a_timer_that_sets_itself_keeps_its_pace_over_a_month():
    async def beat():
        clock, beats = VirtualClock(START), []

        def again():
            beats.append(clock.monotonic())
            clock.call_later(60.0, again)

        again()
        await asyncio.sleep(30 * 86_400.0 + 1)
        return beats

    beats = run_virtually(beat())
    assert len(beats) == 30 * 1440 + 1
    assert beats[-1] == pytest.approx(30 * 86_400.0, abs=1e-3)


def test_waiting_for_what_never_comes_is_said_instead_of_waited_for():
    async def forever():
        await asyncio.Event().wait()

    with pytest.raises(VirtualTimeError):
        run_virtually(forever())
