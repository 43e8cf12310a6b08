"""A bench module on HTTP: what it measures, and its two slots of firmware. `python -m hw.simulator.bench`."""

from __future__ import annotations

import argparse
import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from hw.simulator.http_server import HttpServer
from hw.simulator.slots import Bootloader, SlotError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

REBOOT_S: Final = 2.0
"""Seconds that a restart takes."""


class BenchDevice:
    """What the module is besides its firmware."""

    MODEL = "Bench module"

    def __init__(self, bootloader: Bootloader, *, kind: str = "microinverter", serial: str = "B1") -> None:
        self.KIND = kind
        self.serial = serial
        self.bootloader = bootloader
        self.power_w = 0.0
        self.soc_percent: float | None = 60.0 if kind == "battery" else None
        self.faults: list[str] = []


class BenchServer(HttpServer):
    """One bench module on one port.

    :ivar reboot_s: how long a restart takes; the module does not answer meanwhile
    """

    device: BenchDevice

    def __init__(self, device: BenchDevice, host: str, port: int) -> None:
        super().__init__(device, host, port)
        self.reboot_s = REBOOT_S
        self._back_at = 0.0

    @property
    def address(self) -> str:
        """`bench://host:port`."""
        return f"bench://{super().address}"

    def routes(self) -> Iterable[web.RouteDef]:
        """Return what is answered where."""
        answer = self._answer
        return [
            web.get("/identity", answer(self._identity)),
            web.get("/reading", answer(self._reading)),
            web.get("/firmware", answer(self._info)),
            web.post("/firmware/begin", answer(self._begin)),
            web.put("/firmware/image", answer(self._write)),
            web.post("/firmware/finish", answer(self._finish)),
            web.post("/firmware/reboot", answer(self._reboot)),
            web.post("/firmware/self-test", answer(self._self_test)),
            web.post("/firmware/confirm", answer(self._confirm)),
        ]

    def _answer(
        self, handler: Callable[[web.Request], Awaitable[dict[str, Any]]]
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def respond(request: web.Request) -> web.Response:
            await self.dawdle()
            if time.monotonic() < self._back_at:
                return web.json_response({"error": "restarting"}, status=503)
            self.device.bootloader.live()
            try:
                return web.json_response(await handler(request))
            except SlotError as error:
                return web.json_response({"error": str(error)}, status=409)
            except (ValueError, KeyError, TypeError) as error:
                return web.json_response({"error": f"bad request: {error}"}, status=400)

        return respond

    async def _identity(self, _: web.Request) -> dict[str, Any]:
        device = self.device
        return {
            "vendor": "ORES",
            "model": device.MODEL,
            "serial": device.serial,
            "kind": device.KIND,
            "firmware": device.bootloader.current.version,
        }

    async def _reading(self, _: web.Request) -> dict[str, Any]:
        device = self.device
        faults = [*device.faults, *(["UNWELL"] if device.bootloader.unwell else [])]
        return {"power_w": device.power_w, "soc_percent": device.soc_percent, "faults": faults}

    async def _info(self, _: web.Request) -> dict[str, Any]:
        return self.device.bootloader.values()

    async def _begin(self, request: web.Request) -> dict[str, Any]:
        wanted = await request.json()
        loader = self.device.bootloader
        return {"offset": loader.begin(str(wanted["version"]), int(wanted["length"]), str(wanted["sha256"]))}

    async def _write(self, request: web.Request) -> dict[str, Any]:
        self.device.bootloader.write(int(request.query["offset"]), await request.read())
        return {}

    async def _finish(self, _: web.Request) -> dict[str, Any]:
        self.device.bootloader.finish()
        return {}

    async def _reboot(self, _: web.Request) -> dict[str, Any]:
        self._back_at = time.monotonic() + self.reboot_s
        self.device.bootloader.restart()
        return {}

    async def _self_test(self, _: web.Request) -> dict[str, Any]:
        unwell = self.device.bootloader.unwell
        return {"passed": not unwell, "detail": "the safe state was not reached" if unwell else ""}

    async def _confirm(self, _: web.Request) -> dict[str, Any]:
        self.device.bootloader.confirm()
        return {}


async def _serve(options: argparse.Namespace) -> None:
    bootloader = Bootloader(options.hardware, options.version, time.monotonic, file=options.file)
    bootloader.ill, bootloader.dead = options.ill, options.dead
    device = BenchDevice(bootloader, kind=options.kind, serial=options.serial)
    server = BenchServer(device, options.host, options.port)
    await server.start()
    print(f"Bench module: {server.address}", flush=True)  # noqa: T201 - a person and a test wait for it
    await asyncio.Event().wait()


def main() -> None:
    """Serve one bench module until it is killed."""
    parser = argparse.ArgumentParser(prog="hw.simulator.bench", description=main.__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument(
        "--kind", choices=["microinverter", "battery", "meter", "load"], default="microinverter"
    )
    parser.add_argument("--serial", default="B1")
    parser.add_argument("--hardware", default="bench-1", help="hardware model that images are made for")
    parser.add_argument("--version", default="1.0.0", help="firmware in slot A at first")
    parser.add_argument("--file", type=Path, help="where the slots are remembered")
    parser.add_argument("--ill", action="store_true", help="new firmware reports a fault")
    parser.add_argument("--dead", action="store_true", help="new firmware hangs")
    asyncio.run(_serve(parser.parse_args()))


if __name__ == "__main__":
    main()
