"""What a load does when it is supplied with power, for those whose device keeps that itself."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol, runtime_checkable


class PowerUp(StrEnum):
    """What it does then."""

    OFF = "off"
    ON = "on"
    LAST = "last"
    """It is what it was before."""


@runtime_checkable
class PowersUp(Protocol):
    """A module that keeps it."""

    async def power_up(self) -> PowerUp | None:
        """Return what the device is set to, None if that is something else. Raise ModuleError."""

    async def set_power_up(self, wanted: PowerUp) -> PowerUp | None:
        """Set it, and return what the device says it is set to then. Raise ModuleError."""

    async def powered_s(self) -> float | None:
        """Return for how many seconds it has had power; None if it restarted for another reason, or hides it.

        :raises ModuleError: it does not answer
        """


def powering_up(module: object) -> PowersUp | None:
    """Return a module as one that keeps it, None if it does not."""
    return module if isinstance(module, PowersUp) else None
