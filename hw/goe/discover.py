"""From an address to the charger behind it."""

from __future__ import annotations

from hw.address import parse_address
from hw.goe.charger import GoeCharger
from hw.goe.client import GoeClient
from hw.goe.status import KEYS, ChargerStatus
from hw.module import NotSupported


async def discover(address: str) -> list[GoeCharger]:
    """Return the charger at `host[:port]`, opened.

    It only reads. Raise ModuleUnreachable when nothing answers, NotSupported when what answers is no
    go-eCharger with its API v2 on, ValueError for an address that is none.
    """
    client = GoeClient(*parse_address(address))
    try:
        try:
            status = ChargerStatus.parse(await client.status(KEYS))
        except ValueError as error:
            raise NotSupported(f"{client}: no go-eCharger: {error}") from error
    except BaseException:
        await client.close()
        raise
    return [GoeCharger(client, status)]
