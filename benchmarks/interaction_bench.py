"""What the interaction model costs: microseconds of one core, without the network and without encryption.

    .venv/bin/python benchmarks/interaction_bench.py [endpoints]

Prints, and judges nothing: the numbers are for comparing one version with another on one machine.
"""

from __future__ import annotations

import asyncio
import sys
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from matter_node.clock import AsyncioClock
from matter_node.codec import tlv
from matter_node.crypto.aead import Cipher
from matter_node.entropy import SystemEntropy
from matter_node.interaction.access import AccessControl, AccessEntry
from matter_node.interaction.engine import InteractionEngine
from matter_node.interaction.messages import status_response
from matter_node.interaction.opcode import Opcode
from matter_node.interaction.served_node import ServedNode
from matter_node.model import (
    Bool,
    Cluster,
    DeviceType,
    Endpoint,
    Int64,
    NodeTree,
    Nullable,
    Privilege,
    UInt8,
    attribute,
    command,
)
from matter_node.storage import MemoryStorage
from matter_node.subject import AuthMode, Subject

if TYPE_CHECKING:
    from collections.abc import Callable

SUCCESS = status_response(0)


class OnOffServer(Cluster):
    """A switch."""

    ID, REVISION = 6, 6
    on_off = attribute(0, Bool, quality="N", access="RW VO")
    toggle = command(2)

    def handle_toggle(self, _: Any) -> None:
        """Turn it over."""
        self.on_off = not self.on_off


class MeterServer(Cluster):
    """A meter with as many attributes as electrical power measurement has."""

    ID = 0x90
    mode = attribute(0, UInt8)
    power = attribute(8, Nullable(Int64), quality="Q")
    for _number in range(9, 18):
        locals()[f"value_{_number}"] = attribute(_number, Nullable(Int64), quality="Q")


class Exchange:
    """An exchange that keeps what is sent."""

    def __init__(self, session: Any, handler: Any = None) -> None:
        self.session, self.handler, self.closed, self.sent = session, handler, False, []

    def send(self, opcode: int, payload: bytes, **_: Any) -> None:
        """Keep it."""
        self.sent.append((opcode, payload))

    def close(self) -> None:
        """Close."""
        self.closed = True


class Wire:
    """A message layer without messages."""

    def __init__(self) -> None:
        self.opened: list[Exchange] = []
        self.sessions = SimpleNamespace(on_established=[], on_closed=[], by_peer=self.by_peer)
        self.by_node: dict[int, Any] = {}

    def by_peer(self, _: int, node_id: int) -> Any:
        """Find a session."""
        return self.by_node.get(node_id)

    def open_exchange(self, session: Any, _: int, handler: Any) -> Exchange:
        """Open an exchange."""
        exchange = Exchange(session, handler)
        self.opened.append(exchange)
        return exchange


def session(node_id: int) -> Any:
    """Return a session of a client."""
    parameters = SimpleNamespace(idle_interval=0.5, active_interval=0.3)
    subject = Subject(AuthMode.CASE, 1, node_id)
    return SimpleNamespace(subject=subject, id=node_id, closed=False, parameters=parameters)


def best(function: Callable[[], None], repeat: int = 5, number: int = 2000) -> float:
    """Return the least microseconds of a call."""
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        for _ in range(number):
            function()
        times.append((time.perf_counter() - start) / number)
    return min(times) * 1e6


def path(*parts: int | None) -> tlv.TlvList:
    """Return an attribute path."""
    return tlv.TlvList([(tag, part) for tag, part in zip((2, 3, 4), parts, strict=True) if part is not None])


def read_out(engine: InteractionEngine, client: Any, payload: bytes) -> list[bytes]:
    """Read to the end and return the messages."""
    exchange = Exchange(client)
    engine.on_exchange(exchange, Opcode.READ_REQUEST, payload)
    while not exchange.closed:
        exchange.handler.on_message(exchange, Opcode.STATUS_RESPONSE, SUCCESS)
    return [payload for _, payload in exchange.sent]


def subscribe(engine: InteractionEngine, wire: Wire, node_id: int) -> float:
    """Subscribe to everything and return the seconds it took."""
    client = wire.by_node[node_id] = session(node_id)
    exchange = Exchange(client)
    start = time.perf_counter()
    request = tlv.encode({0: False, 1: 0, 2: 60, 3: [path(None, None, None)], 7: True, 0xFF: 12})
    engine.on_exchange(exchange, Opcode.SUBSCRIBE_REQUEST, request)
    while not exchange.closed:
        exchange.handler.on_message(exchange, Opcode.STATUS_RESPONSE, SUCCESS)
    exchange.handler.on_acknowledged(exchange)
    return time.perf_counter() - start


