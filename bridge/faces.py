"""The modules' faces on the Matter node: every registered module is a bridged device, and stays one.

Readings travel from the bus to the face that shows them; names travel both ways. All modules that were ever
registered have their endpoints before the node answers its first message, reachable or not: an app that finds
one missing deletes it, with its room and its name.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from bridge.command import CommandState
from bridge.events import (
    CommandChanged,
    ModuleChanged,
    ModuleRemoved,
    ModulesRegistered,
    ReachabilityChanged,
    ReadingTaken,
)
from bridge.load_switch import LoadSwitch
from bridge.power_adjustment import ModulePower
from bridge.registry import UnknownModuleError
from device_types.battery_storage import (
    BatteryRating,
    BatteryState,
    BatteryStorageFace,
    battery_storage,
)
from device_types.bridged_node import BridgedDevice, Delegates, Place
from device_types.electrical_sensor import (
    ElectricalRating,
    ElectricalReading,
    GridMeterFace,
    grid_meter,
)
from device_types.on_off_plug import OnOffPlugFace, on_off_plug
from device_types.solar_power import SolarPowerFace, solar_power
from hw.module import ModuleKind
from hw.reading import OperatingState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bridge.arbiter import Arbiter
    from bridge.command import Command
    from bridge.events import EventBus
    from bridge.record import ModuleRecord
    from bridge.registry import Registry
    from clusters.groups import Grouping
    from clusters.test_event_triggers import EventTriggers
    from device_types.bridged_node import Face
    from hw.reading import Reading
    from matter_node.model import Endpoint, NodeTree

_log = logging.getLogger(__name__)

COMFORTABLE_ENDPOINTS = 20
"""Some assistants have trouble with bridges that have more (docs/faces.md)."""
_UNRATED_W = 10_000.0
"""What a module that does not tell its rating is taken to convert at most."""
_UNRATED_WH = 5_000.0
_ORDER = (
    ModuleKind.METER,
    ModuleKind.MICROINVERTER,
    ModuleKind.BATTERY,
    ModuleKind.EVSE,
    ModuleKind.LOAD,
)
_GIVEN_UP = {CommandState.FAILED, CommandState.REFUSED, CommandState.REPLACED}
"""What a command comes to that its origin neither took back nor outlived."""


class Faces:
    """Keeps the node's bridged devices in step with the registry.

    :param aggregator: the endpoint that they go below
    :param triggers: where their test event triggers are registered
    :param grouping: the groups that loads can be in, which those that can be switched need
    """

    def __init__(
        self,
        tree: NodeTree,
        aggregator: Endpoint,
        registry: Registry,
        arbiter: Arbiter,
        triggers: EventTriggers,
        grouping: Grouping | None = None,
    ) -> None:
        self._grouping = grouping
        self._bus: EventBus | None = None
        self._tree = tree
        self._aggregator = aggregator
        self._registry = registry
        self._arbiter = arbiter
        self._triggers = triggers
        self._faces: dict[str, Face] = {}
        self._adjusters: dict[str, ModulePower] = {}
        self._unsubscribe: list[Callable[[], None]] = []

    def __len__(self) -> int:
        return len(self._faces)

    def start(self, bus: EventBus) -> None:
        """Put every registered module on the node, and follow what happens from now on.

        Modules that are new get endpoints in the order of their kinds and keys, whichever answered first.
        """
        self._bus = bus
        self._add(sorted((module.record for module in self._registry), key=_order))
        for module in self._registry:
            if module.reachable and module.reading is not None:
                self._show(module.reading)
        self._unsubscribe = [
            bus.subscribe(ModulesRegistered, lambda event: self._add(event.records)),
            bus.subscribe(ModuleRemoved, lambda event: self._remove(event.record)),
            bus.subscribe(ModuleChanged, self._changed),
            bus.subscribe(ReachabilityChanged, self._reachability_changed),
            bus.subscribe(CommandChanged, lambda event: self._command_changed(event.command)),
            bus.subscribe(ReadingTaken, lambda event: self._show(event.reading)),
        ]

    @property
    def started(self) -> bool:
        """Whether it follows what happens."""
        return bool(self._unsubscribe)

    def stop(self) -> None:
        """Follow no more."""
        for unsubscribe in self._unsubscribe:
            unsubscribe()
        self._unsubscribe = []

    # ------------------------------------------------------------------ coming and going

    def _add(self, records: Iterable[ModuleRecord]) -> None:
        new = {record.key: record for record in records if record.key not in self._faces}
        self._registry.endpoints.reserve(
            (key, part) for key, record in new.items() for part in _parts(record)
        )
        faces = {key: face for key, record in new.items() if (face := self._face_of(record)) is not None}
        self._join(faces)
        for face in faces.values():
            face.register(self._triggers)
        before = self._bridged()
        self._faces |= faces
        if before <= COMFORTABLE_ENDPOINTS < self._bridged():
            _log.warning(
                "%d Matter endpoints: Alexa has trouble with bridges of more than %d",
                self._bridged(),
                COMFORTABLE_ENDPOINTS,
            )

    def _face_of(self, record: ModuleRecord) -> Face | None:
        try:
            face = self._make(record)
        except Exception:  # noqa: BLE001 - one strange module must not hide all others
            _log.exception("%s cannot be shown on Matter", record.name)
            return None
        if face is None:
            _log.warning("%s: no Matter device type for a %s yet", record.name, record.kind.value)
        return face

    def _join(self, faces: dict[str, Face]) -> None:
        """Put faces on the node: all at once, or if one cannot be there, all others one by one."""
        try:
            self._tree.add(*(endpoint for face in faces.values() for endpoint in face.endpoints))
        except Exception:  # noqa: BLE001 - the one that it is for will say so again
            for key, face in tuple(faces.items()):
                try:
                    self._tree.add(*face.endpoints)
                except Exception:  # noqa: BLE001 - one strange module must not hide all others
                    _log.exception("%s cannot be shown on Matter", key)
                    del faces[key]

    def _bridged(self) -> int:
        return sum(len(face.endpoints) for face in self._faces.values())

    def _remove(self, record: ModuleRecord) -> None:
        face = self._faces.pop(record.key, None)
        if face is not None:
            face.leave(self._tree, self._triggers)
        self._adjusters.pop(record.key, None)

    def _make(self, record: ModuleRecord) -> Face | None:
        key, plate = record.key, record.nameplate
        identity = record.identity
        device = BridgedDevice(
            unique_id=record.unique_id,
            name=record.name,
            vendor=identity.vendor,
            product=identity.model,
            serial=identity.serial,
            firmware=identity.firmware,
        )
        place = Place(self._aggregator, lambda part: self._registry.endpoints.number(key, part))
        adjuster = None
        if ModulePower.can_adjust(record):
            adjuster = self._adjusters[key] = ModulePower(record, self._arbiter)
        delegates = Delegates(
            adjuster=adjuster, blink=_blink(record.name), renamed=lambda name: self._renamed(key, name)
        )
        power = plate.power_w or _UNRATED_W
        rating = ElectricalRating(
            power,
            plate.voltage_v or ElectricalRating(power).voltage_v,
            imported=record.capabilities.imported_energy,
            exported=record.capabilities.exported_energy,
        )
        match record.kind:
            case ModuleKind.MICROINVERTER:
                return solar_power(
                    device, rating, place, delegates, temperature=record.capabilities.temperature
                )
            case ModuleKind.BATTERY:
                battery = BatteryRating(
                    charge_w=plate.charge_power_w or power,
                    discharge_w=plate.discharge_power_w or power,
                    capacity_wh=plate.capacity_wh or _UNRATED_WH,
                    voltage_v=rating.voltage_v,
                    metered=rating.imported and rating.exported,
                )
                return battery_storage(
                    device, battery, place, delegates, temperature=record.capabilities.temperature
                )
            case ModuleKind.METER:
                return grid_meter(device, rating, place, delegates)
            case ModuleKind.LOAD:
                if self._grouping is None or self._bus is None or not LoadSwitch.can_switch(record):
                    return grid_meter(device, rating, place, delegates)
                switch = LoadSwitch(self._registry[key], self._arbiter, self._bus)
                return on_off_plug(device, rating, place, switch, self._grouping, delegates)
            case _:
                return None

    # ------------------------------------------------------------------ names

    def _renamed(self, key: str, name: str) -> None:
        """Take a name that someone gave in an app."""
        if not name.strip():
            return  # the app shows its own word for a device without a name; the hub keeps the old one
        try:
            self._registry.rename(key, name=name)
        except UnknownModuleError:
            _log.debug("%s was renamed while it was being removed", key)

    def _changed(self, event: ModuleChanged) -> None:
        face = self._faces.get(event.record.key)
        if face is not None and event.before.name != event.record.name:
            face.rename(event.record.name)

    # ------------------------------------------------------------------ what they show

    def _reachability_changed(self, event: ReachabilityChanged) -> None:
        face = self._faces.get(event.module)
        if face is not None and not event.reachable:
            face.lost()

    def _command_changed(self, command: Command) -> None:
        """End an energy manager's adjustment when the module does not do it, or was told otherwise."""
        adjuster = self._adjusters.get(command.module)
        if adjuster is None or command.state not in _GIVEN_UP or not adjuster.is_current(command):
            return
        match self._faces.get(command.module):
            case SolarPowerFace(management=management) | BatteryStorageFace(management=management):
                if management is not None:
                    management.abandon(failed=command.state is not CommandState.REPLACED)

    def _show(self, reading: Reading) -> None:
        face = self._faces.get(reading.module)
        faults = {fault.code for fault in reading.faults}
        failed = reading.state is OperatingState.FAULT
        match face:
            case SolarPowerFace():
                face.update(
                    _electrical(reading), temperature_c=reading.temperature_c, faults=faults, failed=failed
                )
            case BatteryStorageFace():
                face.update(
                    _electrical(reading),
                    _battery(reading),
                    temperature_c=reading.temperature_c,
                    faults=faults,
                    failed=failed,
                )
            case GridMeterFace():
                face.update(_electrical(reading))
            case OnOffPlugFace():
                face.update(_electrical(reading), on=reading.connected, faults=faults)


