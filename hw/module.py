"""What a module is: one piece of energy hardware that can be read and perhaps commanded.

A driver implements `Module`; the hub knows nothing else about hardware.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from hw.accuracy import USUAL, Accuracy, Quantity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hw.reading import Reading
    from hw.setpoint import Applied, Setpoint, SetpointKind


class ModuleError(Exception):
    """Something went wrong with a module; the message is for a person."""


class ModuleUnreachable(ModuleError):  # noqa: N818 - it names the module's state
    """The module does not answer, or answers with what cannot be read. Trying again later may help."""


class NotSupported(ModuleError):  # noqa: N818 - it reads as the HTTP and Matter statuses do
    """The device answers but cannot do this. Trying again does not help."""


class ModuleKind(StrEnum):
    """What the module does for the home."""

    MICROINVERTER = "microinverter"
    BATTERY = "battery"
    METER = "meter"
    LOAD = "load"
    EVSE = "evse"


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the module is, for ever: what its maker wrote into it, never its network address."""

    vendor: str
    model: str
    serial: str
    firmware: str = ""
    part: str = ""
    """Tells modules apart that share one serial number, such as the battery of a hybrid inverter."""

    def __post_init__(self) -> None:
        if not re.search(r"[0-9A-Za-z]", self.serial):
            raise ValueError(f"{self.vendor} {self.model}: a module without a serial number has no identity")

    @property
    def key(self) -> str:
        """The stable name of the module: lower-case letters, digits, `-` and `.`, such as `sma-3005067415`.

        Vendor, serial and part make it; the firmware and the model's marketing name may change under it.
        """
        return _key(self.vendor, self.serial, self.part)


@lru_cache(4096)  # it is asked for with every reading, and a home has few modules
def _key(*parts: str) -> str:
    return "-".join(filter(None, (re.sub(r"[^0-9a-z.]+", "-", part.lower()).strip("-") for part in parts)))


@dataclass(frozen=True, slots=True)
class Nameplate:
    """What the module is rated for. None where the device does not say."""

    power_w: float | None = None
    """Most that it converts at its AC terminals, as a magnitude (production; for a store, discharge)."""
    charge_power_w: float | None = None
    """Most that it charges with."""
    discharge_power_w: float | None = None
    """Most that it discharges with, as a magnitude."""
    capacity_wh: float | None = None
    """Usable energy of a store."""
    voltage_v: float | None = None
    """Nominal, line to neutral, at the AC terminals."""
    current_a: float | None = None
    """Most at the AC terminals."""
    phases: int = 1
    dc_strings: int = 0
    """DC inputs that measure anything."""
    capacity_ah: float | None = None
    """Charge that a store holds, at its DC terminals."""

    def remembering(self, earlier: Nameplate) -> Nameplate:
        """Return the plate with what was said earlier and is not now: a device that sleeps is silent."""
        known = {
            each.name: value
            for each in fields(self)
            if getattr(self, each.name) is None and (value := getattr(earlier, each.name)) is not None
        }
        return replace(self, dc_strings=max(self.dc_strings, earlier.dc_strings), **known)


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What the module can be told, and what it can measure."""

    setpoints: frozenset[SetpointKind] = field(default_factory=frozenset)
    """Kinds that `Module.apply` does not refuse."""
    reverts: bool = False
    """Whether the device itself falls back when a setpoint expires."""
    revert_s_max: float | None = None
    """The longest expiry that the device takes, in seconds."""
    imported_energy: bool = False
    """Whether readings carry `energy_imported_wh`."""
    exported_energy: bool = False
    """Whether readings carry `energy_exported_wh`."""
    energy_modulus_wh: float | None = None
    """What the counters of energy begin anew at, None if they never do."""
    dc_energy_modulus_wh: float | None = None
    """The same of the counters of the DC inputs."""
    measures: Mapping[Quantity, Accuracy] = field(default_factory=lambda: USUAL, hash=False)
    """What readings carry, sooner or later, and how well it is measured. What is not there never comes."""
    temperature: bool = False
    firmware: bool = False
    """Whether its firmware can be updated through the hub (`hw.firmware`)."""

    def remembering(self, earlier: Capabilities) -> Capabilities:
        """Return these with what the module measured earlier and does not now: one that sleeps is silent.

        What was only taken for true (`USUAL`) is not remembered.
        """
        measured = {} if earlier.measures == USUAL else dict(earlier.measures)
        return replace(
            self,
            measures=measured | dict(self.measures),
            imported_energy=self.imported_energy or earlier.imported_energy,
            exported_energy=self.exported_energy or earlier.exported_energy,
            temperature=self.temperature or earlier.temperature,
        )


@runtime_checkable
class Module(Protocol):
    """One module. Its properties are known from the moment a driver's discovery returns it.

    Methods may be called from one task at a time; modules that share a connection may be called concurrently.
    """

    @property
    def identity(self) -> Identity:
        """Who it is."""

    @property
    def kind(self) -> ModuleKind:
        """What it does for the home."""

    @property
    def address(self) -> str:
        """Where it was found, for a person: `host:port:unit`. It may change; the identity does not."""

    @property
    def nameplate(self) -> Nameplate:
        """What it is rated for."""

    @property
    def capabilities(self) -> Capabilities:
        """What it can be told."""

    async def open(self) -> None:
        """Connect and make sure that the device is still the same one.

        Raise ModuleUnreachable, or NotSupported when another device answers at the address. `read` and
        `apply` open by themselves, and again after a loss; calling it is for whoever wants to know early.
        """

    async def read(self) -> Reading:
        """Return a fresh reading. Raise ModuleUnreachable within about 2 seconds when the device is gone."""

    async def apply(self, setpoint: Setpoint) -> Applied:
        """Write a setpoint and read it back. What goes wrong is in the answer, not raised."""

    async def close(self) -> None:
        """Let go of the connection; harmless when there is none."""
