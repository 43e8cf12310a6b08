"""What the tests of the node are given."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from node_lab.world import Authority, Fabrics, ManualClock, SeededEntropy


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def entropy():
    return SeededEntropy()


@pytest.fixture
def make_entropy():
    return SeededEntropy


@pytest.fixture
def make_authority():
    return Authority


@pytest.fixture
def make_fabrics():
    return Fabrics


@pytest.fixture(scope="session")
def vectors():
    path = Path(__file__).parents[1] / "vectors" / "vectors.json"
    return json.loads(path.read_text())
