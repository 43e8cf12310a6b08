"""The drivers the hub has, by name. A driver's code is loaded when an address first needs it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

from hw.sighting import Sighting

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from hw.matter_server.discover import Servers
    from hw.matter_server.product import Product
    from hw.module import Module
    from hw.ores.modules import OresModules


DRIVERS: Final = ("sunspec", "shelly", "goe", "matter", "bench")
"""The drivers' names, as settings have them."""
NATIVE: Final = "ores"
"""The driver of modules that speak of themselves: nobody lists their addresses, they register."""


class Driver(Protocol):
    """Finds the modules behind an address."""

    async def discover(self, address: str, *, serial: str = "") -> Sequence[Module]:
        """Return the modules, opened. Raise ModuleError when there are none, ValueError for no address."""

    async def look(self, address: str) -> Sequence[Sighting]:
        """Return who is there, only reading and as gently as the devices need it. Raises as `discover`."""

    def link(self, address: str) -> str:
        """Return what modules share that must not be read at the same time. Raise ValueError."""


@runtime_checkable
class Commissioner(Protocol):
    """A driver that takes devices in by a setup code."""

    async def commission(self, address: str, setup_code: str) -> Sequence[str]:
        """Let the server at an address take a device in; return the keys of its modules.

        Raise ModuleError when it cannot be, ValueError for no setup code.
        """


@runtime_checkable
class GrowingDriver(Protocol):
    """One whose addresses get more modules while it runs."""

    def news(self, address: str, known: AbstractSet[str]) -> bool:
        """Tell whether an address has modules with other keys than the known ones."""


class SunSpecDriver:
    """SunSpec over Modbus TCP; the units behind one host and port share one connection."""

    def __init__(self) -> None:
        from hw.sunspec.discover import Endpoints  # brings Modbus and the model definitions

        self._endpoints = Endpoints()

    async def discover(self, address: str, *, serial: str = "") -> Sequence[Module]:
        """Return the modules at `host[:port[:unit]]`, opened."""
        from hw.sunspec.discover import discover

        return await discover(address, self._endpoints, serial=serial)

    async def look(self, address: str) -> Sequence[Sighting]:
        """Return who is at `host[:port[:unit]]`, over one connection."""
        from hw.sunspec.probe import look

        return await look(address)

    def link(self, address: str) -> str:
        """Return host and port."""
        from hw.sunspec.discover import parse_address

        host, port, _ = parse_address(address)
        return f"{host}:{port}"


class ShellyDriver:
    """Shelly relays of generation 2 and later, over HTTP; the relays of one device are read in turn."""

    async def discover(self, address: str, *, serial: str = "") -> Sequence[Module]:  # noqa: ARG002 - they have one
        """Return the relays at `host[:port]`, opened."""
        from hw.shelly.discover import discover  # brings an HTTP client

        return await discover(address)

    async def look(self, address: str) -> Sequence[Sighting]:
        """Return who is at `host[:port]`."""
        return await _seen(await self.discover(address))

    def link(self, address: str) -> str:
        """Return host and port."""
        return http_link(address)


class GoeDriver:
    """go-eChargers of hardware version 3 and later, over HTTP."""

    async def discover(self, address: str, *, serial: str = "") -> Sequence[Module]:  # noqa: ARG002 - they have one
        """Return the charger at `host[:port]`, opened."""
        from hw.goe.discover import discover  # brings an HTTP client

        return await discover(address)

    async def look(self, address: str) -> Sequence[Sighting]:
        """Return who is at `host[:port]`."""
        return await _seen(await self.discover(address))

    def link(self, address: str) -> str:
        """Return host and port."""
        return http_link(address)


class OresDriver:
    """Modules that speak of themselves; an address is the key of one that was registered."""

    def __init__(self, modules: OresModules) -> None:
        self._modules = modules

    async def discover(self, address: str, *, serial: str = "") -> Sequence[Module]:  # noqa: ARG002 - they have one
        """Return the module of a key, connected or not."""
        return await self._modules.discover(address)

    async def look(self, address: str) -> Sequence[Sighting]:
        """Return the module of a key."""
        return [
            Sighting(each.identity, each.kind, each.address) for each in await self._modules.discover(address)
        ]

    def link(self, address: str) -> str:
        """Return the key."""
        from hw.ores.modules import parse_address

        return parse_address(address)


