"""From an address to the relays behind it."""

from __future__ import annotations

from hw.address import parse_address
from hw.module import NotSupported
from hw.shelly.answers import DeviceInfo, relays
from hw.shelly.plug import ShellyPlug
from hw.shelly.rpc import RpcClient, RpcRefused


async def discover(address: str) -> list[ShellyPlug]:
    """Return the relays of the device at `host[:port]`, opened.

    It only reads. Raise ModuleUnreachable when nothing answers, NotSupported when what answers is no Shelly
    of generation 2 or later or has no relay, ValueError for an address that is none.
    """
    host, port = parse_address(address)
    client = RpcClient(host, port)
    plugs: list[ShellyPlug] = []
    try:
        try:
            info = DeviceInfo.parse(await client.call("Shelly.GetDeviceInfo"))
            found = relays(await client.call("Shelly.GetStatus"))
        except (ValueError, RpcRefused) as error:
            raise NotSupported(f"{client}: {error}") from error
        plugs = [ShellyPlug(RpcClient(host, port), info, relay) for relay in found]
        for plug in plugs:
            await plug.open()
    except BaseException:
        for plug in plugs:
            await plug.close()
        raise
    finally:
        await client.close()
    if not plugs:
        raise NotSupported(f"{address}: a Shelly without a relay")
    return plugs
