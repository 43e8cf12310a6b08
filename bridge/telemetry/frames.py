"""A frame: all that one module measured in one second, packed into a row of a few dozen bytes.

A layout says which metrics a module's frames hold, and how wide each is. It is stored once and grows when the
module measures something new; frames that were packed before keep theirs. Numbers are whole steps of the
metric's scale, four bytes each, or eight for those that have outgrown four. The smallest number of a width
stands for a value that the module did not know.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bridge.telemetry.metrics import ESTIMATED, measurements

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.telemetry.metrics import MetricSpec
    from hw.module import Capabilities
    from hw.reading import Reading

WIDTHS: Final = {"i": 4, "q": 8}
"""Bytes of each width code (the struct module's)."""
_ABSENT: Final = {"i": -(2**31), "q": -(2**63)}
LONGEST_STEP: Final = 60.0
"""Seconds. Over a longer silence, power is not integrated to energy."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Which metrics a frame holds, in order, and the width code of each."""

    specs: tuple[MetricSpec, ...]
    widths: str

    def pack(self, quantities: Iterable[int | None]) -> bytes:
        """Return the data of a frame; every quantity fits its width."""
        absent = (
            _ABSENT[width] if quantity is None else quantity
            for width, quantity in zip(self.widths, quantities, strict=True)
        )
        return struct.pack("<" + self.widths, *absent)


def unpack(widths: str, data: bytes) -> list[int | None]:
    """Return the quantities in a frame's data. Raise ValueError when it is damaged."""
    try:
        quantities = struct.unpack("<" + widths, data)
    except struct.error as error:
        raise ValueError(f"a frame of {len(data)} bytes does not fit its layout: {error}") from None
    return [
        None if quantity == _ABSENT[width] else quantity
        for width, quantity in zip(widths, quantities, strict=True)
    ]


@dataclass(frozen=True, slots=True)
class Frame:
    """What one module measured in one second."""

    time: int
    """UTC, seconds since 1970."""
    module: str
    layout: Layout
    data: bytes

    def quantities(self) -> list[int | None]:
        """Return the numbers, in the order of the layout."""
        return unpack(self.layout.widths, self.data)


class FrameMaker:
    """Turns the readings of one module into frames."""

    __slots__ = ("_energies", "_index", "_last", "layout")

    def __init__(self) -> None:
        self.layout = Layout((), "")
        self._index: dict[str, int] = {}
        self._energies: dict[str, float] = {}
        """Energy integrated from power since the start, by the counter that it stands in for, Wh."""
        self._last: tuple[float, float] | None = None

    def frame(self, reading: Reading, capabilities: Capabilities) -> Frame:
        """Return the frame of a reading; `capabilities` say which energies the device counts itself."""
        measured = list(measurements(reading))
        if reading.power_w is not None:
            measured += self._estimates(reading.time.timestamp(), reading.power_w, capabilities)
        quantities: list[int | None] = [None] * len(self._index)
        for spec, value in measured:
            quantity = spec.quantity(value)
            position = self._position(spec, quantity)
            if position == len(quantities):
                quantities.append(quantity)
            else:
                quantities[position] = quantity
        return Frame(int(reading.time.timestamp()), reading.module, self.layout, self.layout.pack(quantities))

    def _position(self, spec: MetricSpec, quantity: int) -> int:
        """Return where a metric is in the layout, which gets longer or wider when it must."""
        position = self._index.get(spec.name)
        wide = not -(2**31) < quantity < 2**31
        if position is None:
            position = self._index[spec.name] = len(self._index)
            self.layout = Layout((*self.layout.specs, spec), self.layout.widths + ("q" if wide else "i"))
        elif wide and self.layout.widths[position] == "i":
            widths = self.layout.widths
            self.layout = Layout(self.layout.specs, widths[:position] + "q" + widths[position + 1 :])
        return position

    def _estimates(
        self, time: float, power: float, capabilities: Capabilities
    ) -> list[tuple[MetricSpec, float]]:
        """Integrate power where the device does not count energy itself: a trapezoid from reading to reading.

        The estimate begins at zero when the hub starts; whoever sums it up sees a counter that was reset.
        """
        last, self._last = self._last, (time, power)
        if last is None or not 0 < time - last[0] <= LONGEST_STEP:
            return []
        hours = (time - last[0]) / 3600
        for name, counted, share in (
            ("energy_imported_wh", capabilities.imported_energy, _area(last[1], power)),
            ("energy_exported_wh", capabilities.exported_energy, _area(-last[1], -power)),
        ):
            if counted:
                self._energies.pop(name, None)
            elif share or name in self._energies:
                self._energies[name] = self._energies.get(name, 0.0) + share * hours
        return [(ESTIMATED[name], energy) for name, energy in self._energies.items()]


def _area(before: float, after: float) -> float:
    """Return the mean of what is positive on the straight line between two values."""
    if before >= 0 and after >= 0:
        return (before + after) / 2
    if before <= 0 and after <= 0:
        return 0.0
    positive = max(before, after)
    return positive / 2 * positive / (abs(before) + abs(after))