class BenchDriver:
    """The bench module of `hw.simulator`, for trying firmware updates without hardware."""

    async def discover(self, address: str, *, serial: str = "") -> Sequence[Module]:  # noqa: ARG002 - it has one
        """Return the module at `bench://host[:port]`, opened."""
        from hw.bench.discover import discover  # brings an HTTP client

        return await discover(address)

    async def look(self, address: str) -> Sequence[Sighting]:
        """Return the module at `bench://host[:port]`."""
        return await _seen(await self.discover(address))

    def link(self, address: str) -> str:
        """Return host and port."""
        from hw.bench.address import parse_address

        host, port = parse_address(address)
        return f"{host}:{port}"


async def _seen(modules: Sequence[Module]) -> list[Sighting]:
    """Return what modules are, and let go of them."""
    for module in modules:
        await module.close()
    return [Sighting(each.identity, each.kind, each.address) for each in modules]


def http_link(address: str) -> str:
    """Return host and port of a device that speaks HTTP. Raise ValueError."""
    from hw.address import parse_address

    host, port = parse_address(address)
    return f"{host}:{port}"


class MatterDriver:
    """Loads on a Matter server, over its one WebSocket; the hub itself is not taken for one of them."""

    def __init__(self, hub: Product | None) -> None:
        self._hub = hub
        self._servers: Servers | None = None

    async def discover(self, address: str, *, serial: str = "") -> Sequence[Module]:  # noqa: ARG002 - they have one
        """Return the loads on the server at `host[:port]` or `ws://host:port/ws`, opened."""
        from hw.matter_server.discover import discover  # brings an HTTP client

        return await discover(address, self._opened())

    async def look(self, address: str) -> Sequence[Sighting]:
        """Return the loads on the server."""
        return await _seen(await self.discover(address))

    def news(self, address: str, known: AbstractSet[str]) -> bool:
        """Tell whether the server has loads that are not known, such as a plug that was just commissioned."""
        return self._servers is not None and self._servers.news(address, known)

    async def commission(self, address: str, setup_code: str) -> tuple[str, ...]:
        """Let the server at an address commission a device, and return the keys of its modules.

        An address that is polled has them a moment later. Raise ModuleError, ValueError.
        """
        from hw.matter_server.discover import commission  # the same

        return await commission(address, setup_code, self._opened())

    def link(self, address: str) -> str:
        """Return the server's URL."""
        from hw.matter_server.address import server_url

        return server_url(address)

    def _opened(self) -> Servers:
        from hw.matter_server.discover import Servers  # the same

        if self._servers is None:
            self._servers = Servers(self._hub)
        return self._servers


def driver(name: str, *, hub: Product | None = None) -> Driver:
    """Return a new driver. Raise ValueError for a name that is none.

    :param hub: what other controllers may show as a device, and is none of its own modules
    """
    match name:
        case "sunspec":
            return SunSpecDriver()
        case "shelly":
            return ShellyDriver()
        case "goe":
            return GoeDriver()
        case "bench":
            return BenchDriver()
        case "matter":
            return MatterDriver(hub)
        case _:
            raise ValueError(f"there is no driver {name!r}; there are {', '.join(DRIVERS)}")


def drivers_for(address: str, drivers: Mapping[str, Driver], name: str | None = None) -> tuple[str, ...]:
    """Return the names of the drivers that an address can be meant for. Raise ValueError if there is none.

    :param name: the only one that is meant
    """
    if name is not None and name not in drivers:
        raise ValueError(f"there is no driver {name!r}; there are {', '.join(drivers)}")
    problems = []
    possible = []
    for each in (name,) if name else tuple(each for each in drivers if each != NATIVE):
        try:
            drivers[each].link(address)
        except ValueError as error:
            problems.append(str(error))
        else:
            possible.append(each)
    if not possible:
        raise ValueError("; ".join(dict.fromkeys(problems)) or f"no driver takes {address!r}")
    return tuple(possible)
