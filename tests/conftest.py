"""What tests of clusters and devices stand on: a node's tree whose time they turn by hand."""

import heapq
import itertools
import random
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import settings

from matter_node.model import Context, NodeTree
from matter_node.storage import MemoryStorage
from matter_node.subject import AuthMode, Subject

# A test that passes for one passes for all; `make explore` is where new examples are looked for. How long one
# example takes is the machine's affair: pytest's own limit ends what hangs.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.register_profile("explore", print_blob=True, deadline=None)
settings.load_profile("repeatable")


LONG = frozenset(
    {
        "bridge/api/test_hub_communicate.py",
        "bridge/api/test_kill_9.py",
        "bridge/care/test_care_commands.py",
        "bridge/firmware/test_killed_hub.py",
        "bridge/firmware/test_update.py",
        "bridge/island/test_kill.py",
        "bridge/island/test_living.py",
        "bridge/loads/test_cars.py",
        "bridge/loads/test_carrying_out.py",
        "bridge/loads/test_real_drivers.py",
        "bridge/planner/test_command_line.py",
        "bridge/planner/test_economy.py",
        "bridge/planner/test_over_modbus.py",
        "bridge/simulation/test_command_line.py",
        "bridge/simulation/test_week.py",
        "bridge/test_app.py",
        "clusters/managed/test_always.py",
    }
)
"""Files that take more than ten seconds, besides those under `interop`."""


@pytest.hookimpl(trylast=True)  # after the fixtures have had their say in the order
def pytest_collection_modifyitems(items):
    """Begin with what takes long, and go by the number of tests then: nobody waits for a last long file."""
    tests = Path(__file__).parent
    sizes = Counter(item.path for item in items)

    def late(path):
        return path.relative_to(tests).as_posix() not in LONG and path.parent.name != "interop"

    items.sort(key=lambda item: (late(item.path), -sizes[item.path]))


def pytest_terminal_summary(terminalreporter):
    """Print what tests measured; here, since a run on several processors knows no other conftest."""
    reports = [each for kind in terminalreporter.stats.values() for each in kind]
    told = [
        text
        for report in reports
        if getattr(report, "when", "") == "call"
        for name, text in report.user_properties
        if name == "figure"
    ]
    if told:
        terminalreporter.section("measured against real controllers")
        for text in told:
            terminalreporter.write_line(text)


class TurnedClock:
    """Time stands still until `advance`, which calls the timers in order, each at its own time."""

    def __init__(self):
        self.now = 1000.0
        self.epoch = 1_800_000_000.0
        self._timers = []
        self._order = itertools.count()

    def monotonic(self):
        return self.now

    def utc(self):
        return None if self.epoch is None else self.epoch + self.now

    def call_later(self, delay, callback):
        timer = _Timer(callback)
        heapq.heappush(self._timers, (self.now + max(delay, 0.0), next(self._order), timer))
        return timer

    def advance(self, seconds):
        end = self.now + seconds
        while self._timers and self._timers[0][0] <= end + 1e-9:
            when, _, timer = heapq.heappop(self._timers)
            if timer.callback is not None:
                self.now = max(self.now, when)
                timer.callback()
        self.now = end


class _Timer:
    def __init__(self, callback):
        self.callback = callback

    def cancel(self):
        self.callback = None


class _Entropy:
    def __init__(self):
        self._random = random.Random(0)

    def token(self, length):
        return self._random.randbytes(length)

    def below(self, limit):
        return self._random.randrange(limit)


class _Session:
    subject = Subject(AuthMode.CASE, fabric_index=1, node_id=1)
    attestation_challenge = bytes(16)


class Reports:
    """What a subscriber would learn: (cluster name, attribute name, urgency), in order."""

    def __init__(self):
        self.seen = []
        self.structure = 0

    def attribute_changed(self, endpoint, cluster, attribute_id, urgency):
        self.seen.append((cluster.NAME, cluster.shape.attributes[attribute_id].name, urgency))

    def structure_changed(self):
        self.structure += 1

    def of(self, name):
        return [urgency for _, attribute, urgency in self.seen if attribute == name]


@pytest.fixture
def turned_clock():
    return TurnedClock()


@pytest.fixture
def memory():
    return MemoryStorage()


@pytest.fixture
def tree(memory, turned_clock):
    return NodeTree(memory, turned_clock, _Entropy())


@pytest.fixture
def reports(tree):
    listener = Reports()
    tree.listeners.append(listener)
    return listener


@pytest.fixture
def context():
    return Context(_Session.subject, _Session())
