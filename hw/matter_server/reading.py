"""From a load's attributes to a reading. Import is positive in Matter as it is here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hw.matter_server.attributes import (
    ACTIVE_CURRENT,
    ACTIVE_POWER,
    ENERGY_EXPORTED,
    ENERGY_IMPORTED,
    FREQUENCY,
    LOCAL_TEMPERATURE,
    RMS_CURRENT,
    RMS_VOLTAGE,
    RUNNING_STATE,
    VOLTAGE,
)
from hw.matter_server.node import as_number
from hw.matter_server.thermostat import celsius, thermostat
from hw.reading import OperatingState, Reading

if TYPE_CHECKING:
    from datetime import datetime

    from hw.matter_server.node import Node
    from hw.matter_server.place import Place


def reading(place: Place, node: Node, now: datetime, *, on: bool | None) -> Reading:
    """Return what is known of a load as a reading.

    :param on: whether it is switched on; None if it does not say
    """
    current = _measured(node, place.power, RMS_CURRENT, ACTIVE_CURRENT)
    return Reading(
        module=place.identity.key,
        time=now,
        state=_state(place, node, on=on),
        power_w=_measured(node, place.power, ACTIVE_POWER),
        voltage_v=_measured(node, place.power, RMS_VOLTAGE, VOLTAGE),
        current_a=None if current is None else abs(current),
        frequency_hz=_measured(node, place.power, FREQUENCY),
        energy_imported_wh=_counted(node, place.energy, ENERGY_IMPORTED),
        energy_exported_wh=_counted(node, place.energy, ENERGY_EXPORTED),
        temperature_c=celsius(node, place.endpoint, LOCAL_TEMPERATURE),
        thermostat=thermostat(node, place.endpoint),
        connected=on,
    )


def _state(place: Place, node: Node, *, on: bool | None) -> OperatingState:
    if on is None:
        return OperatingState.UNKNOWN
    if not on:
        return OperatingState.OFF
    relays = node.whole(place.endpoint, RUNNING_STATE)
    return OperatingState.STANDBY if relays == 0 else OperatingState.RUNNING


def _measured(node: Node, endpoint: int | None, *attributes: tuple[int, int]) -> float | None:
    """Return the first of the attributes that has a value, which is in thousandths."""
    if endpoint is None:
        return None
    values = (node.number(endpoint, attribute) for attribute in attributes)
    found = next((value for value in values if value is not None), None)
    return None if found is None else found / 1000


def _counted(node: Node, endpoint: int | None, attribute: tuple[int, int]) -> float | None:
    """Return the energy of an EnergyMeasurementStruct, which is in thousandths."""
    structs = [] if endpoint is None else node.structs(endpoint, attribute)
    energy = as_number(structs[0].get("0")) if structs else None
    return None if energy is None else energy / 1000
