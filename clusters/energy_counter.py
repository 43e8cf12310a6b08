"""A lifetime energy counter that never runs backwards, whatever the device's own counter does."""

from __future__ import annotations

from dataclasses import dataclass

from matter_node.codec import tlv

MAXIMUM = 2**62
"""The largest energy that Matter can say, in mWh."""
_CONFIRMATIONS = 3
"""Readings in a row below the last one before a device's counter is believed to have started anew."""


@dataclass(slots=True)
class EnergyCounter:
    """Follows the counter of a device.

    A device's counter goes back when the device is reset or replaced, and for one reading when that was
    garbled. So one that reads less is only believed after some readings, and then what it counts from there
    is added: energy is never counted twice, at worst a little is missed.

    :ivar total: mWh, never less than before
    """

    total: int = 0
    _device: int | None = None
    _lower: int = 0
    _seen: int = 0

    def follow(self, device: int) -> None:
        """Take a reading of the device's counter, in mWh; a negative one is none."""
        if device < 0:
            return
        device = min(device, MAXIMUM)
        if self._device is None:
            self._advance(device - self.total, device)
        elif device >= self._device:
            self._advance(device - self._device, device)
        else:
            self._doubt(device)

    def _advance(self, energy: int, device: int) -> None:
        self.total = min(self.total + max(energy, 0), MAXIMUM)
        self._device = device
        self._seen = 0

    def _doubt(self, device: int) -> None:
        """Count readings below the last one that was believed, as long as they themselves do not fall."""
        if self._seen == 0 or device < self._lower:
            self._lower, self._seen = device, 1
            return
        self._seen += 1
        if self._seen >= _CONFIRMATIONS:
            self._advance(device - self._lower, device)

    def to_tlv(self) -> bytes:
        """Return what must survive a restart."""
        state = {0: self.total} if self._device is None else {0: self.total, 1: self._device}
        return tlv.encode(state)

    @classmethod
    def from_tlv(cls, stored: bytes) -> EnergyCounter:
        """Return the counter as it was; a fresh one if what is stored can't be read."""
        try:
            state = tlv.decode(stored)
        except tlv.TlvError:
            return cls()
        total, device = (state.get(0), state.get(1)) if type(state) is dict else (None, None)
        if type(total) is not int or type(device) not in {int, type(None)}:
            return cls()
        return cls(total=min(max(total, 0), MAXIMUM), _device=device)
