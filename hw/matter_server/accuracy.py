"""What a load's meter measures, and how well by its own word (Matter Application Clusters 2.1.3.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from hw.accuracy import USUAL, Accuracy, Quantity
from hw.matter_server.attributes import (
    ACTIVE_CURRENT,
    ACTIVE_POWER,
    ENERGY_ACCURACY,
    ENERGY_EXPORTED,
    ENERGY_IMPORTED,
    FREQUENCY,
    POWER_ACCURACY,
    RMS_CURRENT,
    RMS_VOLTAGE,
    VOLTAGE,
)
from hw.matter_server.node import as_number

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hw.matter_server.node import Node
    from hw.matter_server.place import Place

_POWER: Final = {
    Quantity.POWER: {ACTIVE_POWER: 5},
    Quantity.VOLTAGE: {RMS_VOLTAGE: 8, VOLTAGE: 1},
    Quantity.CURRENT: {RMS_CURRENT: 9, ACTIVE_CURRENT: 2},
    Quantity.FREQUENCY: {FREQUENCY: 11},
}
"""The attributes that tell a quantity, the better one first, with their values of MeasurementTypeEnum."""
_ELECTRICAL_ENERGY: Final = 14
_STEP: Final = 0.001
"""Attributes are in thousandths."""


def measures(node: Node, place: Place) -> dict[Quantity, Accuracy]:
    """Return what is measured of a load, and how far off it may be; nothing if it has no meter."""
    found: dict[Quantity, Accuracy] = {}
    if place.power is not None:
        stated = _stated(node.structs(place.power, POWER_ACCURACY))
        for quantity, attributes in _POWER.items():
            kinds = [kind for each, kind in attributes.items() if (place.power, *each) in node.values]
            if kinds:
                found[quantity] = stated.get(kinds[0], USUAL[quantity])
    if place.energy is not None and any(
        (place.energy, *each) in node.values for each in (ENERGY_IMPORTED, ENERGY_EXPORTED)
    ):
        stated = _stated(node.structs(place.energy, ENERGY_ACCURACY))
        found[Quantity.ENERGY] = stated.get(_ELECTRICAL_ENERGY, USUAL[Quantity.ENERGY])
    return found


def _stated(structs: Iterable[dict[str, Any]]) -> dict[int, Accuracy]:
    """Return MeasurementAccuracyStructs by their MeasurementType, each at its worst range."""
    stated: dict[int, Accuracy] = {}
    for struct in structs:
        kind, ranges = struct.get("0"), struct.get("4")
        if type(kind) is not int or not isinstance(ranges, list):
            continue
        percent = _worst(ranges, "2") / 100
        fixed = _worst(ranges, "5") / 1000
        if percent + fixed > 0 and percent <= 100:
            stated[kind] = Accuracy(percent, max(fixed, _STEP), measured=struct.get("1") is not False)
    return stated


def _worst(ranges: list[Any], tag: str) -> float:
    values = (as_number(each.get(tag)) for each in ranges if isinstance(each, dict))
    return max((value for value in values if value is not None), default=0.0)
