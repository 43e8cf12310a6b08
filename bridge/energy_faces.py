"""The energy faces: what each kind of module is on the Matter node, and how its readings are shown there."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bridge.charging_current import is_charging_point
from bridge.charging_point import ChargingPoint
from bridge.command import Aspect, CommandState
from bridge.load_switch import LoadSwitch
from bridge.measured import (
    battery,
    battery_rating,
    electrical,
    evse_rating,
    has_panel,
    panel,
    panel_rating,
    phases,
    rating,
)
from bridge.module_face import ENERGY, ModuleFace, Stage
from bridge.ores.microinverter import MicroinverterCluster
from bridge.ores.module import ModuleCluster
from bridge.ores.storage import EnergyStorageCluster
from bridge.power_adjustment import ModulePower
from clusters.energy_adjusters import ForecastAdjusters
from device_types.battery_storage import BatteryStorageFace, battery_storage
from device_types.bridged_node import BridgedDevice, Delegates, Place
from device_types.electrical_sensor import ElectricalRating, GridMeterFace, grid_meter
from device_types.energy_evse import PHASE_PARTS, EnergyEvseFace, energy_evse
from device_types.on_off_plug import OnOffPlugFace, on_off_plug
from device_types.solar_power import SolarPowerFace, solar_power
from hw.module import ModuleKind
from hw.reading import OperatingState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bridge.command import Command
    from bridge.firmware.job import FirmwareJob
    from bridge.module_face import Companion
    from bridge.planned_power import PlannedPowers
    from bridge.record import ModuleRecord
    from clusters.power_forecast import PowerForecast
    from device_types.bridged_node import Face
    from device_types.managed import EnergyManagement
    from hw.reading import Reading

_log = logging.getLogger(__name__)

_GIVEN_UP = {CommandState.FAILED, CommandState.REFUSED, CommandState.REPLACED}
"""What a command comes to that its origin neither took back nor outlived."""


@dataclass(frozen=True, slots=True)
class _Made:
    """What the face of any kind of module is made of."""

    device: BridgedDevice
    rating: ElectricalRating
    place: Place
    delegates: Delegates
    power: ModulePower | None
    cluster: ModuleCluster
    inverter: MicroinverterCluster | None
    storage: EnergyStorageCluster | None


class EnergyFace(ModuleFace):
    """The energy face of a module of any kind, with the project's own clusters on its main endpoint."""

    def __init__(self, face: Face, made: _Made) -> None:
        super().__init__(face)
        self._cluster = made.cluster
        own: tuple[Companion | None, ...] = (made.cluster, made.inverter, made.storage)
        self._companions = tuple(each for each in own if each is not None)
        self._storage = made.storage

    def show(self, reading: Reading) -> None:
        """Show a reading."""
        self.update(reading)
        for companion in self._companions:
            companion.show(reading)

    def update(self, reading: Reading) -> None:
        """Show a reading in the standard clusters."""
        raise NotImplementedError

    def lost(self) -> None:
        """Say that the module does not answer."""
        super().lost()
        for companion in self._companions:
            companion.lost()

    def registered(self) -> None:
        """Tell that the module is new in the home."""
        self._cluster.registered()

    def changed(self, before: ModuleRecord, record: ModuleRecord) -> None:
        """Take another name, and show what else is another."""
        if before.name != record.name:
            self.face.rename(record.name)
        self._cluster.changed(before, record)

    def faults_changed(self) -> None:
        """Show what is wrong with the module now."""
        self._cluster.show_faults()

    def mode_changed(self) -> None:
        """Show whether the module is a part of an island."""
        self._cluster.show_mode()

    def command_changed(self, command: Command) -> None:
        """Show what the module is told now."""
        if self._storage is not None and command.aspect is Aspect.STORAGE:
            self._storage.show_mode()

    def firmware_changed(self, job: FirmwareJob) -> None:
        """Show how an update of its firmware goes on."""
        self._cluster.show_update(job)


