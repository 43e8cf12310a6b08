"""The isolation resistance of an inverter: `Ris` of model 122, asked for once a minute.

It is measured before a start, and what an inverter goes on to measure changes with the weather. Nothing else
of the model is read: reading `StSetLimMsk` clears it, for whoever else looks at the device too.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from hw.module import ModuleUnreachable
from hw.sunspec.codec import definition
from hw.sunspec.transport import ModbusRefused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hw.sunspec.device import Device
    from hw.sunspec.scanner import ModelHeader

EVERY_S = 60.0
"""Seconds from one request to the next."""
MODEL = 122
_FIRST, _LAST = "Ris", "Ris_SF"

_log = logging.getLogger(__name__)


class Isolation:
    """What one inverter tells of its isolation."""

    def __init__(self, device: Device, header: ModelHeader) -> None:
        self._device = device
        self._header = header
        self._asked: float | None = None
        """Monotonic."""
        self._ohm: float | None = None

    @classmethod
    def of(cls, device: Device, models: Mapping[int, ModelHeader]) -> Isolation | None:
        """Return it where the device has the points, which older lengths of the model leave out."""
        header, group = models.get(MODEL), definition(MODEL)
        if header is None or group is None:
            return None
        end = group.points[_LAST].offset + group.points[_LAST].size
        return cls(device, header) if header.length + 2 >= end else None

    async def ohm(self) -> float | None:
        """Return the resistance as it was at most a minute ago, None when the device did not tell it then.

        What the device refuses here costs the reading nothing.
        """
        now = time.monotonic()
        if self._asked is None or now - self._asked >= EVERY_S:
            self._asked = now
            try:
                view = await self._device.read_part(self._header, _FIRST, _LAST)
            except (ModbusRefused, ModuleUnreachable) as error:
                _log.debug("%s does not tell its isolation: %s", self._device, error)
                self._ohm = None
            else:
                # Devices leave a 0 in points that they do not fill; one whose inputs were shorted to earth
                # would have stopped by itself, and says so in its faults.
                self._ohm = view.number("Ris") or None
        return self._ohm
