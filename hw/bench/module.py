"""One bench module: it can be read and updated, and commanded nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from hw.bench.address import SCHEME
from hw.bench.answers import parse_identity, parse_reading
from hw.bench.client import BenchClient
from hw.bench.firmware import BenchFirmware
from hw.module import Capabilities, ModuleUnreachable, Nameplate, NotSupported
from hw.setpoint import Applied, AppliedState

if TYPE_CHECKING:
    from hw.firmware import FirmwareTarget
    from hw.module import Identity, ModuleKind
    from hw.reading import Reading
    from hw.setpoint import Setpoint


class BenchModule:
    """The module behind one address."""

    def __init__(self, host: str, port: int, identity: Identity, kind: ModuleKind) -> None:
        self._client = BenchClient(host, port)
        self._slots_client = BenchClient(host, port)
        self._firmware = BenchFirmware(self._slots_client)
        self._identity = identity
        self._kind = kind
        self._verified = False

    @property
    def identity(self) -> Identity:
        """Who it is; the firmware is what it said when it was last connected to."""
        return self._identity

    @property
    def kind(self) -> ModuleKind:
        """What it says it is."""
        return self._kind

    @property
    def address(self) -> str:
        """`bench://host[:port]`."""
        return f"{SCHEME}{self._client}"

    @property
    def nameplate(self) -> Nameplate:
        """Unknown."""
        return Nameplate()

    @property
    def capabilities(self) -> Capabilities:
        """Firmware, and nothing to command."""
        return Capabilities(firmware=True)

    @property
    def firmware(self) -> FirmwareTarget:
        """The way to its slots."""
        return self._firmware

    async def open(self) -> None:
        """Make sure that the same module answers, and what it runs. Raise ModuleUnreachable, NotSupported."""
        try:
            identity, kind = parse_identity(await self._client.ask("GET", "/identity"))
        except ValueError as error:
            raise ModuleUnreachable(f"{self._client}: /identity cannot be read: {error}") from error
        if (identity.key, kind) != (self._identity.key, self._kind):
            raise NotSupported(f"{self._client}: {identity.key} answers instead of {self._identity.key}")
        self._identity = identity
        self._verified = True

    async def read(self) -> Reading:
        """Return a fresh reading. Raise ModuleUnreachable."""
        try:
            if not self._verified:
                await self.open()
            values = await self._client.ask("GET", "/reading")
            return parse_reading(self._identity.key, values, datetime.now(UTC))
        except (ModuleUnreachable, NotSupported) as error:
            self._verified = False
            raise ModuleUnreachable(str(error)) from error
        except ValueError as error:
            raise ModuleUnreachable(f"{self._client}: /reading cannot be read: {error}") from error

    async def apply(self, setpoint: Setpoint) -> Applied:
        """Refuse: there is nothing to command."""
        return Applied(setpoint, AppliedState.REFUSED, detail=f"not supported by {self._identity.key}")

    async def close(self) -> None:
        """Let go of the connections."""
        self._verified = False
        await self._client.close()
        await self._slots_client.close()
