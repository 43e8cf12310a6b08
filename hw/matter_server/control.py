"""How a load is switched: a relay by its commands, a thermostat by its mode."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from hw.matter_server.attributes import (
    CONTROL_SEQUENCE,
    ON_OFF,
    ON_OFF_CLUSTER,
    SYSTEM_MODE,
    THERMOSTAT_FEATURES,
)
from hw.matter_server.thermostat import COOLING_ONLY, HEATING_ONLY

if TYPE_CHECKING:
    from hw.matter_server.client import Client
    from hw.matter_server.node import Node
    from hw.matter_server.place import Place

_OFF, _AUTO, _COOL, _HEAT = 0, 1, 3, 4
_AUTO_FEATURE: Final = 0x20
_HEATING_FEATURE: Final = 0x01


class Control(Protocol):
    """What turns a load on and off."""

    attribute: tuple[int, int]
    """What says whether it is on."""

    def is_on(self, node: Node, place: Place) -> bool | None:
        """Tell whether it is on; None when it does not say."""

    async def switch(self, client: Client, node: Node, place: Place, *, on: bool) -> None:
        """Tell it to be on or off. Raise ModuleError."""


class Relay:
    """The On/Off cluster."""

    attribute = ON_OFF

    def is_on(self, node: Node, place: Place) -> bool | None:
        """Tell whether the relay is closed."""
        return node.flag(place.endpoint, ON_OFF)

    async def switch(self, client: Client, node: Node, place: Place, *, on: bool) -> None:
        """Close or open it."""
        await client.device_command(node.id, place.endpoint, ON_OFF_CLUSTER, "On" if on else "Off")


class ThermostatMode:
    """A thermostat's system mode: off, or the mode that it last had.

    Of a thermostat that was never seen on, it is the one that it is made for.
    """

    attribute = SYSTEM_MODE

    def __init__(self) -> None:
        self._last = _OFF

    def is_on(self, node: Node, place: Place) -> bool | None:
        """Tell whether it heats or cools when it has to, and remember in which mode."""
        mode = node.whole(place.endpoint, SYSTEM_MODE)
        if mode is None:
            return None
        if mode != _OFF:
            self._last = mode
        return mode != _OFF

    async def switch(self, client: Client, node: Node, place: Place, *, on: bool) -> None:
        """Give it its mode back, or none."""
        mode = (self._last or _usual_mode(node, place.endpoint)) if on else _OFF
        await client.write_attribute(node.id, (place.endpoint, *SYSTEM_MODE), mode)


def control(node: Node, place: Place) -> Control:
    """Return what switches a load: its relay, if it has one besides a thermostat, as air conditioners do."""
    return Relay() if (place.endpoint, *ON_OFF) in node.values else ThermostatMode()


def _usual_mode(node: Node, endpoint: int) -> int:
    sequence = node.whole(endpoint, CONTROL_SEQUENCE)
    features = node.whole(endpoint, THERMOSTAT_FEATURES) or _HEATING_FEATURE
    if sequence in COOLING_ONLY:
        return _COOL
    if sequence in HEATING_ONLY:
        return _HEAT
    if features & _AUTO_FEATURE:
        return _AUTO
    return _HEAT if features & _HEATING_FEATURE else _COOL
