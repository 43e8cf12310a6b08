"""The parts of a running hub, joined: what its Matter side and its control socket stand on."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Final

from bridge import logs, setup_code
from bridge.channels import ChannelBook
from bridge.configuration import Configuration
from bridge.diagnostics import Diagnostics
from bridge.discovery import Discovery
from bridge.drivers import DRIVERS, NATIVE, Driver, OresDriver, driver
from bridge.home import Home
from bridge.late_readings import LateReadings
from bridge.live_settings import LiveSettings
from bridge.matter import MatterBridge, hub_product
from bridge.native import NativeModules
from bridge.notifier import Notifier
from bridge.pace import Pace
from bridge.planner.economy import Economy
from bridge.planner.keeper import PlanKeeper
from bridge.planner.news import EnergySettingsChanged
from bridge.planner.solving import PlanningProcess
from bridge.poller import Poller, Source
from bridge.preferences import PreferenceBook
from bridge.retention import RetentionBook
from bridge.savings.prices_paid import PriceBook
from bridge.savings.savings import Savings
from bridge.settings_book import SettingsBook
from bridge.telemetry.audit_head import AuditHeads
from bridge.telemetry.telemetry import Telemetry
from bridge.time_zone import time_zone
from matter_node.transport.service import Service

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.access.access import Access
    from bridge.api.server import ApiServer
    from bridge.data_dir import DataDirectory
    from bridge.planner.planner import Planner
    from bridge.planner.settings import EnergySettings
    from bridge.registration.desk import RegistrationDesk
    from bridge.settings import Settings
    from bridge.setup_code import SetupCode
    from matter_node.clock import Clock
    from matter_node.storage import Storage

HUB_SERVICE: Final = "_ores-hub._tcp"
"""Under this type modules find the hub that they ask to be let in."""


class Hub:
    """All parts, made and joined; whoever makes it starts and stops them."""

    def __init__(self, settings: Settings, directory: DataDirectory, storage: Storage, clock: Clock) -> None:
        self.settings = settings
        self.directory = directory
        self.storage = storage
        self.clock = clock
        self.started = time.time()
        self.setup: SetupCode = setup_code.load_or_create(
            storage, passcode=settings.passcode, discriminator=settings.discriminator
        )
        self.book = SettingsBook(storage, LiveSettings.of(settings), self._live_by)
        live = self.book.now
        if live.log_level != settings.log_level:
            logs.use(live.log_level)
        self.home = Home(storage, clock, time_zone(settings.timezone), live.island)
        self.bus = self.home.bus
        self.registry = self.home.registry
        self.arbiter = self.home.arbiter
        self.actions = self.home.actions
        if settings.firmware.url:
            from bridge.firmware.service import FirmwareService  # only for a hub with a repository

            self.home.firmware = FirmwareService(
                live.firmware, self.home, directory.firmware, lambda: self.access.audit
            )
        self.telemetry = Telemetry(
            settings.telemetry, directory, self.home.zone, self.registry, self.bus, AuditHeads(storage)
        )
        self.retention = RetentionBook(settings.telemetry, self.telemetry, storage, clock)
        self.pace = Pace(live.polling.interval, live.polling.cpu, time.process_time)
        late = LateReadings(self.telemetry)
        self.native = NativeModules(self.registry, storage, self.bus, clock, late)
        self.drivers: dict[str, Driver] = {name: driver(name, hub=hub_product(storage)) for name in DRIVERS}
        self.drivers[NATIVE] = OresDriver(self.native.modules)
        self.poller = Poller(self.registry, self.drivers, self.pace, clock)
        self.configuration = Configuration(self.home.choices, storage, clock, self.book)
        self.discovery = Discovery(self.registry, self.drivers, self.poller, self.bus, clock, storage)
        self.planning = PlanningProcess()
        ask, recorded = self.planning.ask, self.telemetry.path if settings.telemetry.enabled else None
        self.economy = Economy(
            live.energy,
            self.home,
            directory.feeds,
            recorded,
            reckon=ask,
            recall=None if recorded is None else self.telemetry.history,
        )
        self.keeper = PlanKeeper(storage, live.energy)
        self.planner = self._planner()
        self._let_stay()
        prices = PriceBook(
            storage,
            self.home.zone,
            lambda: self.economy.tariff,
            lambda: repr(self.economy.settings.tariff),
            self.economy.emissions,
        )
        self.savings = Savings(self.home, lambda: self.economy.settings.planner, recorded, prices, ask)
        self.matter = MatterBridge(
            replace(settings, faces=live.faces), self.setup, self.home, self.discovery, lambda: self.planner
        )

        self.preferences = PreferenceBook(storage)
        self.channels = ChannelBook(storage)
        self.notifier = Notifier(
            self.home.alerts,
            self.channels,
            self.preferences,
            lambda: self.access.accounts,
            self.bus,
            zone=time_zone(settings.timezone),
        )
        self.diagnostics = Diagnostics(self)
        self.api: ApiServer | None = None
        """The HTTP API; None while it is not switched on."""

    def _planner(self) -> Planner | None:
        """Return the planner; None without a tariff, or when it is switched off."""
        posing = self.economy.posing
        if posing is None:
            return None
        from bridge.planner.planner import Planner  # a hub without a tariff has no use for it

        return Planner(
            posing,
            self.home,
            self.economy.settings.planner.time_limit,
            make=self.planning.plan,
            keeper=self.keeper,
        )

    def _let_stay(self) -> None:
        """Let the planning process stay between questions, if plans are made and there is memory for it.

        Without plans it reckons what was saved, now and then: that is no reason to stay.
        """
        self.planning.resident = self.book.now.planner.resident and self.planner is not None

    def _live_by(self, before: LiveSettings, after: LiveSettings) -> None:
        """Let other settings hold, each where it is gone by."""
        if after.energy != before.energy:
            self._plan_by(after.energy)
        if after.island != before.island:
            self.home.island.use(after.island)
        if after.polling != before.polling:
            self.pace.use(after.polling.interval, after.polling.cpu)
        if after.faces != before.faces:
            self.matter.faces.use(after.faces)
        if after.firmware != before.firmware and self.home.firmware is not None:
            self.home.firmware.use(after.firmware)
        if after.log_level != before.log_level:
            logs.use(after.log_level)

    def _plan_by(self, settings: EnergySettings) -> None:
        """Plan by other settings. The first tariff brings a planner."""
        self.economy.use(settings)
        self.keeper.use(settings)
        if self.planner is None:
            self.planner = self._planner()
            if self.planner is not None and self.economy.is_running:
                self.planning.start()
                self.planner.start()
        else:
            self.planner.time_limit = settings.planner.time_limit
        self._let_stay()
        self.bus.publish(EnergySettingsChanged(settings))

    @cached_property
    def access(self) -> Access:
        """Who may do what over HTTP; made when it is first asked for."""
        from bridge.access.access import Access  # a hub without the API has no use for it

        return Access(self.storage, self.clock, self.bus, self.arbiter, audit=self.telemetry)

    @cached_property
    def registrations(self) -> RegistrationDesk:
        """Where modules ask to be let in; there is one while the HTTP API listens. Raise LookupError."""
        from bridge.registration.desk import RegistrationDesk  # a hub without the API has no use for it

        if self.api is None or self.api.tls is None:
            raise LookupError("the HTTP API does not listen")
        return RegistrationDesk(
            self.registry,
            self.native,
            self.poller,
            self.access,
            self.api.tls.authority,
            self.storage,
            self.clock,
            self.bus,
        )

    async def serve_api(self) -> None:
        """Start the HTTP API, if the settings have one."""
        if self.settings.api.enabled:
            from bridge.api.server import ApiServer  # it costs some megabytes: not for a hub without it

            self.access.end_leftovers(module.key for module in self.registry)
            self.api = ApiServer(self)
            await self.api.start()

    def be_found(self) -> None:
        """Announce the HTTP API to modules that look for their hub (docs/module-protocol.md)."""
        if self.api is None or self.api.tls is None or not self.api.port:
            return
        from hw.ores.pairing import fingerprint

        text = (
            ("txtvers", "1"),
            ("api", "1.0"),
            ("path", "/device/register"),
            ("ski", fingerprint(self.api.tls.authority.public_key).hex()[:16]),
        )
        name = f"ores-bridge-{(self.matter.node.info.serial_number or '')[:8]}"
        self.matter.network.set_others([Service(name, HUB_SERVICE, (), self.api.port, text)])

    def sources(self, surroundings: Sequence[Source] | None = None) -> list[Source]:
        """Return where to find modules: the settings' addresses, and the saved ones that they leave out.

        :param surroundings: what takes their place; modules that speak of themselves are there all the same
        """
        if surroundings is not None:
            speaking = (module.record for module in self.registry if module.record.driver == NATIVE)
            return [*surroundings, *(Source(NATIVE, record.address) for record in speaking)]
        listed = [
            Source(module.driver, module.address, module.serial, module.name, module.room)
            for module in self.settings.modules
        ]
        links = {(source.driver, self.drivers[source.driver].link(source.address)) for source in listed}
        saved = [
            Source(module.record.driver, module.record.address)
            for module in self.registry
            if module.record.driver in self.drivers
            and (module.record.driver, self.drivers[module.record.driver].link(module.record.address))
            not in links
        ]
        return listed + saved
