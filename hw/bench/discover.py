"""From an address to the bench module behind it."""

from __future__ import annotations

from hw.bench.address import parse_address
from hw.bench.answers import parse_identity
from hw.bench.client import BenchClient
from hw.bench.module import BenchModule
from hw.module import NotSupported


async def discover(address: str) -> list[BenchModule]:
    """Return the module at `bench://host[:port]`.

    Raise ModuleUnreachable when nothing answers, NotSupported when what answers is none, ValueError for an
    address that is none.
    """
    host, port = parse_address(address)
    client = BenchClient(host, port)
    try:
        identity, kind = parse_identity(await client.ask("GET", "/identity"))
    except ValueError as error:
        raise NotSupported(f"{client}: no bench module: {error}") from error
    finally:
        await client.close()
    return [BenchModule(host, port, identity, kind)]
