"""The hub's own protection, as a table: which quantity of which modules is a fault when, and what is done.

The devices' own protection is faster and comes first; this is the second line, for a device that is damaged,
misconfigured or measures what its neighbour should act on. It judges readings, about one a second.

Limits of voltage and frequency are where no grid code asks a plant to stay: a device that keeps to the
settings of its country leaves before, and one that has to ride through a disturbance is not taken off the
grid by the hub. Above 52 and below 47 Hz lie outside of every setting of EN 50549-1:2019 (clause 4.9.3). 62
Hz is OF2 of IEEE 1547-2018 table 18, 57 Hz the upper end of the range of UF2 there; between them plants ride
through for a time (table 19). 120 % is OV2 of its tables 11 to 13. The releases are the ranges in which
plants come back on 50 Hz (EN 50549-1:2019 clause 4.10.2, default settings); a device's own waiting, such as
the 300 s of IEEE 1547-2018 table 4, comes on top. What a meter is told of is the supply voltage by EN 50160,
10 % above and 15 % below: means over ten minutes there, what lasts a minute here.

Limits of temperature and of cell voltages are the hub's own choice, for a device whose own are wrong: what
is right for a cell its battery management knows. Below 0 °C charging plates metal in lithium cells. That an
isolation fault waits for a person is the hub's choice, too: an inverter measures at each start, and goes on
by itself when the insulation has recovered (IEC 62109-2 clause 4.8.2), which a wet plug does every noon.

Where an inverter tells the isolation resistance itself, IEC 62109-2:2011 clause 4.8.2.1 is the limit, cited
from knowledge: the highest PV voltage that it is rated for, by 30 mA. Nothing tells that rating, so it is
taken to be the next one on the market above the inputs' present voltage, and where none is told 1000 V, the
most that is usual at homes. One that is isolated from the mains may go on with a warning by that clause;
which are, nothing tells either, and all are held to it. SunSpec inverters are asked once a minute, and now
and then garbage comes: 90 s are two of their values.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from bridge.command import ASPECTS, Aspect
from bridge.examination import implausible
from bridge.faults import OWN, Severity
from bridge.grid import LOST_BELOW
from hw.module import ModuleKind
from hw.reading import OperatingState
from hw.setpoint import SetpointKind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.faults import ActiveFault
    from bridge.record import ModuleRecord
    from hw.reading import Reading

NOMINAL_FREQUENCIES: Final = (50.0, 60.0)
ISOLATION_CODES: Final = frozenset({"GROUND_FAULT", "RESIDUAL_CURRENT_AC", "RESIDUAL_CURRENT_DC"})
"""What devices call a current that goes where it should not (SunSpec 103 `Evt1`, 701 `Alrm`, go-e `err`)."""
PV_VOLTAGES: Final = (80.0, 600.0, 1000.0, 1500.0)
"""What DC inputs are rated for: microinverters, and string inverters after IEC 62548 and IEC 60364-7-712."""
UNTOLD_PV_V: Final = 1000.0
"""Taken for the rating where no input tells its voltage."""
DARK_PV_V: Final = 15.0
"""Below it an input says nothing of its rating: it is dawn, or the switch is open."""
EARTH_CURRENT_A: Final = 0.03
"""What may flow to earth at most from an input at its rated voltage (IEC 62109-2 clause 4.8.2.1)."""


class Quantity(StrEnum):
    """What is judged; names carry the unit."""

    TEMPERATURE_C = "temperature_c"
    VOLTAGE_PERCENT = "voltage_percent"
    """Of the nominal voltage; the phase that is farthest from it."""
    FREQUENCY_OFF_HZ = "frequency_off_hz"
    """Above 50 or 60 Hz, negative below."""
    ISOLATION_FAULTS = "isolation_faults"
    """How many the device tells: few show the resistance itself."""
    ISOLATION_PERCENT = "isolation_percent"
    """The isolation resistance, of the least that IEC 62109-2 lets an inverter start with."""
    CELL_SPREAD_V = "cell_spread_v"
    """From the lowest cell voltage to the highest."""
    SILENCE_S = "silence_s"
    """Since the module last answered."""
    IMPLAUSIBLE_VALUES = "implausible_values"
    """How many cannot be, such as a state of charge of 140 %."""


class Action(StrEnum):
    """What a module is told while a fault lasts."""

    NONE = "none"
    HOLD = "hold"
    """A battery neither charges nor discharges."""
    STOP_CHARGING = "stop_charging"
    HALVE = "halve"
    """A producer puts out half of its rating at most."""
    DISCONNECT = "disconnect"


COMMANDS: Final[dict[Action, tuple[tuple[SetpointKind, float | None], ...]]] = {
    Action.NONE: (),
    Action.HOLD: ((SetpointKind.HOLD, None), (SetpointKind.CONNECT, 0.0)),
    Action.STOP_CHARGING: ((SetpointKind.CHARGE_LIMIT_W, 0.0), (SetpointKind.HOLD, None)),
    Action.HALVE: ((SetpointKind.POWER_LIMIT_PERCENT, 50.0),),
    Action.DISCONNECT: ((SetpointKind.CONNECT, 0.0), (SetpointKind.POWER_LIMIT_PERCENT, 0.0)),
}
"""How: the first of these that the module can be told."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One row. It releases where it is below the limit when it trips above, and the other way round."""

    code: str
    kinds: frozenset[ModuleKind]
    quantity: Quantity
    limit: float
    """Beyond this it trips."""
    release: float
    """Back at this it releases."""
    lasts_s: float
    """How long it must be beyond the limit first."""
    clears_s: float
    """How long it must be back first."""
    severity: Severity
    action: Action = Action.NONE
    latched: bool = False
    """Whether it also needs a person to acknowledge it before it releases."""

    @property
    def source(self) -> str:
        """What its faults say of where they are from."""
        return OWN + self.quantity

    @property
    def trips_above(self) -> bool:
        """Whether large values are the bad ones."""
        return self.limit > self.release

    def is_beyond(self, value: float) -> bool:
        """Tell whether a value is a fault."""
        return value > self.limit if self.trips_above else value < self.limit

    def is_back(self, value: float) -> bool:
        """Tell whether a value is good again."""
        return value <= self.release if self.trips_above else value >= self.release


