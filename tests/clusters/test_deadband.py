"""Which changes of a measured value matter."""

from clusters.deadband import Deadband, Deadbands
from matter_node.model import Urgency

BANDS = {8: Deadband(5000, 0.01)}


def test_a_small_change_waits_and_a_large_one_does_not():
    bands = Deadbands(BANDS)
    assert bands.urgency(8, 100_000, 104_000) is Urgency.LAZY
    assert bands.urgency(8, 104_000, 105_000) is Urgency.QUIET


def test_the_band_is_relative_for_large_values():
    bands = Deadbands(BANDS)
    assert bands.urgency(8, 3_000_000, 3_029_000) is Urgency.LAZY
    assert bands.urgency(8, 3_029_000, 3_031_000) is Urgency.QUIET


def test_a_slow_drift_matters_as_soon_as_it_adds_up():
    bands = Deadbands(BANDS)
    value, urgencies = 100_000, []
    for _ in range(12):
        urgencies.append(bands.urgency(8, value, value + 1000))
        value += 1000
    assert urgencies.count(Urgency.QUIET) == 2
    assert urgencies[4] is Urgency.QUIET


def test_null_is_told_at_once_both_ways():
    bands = Deadbands(BANDS)
    assert bands.urgency(8, 1, None) is Urgency.NOW
    assert bands.urgency(8, None, 1) is Urgency.NOW


def test_without_a_band_every_change_matters():
    assert Deadbands({}).urgency(8, 1, 2) is Urgency.QUIET
