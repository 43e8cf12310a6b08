"""The drivers the hub has, by name. A driver's code is loaded when an address first needs it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

from hw.sighting import Sighting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hw.module import Module
    from hw.ores.modules import OresModules


DRIVERS: Final = ("sunspec", "shelly", "goe")
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

    async def commission(self, setup_code: str) -> Sequence[str]:
        """Take a device in; return addresses at which `discover` finds its modules from now on.

        Raise ModuleError when it cannot be, ValueError for no setup code.
        """


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


def driver(name: str) -> Driver:
    """Return a new driver. Raise ValueError for a name that is none."""
    match name:
        case "sunspec":
            return SunSpecDriver()
        case "shelly":
            return ShellyDriver()
        case "goe":
            return GoeDriver()
        case _:
            raise ValueError(f"there is no driver {name!r}; there are {', '.join(DRIVERS)}")
