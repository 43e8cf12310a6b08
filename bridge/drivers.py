"""The drivers the hub has, by name. A driver's code is loaded when an address first needs it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hw.module import Module


DRIVERS: Final = ("sunspec", "shelly", "goe", "bench")
"""The drivers' names, as settings have them."""


class Driver(Protocol):
    """Finds the modules behind an address."""

    async def discover(self, address: str, *, serial: str = "") -> Sequence[Module]:
        """Return the modules, opened. Raise ModuleError when there are none, ValueError for no address."""

    def link(self, address: str) -> str:
        """Return what modules share that must not be read at the same time. Raise ValueError."""


class SunSpecDriver:
    """SunSpec over Modbus TCP; the units behind one host and port share one connection."""

    def __init__(self) -> None:
        from hw.sunspec.discover import Endpoints  # brings Modbus and the model definitions

        self._endpoints = Endpoints()

    async def discover(self, address: str, *, serial: str = "") -> Sequence[Module]:
        """Return the modules at `host[:port[:unit]]`, opened."""
        from hw.sunspec.discover import discover

        return await discover(address, self._endpoints, serial=serial)

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

    def link(self, address: str) -> str:
        """Return host and port."""
        return http_link(address)


class GoeDriver:
    """go-eChargers of hardware version 3 and later, over HTTP."""

    async def discover(self, address: str, *, serial: str = "") -> Sequence[Module]:  # noqa: ARG002 - they have one
        """Return the charger at `host[:port]`, opened."""
        from hw.goe.discover import discover  # brings an HTTP client

        return await discover(address)

    def link(self, address: str) -> str:
        """Return host and port."""
        return http_link(address)


class BenchDriver:
    """The bench module of `hw.simulator`, for trying firmware updates without hardware."""

    async def discover(self, address: str, *, serial: str = "") -> Sequence[Module]:  # noqa: ARG002 - it has one
        """Return the module at `bench://host[:port]`, opened."""
        from hw.bench.discover import discover  # brings an HTTP client

        return await discover(address)

    def link(self, address: str) -> str:
        """Return host and port."""
        from hw.bench.address import parse_address

        host, port = parse_address(address)
        return f"{host}:{port}"


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
        case "bench":
            return BenchDriver()
        case _:
            raise ValueError(f"there is no driver {name!r}; there are {', '.join(DRIVERS)}")
