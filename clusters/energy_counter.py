"""A lifetime energy counter that never runs backwards, whatever the device's own counter does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from clusters.measurement_accuracy import MOST_ENERGY
from matter_node.codec import tlv

_CONFIRMATIONS: Final = 3
"""Readings in a row that agree with each other, before a device's counter is believed to go on from there."""
_TOTAL, _DEVICE, _BEGUN = 0, 1, 2


@dataclass(slots=True)
class EnergyCounter:
    """Counts what a device's own counter counts, or what is added piece by piece. Energies are in mWh.

    A device's counter goes back when the device is reset or replaced and when it overflows, and it jumps in
    both directions for a reading that was garbled. So one that reads less, or more than can have been counted
    since, is only believed when some readings in a row agree, and then what it counts from the first of them
    is added: nothing is counted that was not, and nothing twice; at worst a little is missed. What it counted
    while nobody looked, before a start, is added too.

    :ivar total: never less than before
    :ivar begun: when the total was 0, in seconds since 2000; None if that is not known
    """

    total: int = 0
    begun: int | None = None
    _device: int | None = None
    _resumed: bool = False
    _first: int = 0
    _latest: int = 0
    _agreeing: int = 0
    _fraction: float = 0.0

    def follow(self, device: int, believable: int = MOST_ENERGY, modulus: int | None = None) -> bool:
        """Take a reading of the device's counter, and return whether it was believed. A negative one is none.

        :param believable: the most that the device can have counted since it was last believed
        :param modulus: what the device's counter begins anew at
        """
        if not 0 <= device <= MOST_ENERGY:
            return False
        if self._device is None:
            return self._advance(device - self.total, device)
        if 0 <= device - self._device <= believable:
            return self._advance(device - self._device, device)
        return self._doubt(self._device, device, believable, modulus)

    def add(self, energy: float) -> None:
        """Count a piece of energy; fractions add up."""
        self._fraction += max(energy, 0.0)
        whole = int(self._fraction)
        self._fraction -= whole
        self.total = min(self.total + whole, MOST_ENERGY)

    def _advance(self, energy: int, device: int) -> bool:
        self.total = min(self.total + max(energy, 0), MOST_ENERGY)
        self._device = device
        self._resumed = False
        self._agreeing = 0
        return True

    def _doubt(self, last: int, device: int, believable: int, modulus: int | None) -> bool:
        """Wait for readings that agree, as those of a counter do: none falls, and none jumps."""
        if self._agreeing == 0 or not 0 <= device - self._latest <= believable:
            self._first, self._agreeing = device, 0
        self._latest = device
        self._agreeing += 1
        if self._agreeing < _CONFIRMATIONS:
            return False
        if modulus is not None and device < last and (overflown := (device - last) % modulus) <= believable:
            return self._advance(overflown, device)
        return self._advance(device - (last if self._resumed else self._first), device)

    def to_tlv(self) -> bytes:
        """Return what must survive a restart."""
        state = {_TOTAL: self.total, _DEVICE: self._device, _BEGUN: self.begun}
        return tlv.encode({tag: value for tag, value in state.items() if value is not None})

    @classmethod
    def from_tlv(cls, stored: bytes) -> EnergyCounter:
        """Return the counter as it was; a fresh one if what is stored can't be read."""
        try:
            state = tlv.decode(stored)
        except tlv.TlvError:
            return cls()
        if type(state) is not dict:
            return cls()
        total, device, begun = (state.get(tag) for tag in (_TOTAL, _DEVICE, _BEGUN))
        if type(total) is not int or not {type(device), type(begun)} <= {int, type(None)}:
            return cls()
        return cls(total=min(max(total, 0), MOST_ENERGY), begun=begun, _device=device, _resumed=True)
