"""The home as the hub knows it: its modules, what they say, what is wrong, and what can be done."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bridge.actions import ModuleActions
from bridge.arbiter import Arbiter
from bridge.choices import HomeChoices
from bridge.events import EventBus
from bridge.faults import FaultBook
from bridge.flows import FlowMeter
from bridge.grid import GridWatch
from bridge.registry import Registry

if TYPE_CHECKING:
    from matter_node.clock import Clock
    from matter_node.storage import Storage


class Home:
    """What every side of the hub stands on: Matter, HTTP, plan, command line.

    :ivar bus: what the parts tell each other
    :ivar arbiter: the only one who tells modules what to do
    :ivar actions: what people and programs may ask of it
    """

    def __init__(self, storage: Storage, clock: Clock) -> None:
        self.storage = storage
        self.clock = clock
        self.bus = EventBus()
        self.registry = Registry(storage, self.bus)
        self.choices = HomeChoices(storage, self.bus)
        self.arbiter = Arbiter(self.registry, storage, self.bus, clock, self.choices)
        self.actions = ModuleActions(self.registry, self.arbiter, self.bus)
        self.faults = FaultBook(self.bus)
        self.grid = GridWatch(self.registry, self.bus)
        self.flow_meter = FlowMeter(self.registry, self.bus, clock)

    def utc_offset(self, time: float) -> float:
        """Return how many seconds the home's clocks are ahead of UTC at a time, in seconds since 1970."""
        offset = datetime.fromtimestamp(time, UTC).astimezone().utcoffset()
        return 0.0 if offset is None else offset.total_seconds()

    def start(self) -> None:
        """Take up what a former run has left, and follow what the modules say."""
        self.arbiter.start()
        self.faults.start()
        self.grid.start()
        self.flow_meter.start()
