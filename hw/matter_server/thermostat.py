"""A thermostat's own attributes (Matter Application Clusters 4.3): temperatures in hundredths of a degree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hw.matter_server.attributes import (
    ABS_COOL_LIMITS,
    ABS_HEAT_LIMITS,
    CONTROL_SEQUENCE,
    COOL_LIMITS,
    HEAT_LIMITS,
    OCCUPIED_COOLING_SETPOINT,
    OCCUPIED_HEATING_SETPOINT,
    OUTDOOR_TEMPERATURE,
    RUNNING_MODE,
    RUNNING_STATE,
    SYSTEM_MODE,
)
from hw.reading import ThermostatMode, ThermostatReading

if TYPE_CHECKING:
    from hw.matter_server.node import Node

_MODES: Final = {
    0: ThermostatMode.OFF,
    1: ThermostatMode.AUTO,
    3: ThermostatMode.COOL,
    4: ThermostatMode.HEAT,
    5: ThermostatMode.HEAT,  # emergency heat
    6: ThermostatMode.COOL,  # precooling
}
"""Of SystemModeEnum, those that keep a temperature."""
COOLING_ONLY: Final = frozenset({0, 1})
"""Of ControlSequenceOfOperationEnum."""
HEATING_ONLY: Final = frozenset({2, 3})
_HEAT_RELAYS, _COOL_RELAYS = 0b01001, 0b10010
"""First and second stage in ThermostatRunningState."""
_COLDEST, _HOTTEST = -27_315, 32_767
"""Hundredths of a degree (Matter Core 7.19.2.9, `temperature`)."""
_USUAL_HEAT: Final = (7.0, 30.0)
_USUAL_COOL: Final = (16.0, 32.0)
"""The limits of a device that states none (their defaults in the specification)."""


def thermostat(node: Node, endpoint: int) -> ThermostatReading | None:
    """Return what a thermostat says; None of an endpoint that is none."""
    number = node.whole(endpoint, SYSTEM_MODE)
    if (endpoint, *SYSTEM_MODE) not in node.values:
        return None
    mode = ThermostatMode.OTHER if number is None else _MODES.get(number, ThermostatMode.OTHER)
    heats = _heats(node, endpoint, mode)
    lowest, highest = (None, None) if heats is None else limits(node, endpoint, heats=heats)
    return ThermostatReading(
        mode,
        heats,
        None if heats is None else celsius(node, endpoint, setpoint_attribute(heats=heats)),
        lowest,
        highest,
        _running(node, endpoint),
        celsius(node, endpoint, OUTDOOR_TEMPERATURE),
    )


def can_be_set(node: Node, endpoint: int) -> bool:
    """Tell whether an endpoint has a temperature that it heats or cools to."""
    setpoints = (OCCUPIED_HEATING_SETPOINT, OCCUPIED_COOLING_SETPOINT)
    return (endpoint, *SYSTEM_MODE) in node.values and any(
        (endpoint, *each) in node.values for each in setpoints
    )


def setpoint_attribute(*, heats: bool) -> tuple[int, int]:
    """Return the attribute that holds the temperature to heat or cool to."""
    return OCCUPIED_HEATING_SETPOINT if heats else OCCUPIED_COOLING_SETPOINT


def limits(node: Node, endpoint: int, *, heats: bool) -> tuple[float, float]:
    """Return the least and the most that a setpoint may be: what was configured, within what it can."""
    configured, absolute = (HEAT_LIMITS, ABS_HEAT_LIMITS) if heats else (COOL_LIMITS, ABS_COOL_LIMITS)
    usual = _USUAL_HEAT if heats else _USUAL_COOL
    found = [
        [celsius(node, endpoint, pair[side]) for pair in (configured, absolute)] for side in range(len(usual))
    ]
    lowest = max((each for each in found[0] if each is not None), default=usual[0])
    highest = min((each for each in found[1] if each is not None), default=usual[1])
    return lowest, max(lowest, highest)


def celsius(node: Node, endpoint: int, attribute: tuple[int, int]) -> float | None:
    """Return a temperature in °C; None when there is none, or it is beyond what the type can hold."""
    hundredths = node.number(endpoint, attribute)
    known = hundredths is not None and _COLDEST <= hundredths <= _HOTTEST
    return hundredths / 100 if known and hundredths is not None else None


def _heats(node: Node, endpoint: int, mode: ThermostatMode) -> bool | None:
    """Tell which setpoint counts: that of its mode, else of the only thing that it can do."""
    has_heat, has_cool = (
        (endpoint, *each) in node.values for each in (OCCUPIED_HEATING_SETPOINT, OCCUPIED_COOLING_SETPOINT)
    )
    if mode is ThermostatMode.HEAT:
        return True if has_heat else None
    if mode is ThermostatMode.COOL:
        return False if has_cool else None
    sequence = node.whole(endpoint, CONTROL_SEQUENCE)
    if has_heat and (sequence in HEATING_ONLY or not has_cool):
        return True
    if has_cool and (sequence in COOLING_ONLY or not has_heat):
        return False
    return None


def _running(node: Node, endpoint: int) -> bool | None:
    relays = node.whole(endpoint, RUNNING_STATE)
    if relays is not None:
        return bool(relays & (_HEAT_RELAYS | _COOL_RELAYS))
    mode = node.whole(endpoint, RUNNING_MODE)
    return None if mode is None else mode != 0
