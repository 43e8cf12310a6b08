"""Find the SunSpec models of a device and read their registers, whatever the device does wrong.

Source: SunSpec Device Information Model Specification 1.1, section 6 (a map begins with `SunS`, then models
as id, length, points; an end model closes it), and the devices named below that do it otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Protocol

from hw.module import ModuleUnreachable, NotSupported
from hw.sunspec.codec import View, boundaries, definition
from hw.sunspec.transport import READ_LIMIT, ModbusRefused

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

BASE_ADDRESSES = (40000, 50000, 0)
MARKER = b"SunS"
MODEL_LIMIT = 100
LENGTH_LIMIT = 1000
"""No published model is longer; more is garbage."""
END_MODELS = frozenset({0xFFFF, 0})
"""0xFFFF ends a map; Kostal ends it with 0."""


class MapMoved(ModuleUnreachable):
    """A model is no longer where the scan found it: the map must be read again."""


class Registers(Protocol):
    """Where the registers come from: `Endpoint`, with the unit bound to it by `UnitRegisters`."""

    async def read(self, address: int, count: int) -> bytes:
        """Return `count` holding registers, big-endian. Raise ModbusRefused or ModuleUnreachable."""


@dataclass(frozen=True, slots=True)
class ModelHeader:
    """A model in a device's map. The length is the device's, which may differ from the definition's."""

    id: int
    address: int
    """Of its id register."""
    length: int
    """In registers, without id and length."""

    @property
    def end(self) -> int:
        """The address behind its last register."""
        return self.address + 2 + self.length


async def scan(registers: Registers) -> tuple[ModelHeader, ...]:
    """Return the models in the order of the map.

    Raise NotSupported when there is no SunSpec map, ModuleUnreachable when the device is gone or its map is
    garbage for now (an inverter that wakes up sends such).
    """
    for base in BASE_ADDRESSES:
        try:
            if await registers.read(base, 2) == MARKER:
                return await _walk(registers, base + 2)
        except ModbusRefused:
            continue
    raise NotSupported("no SunSpec map at registers 40000, 50000 and 0")


async def _walk(registers: Registers, address: int) -> tuple[ModelHeader, ...]:
    models: list[ModelHeader] = []
    while address + 2 <= 0x10000:
        try:
            header = await registers.read(address, 2)
        except ModbusRefused:
            # SMA Tripower SE has no end model, and a Kostal cannot be asked for two registers at its end.
            break
        model, length = int.from_bytes(header[:2], "big"), int.from_bytes(header[2:], "big")
        if model in END_MODELS:
            break
        if length > LENGTH_LIMIT or address + 2 + length > 0x10000 or len(models) == MODEL_LIMIT:
            raise ModuleUnreachable(
                f"garbage in the SunSpec map: model {model}, length {length} at {address}"
            )
        models.append(ModelHeader(model, address, length))
        address = models[-1].end
    if not models:
        raise NotSupported("the SunSpec map has no models")
    return tuple(models)


