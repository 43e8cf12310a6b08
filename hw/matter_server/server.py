"""A Matter server as its modules share it: one connection, and what is known of all nodes.

Events keep the values; whoever reads them waits for nothing. A value of which nothing was heard for
`ASK_AFTER` is asked for in the background: a server notices an unplugged device only when its subscription
runs out, a minute later or two.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Final

from hw.matter_server.attributes import KEPT_CLUSTERS, REACHABLE, STRUCTURE
from hw.matter_server.client import Client
from hw.matter_server.messages import AttributeChanged, EndpointRemoved, NodeChanged, NodeRemoved
from hw.matter_server.node import is_failure
from hw.matter_server.place import places
from hw.module import ModuleError, ModuleUnreachable, NotSupported

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hw.matter_server.messages import Event
    from hw.matter_server.node import Node, Path
    from hw.matter_server.place import Place
    from hw.matter_server.product import Product

ASK_AFTER: Final = 8.0
"""Seconds without news of a load after which it is asked."""
SILENT_AFTER: Final = 10.0
"""Seconds without news, and without an answer, after which it is unreachable."""
RETRY_AFTER: Final = 1.0
"""Seconds after which a server that could not be reached is tried again, at the earliest."""

_log = logging.getLogger(__name__)


class MatterServer:
    """One server, reached when it is needed and again after a loss."""

    def __init__(self, url: str, own: Product | None = None) -> None:
        """Leave out the node that is `own`, with all its endpoints."""
        self.url = url
        self.bluetooth = False
        """Whether it can commission over Bluetooth."""
        self._own = own
        self._client: Client | None = None
        self._connecting = asyncio.Lock()
        self._failure: tuple[float, ModuleError] | None = None
        self._early: list[Event] | None = None
        """What the server tells before its list of nodes was taken; None afterwards."""
        self._users: set[object] = set()
        self._fabric = 0
        self._nodes: dict[int, Node] = {}
        self._places: dict[str, Place] | None = None
        self._asking: dict[str, asyncio.Task[None]] = {}

    def __str__(self) -> str:
        return self.url

    # ------------------------------------------------------------------ the connection

    def join(self, user: object) -> None:
        """Count a user of the connection."""
        self._users.add(user)

    async def leave(self, user: object) -> None:
        """Hang up after the last user."""
        self._users.discard(user)
        if not self._users:
            await self._hang_up()

    async def connect(self) -> Client:
        """Return the connection; make it first if there is none.

        :raises ModuleUnreachable: nobody answers
        :raises NotSupported: what answers is no Matter server, or one of another age
        """
        async with self._connecting:
            if self._client is not None and not self._client.connection.over:
                return self._client
            if self._failure is not None and time.monotonic() - self._failure[0] < RETRY_AFTER:
                # The modules of a dead server are read one after the other: one of them waits, not all.
                raise _again(self._failure[1])
            await self._hang_up()
            early: list[Event] = []
            self._early = early
            try:
                client, info = await Client.connect(self.url, self._told)
                try:
                    nodes = await client.start_listening()
                except BaseException:
                    await client.connection.close()
                    raise
            except ModuleError as error:
                self._failure = time.monotonic(), error
                raise
            self._client, self._failure, self._early = client, None, None
            self._fabric, self.bluetooth = info.fabric, info.bluetooth
            # What the server has may be a minute old: it is asked for, but believed until the answer is due.
            for node in nodes:
                node.since = time.monotonic() - ASK_AFTER
            self._nodes = {node.id: node for node in nodes}
            self._changed()
            for event in early:
                self._told(event)
            return client

    async def _hang_up(self) -> None:
        for task in self._asking.values():
            task.cancel()
        client, self._client = self._client, None
        if client is not None:
            await client.connection.close()

    # ------------------------------------------------------------------ what is known

    @property
    def places(self) -> Mapping[str, Place]:
        """The loads by their identity's key."""
        if self._places is None:
            self._places = places(self._nodes.values(), self._fabric, self._own)
        return self._places

    def node(self, place: Place) -> Node:
        """Return the node of a load."""
        return self._nodes[place.node]

    async def find(self, key: str) -> tuple[Client, Node, Place]:
        """Return the connection, and where a load is now. Raise ModuleUnreachable, NotSupported."""
        client = await self.connect()
        place = self.places.get(key)
        if place is None:
            raise ModuleUnreachable(f"{self}: {key} is not on the Matter server any more")
        return client, self._nodes[place.node], place

    def confirm(self, key: str, node: Node, place: Place) -> None:
        """See to it that what is known of a load is true, without waiting for it.

        :raises ModuleUnreachable: it is not known to be, any more
        """
        if not node.available:
            raise ModuleUnreachable(f"{self}: the Matter server does not reach node {node.id}")
        heard = max(node.since, *(node.heard.get(each, node.since) for each in place.endpoints))
        age = time.monotonic() - heard
        if age >= ASK_AFTER and key not in self._asking and self._client is not None:
            task = asyncio.create_task(self._ask(self._client, key, place), name=f"ask {key}")
            self._asking[key] = task
            task.add_done_callback(lambda _: self._asking.pop(key, None))
        if age >= SILENT_AFTER:
            raise ModuleUnreachable(f"{self}: node {node.id} has been silent for {age:.0f} s")
        if place.device and node.flag(place.device, REACHABLE) is False:
            raise ModuleUnreachable(f"{self}: node {node.id}, its bridge, does not reach it")

    async def fetch(self, client: Client, place: Place, paths: Iterable[Path]) -> None:
        """Ask a device for attributes, and take its answer for what is known.

        :raises ModuleError: there is none
        """
        values = await client.read_attribute(place.node, paths)
        node = self._nodes.get(place.node)
        if not values or node is None:
            raise ModuleUnreachable(f"{self}: node {place.node} did not tell what it was asked for")
        now = time.monotonic()
        node.values.update(values)
        node.heard.update(dict.fromkeys((endpoint for endpoint, _, _ in values), now))

    async def _ask(self, client: Client, key: str, place: Place) -> None:
        try:
            await self.fetch(client, place, place.paths(self._nodes[place.node]))
        except (ModuleError, KeyError) as error:
            _log.debug("%s: asked in vain: %s", key, error)

    # ------------------------------------------------------------------ what the server tells

    def take(self, node: Node) -> None:
        """Note a node with all its attributes as they are now."""
        node.since = time.monotonic()
        self._nodes[node.id] = node
        self._changed()

    def _told(self, event: Event) -> None:
        if self._early is not None:
            self._early.append(event)
            return
        match event:
            case NodeChanged(node):
                self.take(node)
            case NodeRemoved(number):
                if self._nodes.pop(number, None) is not None:
                    self._changed()
            case EndpointRemoved(number, endpoint):
                self._endpoint_removed(number, endpoint)
            case AttributeChanged(number, path, value):
                self._attribute_changed(number, path, value)

    def _endpoint_removed(self, number: int, endpoint: int) -> None:
        node = self._nodes.get(number)
        if node is not None:
            node.values = {path: value for path, value in node.values.items() if path[0] != endpoint}
            self._changed()

    def _attribute_changed(self, number: int, path: Path, value: object) -> None:
        node = self._nodes.get(number)
        if node is None or is_failure(value):
            return
        endpoint, cluster, _ = path
        node.heard[endpoint] = time.monotonic()
        if cluster in KEPT_CLUSTERS:
            node.values[path] = value
        if cluster in STRUCTURE:
            self._changed()

    def _changed(self) -> None:
        self._places = None


def _again(error: ModuleError) -> ModuleError:
    """Return an error that was raised once, to be raised once more."""
    return (NotSupported if isinstance(error, NotSupported) else ModuleUnreachable)(str(error))
