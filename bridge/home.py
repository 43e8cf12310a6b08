"""The home as the hub knows it: its modules, what they say, what is wrong, and what can be done."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from bridge.actions import ModuleActions
from bridge.alert_sources import AlertSources
from bridge.alerts import AlertBook
from bridge.arbiter import Arbiter
from bridge.choices import HomeChoices
from bridge.energy_today import EnergyToday
from bridge.events import EventBus
from bridge.fault_log import FaultLog
from bridge.faults import FaultBook
from bridge.flows import FlowMeter
from bridge.grid import GridState, GridWatch
from bridge.island.keeper import IslandKeeper
from bridge.island.notices import IslandNotices
from bridge.island.settings import IslandSettings
from bridge.loads.runs import RunBook
from bridge.loads.sessions import SessionBook
from bridge.plausibility import Plausibility
from bridge.protector import Protector
from bridge.registry import Registry
from bridge.start_ups import StartUps
from bridge.time_zone import time_zone

if TYPE_CHECKING:
    from datetime import tzinfo

    from bridge.charging_point import ChargingPoint
    from bridge.firmware.service import FirmwareService
    from matter_node.clock import Clock
    from matter_node.storage import Storage


class Home:
    """What every side of the hub stands on: Matter, HTTP, plan, command line.

    :ivar bus: what the parts tell each other
    :ivar arbiter: the only one who tells modules what to do
    :ivar actions: what people and programs may ask of it
    """

    def __init__(
        self,
        storage: Storage,
        clock: Clock,
        zone: tzinfo | None = None,
        island: IslandSettings | None = None,
    ) -> None:
        """Take the parts.

        :param zone: the home's time zone; the computer's own without one
        :param island: how it lives without the grid; as usual by default
        """
        self.storage = storage
        self.clock = clock
        self.zone = time_zone() if zone is None else zone
        self.bus = EventBus()
        self.registry = Registry(storage, self.bus)
        self.choices = HomeChoices(storage, self.bus)
        self.arbiter = Arbiter(self.registry, storage, self.bus, clock, self.choices)
        self.actions = ModuleActions(self.registry, self.arbiter, self.bus)
        self.faults = FaultBook(self.bus)
        self.fault_log = FaultLog(storage, self.bus, clock)
        self.alerts = AlertBook(storage, self.bus, clock, self.registry, self.fault_log)
        self.protector = Protector(self.registry, self.arbiter, self.bus, clock, self.faults, self.fault_log)
        self.grid = GridWatch(self.registry, self.bus)
        self.plausibility = Plausibility(self.registry, self.arbiter, self.bus, clock, self.faults, self.grid)
        self.flow_meter = FlowMeter(
            self.registry, self.bus, clock, lost=lambda: self.grid.state is GridState.LOST
        )
        self.charging_points: dict[str, ChargingPoint] = {}
        """What apps want of the charging points that they are shown, by module."""
        self.start_ups = StartUps(storage, self.registry, self.bus, self.actions)
        """What loads do when they are supplied with power."""
        self.runs = RunBook(self)
        self.sessions = SessionBook(self)
        self.energy_today = EnergyToday(self.registry, self.bus, clock, self.zone)
        self.island = IslandKeeper(self, island or IslandSettings())
        self._notices = IslandNotices(self)
        self.firmware: FirmwareService | None = None
        """Updates of firmware; None while the settings name no repository."""

    def utc_offset(self, time: float) -> float:
        """Return how many seconds the home's clocks are ahead of UTC at a time, in seconds since 1970."""
        offset = datetime.fromtimestamp(time, self.zone).utcoffset()
        return 0.0 if offset is None else offset.total_seconds()

    def start(self) -> None:
        """Take up what a former run has left, and follow what the modules say."""
        self.arbiter.start()
        self.faults.restore(self.fault_log.start())
        self.alerts.start()
        AlertSources(self.alerts, self.bus, self.registry).start()
        self.faults.start()
        self.protector.start()
        self.grid.start()
        self.plausibility.start()
        self.flow_meter.start()
        self.start_ups.start()
        self.runs.start()
        self.sessions.start()
        self.island.start()
        self._notices.start()

    def stop(self) -> None:
        """Look after the modules no more."""
        self.protector.stop()
        self.plausibility.stop()
        self.start_ups.stop()
        self.island.stop()
        self._notices.stop()