class BlockReader:
    """Reads whole models, in as few requests as it can, around the holes that it has met.

    Models longer than one answer are cut where a point begins, and so is a piece that the device refuses (SMA
    answers a block that touches registers it does not have with exception 2), until the refused points are
    known. They are remembered: the next read of the same models asks for the good pieces at once.
    """

    def __init__(self, registers: Registers) -> None:
        self._registers = registers
        self._holes: set[int] = set()
        self._plans: dict[tuple[ModelHeader, ...], list[tuple[int, int]]] = {}

    @property
    def holes(self) -> frozenset[int]:
        """Addresses of registers that the device has refused."""
        return frozenset(self._holes)

    async def read(self, models: Sequence[ModelHeader]) -> list[View]:
        """Return a view of each model.

        Raise ModbusRefused when a model cannot be read at all, MapMoved when another is in its place.
        """
        key = tuple(models)
        pieces = self._plans.get(key) or self._plan(key)
        memory: dict[int, bytes] = {}
        before = len(self._holes)
        for start, end in pieces:
            try:
                memory[start] = await self._registers.read(start, end - start)
            except ModbusRefused as refusal:
                if refusal.code != ModbusRefused.ILLEGAL_ADDRESS:
                    raise
                # A device that refuses a model's header has no hole but a bad moment.
                for model in key:
                    if start <= model.address < end:
                        await self._registers.read(model.address, 2)
                await self._split(start, end, key, memory)
        if len(self._holes) != before:
            self._plans.clear()
            self._plans[key] = self._plan(key)
        else:
            self._plans[key] = pieces
        views = [self._view(model, memory) for model in key]
        for model, view in zip(key, views, strict=True):
            if view.raw("ID") != model.id:
                raise MapMoved(f"model {view.raw('ID')} where model {model.id} was, at {model.address}")
        return views

    async def read_part(self, model: ModelHeader, first: str, last: str) -> View:
        """Return a view of a model whose points from `first` to `last` were read, and no others.

        Raise ModbusRefused, and KeyError for a model or point that has no definition.
        """
        group = definition(model.id)
        if group is None:
            raise KeyError(model.id)
        start = model.address + group.points[first].offset
        end = model.address + group.points[last].offset + group.points[last].size
        return self._view(model, {start: await self._registers.read(start, end - start)})

    def _plan(self, models: tuple[ModelHeader, ...]) -> list[tuple[int, int]]:
        """Cut the models into requests: adjacent points together, holes left out, at most 125 registers."""
        pieces: list[tuple[int, int]] = []
        for start, end in _points(models):
            if any(address in self._holes for address in range(start, end)):
                continue
            if pieces and pieces[-1][1] == start and end - pieces[-1][0] <= READ_LIMIT:
                pieces[-1] = (pieces[-1][0], end)
            else:
                pieces.append((start, end))
        return pieces

    async def _fetch(
        self, start: int, end: int, models: Iterable[ModelHeader], memory: dict[int, bytes]
    ) -> None:
        try:
            memory[start] = await self._registers.read(start, end - start)
        except ModbusRefused as refusal:
            if refusal.code != ModbusRefused.ILLEGAL_ADDRESS:
                raise
            await self._split(start, end, models, memory)

    async def _split(
        self, start: int, end: int, models: Iterable[ModelHeader], memory: dict[int, bytes]
    ) -> None:
        inside = [point for point in _points(models) if start <= point[0] and point[1] <= end]
        if len(inside) <= 1:
            self._holes.update(range(start, end))
            return
        middle = inside[len(inside) // 2][0]
        await self._fetch(start, middle, models, memory)
        await self._fetch(middle, end, models, memory)

    def _view(self, model: ModelHeader, memory: dict[int, bytes]) -> View:
        group = definition(model.id)
        if group is None:
            raise KeyError(model.id)
        size = model.length + 2
        for start, data in memory.items():
            offset = (model.address - start) * 2
            if offset >= 0 and len(data) >= offset + size * 2:
                return View(group, data[offset : offset + size * 2])
        block = bytearray(size * 2)
        missing = set(range(size))
        for start, data in memory.items():
            first = max(start, model.address)
            last = min(start + len(data) // 2, model.end)
            if first < last:
                offset = first - model.address
                block[offset * 2 : (last - model.address) * 2] = data[
                    (first - start) * 2 : (last - start) * 2
                ]
                missing.difference_update(range(offset, last - model.address))
        return View(group, bytes(block), frozenset(missing))


def _points(models: Iterable[ModelHeader]) -> list[tuple[int, int]]:
    """Return the address ranges of the models' points; no read may begin or end within one."""
    points: list[tuple[int, int]] = []
    for model in sorted(set(models), key=lambda header: header.address):
        group = definition(model.id)
        cuts = boundaries(group, model.length + 2) if group else [0, 1, 2]
        points.extend((model.address + a, model.address + b) for a, b in pairwise(cuts))
    return points
