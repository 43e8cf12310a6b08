"""Deadbands: which changes of a measured value matter (Matter Application Clusters 2.13.6).

A measured value changes with every reading. A subscriber wants to know soon of a change that matters, and
need not be woken for one that doesn't: that one goes along later.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from matter_node.model import Urgency

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Deadband:
    """A change of less than this does not matter.

    :ivar absolute: in the attribute's unit
    :ivar relative: as a share of the value; the larger of the two counts
    """

    absolute: float
    relative: float = 0.0

    def left(self, reference: float, value: float) -> bool:
        """Tell whether `value` is outside the band around `reference`."""
        return abs(value - reference) >= max(self.absolute, self.relative * abs(reference))


class Deadbands:
    """The deadbands of one cluster instance, and the values that they lie around.

    A band lies around the last value that mattered, so that a slow drift matters as soon as it adds up.

    :param bands: by attribute id; without one every change matters
    """

    __slots__ = ("_bands", "_references")

    def __init__(self, bands: Mapping[int, Deadband]) -> None:
        self._bands = bands
        self._references: dict[int, float] = {}

    def urgency(self, attribute_id: int, old: float | None, new: float | None) -> Urgency:
        """Judge a change; one from or to null is to be reported at once."""
        if new is None:
            self._references.pop(attribute_id, None)
            return Urgency.NOW
        if old is None:
            self._references[attribute_id] = new
            return Urgency.NOW
        band = self._bands.get(attribute_id)
        if band is None or band.left(self._references.get(attribute_id, old), new):
            self._references[attribute_id] = new
            return Urgency.QUIET
        self._references.setdefault(attribute_id, old)
        return Urgency.LAZY
