"""Ask an address whether SunSpec is spoken there, as gently as can be.

Some devices break when they are asked badly: a scanner that left half-open connections behind took down
hundreds of Modbus cards until each was unplugged (angryip/ipscan issue 467). So there is one connection,
closed in order, with pauses; only registers are read (function 3); unit 0, which is everybody, is never
asked; and a device that does not answer is left alone soon.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
import time
from typing import TYPE_CHECKING, Final

from hw.module import Identity, ModuleError, ModuleKind, ModuleUnreachable, NotSupported
from hw.sighting import Sighting
from hw.sunspec.ac import INVERTER_MODELS
from hw.sunspec.device import COMMON
from hw.sunspec.discover import UNITS, parse_address
from hw.sunspec.meter import METER_MODELS
from hw.sunspec.scanner import BlockReader, scan
from hw.sunspec.transport import ModbusRefused

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hw.sunspec.scanner import ModelHeader

CONNECT: Final = 0.5
"""Seconds that a connection may take."""
ANSWER: Final = 1.0
"""Seconds that an answer may take."""
GAP: Final = 0.05
"""Seconds between an answer and the next request."""
FAREWELL: Final = 0.5
"""Seconds that the other side has to close its end."""
SILENT_UNITS: Final = 3
"""Units that may be silent before the address is left alone."""
READ_HOLDING_REGISTERS: Final = 3
STORAGE_MODELS: Final = frozenset({124, 713, 802})
SOLAR_MODELS: Final = frozenset({*INVERTER_MODELS, 160})
"""What solar inverters have and batteries with their own inverter have not."""


async def look(address: str) -> list[Sighting]:
    """Return what speaks SunSpec at `host[:port[:unit]]`.

    :raises ModuleUnreachable: nobody takes the connection within `CONNECT`
    :raises NotSupported: what took it speaks no Modbus, or has no SunSpec map
    :raises ValueError: that is no address
    """
    host, port, unit = parse_address(address)
    line = await _Line.open(host, port)
    try:
        return await _look(line, host, port, UNITS if unit is None else (unit,))
    finally:
        await line.close()


async def _look(line: _Line, host: str, port: int, units: Iterable[int]) -> list[Sighting]:
    seen: dict[str, Sighting] = {}
    silent = 0
    refusal: ModuleError = NotSupported(f"{host}:{port}: no SunSpec map")
    shown = f"[{host}]" if ":" in host else host
    for unit in units:
        registers = _Unit(line, unit)
        try:
            models = await scan(registers)
            identity = await _identity(registers, models)
        except NotSupported as error:
            refusal = error
            continue
        except ModuleUnreachable as error:
            silent += 1
            if line.broken or (silent >= SILENT_UNITS and not seen):
                refusal = error
                break
            continue
        except ModbusRefused:
            continue
        seen.setdefault(identity.key, Sighting(identity, _kind(models), f"{shown}:{port}:{unit}"))
    if not seen:
        # It took the connection: that is not nothing, even if it said nothing in it.
        raise NotSupported(str(refusal)) from refusal
    return list(seen.values())


async def _identity(registers: _Unit, models: tuple[ModelHeader, ...]) -> Identity:
    header = next((each for each in models if each.id == COMMON), None)
    if header is None:
        raise NotSupported(f"unit {registers.unit}: the SunSpec map has no common model")
    (view,) = await BlockReader(registers).read([header])
    texts = [view.text(point) or "" for point in ("Mn", "Md", "SN", "Vr")]
    try:
        return Identity(*texts)
    except ValueError as error:
        raise NotSupported(str(error)) from error


def _kind(models: Iterable[ModelHeader]) -> ModuleKind | None:
    """Guess what a device does for the home by the models that it has."""
    ids = {each.id for each in models}
    if ids & STORAGE_MODELS and not ids & SOLAR_MODELS:
        return ModuleKind.BATTERY
    if ids & {*INVERTER_MODELS, 701}:
        return ModuleKind.MICROINVERTER
    return ModuleKind.METER if ids & set(METER_MODELS) else None


class _Line:
    """The only connection to an endpoint. An answer that comes too late is told by its number and ignored."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._number = 0
        self._free = 0.0
        self.broken = False

    @classmethod
    async def open(cls, host: str, port: int) -> _Line:
        try:
            async with asyncio.timeout(CONNECT):
                reader, writer = await asyncio.open_connection(host, port, limit=2048)
        except (OSError, TimeoutError) as error:
            raise ModuleUnreachable(f"{host}:{port}: no connection") from error
        return cls(reader, writer)

    async def read(self, unit: int, address: int, count: int) -> bytes:
        if self.broken:
            raise ModuleUnreachable("the device hung up")
        await asyncio.sleep(max(0.0, self._free - time.monotonic()))
        self._number = self._number % 0xFFFF + 1
        request = struct.pack(">HHHBBHH", self._number, 0, 6, unit, READ_HOLDING_REGISTERS, address, count)
        try:
            self._writer.write(request)
            async with asyncio.timeout(ANSWER):
                body = await self._answer(unit)
        except TimeoutError:
            raise ModuleUnreachable(f"unit {unit}: no answer") from None
        except (OSError, EOFError, ValueError) as error:
            self.broken = True
            raise ModuleUnreachable(f"unit {unit}: {error or 'hung up'}") from error
        finally:
            self._free = time.monotonic() + GAP
        if body[0] & 0x80:
            raise ModbusRefused(body[1] if len(body) > 1 else 0, f"unit {unit} register {address}")
        if body[0] != READ_HOLDING_REGISTERS or len(body) != 2 + count * 2 or body[1] != count * 2:
            self.broken = True
            raise ModuleUnreachable(f"unit {unit}: asked for {count} registers, answered something else")
        return body[2:]

    async def _answer(self, unit: int) -> bytes:
        """Return function and data of the answer to the last request. Raise ValueError for no Modbus."""
        while True:
            number, protocol, length, answered = struct.unpack(">HHHB", await self._reader.readexactly(7))
            if protocol or not 2 <= length <= 254:
                raise ValueError("no Modbus is spoken there")
            body = await self._reader.readexactly(length - 1)
            if number == self._number and answered == unit:
                return body

    async def close(self) -> None:
        """Close in order: say that nothing more comes, hear the other side say so, and go."""
        with contextlib.suppress(OSError, TimeoutError, ValueError):
            async with asyncio.timeout(FAREWELL):
                if self._writer.can_write_eof() and not self.broken:
                    self._writer.write_eof()
                    while await self._reader.read(1024):
                        pass
        self._writer.close()
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(FAREWELL):
                await self._writer.wait_closed()


class _Unit:
    """The registers of one unit."""

    def __init__(self, line: _Line, unit: int) -> None:
        self._line = line
        self.unit = unit

    async def read(self, address: int, count: int) -> bytes:
        return await self._line.read(self.unit, address, count)
