"""Run a simulated module that speaks of itself: `python -m hw.simulator.ores_module --hub https://HUB:8443`.

It serves a description of itself, announces it if it is told on which address, asks the hub to be let in, and
from then on measures and obeys. The first line of output is JSON with what a person needs to let it in. Lines
on standard input are what a person does to it: `press` its button, `unplug` and `plug` its network cable; the
end of input ends it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import os
import secrets
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiohttp import web

from hw.module import ModuleKind
from hw.ores.pairing import ALPHABET, CODE_LENGTH
from hw.ores.thing import URN, WELL_KNOWN, describe
from hw.simulator.ores_client import OresClient
from hw.simulator.ores_device import OresDevice
from hw.simulator.ores_keys import ModuleKeys

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_CLASSES = {ModuleKind.MICROINVERTER: "microinverter", ModuleKind.BATTERY: "energystorage"}


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(
        prog="python -m hw.simulator.ores_module", description="A simulated module that speaks of itself."
    )
    parser.add_argument("--hub", required=True, help="the hub's API, such as https://192.168.1.10:8443")
    parser.add_argument("--kind", choices=["microinverter", "battery"], default="microinverter")
    parser.add_argument("--serial", default="S000001")
    parser.add_argument("--code", help="on its label, 16 letters and digits; a random one, or `none`")
    parser.add_argument("--state", type=Path, required=True, help="directory for its key and certificate")
    parser.add_argument("--interval", type=float, default=1.0, help="seconds between measurements (1)")
    parser.add_argument("--token", action="store_true", help="have a token in place of a certificate")
    parser.add_argument("--post", action="store_true", help="send single requests, no WebSocket")
    parser.add_argument(
        "--announce", metavar="ADDRESS", help="announce itself on this address of the machine"
    )
    parser.add_argument("--port", type=int, default=0, help="of its description; any free one by default")
    parser.add_argument("--seed", type=int, default=1, help="of the weather (1)")
    return parser.parse_args(arguments)


@contextlib.asynccontextmanager
async def described(device: OresDevice, keys: ModuleKeys, host: str, port: int) -> AsyncIterator[int]:
    """Serve the module's description over https; give the port."""
    thing = describe(device.identity, device.kind, f"{device.identity.model} {device.identity.serial}")

    async def answer(_: web.Request) -> web.Response:
        return web.json_response(thing, content_type="application/td+json")

    application = web.Application()
    application.router.add_get(WELL_KNOWN, answer)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port, ssl_context=keys.serving()).start()
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()


@contextlib.asynccontextmanager
async def announced(device: OresDevice, keys: ModuleKeys, address: str, port: int) -> AsyncIterator[None]:
    """Announce the module and its description on one address."""
    from zeroconf import ServiceInfo
    from zeroconf.asyncio import AsyncZeroconf

    name, text = f"{device.identity.model}-{device.identity.serial}", keys.ski.hex()[:16]
    own = {
        "txtvers": "1",
        "api": "1.0",
        "id": URN + device.identity.key,
        "cls": _CLASSES[device.kind],
        "fw": device.identity.firmware,
        "ski": text,
        "pair": "0" if keys.known else "1",
        "path": "/ores/v1",
    }
    thing = {"td": WELL_KNOWN, "type": "Thing", "scheme": "https"}
    services = [
        ServiceInfo(
            f"{kind}.local.",
            f"{name}.{kind}.local.",
            port=port,
            properties=properties,
            server=f"{name}.local.",
            parsed_addresses=[address],
        )
        for kind, properties in (("_ores._tcp", own), ("_wot._tcp", thing))
    ]
    zeroconf = AsyncZeroconf(interfaces=[address])
    try:
        for service in services:
            await (await zeroconf.async_register_service(service))
        yield
    finally:
        for service in services:
            await (await zeroconf.async_unregister_service(service))
        await zeroconf.async_close()


async def obey_person(client: OresClient) -> None:
    """Do what lines on standard input say until they end; where nobody can say anything, do nothing."""
    mode = os.fstat(sys.stdin.fileno()).st_mode
    if not (sys.stdin.isatty() or stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)):
        return  # such as /dev/null, of which no event loop takes notice
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        match line.strip():
            case b"press":
                client.press()
            case b"unplug":
                await client.unplug()
            case b"plug":
                client.plug_in()


def say(**message: Any) -> None:
    """Write one line of JSON."""
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


async def run(options: argparse.Namespace) -> None:
    """Run the module until its input ends."""
    device = OresDevice(ModuleKind(options.kind), options.serial, seed=options.seed)
    keys = ModuleKeys(options.state)
    code = options.code or "".join(secrets.choice(ALPHABET) for _ in range(CODE_LENGTH))
    client = OresClient(
        device,
        keys,
        options.hub,
        code="" if code == "none" else code,
        interval=options.interval,
        socket=not options.post,
        certificate=not options.token,
    )
    async with contextlib.AsyncExitStack() as stack:
        host = options.announce or "127.0.0.1"
        port = await stack.enter_async_context(described(device, keys, host, options.port))
        if options.announce:
            await stack.enter_async_context(announced(device, keys, options.announce, port))
        say(module=device.identity.key, code=code, ski=keys.ski.hex(), port=port)
        talk = asyncio.create_task(client.run())
        person = asyncio.create_task(obey_person(client))
        await asyncio.wait({talk, person}, return_when=asyncio.FIRST_COMPLETED)
        for task in (talk, person):
            task.cancel()
        results = await asyncio.gather(talk, person, return_exceptions=True)
        for result in results:
            if isinstance(result, Exception):
                raise result


def main() -> None:
    """Run from the command line."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    try:
        asyncio.run(run(parse()))
    except Exception as error:  # noqa: BLE001 - a person reads it
        sys.exit(f"simulated module: {error}")


if __name__ == "__main__":
    main()
