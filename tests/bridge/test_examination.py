"""A close look at one module."""

from dataclasses import replace

import pytest

from bridge import examination
from bridge.examination import READS, examine
from hw.reading import BatteryReading, Fault

KEY = "acme-1001"


@pytest.fixture(autouse=True)
def no_pause(monkeypatch):
    monkeypatch.setattr(examination, "PAUSE", 0)


async def test_a_module_that_answers_passes(home, clock):
    home.add()
    found = await examine(home.registry[KEY], clock)
    assert (found.passed, found.reads, found.failures) == (True, READS, 0)
    assert found.slowest_ms == 0, "the test's clock stands still"


async def test_one_that_does_not_answer_says_why(home, clock):
    home.add().broken = "unplugged"
    found = await examine(home.registry[KEY], clock)
    assert (found.passed, found.failures, found.mean_ms) == (False, READS, None)
    assert found.findings[0] == "read 1 failed: unplugged"


async def test_one_that_was_never_found_is_no_exception(home, clock):
    home.add()
    home.registry[KEY].device = None
    home.registry.lost(home.registry[KEY], "not found yet")
    assert "not found yet" in (await examine(home.registry[KEY], clock)).findings[0]


@pytest.mark.parametrize(
    ("said", "finding"),
    [
        ({"power_w": 6500.0}, "a power of 6500 W, rated for 5000 W"),
        ({"power_w": float("nan")}, "a power of nan W, rated for 5000 W"),
        ({"voltage_v": 12.0}, "a voltage of 12 V"),
        ({"battery": BatteryReading(soc_percent=140.0)}, "a state of charge of 140 %"),
        ({"faults": (Fault("OVER_TEMP", "802.Evt1"),)}, "fault OVER_TEMP (802.Evt1)"),
    ],
)
async def test_what_cannot_be_is_found(home, clock, said, finding):
    device = home.add()
    plain = device.read

    async def strange():
        return replace(await plain(), **said)

    device.read = strange
    assert (await examine(home.registry[KEY], clock)).findings == (finding,)
