"""Energy EVSE (Matter Device Library 14.1): a charging point for electric vehicles as a bridged device.

The main endpoint holds it all. One with three phases has a part with a sensor for each, as the library
demands; a charging car reads a positive power.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from clusters.definitions.common import MeasurementTypeEnum
from clusters.definitions.device_energy_management import ESATypeEnum
from clusters.definitions.electrical_power_measurement import PowerModeEnum
from clusters.definitions.energy_evse import FaultStateEnum, StateEnum
from clusters.definitions.power_source import PowerSourceStatusEnum
from clusters.energy_evse import EnergyEvseServer
from clusters.energy_evse_mode import EnergyEvseModeServer
from clusters.evse_state import Condition
from clusters.identify import IdentifyServer
from clusters.temperature_measurement import TemperatureMeasurementServer
from device_types.bridged_node import BridgedDevice, Delegates, Face, Place, information
from device_types.composition import (
    ALTERNATING_CURRENT,
    BRIDGED_NODE,
    DEVICE_ENERGY_MANAGEMENT,
    ELECTRICAL_SENSOR,
    ENERGY_EVSE,
    PHASES,
    POWER_SOURCE,
    compose,
)
from device_types.electrical_sensor import (
    MAINS_VOLTAGE_V,
    USUAL,
    ElectricalRating,
    ElectricalReading,
    ElectricalSensor,
)
from device_types.energy_evse_test import EvseTest
from device_types.faults import evse_fault, wired_faults
from device_types.managed import EnergyManagement
from device_types.milli import milli, milli_unsigned
from device_types.wired_source import assess, wired_source

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from clusters.energy_evse import Charger
    from clusters.measurement_accuracy import Accuracy
    from clusters.power_forecast import PowerForecast
    from clusters.test_event_triggers import EventTriggers
    from matter_node.model import Cluster

SMALLEST_A = 6.0
"""The least that a control pilot can offer (IEC 61851-1)."""
_FLOWS_W = 10.0
"""A car with less power does not charge."""
_OF_ALL = {MeasurementTypeEnum.FREQUENCY, MeasurementTypeEnum.ELECTRICAL_ENERGY}
"""What is not measured of each phase."""


@dataclass(frozen=True, slots=True)
class EvseRating:
    """What a charging point is rated for.

    :ivar current_a: most that its circuit provides per phase
    :ivar minimum_a: least that it can offer
    :ivar phases: how many it is connected to, 1 to 3
    :ivar voltage_v: nominal voltage of a phase
    :ivar metered: it counts its energy itself; else that is worked out from the power
    :ivar accuracies: what it measures, and how well, in Matter's units
    """

    current_a: float
    minimum_a: float = SMALLEST_A
    phases: int = 1
    voltage_v: float = MAINS_VOLTAGE_V
    metered: bool = True
    accuracies: Mapping[MeasurementTypeEnum, Accuracy] = field(default_factory=lambda: USUAL, hash=False)

    @property
    def power_w(self) -> float:
        """The most that cars take."""
        return self.current_a * self.phases * self.voltage_v

    def electrical(self) -> ElectricalRating:
        """Return what is rated and measured of all phases together; its current is that of each."""
        return ElectricalRating(
            self.power_w,
            self.voltage_v,
            exported=False,
            metered=self.metered,
            current_a=self.current_a,
            phases=self.phases,
            accuracies=self.accuracies,
        ).having(MeasurementTypeEnum.VOLTAGE, MeasurementTypeEnum.ACTIVE_CURRENT)

    def of_a_phase(self) -> ElectricalRating:
        """Return the same of one phase, whose energy is not counted, and frequency that of all."""
        measured = self.electrical().accuracies.items()
        return ElectricalRating(
            self.current_a * self.voltage_v,
            self.voltage_v,
            exported=False,
            metered=False,
            current_a=self.current_a,
            accuracies={kind: accuracy for kind, accuracy in measured if kind not in _OF_ALL},
        )


@dataclass(frozen=True, slots=True)
class EvseStatus:
    """What only a charging point knows; currents are per phase. None for what is not known.

    :ivar state: NOT_PLUGGED_IN, PLUGGED_IN_NO_DEMAND, PLUGGED_IN_DEMAND or PLUGGED_IN_CHARGING; FAULT says
        nothing of the car: `update` is told faults besides
    :ivar allowed: it lets the car charge; None also while energy management holds back a car that may charge,
        which is no reason to show charging as disabled
    :ivar session_energy_wh: charged since the car was connected
    :ivar offered_a: what the car may take now
    :ivar minimum_a: least that can be offered
    :ivar maximum_a: most that charging point, circuit and cable carry
    :ivar phases: how many carry current, None while none does
    """

    state: StateEnum | None = None
    allowed: bool | None = None
    session_energy_wh: float | None = None
    offered_a: float | None = None
    minimum_a: float | None = None
    maximum_a: float | None = None
    phases: int | None = None


class EnergyEvseFace(Face):
    """A charging point on the node. `energy_evse` makes one."""

    def __init__(
        self,
        device: BridgedDevice,
        rating: EvseRating,
        place: Place,
        charger: Charger,
        delegates: Delegates,
        *,
        local: Callable[[float], float],
        temperature: bool,
    ) -> None:
        who = information(device, delegates)
        self.rating = rating
        self._charger = charger
        electrical = rating.electrical()
        self.sensor = ElectricalSensor(PowerModeEnum.AC, electrical)
        self.source = wired_source("Mains", electrical)
        self.management = EnergyManagement(
            ESATypeEnum.EVSE, 0, rating.power_w, delegates.adjuster, delegates.forecast
        )
        self.evse = EnergyEvseServer(
            charger,
            circuit_capacity=milli_unsigned(rating.current_a) or 0,
            minimum_current=milli_unsigned(rating.minimum_a) or 0,
            watts_per_ampere=rating.voltage_v * rating.phases,
            local=local,
        )
        self.mode = EnergyEvseModeServer(self._chosen)
        self.temperature = TemperatureMeasurementServer() if temperature else None
        self._test = EvseTest(self.evse)
        clusters: list[Cluster] = [
            who,
            IdentifyServer(delegates.blink),
            *self.sensor.clusters,
            self.source,
            *self.management.clusters,
            self.evse,
            self.mode,
        ]
        if self.temperature is not None:
            clusters.append(self.temperature)
        main = compose(
            place.number("energy"),
            [ENERGY_EVSE, BRIDGED_NODE, ELECTRICAL_SENSOR, POWER_SOURCE, DEVICE_ENERGY_MANAGEMENT],
            [*clusters, *place.clusters],
            parent=place.parent,
            tags=[ALTERNATING_CURRENT],
        )
        phase = rating.of_a_phase()
        tags = PHASES if rating.phases == len(PHASES) else ()
        self.phases = tuple(ElectricalSensor(PowerModeEnum.AC, phase) for _ in tags)
        parts = [
            compose(place.number(part), [ELECTRICAL_SENSOR], sensor.clusters, parent=main, tags=[tag])
            for part, sensor, tag in zip(PHASE_PARTS, self.phases, tags, strict=False)
        ]
        super().__init__(who, main, *parts)

    def update(
        self,
        reading: ElectricalReading,
        status: EvseStatus,
        *,
        phases: Sequence[ElectricalReading] = (),
        temperature_c: float | None = None,
        faults: Collection[str] = (),
        failed: bool = False,
    ) -> None:
        """Show a reading; the charging point is reachable.

        :param reading: of all phases together, charging positive
        :param phases: of each phase in turn; their energies are worked out
        :param faults: codes of what is wrong, such as ``GROUND_FAULT``
        :param failed: it does not work because of that
        """
        self.information.set_reachable(True)
        self.sensor.measure(reading)
        for index, sensor in enumerate(self.phases):
            sensor.measure(phases[index] if index < len(phases) else ElectricalReading())
        self.source.set_status(PowerSourceStatusEnum.ACTIVE)
        self.source.set_faults(wired_faults(faults))
        assess(self.source, replace(reading, current_a=self._most_loaded(reading, status, phases)))
        self.evse.sense(_condition(status, evse_fault(faults, failed=failed)))
        self.management.update(reading.power_w, failed=failed, limits_w=self._adjustable(reading, status))
        if self.temperature is not None:
            self.temperature.measure(temperature_c)

    def plan(self, forecast: PowerForecast | None) -> None:
        """Show when the car is to charge, and how much; see `EnergyManagement.plan`."""
        self.management.plan(forecast)

    def lost(self) -> None:
        """Say that the charging point does not answer; what was enabled stays so."""
        super().lost()
        for sensor in (self.sensor, *self.phases):
            sensor.lost()
        self.source.set_status(PowerSourceStatusEnum.UNAVAILABLE)
        self.source.assess()
        self.evse.lost()
        self.management.lost()
        if self.temperature is not None:
            self.temperature.measure(None)

    def register(self, triggers: EventTriggers) -> None:
        """Let the tests of its clusters reach the charging point."""
        for sensor in (self.sensor, *self.phases):
            sensor.register(triggers)
        self.management.register(triggers)
        triggers.register(self.evse.ID, self.endpoint.number, self._test.trigger)

    def _chosen(self, time_of_use: bool, solar: bool) -> None:  # noqa: FBT001 - as the mode cluster tells it
        self.evse.set_scheduled(time_of_use)
        self._charger.mode_chosen(time_of_use=time_of_use, solar=solar)

    def _most_loaded(
        self, reading: ElectricalReading, status: EvseStatus, phases: Sequence[ElectricalReading]
    ) -> float | None:
        """Return the current of the phase that carries most: ratings of the mains speak of one."""
        known = [abs(phase.current_a) for phase in phases if phase.current_a is not None]
        if known:
            return max(known)
        current = reading.current_a
        return None if current is None else current / (status.phases or self.rating.phases)

    def _adjustable(self, reading: ElectricalReading, status: EvseStatus) -> tuple[float, float]:
        """Return what the power of a car that charges can be adjusted to; nothing can be while none does."""
        power = reading.power_w or 0.0
        if status.state is not StateEnum.PLUGGED_IN_CHARGING or not power > _FLOWS_W:
            return (0.0, 0.0)
        watts = (status.phases or self.rating.phases) * (reading.voltage_v or self.rating.voltage_v)
        low = status.minimum_a or self.rating.minimum_a
        high = status.maximum_a or self.rating.current_a
        return (low * watts, high * watts)


PHASE_PARTS = ("energy-phase-1", "energy-phase-2", "energy-phase-3")
"""The parts of a charging point with three phases."""


def _condition(status: EvseStatus, fault: FaultStateEnum) -> Condition:
    energy = milli(status.session_energy_wh)
    state = None if status.state is StateEnum.FAULT else status.state
    return Condition(
        state=state,
        fault=fault,
        allowed=status.allowed,
        offered=_current(status.offered_a),
        limit=_current(status.maximum_a),
        energy=None if energy is None else max(energy, 0),
    )


def _current(amperes: float | None) -> int | None:
    if amperes is None or not math.isfinite(amperes):
        return None
    return milli_unsigned(amperes)


def energy_evse(
    device: BridgedDevice,
    rating: EvseRating,
    place: Place,
    charger: Charger,
    delegates: Delegates | None = None,
    *,
    local: Callable[[float], float] = lambda _: 0.0,
    temperature: bool = False,
) -> EnergyEvseFace:
    """Return the face of a charging point.

    :param charger: carries out what controllers want of it
    :param delegates: its `adjuster` brings the charging power to watts; without one, none is offered
    :param local: gives the seconds that local time is ahead of UTC at a time in seconds since 1970
    :param temperature: it measures its temperature, which is shown on the main endpoint
    """
    return EnergyEvseFace(
        device, rating, place, charger, delegates or Delegates(), local=local, temperature=temperature
    )