class SolarModule(EnergyFace):
    """A microinverter with its panels."""

    face: SolarPowerFace

    def __init__(self, record: ModuleRecord, made: _Made, stage: Stage) -> None:
        super().__init__(
            solar_power(
                made.device,
                made.rating,
                made.place,
                made.delegates,
                panel=panel_rating(record),
                temperature=record.capabilities.temperature,
            ),
            made,
        )
        self._key = record.key
        self._registry = stage.home.registry
        self._power = made.power
        self._inputs = record.nameplate.dc_strings

    def update(self, reading: Reading) -> None:
        """Show a reading."""
        self.face.update(
            electrical(reading),
            panel(reading, self._inputs),
            temperature_c=reading.temperature_c,
            faults=_fault_codes(reading),
            failed=reading.state is OperatingState.FAULT,
        )

    def command_changed(self, command: Command) -> None:
        """End an adjustment that the module does not carry out."""
        super().command_changed(command)
        _abandon(self.face.management, self._power, command)

    def plan_changed(self, plan: PlannedPowers | None) -> None:
        """Show what the plan expects it to produce: its share of all the sun, by rated power."""
        rated = {
            module.key: module.record.nameplate.power_w or 0.0
            for module in self._registry
            if module.record.kind is ModuleKind.MICROINVERTER
        }
        total = sum(rated.values())
        share = rated.get(self._key, 0.0) / total if total else 1 / max(len(rated), 1)
        self.face.plan(None if plan is None else plan.solar(share))


class BatteryModule(EnergyFace):
    """A battery with its inverter."""

    face: BatteryStorageFace

    def __init__(self, record: ModuleRecord, made: _Made) -> None:
        super().__init__(
            battery_storage(
                made.device,
                battery_rating(record),
                made.place,
                made.delegates,
                temperature=record.capabilities.temperature,
            ),
            made,
        )
        self._key = record.key
        self._power = made.power

    def update(self, reading: Reading) -> None:
        """Show a reading."""
        self.face.update(
            electrical(reading),
            battery(reading),
            temperature_c=reading.temperature_c,
            faults=_fault_codes(reading),
            failed=reading.state is OperatingState.FAULT,
        )

    def command_changed(self, command: Command) -> None:
        """End an adjustment that the module does not carry out."""
        super().command_changed(command)
        _abandon(self.face.management, self._power, command)

    def plan_changed(self, plan: PlannedPowers | None) -> None:
        """Show what the plan has the battery do."""
        self.face.plan(None if plan is None else plan.battery(self._key))


class EvseModule(EnergyFace):
    """A charging point."""

    face: EnergyEvseFace

    def __init__(self, record: ModuleRecord, made: _Made, stage: Stage) -> None:
        self._point = ChargingPoint(stage.home.registry[record.key], stage.home)
        self._key = record.key
        self._plan: PlannedPowers | None = None
        self._planned: PowerForecast | None = None
        delegates = replace(made.delegates, forecast=ForecastAdjusters(pause=self._point, start=self._point))
        super().__init__(
            energy_evse(
                made.device,
                evse_rating(record),
                made.place,
                self._point,
                delegates,
                local=stage.home.utc_offset,
                temperature=record.capabilities.temperature,
            ),
            made,
        )
        self._power = made.power

    def update(self, reading: Reading) -> None:
        """Show a reading."""
        self.face.update(
            electrical(reading),
            self._point.status(reading),
            phases=phases(reading),
            temperature_c=reading.temperature_c,
            faults=_fault_codes(reading),
            failed=reading.state is OperatingState.FAULT,
        )
        # What an app's target asks for can be shifted and paused by energy managers, and the plan follows.
        planned = self._point.forecast(reading)
        if planned is None and self._plan is not None:
            planned = self._plan.load(self._key)
        if planned != self._planned:
            self._planned = planned
            self.face.management.plan(planned)

    def changed(self, before: ModuleRecord, record: ModuleRecord) -> None:
        """Take another name, and leave to the plan what the residents leave to it now."""
        super().changed(before, record)
        if before.wish != record.wish:
            self._point.leave_to_plan()

    def plan_changed(self, plan: PlannedPowers | None) -> None:
        """Keep what the plan has the car do, for the next reading."""
        self._plan = plan

    def command_changed(self, command: Command) -> None:
        """End an adjustment that the charging point does not carry out."""
        super().command_changed(command)
        _abandon(self.face.management, self._power, command)


