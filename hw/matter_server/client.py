"""What can be asked of a Matter server, with the time that each request may take and what comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from hw.matter_server.connection import Connection
from hw.matter_server.node import Node, Path, is_failure, parse_path
from hw.module import ModuleUnreachable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from hw.matter_server.messages import Event, ServerInfo

LIST_WITHIN: Final = 10.0
"""Seconds for all nodes with all their attributes."""
READ_WITHIN: Final = 15.0
"""Seconds for a reading from a device: a session may have to be made anew."""
COMMISSION_WITHIN: Final = 180.0
"""Seconds for commissioning: a device on Thread takes a minute."""
REMOVE_WITHIN: Final = 30.0
PING_WITHIN: Final = 15.0


class Client:
    """The requests of one connection. All of them raise ModuleUnreachable and RequestRefused."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    @classmethod
    async def connect(cls, url: str, told: Callable[[Event], None]) -> tuple[Client, ServerInfo]:
        """Return a client and who answers at `url`. Raise ModuleUnreachable, NotSupported."""
        connection = Connection(url, told)
        info = await connection.open()
        return cls(connection), info

    async def start_listening(self) -> list[Node]:
        """Return all nodes; from now on events tell what changes."""
        return _nodes(await self.connection.ask("start_listening", within=LIST_WITHIN))

    async def get_nodes(self) -> list[Node]:
        """Return all nodes as they are now."""
        return _nodes(await self.connection.ask("get_nodes", within=LIST_WITHIN))

    async def get_node(self, node: int) -> Node:
        """Return one node as it is now."""
        return _node(await self.connection.ask("get_node", within=LIST_WITHIN, node_id=node))

    async def read_attribute(
        self, node: int, paths: Iterable[Path], *, within: float = READ_WITHIN
    ) -> dict[Path, Any]:
        """Return attributes as the device says they are now; what it refuses to say is not in there.

        A device need not take more than nine paths at once (Matter Core 2.11.2.1).
        """
        asked = ["/".join(map(str, path)) for path in paths]
        result = await self.connection.ask(
            "read_attribute", within=within, node_id=node, attribute_path=asked
        )
        if not isinstance(result, dict):
            raise ModuleUnreachable(f"node {node}: the answer to read_attribute is no object")
        try:
            return {parse_path(path): value for path, value in result.items() if not is_failure(value)}
        except ValueError as error:
            raise ModuleUnreachable(f"node {node}: {error}") from error

    async def device_command(self, node: int, endpoint: int, cluster: int, command: str) -> None:
        """Give a device a command that has no fields, such as `On`. Whoever asks bounds the time.

        :param command: its name in the specification
        """
        await self.connection.ask(
            "device_command",
            within=READ_WITHIN,
            node_id=node,
            endpoint_id=endpoint,
            cluster_id=cluster,
            command_name=command,
            payload={},
        )

    async def write_attribute(self, node: int, path: Path, value: Any) -> None:
        """Write an attribute of a device. Whether the device took it is for a reading to say."""
        text = "/".join(map(str, path))
        await self.connection.ask(
            "write_attribute", within=READ_WITHIN, node_id=node, attribute_path=text, value=value
        )

    async def commission_with_code(self, code: str, *, network_only: bool) -> Node:
        """Commission a device by its setup code, and return it as the server's new node.

        :param network_only: without Bluetooth
        """
        result = await self.connection.ask(
            "commission_with_code", within=COMMISSION_WITHIN, code=code, network_only=network_only
        )
        return _node(result)

    async def remove_node(self, node: int) -> None:
        """Take a device off the server's fabric."""
        await self.connection.ask("remove_node", within=REMOVE_WITHIN, node_id=node)

    async def ping_node(self, node: int) -> dict[str, bool]:
        """Return which addresses of a device answer a ping."""
        result = await self.connection.ask("ping_node", within=PING_WITHIN, node_id=node)
        if not isinstance(result, dict):
            raise ModuleUnreachable(f"node {node}: the answer to ping_node is no object")
        return {address: answers is True for address, answers in result.items()}


def _nodes(result: object) -> list[Node]:
    if not isinstance(result, list):
        raise ModuleUnreachable("the Matter server's nodes cannot be read: no list")
    return [_node(each) for each in result]


def _node(result: object) -> Node:
    try:
        return Node.parse(result)
    except ValueError as error:
        raise ModuleUnreachable(f"the Matter server's nodes cannot be read: {error}") from error
