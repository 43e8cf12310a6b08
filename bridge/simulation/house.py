"""The hub's brain over a simulated home, on one virtual clock.

Registry, poller, arbiter, protection, planner and what they stand on are the hub's own, and know of nothing.
What is left out is what looks outward: Matter, HTTP, the disk, and the sockets between hub and modules.
"""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, Final, NoReturn

from bridge.feeds.feed import Feed
from bridge.feeds.feeds import Feeds
from bridge.home import Home
from bridge.pace import Pace
from bridge.planner.economy import Economy
from bridge.planner.planner import Planner
from bridge.planner.solving import SolveError
from bridge.planner.worker import answer
from bridge.poller import Poller, Source
from bridge.simulation.market import Forgetful, VirtualMarket
from bridge.simulation.memory import Memory
from bridge.time_zone import time_zone
from hw.sighting import Sighting
from hw.simulator.in_process import InProcessHome
from matter_node.storage import MemoryStorage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.choices import Policy
    from bridge.feeds.cache import Cache
    from bridge.feeds.source import Source as FeedSource
    from bridge.planner.plan import HomePlan
    from bridge.planner.question import Question
    from bridge.planner.settings import EnergySettings
    from bridge.simulation.virtual_time import VirtualClock
    from hw.module import Module
    from hw.simulator.world import World

DRIVER: Final = "simulated"
INTERVAL: Final = 30.0
"""Seconds from one reading of a module to the next: a hub reads every second."""
PERIOD: Final = 900.0
"""Seconds from one plan to the next: a hub plans every five minutes."""


class InProcessDriver:
    """Finds the modules of a simulated home by their serial numbers."""

    def __init__(self, home: InProcessHome) -> None:
        """Find the modules of a home."""
        self._home = home

    async def discover(self, address: str, *, serial: str = "") -> Sequence[Module]:  # noqa: ARG002 - they have one
        """Return the module of a serial number."""
        return [self._home.modules[address]]

    async def look(self, address: str) -> Sequence[Sighting]:
        """Return who is there."""
        return [Sighting(each.identity, each.kind, each.address) for each in await self.discover(address)]

    def link(self, address: str) -> str:
        """Return the address: nothing is shared."""
        return address


class VirtualHouse:
    """A home and its hub.

    :ivar physics: the truth
    :ivar home: what the hub makes of it
    :ivar pace: how often modules are read
    :ivar market: what prices follow, where the tariff says so
    """

    def __init__(
        self,
        world: World,
        clock: VirtualClock,
        settings: EnergySettings,
        zone: str,
        *,
        interval: float = INTERVAL,
        period: float = PERIOD,
        seed: int = 1,
    ) -> None:
        """Join the parts; nothing lives yet.

        :param settings: with a tariff
        :param zone: IANA name of the home's time zone
        :param interval: seconds from one reading of a module to the next
        :param period: seconds from one plan to the next
        """
        zero = clock.monotonic()
        self.clock = clock
        self.physics = InProcessHome(world, lambda: clock.monotonic() - zero)
        self.home = Home(MemoryStorage(), clock, time_zone(zone))
        self.market = VirtualMarket(clock, self.home.zone, seed)
        # What reading costs is no reason to read less often here.
        self.pace = Pace(interval, 1.0, lambda: 0.0)
        self._poller = Poller(
            self.home.registry,
            {DRIVER: InProcessDriver(self.physics)},
            self.pace,
            clock,
            randomness=Random(seed),  # noqa: S311 - the same seed, the same week
        )
        self._memory = Memory(self.home)
        self.economy = Economy(settings, self.home, Path(), None, reckon=self._reckon, feeds=self._feeds())
        assert self.economy.posing is not None, "a house has a tariff"
        self.planner = Planner(
            self.economy.posing, self.home, settings.planner.time_limit, make=self._plan, period=period
        )

    async def start(self, policy: Policy) -> None:
        """Let the hub begin, with what the residents chose."""
        self.home.choices.choose(policy=policy)
        self.home.start()
        self._memory.start()
        for serial in self.physics.modules:
            self._poller.add(Source(DRIVER, serial))
        await self._poller.first_look(60.0)
        self.economy.start()
        self.planner.start()

    async def stop(self) -> None:
        """End it in order, as a hub that is switched off."""
        await self.planner.stop()
        await self.economy.stop()
        await self.home.arbiter.close()
        await self._poller.stop()
        self._memory.stop()
        self.home.stop()

    def _feeds(self) -> Feeds:
        """Return feeds that ask the market of this world."""

        def make(source: FeedSource, _cache: Cache, *others: Any) -> Feed:
            return Feed(source, Forgetful(), *others, asking=self.market.ask)

        return Feeds(Path(), self.home.bus, self.clock, self.home.zone, make=make)

    async def _reckon(self, _what: str, _values: dict[str, Any], _limit: float) -> NoReturn:
        raise SolveError("there is no other process in virtual time")

    async def _plan(self, question: Question, _time_limit: float) -> HomePlan:
        """Plan in this process: another one has no place in virtual time."""
        return answer(question, self._memory.past(question.start))
