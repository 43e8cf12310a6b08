"""What the SunSpec inverter, battery and meter have in common."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar

from hw.module import Capabilities, ModuleError, ModuleKind, ModuleUnreachable, Nameplate, NotSupported
from hw.setpoint import Applied, AppliedState
from hw.sunspec.device import Section, known
from hw.sunspec.quirks import quirks_of
from hw.sunspec.transport import ModbusRefused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hw.module import Identity
    from hw.reading import Reading
    from hw.setpoint import Setpoint
    from hw.sunspec.codec import View
    from hw.sunspec.control import Control
    from hw.sunspec.device import Device
    from hw.sunspec.scanner import ModelHeader

Views = dict[int, "View"]
"""The blocks of one reading by model id."""


class SunSpecModule:
    """A module made of some models of one section of a device."""

    KIND: ClassVar[ModuleKind]
    READ: ClassVar[tuple[int, ...]]
    """Models that a reading needs, where the device has them."""
    PREPARE: ClassVar[tuple[int, ...]]
    """Models that are read once, when the module is opened: ratings and settings."""

    def __init__(self, device: Device, section: int, identity: Identity) -> None:
        self.device = device
        self.quirks = quirks_of(identity.vendor)
        self._section = section
        self._identity = identity
        self.key = identity.key
        """The identity's key, which every reading carries."""
        self._nameplate = Nameplate()
        self._capabilities = Capabilities()
        self._control: Control | None = None
        self._generation = -1
        self._headers: list[ModelHeader] = []
        self._retained = False

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.key} at {self.device}>"

    @property
    def identity(self) -> Identity:
        """Who it is."""
        return self._identity

    @property
    def kind(self) -> ModuleKind:
        """What it does for the home."""
        return self.KIND

    @property
    def address(self) -> str:
        """`host:port:unit`."""
        return str(self.device)

    @property
    def nameplate(self) -> Nameplate:
        """What it is rated for, as read when it was opened."""
        return self._nameplate

    @property
    def capabilities(self) -> Capabilities:
        """What it can be told, as read when it was opened."""
        return self._capabilities

    @property
    def section(self) -> Section:
        """Its part of the device's map."""
        return self.device.sections[self._section]

    async def open(self) -> None:
        """Connect, make sure of the device, read ratings and settings. Raise ModuleUnreachable."""
        try:
            await self._open()
        except (ModbusRefused, NotSupported) as error:
            raise ModuleUnreachable(f"{self.key}: {error}") from error

    async def read(self) -> Reading:
        """Return a fresh reading. Raise ModuleUnreachable."""
        try:
            await self._open()
            views = await self._views(self._headers)
        except (ModbusRefused, NotSupported) as error:
            raise ModuleUnreachable(f"{self.key}: {error}") from error
        return self._reading(views, datetime.now(UTC))

    async def apply(self, setpoint: Setpoint) -> Applied:
        """Write a setpoint and read it back; what goes wrong is in the answer."""
        try:
            await self._open()
            if self._control is None or setpoint.kind not in self._control.kinds:
                return Applied(setpoint, AppliedState.REFUSED, detail=f"not supported by {self.key}")
            return await self._control.apply(setpoint)
        except (ModuleError, ValueError) as error:
            return Applied(setpoint, AppliedState.FAILED, detail=str(error))

    async def close(self) -> None:
        """Let go of the connection; it closes with the last module that uses it."""
        if self._retained:
            self._retained = False
            await self.device.release()

    async def _open(self) -> None:
        if not self._retained:
            self.device.retain()
            self._retained = True
        await self.device.verify()
        if self._generation != self.device.generation:
            self._headers = known(self.section, self.READ)
            self._prepare(await self._views(known(self.section, self.PREPARE)))
            self._generation = self.device.generation

    async def _views(self, headers: Sequence[ModelHeader]) -> Views:
        if not headers:
            return {}
        views = await self.device.read(headers)
        return {header.id: view for header, view in zip(headers, views, strict=True)}

    def _prepare(self, views: Views) -> None:
        raise NotImplementedError

    def _reading(self, views: Views, now: datetime) -> Reading:
        raise NotImplementedError


def first(*values: float | None) -> float | None:
    """Return the first value that is there."""
    return next((value for value in values if value is not None), None)


def number(views: Views, *places: tuple[int, str]) -> float | None:
    """Return the first implemented value of the (model, point) places."""
    for model, name in places:
        view = views.get(model)
        if view is not None and name in view and (value := view.number(name)) is not None:
            return value
    return None