_PV: Final = frozenset({ModuleKind.MICROINVERTER})
_STORE: Final = frozenset({ModuleKind.BATTERY})
_USES: Final = frozenset({ModuleKind.LOAD, ModuleKind.EVSE})
_METER: Final = frozenset({ModuleKind.METER})
_LEAKS: Final = frozenset({ModuleKind.MICROINVERTER, ModuleKind.BATTERY, ModuleKind.EVSE})
_ALL: Final = frozenset(ModuleKind)
_Q: Final = Quantity
_WARN: Final = Severity.WARNING
_CRIT: Final = Severity.CRITICAL
_HOLD: Final = Action.HOLD
_HALF: Final = Action.HALVE
_OFF: Final = Action.DISCONNECT

# fmt: off
RULES: Final = (
    #    code                of      quantity                limit  release  lasts  clears severity  action
    Rule("BATTERY_TOO_HOT",  _STORE, _Q.TEMPERATURE_C,        55.0,   45.0,    5.0,   60.0, _CRIT, _HOLD),
    Rule("BATTERY_TOO_COLD", _STORE, _Q.TEMPERATURE_C,         0.0,    3.0,   30.0,   60.0, _WARN,
         Action.STOP_CHARGING),
    Rule("INVERTER_TOO_HOT", _PV,    _Q.TEMPERATURE_C,        85.0,   75.0,   30.0,  120.0, _WARN, _HALF),
    Rule("LOAD_TOO_HOT",     _USES,  _Q.TEMPERATURE_C,        85.0,   65.0,    5.0,  120.0, _CRIT, _OFF),
    Rule("VOLTAGE_TOO_HIGH", _PV,    _Q.VOLTAGE_PERCENT,     120.0,  110.0,    2.0,   60.0, _CRIT, _OFF),
    Rule("VOLTAGE_HIGH",     _METER, _Q.VOLTAGE_PERCENT,     110.0,  108.0,   60.0,   60.0, _WARN),
    Rule("VOLTAGE_LOW",      _ALL,   _Q.VOLTAGE_PERCENT,      85.0,   88.0,   10.0,   60.0, _WARN),
    Rule("FREQUENCY_HIGH",   _PV,    _Q.FREQUENCY_OFF_HZ,      2.0,    0.2,    2.0,   60.0, _CRIT, _OFF),
    Rule("FREQUENCY_LOW",    _PV,    _Q.FREQUENCY_OFF_HZ,     -3.0,   -0.5,    2.0,   60.0, _CRIT, _OFF),
    Rule("ISOLATION_FAULT",  _LEAKS, _Q.ISOLATION_FAULTS,      0.5,    0.0,    0.0,   60.0, _CRIT, _OFF,
         latched=True),
    Rule("ISOLATION_LOW",    _PV,    _Q.ISOLATION_PERCENT,   100.0,  150.0,   90.0,  120.0, _CRIT, _OFF,
         latched=True),
    Rule("CELLS_UNEQUAL",    _STORE, _Q.CELL_SPREAD_V,        0.10,   0.06,   60.0,   60.0, _WARN),
    Rule("CELLS_FAR_APART",  _STORE, _Q.CELL_SPREAD_V,        0.30,   0.15,   10.0,  300.0, _CRIT, _HOLD),
    Rule("DATA_STALE",       _ALL,   _Q.SILENCE_S,            60.0,    5.0,    0.0,    0.0, _WARN),
    Rule("DATA_IMPLAUSIBLE", _ALL,   _Q.IMPLAUSIBLE_VALUES,    0.5,    0.0,    3.0,   10.0, _WARN),
)
# fmt: on
"""Every rule. A module is judged by those whose kinds have it; a quantity that it does not tell trips nothing
and releases nothing."""


