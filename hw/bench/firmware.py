"""The slots of a bench module."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hw.bench.answers import parse_info, parse_offset
from hw.module import ModuleUnreachable

if TYPE_CHECKING:
    from hw.bench.client import BenchClient
    from hw.firmware import FirmwareImage, FirmwareInfo


class BenchFirmware:
    """`hw.firmware.FirmwareTarget` over HTTP, on connections of its own."""

    def __init__(self, client: BenchClient) -> None:
        self._client = client

    async def info(self) -> FirmwareInfo:
        """Return what it runs and holds."""
        try:
            return parse_info(await self._client.ask("GET", "/firmware"))
        except ValueError as error:
            raise ModuleUnreachable(f"{self._client}: /firmware cannot be read: {error}") from error

    async def begin(self, image: FirmwareImage) -> int:
        """Announce an image; return where to go on."""
        wanted = {"version": image.version, "length": image.length, "sha256": image.sha256}
        try:
            answer = await self._client.ask("POST", "/firmware/begin", json=wanted)
            return parse_offset(answer, image.length)
        except ValueError as error:
            raise ModuleUnreachable(f"{self._client}: /firmware/begin cannot be read: {error}") from error

    async def write(self, offset: int, data: bytes) -> None:
        """Write octets."""
        await self._client.ask("PUT", "/firmware/image", query={"offset": str(offset)}, data=data)

    async def finish(self) -> None:
        """End the image."""
        await self._client.ask("POST", "/firmware/finish")

    async def reboot(self) -> None:
        """Restart."""
        await self._client.ask("POST", "/firmware/reboot")

    async def self_test(self) -> str:
        """Try the safe state."""
        answer = await self._client.ask("POST", "/firmware/self-test")
        return "" if answer.get("passed") is True else f"self-test: {str(answer.get('detail'))[:200]}"

    async def confirm(self) -> None:
        """Keep what runs."""
        await self._client.ask("POST", "/firmware/confirm")