def _order(record: ModuleRecord) -> tuple[int, str]:
    return _ORDER.index(record.kind), record.key


def _parts(record: ModuleRecord) -> Iterable[str]:
    """Yield the names of the parts that a module's face will ask numbers for."""
    if record.kind is not ModuleKind.EVSE:
        yield "energy"
    if record.kind is ModuleKind.BATTERY:
        yield "energy-battery"
    warm = {ModuleKind.MICROINVERTER, ModuleKind.BATTERY}
    if record.kind in warm and record.capabilities.temperature:
        yield "energy-temperature"


def _electrical(reading: Reading) -> ElectricalReading:
    return ElectricalReading(
        power_w=reading.power_w,
        voltage_v=reading.voltage_v,
        current_a=reading.current_a,
        frequency_hz=reading.frequency_hz,
        energy_imported_wh=reading.energy_imported_wh,
        energy_exported_wh=reading.energy_exported_wh,
    )


def _battery(reading: Reading) -> BatteryState:
    battery = reading.battery
    if battery is None:
        return BatteryState()
    return BatteryState(
        percent=battery.soc_percent,
        voltage_v=battery.voltage_v,
        current_a=battery.current_a,
        available_wh=battery.available_wh,
        charge_limit_w=battery.charge_limit_w,
        discharge_limit_w=battery.discharge_limit_w,
    )


def _blink(name: str) -> Callable[[bool], None]:
    """Return what shows a person which module is meant: modules have no lamp, the log and the console do."""

    def blink(on: bool) -> None:  # noqa: FBT001 - on or off is what it is told
        _log.info("%s is being identified" if on else "%s is no longer being identified", name)

    return blink