def rule(code: str) -> Rule:
    """Return the rule of a code. Raise KeyError."""
    return _BY_CODE[code]


def waits_for_person(fault: ActiveFault) -> bool:
    """Tell whether a fault lasts until somebody acknowledges it."""
    return any(each.latched and (each.code, each.source) == (fault.code, fault.source) for each in RULES)


def rules_of(kind: ModuleKind) -> tuple[Rule, ...]:
    """Return the rules for modules of a kind."""
    return _BY_KIND[kind]


_BY_KIND: Final = {kind: tuple(each for each in RULES if kind in each.kinds) for kind in ModuleKind}
_BY_CODE: Final = {each.code: each for each in RULES}


def judged(
    quantity: Quantity, reading: Reading, record: ModuleRecord, nominal_v: float | None
) -> float | None:
    """Return a quantity of a reading, None when it is not known. `SILENCE_S` is not in readings.

    :param nominal_v: line to neutral
    """
    value = _judged(quantity, reading, record, nominal_v)
    return value if value is not None and math.isfinite(value) else None


def _judged(
    quantity: Quantity, reading: Reading, record: ModuleRecord, nominal_v: float | None
) -> float | None:
    value: float | None = None
    match quantity:
        case Quantity.TEMPERATURE_C:
            value = reading.temperature_c
        case Quantity.VOLTAGE_PERCENT if nominal_v is not None:
            value = _farthest_percent(reading, nominal_v)
        case Quantity.FREQUENCY_OFF_HZ:
            value = _frequency_off(reading)
        case Quantity.ISOLATION_FAULTS:
            value = float(sum(fault.code in ISOLATION_CODES for fault in reading.faults))
        case Quantity.ISOLATION_PERCENT:
            value = _isolation_percent(reading)
        case Quantity.CELL_SPREAD_V:
            value = _cell_spread(reading)
        case Quantity.IMPLAUSIBLE_VALUES:
            value = float(len(implausible(reading, record)))
    return value


def _is_asleep(reading: Reading) -> bool:
    """Tell whether its values mean nothing.

    Those of a module that is off count, whatever it calls that: what switched it off could not end otherwise.
    """
    return reading.state is OperatingState.SLEEPING and reading.connected is not False


def _farthest_percent(reading: Reading, nominal_v: float) -> float | None:
    """Return none where the grid is gone: `bridge.grid` tells of that, and no module can help it."""
    if _is_asleep(reading):
        return None
    told = [phase.voltage_v for phase in reading.phases] or [reading.voltage_v]
    shares = [100 * volts / nominal_v for volts in told if volts is not None]
    farthest = max(shares, key=lambda share: abs(share - 100), default=0.0)
    return farthest if farthest >= 100 * LOST_BELOW else None


def _frequency_off(reading: Reading) -> float | None:
    hertz = reading.frequency_hz
    if not hertz or _is_asleep(reading):
        return None
    return hertz - min(NOMINAL_FREQUENCIES, key=lambda nominal: abs(nominal - hertz))


def _isolation_percent(reading: Reading) -> float | None:
    if reading.isolation_ohm is None or _is_asleep(reading):
        return None
    told = [string.voltage_v for string in reading.strings if string.voltage_v is not None]
    highest = max(told, default=UNTOLD_PV_V)
    if highest < DARK_PV_V:
        return None
    rating = next((volts for volts in PV_VOLTAGES if highest <= volts), PV_VOLTAGES[-1])
    return 100 * reading.isolation_ohm * EARTH_CURRENT_A / rating


def _cell_spread(reading: Reading) -> float | None:
    battery = reading.battery
    if battery is None or battery.cell_voltage_max_v is None or battery.cell_voltage_min_v is None:
        return None
    return battery.cell_voltage_max_v - battery.cell_voltage_min_v


def commands_for(
    actions: Iterable[Action], able: frozenset[SetpointKind]
) -> dict[Aspect, tuple[SetpointKind, float | None]]:
    """Return what a module is told for all of these at once: the strictest of each aspect."""
    wanted: dict[Aspect, tuple[SetpointKind, float | None]] = {}
    for action in actions:
        told = command_for(action, able)
        if told is None:
            continue
        aspect = ASPECTS[told[0]]
        wanted[aspect] = min(wanted.get(aspect, told), told, key=_strictness)
    return wanted


def command_for(action: Action, able: frozenset[SetpointKind]) -> tuple[SetpointKind, float | None] | None:
    """Return what a module is told for an action, None when it cannot be told, or there is none."""
    return next((told for told in COMMANDS[action] if told[0] in able), None)


def _strictness(told: tuple[SetpointKind, float | None]) -> float:
    """Order commands of one aspect, the strictest first: to hold is less than any power."""
    return -1.0 if told[1] is None else told[1]
