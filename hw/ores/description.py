"""What a module says of itself: who it is, what it is rated for, what it can be told, what it measures."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from hw.accuracy import USUAL, Accuracy, Quantity
from hw.module import Capabilities, Identity, ModuleKind, Nameplate
from hw.ores.wire import Current, Energy, Label, Line, Magnitude, Message, Percent, Seconds, Voltage
from hw.setpoint import SetpointKind


class NameplateMessage(Message):
    """What a module is rated for; what is left out is not known."""

    power_w: Magnitude | None = None
    """Most that it converts at its AC terminals."""
    charge_power_w: Magnitude | None = None
    discharge_power_w: Magnitude | None = None
    capacity_wh: Energy | None = None
    """Usable energy of a store."""
    voltage_v: Voltage | None = None
    current_a: Current | None = None
    phases: Annotated[int, Field(ge=1, le=3)] = 1
    dc_strings: Annotated[int, Field(ge=0, le=16)] = 0
    """DC inputs that measure anything."""


class AccuracyMessage(Message):
    """How far a measurement may be off: by the sum of the two."""

    percent: Percent
    fixed: Magnitude = 0.0
    """In the quantity's unit."""


class CapabilitiesMessage(Message):
    """What a module can be told, and what it measures."""

    setpoints: Annotated[tuple[SetpointKind, ...], Field(max_length=len(SetpointKind))] = ()
    """What it takes; every other setpoint is never sent."""
    revert_s_max: Annotated[Seconds, Field(ge=1)] | None = None
    """The longest time after which it reverts by itself; left out by a module that never does."""
    imported_energy: bool = False
    """Whether it counts the energy that it takes."""
    exported_energy: bool = False
    """Whether it counts the energy that it gives."""
    temperature: bool = False
    accuracy: Annotated[dict[Quantity, AccuracyMessage], Field(max_length=len(Quantity))] | None = None
    """What it measures, and how well; left out by a module that does not say."""


class Description(Message):
    """Who a module is and what it can do. Vendor and serial number are its identity for ever."""

    vendor: Label
    model: Label
    serial: Label
    firmware: Line = ""
    kind: ModuleKind
    nameplate: NameplateMessage = NameplateMessage()
    capabilities: CapabilitiesMessage = CapabilitiesMessage()

    def to_identity(self) -> Identity:
        """Return who it is."""
        return Identity(self.vendor, self.model, self.serial, self.firmware)

    def to_nameplate(self) -> Nameplate:
        """Return what it is rated for."""
        return Nameplate(**self.nameplate.model_dump())

    def to_capabilities(self) -> Capabilities:
        """Return what it can be told and measures."""
        said = self.capabilities
        measures = USUAL
        if said.accuracy is not None:
            measures = {
                quantity: Accuracy(each.percent, each.fixed) for quantity, each in said.accuracy.items()
            }
        return Capabilities(
            setpoints=frozenset(said.setpoints),
            reverts=said.revert_s_max is not None,
            revert_s_max=said.revert_s_max,
            imported_energy=said.imported_energy,
            exported_energy=said.exported_energy,
            measures=measures,
            temperature=said.temperature,
        )
