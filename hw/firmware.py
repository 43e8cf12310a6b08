"""What a module offers whose firmware the hub can update: two slots, and a way to fill the idle one.

A driver whose modules can has a property `firmware` on them (`UpdatableModule`) and says so in their
`Capabilities`; nobody else needs to know how the module is spoken with.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, runtime_checkable


class SlotState(StrEnum):
    """What is known of the image in a slot."""

    EMPTY = "empty"
    """Nothing that can be started; perhaps the beginning of an image."""
    READY = "ready"
    """A whole image that was never started; the next restart tries it."""
    TRIAL = "trial"
    """It runs, and the module returns to the other slot unless it is confirmed."""
    GOOD = "good"
    """It was confirmed."""
    FAILED = "failed"
    """It was tried and given up; no restart tries it again."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One of the places that hold an image."""

    name: str
    """Such as `A`."""
    version: str
    state: SlotState
    sha256: str = ""
    """Of its image, in hexadecimal digits; empty where the module does not know."""


@dataclass(frozen=True, slots=True)
class FirmwareInfo:
    """What a module says about its firmware."""

    hardware: str
    """The hardware model that images are made for, such as `acme-inv-2`."""
    running: str
    """Name of the slot that runs."""
    slots: tuple[Slot, ...]

    @property
    def current(self) -> Slot:
        """The slot that runs."""
        return next(slot for slot in self.slots if slot.name == self.running)

    def holding(self, sha256: str) -> Slot | None:
        """Return the slot that holds an image."""
        return next((slot for slot in self.slots if slot.sha256 == sha256), None)


@dataclass(frozen=True, slots=True)
class FirmwareImage:
    """What is to be written."""

    version: str
    length: int
    """Octets."""
    sha256: str
    """In hexadecimal digits."""


class FirmwareTarget(Protocol):
    """Fills the idle slot of a module and starts it. It may be used while the module is read.

    Every method raises ModuleUnreachable when the module does not answer, and NotSupported when it refuses;
    then the slot that runs is as it was.
    """

    async def info(self) -> FirmwareInfo:
        """Return what the module runs and holds."""

    async def begin(self, image: FirmwareImage) -> int:
        """Announce an image; return how many octets of it the idle slot holds, to go on from there."""

    async def write(self, offset: int, data: bytes) -> None:
        """Write octets of the announced image into the idle slot."""

    async def finish(self) -> None:
        """End the image; the module compares its hash and makes the slot ready."""

    async def reboot(self) -> None:
        """Restart: into the slot that is ready, or back from one that is on trial."""

    async def self_test(self) -> str:
        """Let the module try its safe state; return what failed, nothing when it passed."""

    async def confirm(self) -> None:
        """Keep the slot that is on trial; harmless when it was confirmed."""


@runtime_checkable
class UpdatableModule(Protocol):
    """A module whose firmware can be updated."""

    @property
    def firmware(self) -> FirmwareTarget:
        """The way to its slots."""


def firmware_target(device: object) -> FirmwareTarget | None:
    """Return the way to a device's slots, None where it has none, or there is no device."""
    return device.firmware if isinstance(device, UpdatableModule) else None
