"""The modes of the home, row by row."""

import itertools

import pytest

from bridge.grid import GridState
from bridge.island.mode import TRANSITIONS, Facts, HomeMode, due
from bridge.record import OperatingMode

LOST, THERE, UNKNOWN = GridState.LOST, GridState.CONNECTED, GridState.UNKNOWN
ALONE, TOGETHER = OperatingMode.AUTONOMOUS, OperatingMode.FEDERATED


def facts(grid=THERE, good_s=1000.0, chosen=TOGETHER, off=0, apart=False):
    return Facts(grid, good_s, 300.0, chosen, off, apart)


@pytest.mark.parametrize(
    ("mode", "so", "after"),
    [
        ("federated", facts(), None),
        ("federated", facts(UNKNOWN, 0.0), None),
        ("federated", facts(LOST, 0.0), "island"),
        ("autonomous", facts(LOST, 0.0, ALONE), "island"),
        ("federated", facts(chosen=ALONE), "autonomous"),
        ("autonomous", facts(), "federated"),
        ("island", facts(LOST, 0.0), None),
        ("island", facts(UNKNOWN, 0.0), None),
        ("island", facts(good_s=0.0), "returning"),
        ("returning", facts(good_s=299.0), None),
        ("returning", facts(LOST, 0.0), "island"),
        ("returning", facts(UNKNOWN, 0.0), None),
        ("returning", facts(good_s=300.0, off=2), "restoring"),
        ("returning", facts(off=2, apart=True), None),
        ("restoring", facts(off=1), None),
        ("restoring", facts(LOST, 0.0, off=1), "island"),
        ("restoring", facts(UNKNOWN, 0.0, off=1), "returning"),
        ("restoring", facts(good_s=0.0, off=1), "returning"),
        ("restoring", facts(), "federated"),
        ("restoring", facts(chosen=ALONE), "autonomous"),
    ],
)
def test_every_row(mode, so, after):
    transition = due(HomeMode(mode), so)
    assert (transition and transition.after) == (after and HomeMode(after))


def test_no_facts_lead_in_circles():
    every = itertools.product(GridState, (0.0, 10.0, 1000.0), OperatingMode, (0, 3))
    for mode, (grid, good_s, chosen, off) in itertools.product(HomeMode, every):
        so, path = facts(grid, good_s, chosen, off), [mode]
        while (transition := due(path[-1], so)) is not None:
            assert transition.after not in path, f"{path} with {so}"
            path.append(transition.after)


def test_every_row_can_come():
    every = [facts(*each) for each in itertools.product(GridState, (0.0, 1000.0), OperatingMode, (0, 3))]
    for row in TRANSITIONS:
        assert any(due(mode, so) is row for mode in row.before for so in every)
