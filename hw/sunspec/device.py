"""One SunSpec device: a unit behind an endpoint, its map of models, and who it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sunspec2 import mb

from hw.module import Identity, ModuleUnreachable, NotSupported
from hw.sunspec.codec import definition
from hw.sunspec.scanner import BlockReader, MapMoved, ModelHeader, scan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hw.sunspec.codec import Number, View
    from hw.sunspec.transport import Endpoint

COMMON = 1


@dataclass(frozen=True, slots=True)
class UnitRegisters:
    """The registers of one unit of an endpoint."""

    endpoint: Endpoint
    unit: int
    connection: int | None = None
    """The connection that leads to a device known to be the right one; None while finding out."""

    async def read(self, address: int, count: int) -> bytes:
        """Return `count` holding registers, big-endian."""
        return await self.endpoint.read(self.unit, address, count, connection=self.connection)


@dataclass(frozen=True, slots=True)
class Section:
    """A common model and the models behind it, up to the next common model: an inverter, or its meter."""

    vendor: str
    model: str
    serial: str
    firmware: str
    models: dict[int, ModelHeader] = field(default_factory=dict)
    """By model id; the first of each."""

    def is_same(self, other: Section) -> bool:
        """Whether this is the same piece of hardware (its firmware may be another)."""
        return (self.vendor, self.model, self.serial) == (other.vendor, other.model, other.serial)

    def identity(self, *, part: str = "", serial: str = "") -> Identity:
        """Return who it is; `serial` stands in for a missing one. Raise NotSupported without either."""
        try:
            return Identity(self.vendor, self.model, self.serial or serial, self.firmware, part)
        except ValueError as error:
            raise NotSupported(str(error)) from error


class Device:
    """One unit, with its map. A read first makes sure that the connection still leads to the same device."""

    def __init__(self, endpoint: Endpoint, unit: int) -> None:
        self.endpoint = endpoint
        self.unit = unit
        self.sections: tuple[Section, ...] = ()
        self.models: tuple[ModelHeader, ...] = ()
        self.generation = 0
        """Counts the scans; headers of an older one may be elsewhere now."""
        self._registers = UnitRegisters(endpoint, unit)
        self._blocks = BlockReader(self._registers)
        self._verified = 0
        self._moved = False
        self._users = 0

    def __str__(self) -> str:
        return f"{self.endpoint}:{self.unit}"

    @property
    def holes(self) -> frozenset[int]:
        """Addresses of registers that the device has refused."""
        return self._blocks.holes

    async def scan(self) -> None:
        """Read the map. Raise NotSupported without one, ModuleUnreachable when the device does not answer."""
        await self._adopt(await scan(self._registers))

    async def _adopt(self, models: tuple[ModelHeader, ...], known: tuple[Section, ...] | None = None) -> None:
        sections: list[Section] = []
        for header in models:
            if header.id == COMMON:
                sections.append(await self._section(header))
            if sections:
                sections[-1].models.setdefault(header.id, header)
        if not sections:
            raise NotSupported(f"{self}: the SunSpec map has no common model")
        if known and (len(sections) != len(known) or not all(map(Section.is_same, sections, known))):
            raise ModuleUnreachable(f"{self}: {sections[0].vendor} {sections[0].serial} answers instead")
        self.models, self.sections = models, tuple(sections)
        self.generation += 1
        self._believe()

    async def verify(self) -> None:
        """After a new connection, make sure that the same device answers; scan again after a firmware update.

        Raise ModuleUnreachable when it is another one.
        """
        if self._verified == self.endpoint.connections and self.endpoint.connected:
            return
        await self.endpoint.connect()
        if self._verified == self.endpoint.connections:
            return
        known = self.sections
        try:
            first = await self._section(known[0].models[COMMON])
            moved = self._moved or not first.is_same(known[0]) or first.firmware != known[0].firmware
        except MapMoved:
            moved = True
        if moved:
            await self._adopt(await scan(self._registers), known)
            return
        self._believe()

    async def read(self, models: Sequence[ModelHeader]) -> list[View]:
        """Return a view of each model's registers. Raise ModuleUnreachable or ModbusRefused."""
        await self.verify()
        try:
            return await self._blocks.read(models)
        except MapMoved:
            self._moved = True
            self._verified = 0
            raise

    async def read_part(self, model: ModelHeader, first: str, last: str) -> View:
        """Return a view of a model whose points from `first` to `last` were read, and no others.

        Raise ModuleUnreachable or ModbusRefused.
        """
        await self.verify()
        return await self._blocks.read_part(model, first, last)

    async def write(self, header: ModelHeader, view: View, values: dict[str, Number]) -> None:
        """Write points in the order given, each in its unit; `view` has the scale factors.

        Raise ValueError when a value does not fit its point, ModbusRefused when the device does not want it.
        """
        for name, value in values.items():
            point = view.group.points[name]
            octets = encode(view, name, value)
            registers = [int.from_bytes(octets[i : i + 2], "big") for i in range(0, len(octets), 2)]
            address = header.address + point.offset
            await self.endpoint.write(self.unit, address, registers, connection=self._verified)

    def _believe(self) -> None:
        """Take the current connection for one to the right device."""
        self._verified = self.endpoint.connections
        self._moved = False
        # What was refused before the connection broke may be there again: no holes are remembered.
        self._blocks = BlockReader(UnitRegisters(self.endpoint, self.unit, self._verified))

    def retain(self) -> None:
        """Count one more module that reads through this device."""
        self._users += 1
        self.endpoint.users += 1

    async def release(self) -> None:
        """Count one less; the endpoint closes behind its last module."""
        if self._users:
            self._users -= 1
            self.endpoint.users -= 1
            if not self.endpoint.users:
                await self.endpoint.close()

    async def _section(self, header: ModelHeader) -> Section:
        (view,) = await BlockReader(self._registers).read([header])
        vendor, model, serial, firmware = (view.text(name) or "" for name in ("Mn", "Md", "SN", "Vr"))
        return Section(vendor, model, serial, firmware)


def encode(view: View, name: str, value: Number) -> bytes:
    """Return the registers of a writable point for a value in its unit."""
    point = view.group.points[name]
    exponent = view.exponent(name)
    if not point.writable or exponent is None:
        raise ValueError(f"{view.group.name}.{name} cannot be written")
    raw: Any = value if exponent == 0 else value / 10**exponent
    if not point.type.startswith("float"):
        raw = round(raw)
    info = mb.point_type_info[point.type]
    try:
        octets: bytes = info.to_data(raw)
    except Exception as error:
        raise ValueError(f"{value} does not fit {view.group.name}.{name}") from error
    if not info.is_impl(raw):
        raise ValueError(f"{value} is the mark of absence in {view.group.name}.{name}")
    return octets


def known(section: Section, wanted: Sequence[int]) -> list[ModelHeader]:
    """Return the headers of the wanted models that the section has and whose definition is published."""
    return [section.models[model] for model in wanted if model in section.models and definition(model)]