async def main(endpoints: int) -> None:  # noqa: PLR0915 - one measurement after the other
    """Measure and print."""
    tree = NodeTree(MemoryStorage(), AsyncioClock(), SystemEntropy())
    access = AccessControl([AccessEntry(1, Privilege.ADMINISTER, AuthMode.CASE)])
    fabrics: Any = {1: SimpleNamespace(node_id=5)}
    wire = Wire()
    start = time.perf_counter()
    for number in range(endpoints):
        tree.add(Endpoint(number, [DeviceType(0x100, 3)], [OnOffServer(), MeterServer()]))
    print(f"{endpoints} endpoints made in {time.perf_counter() - start:.3f} s")
    engine = InteractionEngine(ServedNode(tree, access, fabrics), wire)  # type: ignore[arg-type] # the wire's double
    client = session(0xA11CE)

    one = tlv.encode({0: [path(endpoints - 1, 6, 0)], 3: True, 0xFF: 12})
    print(f"decode of a read request           {best(lambda: tlv.decode(one)):8.1f} us")
    print(f"read of one attribute              {best(lambda: read_out(engine, client, one)):8.1f} us")
    nine = tlv.encode({0: [path(n, 6, 0) for n in range(9)], 3: True, 0xFF: 12})
    print(f"read of nine attributes            {best(lambda: read_out(engine, client, nine)):8.1f} us")

    everything = tlv.encode({0: [path(None, None, None)], 3: True, 0xFF: 12})
    attributes = sum(len(c.shape.attributes) for e in tree for c in e.clusters.values())
    start = time.perf_counter()
    messages = read_out(engine, client, everything)
    cold = time.perf_counter() - start
    warm = best(lambda: read_out(engine, client, everything), number=1) / 1e6
    cipher = Cipher(bytes(16))
    nonce, header = bytes(13), bytes(8)
    sealing = best(lambda: [cipher.encrypt(nonce, m, header) for m in messages] and None, number=1) / 1e6
    print(
        f"wildcard of {attributes} attributes: {len(messages)} messages; first {cold * 1e3:.1f} ms, "
        f"then {warm * 1e3:.1f} ms = {warm / attributes * 1e6:.2f} us an attribute; "
        f"encryption {sealing * 1e3:.1f} ms"
    )
    write = tlv.encode({1: False, 2: [{1: path(0, 6, 0), 2: True}], 0xFF: 12})
    other = tlv.encode({1: False, 2: [{1: path(0, 6, 0), 2: False}], 0xFF: 12})

    def write_twice() -> None:
        engine.on_exchange(Exchange(client), Opcode.WRITE_REQUEST, write)
        engine.on_exchange(Exchange(client), Opcode.WRITE_REQUEST, other)

    print(f"write of one attribute             {best(write_twice) / 2:8.1f} us")
    toggle = tlv.encode(
        {0: False, 1: False, 2: [{0: tlv.TlvList([(0, 0), (1, 6), (2, 2)]), 1: {}}], 0xFF: 12}
    )
    start = time.perf_counter()
    for _ in range(2000):
        exchange = Exchange(client)
        engine.on_exchange(exchange, Opcode.INVOKE_REQUEST, toggle)
        while not exchange.sent:  # noqa: ASYNC110 - the turns of the loop are what is measured
            await asyncio.sleep(0)
    print(f"invoke, turns of the loop included {(time.perf_counter() - start) / 2000 * 1e6:8.1f} us")

    primed = [subscribe(engine, wire, 0x1000 + n) for n in range(30)]
    print(f"30 wildcard subscriptions primed in {sum(primed) * 1e3:.1f} ms")
    switch = tree.endpoints[0].cluster(OnOffServer)
    latencies = []
    for _ in range(200):
        wire.opened.clear()
        start = time.perf_counter()
        switch.on_off = not switch.on_off
        while len(wire.opened) < 30:  # noqa: ASYNC110 - the turns of the loop are what is measured
            await asyncio.sleep(0)
        latencies.append(time.perf_counter() - start)
        for exchange in wire.opened:
            exchange.handler.on_message(exchange, Opcode.STATUS_RESPONSE, SUCCESS)
    latencies.sort()
    print(
        f"one change to 30 subscriptions: median {latencies[100] * 1e3:.2f} ms, "
        f"worst {latencies[-1] * 1e3:.2f} ms"
    )
    await engine.close()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000))