class MeterModule(EnergyFace):
    """A meter, or a load that can only be measured."""

    face: GridMeterFace

    def __init__(self, made: _Made) -> None:
        super().__init__(grid_meter(made.device, made.rating, made.place, made.delegates), made)

    def update(self, reading: Reading) -> None:
        """Show a reading."""
        self.face.update(electrical(reading))


class LoadModule(EnergyFace):
    """A load behind a relay."""

    face: OnOffPlugFace

    def __init__(self, record: ModuleRecord, made: _Made, stage: Stage) -> None:
        assert stage.grouping is not None, "a node without groups has no switches"
        self._switch = LoadSwitch(stage.home.registry[record.key], stage.home)
        plug = on_off_plug(made.device, made.rating, made.place, self._switch, stage.grouping, made.delegates)
        super().__init__(plug, made)

    def update(self, reading: Reading) -> None:
        """Show a reading."""
        self.face.update(electrical(reading), on=reading.connected, faults=_fault_codes(reading))
        self._switch.show_start_up(self.face.on_off)


def energy_face(record: ModuleRecord, stage: Stage, *, renamed: Callable[[str], None]) -> EnergyFace:
    """Return the energy face of a module, not yet on the node. One that can only be measured is a sensor.

    :param renamed: told the name that somebody gave it in an app
    """
    made = _made(record, stage, renamed)
    match record.kind:
        case ModuleKind.MICROINVERTER:
            return SolarModule(record, made, stage)
        case ModuleKind.BATTERY:
            return BatteryModule(record, made)
        case ModuleKind.EVSE if is_charging_point(record):
            return EvseModule(record, made, stage)
        case ModuleKind.LOAD if stage.grouping is not None and LoadSwitch.can_switch(record):
            return LoadModule(record, made, stage)
        case _:
            return MeterModule(made)


def energy_parts(record: ModuleRecord) -> Iterable[str]:
    """Yield the names of the endpoints that a module's energy face asks numbers for."""
    yield ENERGY
    if record.kind is ModuleKind.BATTERY:
        yield f"{ENERGY}-battery"
    if is_charging_point(record) and record.nameplate.phases == len(PHASE_PARTS):
        yield from PHASE_PARTS
    if has_panel(record):
        yield f"{ENERGY}-panel"
    warm = {ModuleKind.MICROINVERTER, ModuleKind.BATTERY}
    if record.kind in warm and record.capabilities.temperature:
        yield f"{ENERGY}-temperature"


def _made(record: ModuleRecord, stage: Stage, renamed: Callable[[str], None]) -> _Made:
    identity = record.identity
    device = BridgedDevice(
        unique_id=record.unique_id,
        name=record.name,
        vendor=identity.vendor,
        product=identity.model,
        serial=identity.serial,
        firmware=identity.firmware,
    )
    module, home = stage.home.registry[record.key], stage.home
    cluster = ModuleCluster(module, home)
    inverter = MicroinverterCluster(module, home) if record.kind is ModuleKind.MICROINVERTER else None
    storage = EnergyStorageCluster(module, home) if record.kind is ModuleKind.BATTERY else None
    own = [each.server for each in (cluster, inverter, storage) if each is not None]
    place = Place(
        stage.aggregator, lambda part: home.registry.endpoints.number(record.key, part), clusters=own
    )
    power = ModulePower(module, home.arbiter) if ModulePower.can_adjust(record) else None
    delegates = Delegates(adjuster=power, blink=blink(record.name), renamed=renamed)
    return _Made(device, rating(record), place, delegates, power, cluster, inverter, storage)


def _abandon(management: EnergyManagement | None, power: ModulePower | None, command: Command) -> None:
    """End an energy manager's adjustment when the module does not do it, or was told otherwise."""
    if management is None or power is None or command.state not in _GIVEN_UP:
        return
    if power.is_current(command):
        management.abandon(failed=command.state is not CommandState.REPLACED)


def _fault_codes(reading: Reading) -> set[str]:
    """Return what is wrong with a module, but for what is its battery's own."""
    return {fault.code for fault in reading.faults if not fault.battery}


def blink(name: str) -> Callable[[bool], None]:
    """Return what shows a person which module is meant: modules have no lamp, the log and the console do."""

    def show(on: bool) -> None:  # noqa: FBT001 - on or off is what it is told
        _log.info("%s is being identified" if on else "%s is no longer being identified", name)

    return show
