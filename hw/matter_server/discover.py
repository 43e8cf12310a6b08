"""From a server's address to the loads on it, and from a setup code to one more."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hw.matter_server.address import server_url
from hw.matter_server.load import MatterLoad
from hw.matter_server.server import MatterServer
from hw.module import NotSupported

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from hw.matter_server.product import Product

_SETUP_CODE = re.compile(r"MT:[0-9A-Z.-]{19,512}|\d{4}-?\d{3}-?\d{4}(-?\d{4}-?\d{5}(-?\d)?)?")


@dataclass(slots=True)
class Site:
    """A server and the modules that were found on it, by key."""

    server: MatterServer
    modules: dict[str, MatterLoad] = field(default_factory=dict)


class Servers:
    """The servers in use, so that all modules of one share its connection.

    :ivar own: the node that is left out wherever it is found
    """

    def __init__(self, own: Product | None = None) -> None:
        self.own = own
        self._sites: dict[str, Site] = {}

    def get(self, address: str) -> Site:
        """Return the server at an address, the same one every time. Raise ValueError."""
        url = server_url(address)
        site = self._sites.get(url)
        if site is None:
            site = self._sites[url] = Site(MatterServer(url, self.own))
        return site

    def news(self, address: str, known: AbstractSet[str]) -> bool:
        """Tell whether a server has loads with other keys than the known ones, as far as it has told."""
        return not self.get(address).server.places.keys() <= known


async def discover(address: str, servers: Servers | None = None) -> list[MatterLoad]:
    """Return the loads on the server at `host[:port]` or `ws://host:port/ws`, opened.

    A load that the server does not reach now is among them. What was found before is the same object again.
    It only reads. Raise ModuleUnreachable when nothing answers, NotSupported when what answers is no Matter
    server or has no load, ValueError for an address that is none.
    """
    site = (servers or Servers()).get(address)
    server = site.server
    looking = object()
    server.join(looking)
    try:
        await server.connect()
        found = [_module(site, key) for key in server.places]
        for module in found:
            module.join()
    finally:
        await server.leave(looking)
    if not found:
        raise NotSupported(f"{server}: nothing on this Matter server can be switched")
    return found


async def commission(address: str, setup_code: str, servers: Servers | None = None) -> tuple[str, ...]:
    """Let a server commission a device; return the keys of its loads, which `discover` returns from now on.

    A device without a load is let go again.

    :param setup_code: what the QR code says (`MT:...`), or the digits below it
    :raises ValueError: the setup code or the address is none
    :raises ModuleUnreachable: the server does not answer
    :raises RequestRefused: the server finds no such device, or cannot commission it
    :raises NotSupported: the device has no load
    """
    code = setup_code.strip()
    if _SETUP_CODE.fullmatch(code) is None:
        raise ValueError("a setup code is MT: with what follows it, or 11 or 21 digits")
    server = (servers or Servers()).get(address).server
    looking = object()
    server.join(looking)
    try:
        client = await server.connect()
        node = await client.commission_with_code(code, network_only=not server.bluetooth)
        server.take(node)
        keys = tuple(key for key, place in server.places.items() if place.node == node.id)
        if not keys:
            await client.remove_node(node.id)
            raise NotSupported(f"{server}: the device has nothing that can be switched, and was let go again")
        return keys
    finally:
        await server.leave(looking)


def _module(site: Site, key: str) -> MatterLoad:
    place = site.server.places[key]
    node = site.server.node(place)
    module = site.modules.get(key)
    if module is None:
        module = site.modules[key] = MatterLoad(site.server, node, place)
    else:
        module.update(node, place)
    return module
