"""The modules' faces on the Matter node: every registered module is a bridged device, and stays one.

Readings travel from the bus to the faces that show them; names travel both ways. All modules that were ever
registered have their endpoints before the node answers its first message, reachable or not: an app that finds
one missing deletes it, with its room and its name.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from bridge import voice
from bridge.energy_faces import energy_face, energy_parts
from bridge.events import (
    CommandChanged,
    ModuleChanged,
    ModuleRemoved,
    ModulesRegistered,
    ReachabilityChanged,
    ReadingTaken,
)
from bridge.faults import FaultCleared, FaultRaised
from bridge.firmware.job import FirmwareChanged
from bridge.island.mode import ModeChanged
from bridge.module_face import ENERGY
from bridge.planned_power import PlannedPowers
from bridge.planner.news import PlanChanged
from bridge.registry import UnknownModuleError
from bridge.voice_faces import voice_face, voice_part
from hw.module import ModuleKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from collections.abc import Set as AbstractSet

    from bridge.module_face import ModuleFace, Stage
    from bridge.record import ModuleRecord
    from bridge.settings import FacesSettings
    from clusters.test_event_triggers import EventTriggers
    from hw.reading import Reading
    from matter_node.model import NodeTree

_log = logging.getLogger(__name__)

COMFORTABLE_ENDPOINTS = 20
"""Some assistants have trouble with bridges that have more (docs/faces.md)."""
_ORDER = (
    ModuleKind.METER,
    ModuleKind.MICROINVERTER,
    ModuleKind.BATTERY,
    ModuleKind.EVSE,
    ModuleKind.LOAD,
)

FaceId = tuple[str, str]
"""A module's key, and the name of one of its faces."""


class Faces:
    """Keeps the node's bridged devices in step with the registry.

    :param triggers: where their test event triggers are registered
    """

    def __init__(self, tree: NodeTree, stage: Stage, triggers: EventTriggers) -> None:
        self._tree = tree
        self._stage = stage
        self._triggers = triggers
        self._faces: dict[str, dict[str, ModuleFace]] = {}
        self._unsubscribe: list[Callable[[], None]] = []

    def __len__(self) -> int:
        return len(self._faces)

    def start(self) -> None:
        """Put every registered module on the node, and follow what happens from now on.

        Modules that are new get endpoints in the order of their kinds and keys, whichever answered first.
        """
        registry, bus = self._stage.home.registry, self._stage.home.bus
        self._add(sorted((module.record for module in registry), key=_order))
        for module in registry:
            if module.reachable and module.reading is not None:
                self._show(module.reading)
        self._unsubscribe = [
            bus.subscribe(ModulesRegistered, self._registered),
            bus.subscribe(ModuleRemoved, lambda event: self._remove(event.record)),
            bus.subscribe(ModuleChanged, self._changed),
            bus.subscribe(ReachabilityChanged, self._reachability_changed),
            bus.subscribe(CommandChanged, self._command_changed),
            bus.subscribe(FirmwareChanged, self._firmware_changed),
            bus.subscribe(ReadingTaken, lambda event: self._show(event.reading)),
            bus.subscribe(PlanChanged, self._plan_changed),
            bus.subscribe(ModeChanged, lambda _: self._mode_changed()),
            bus.subscribe(FaultRaised, lambda event: self._faults_changed(event.fault.module)),
            bus.subscribe(FaultCleared, lambda event: self._faults_changed(event.fault.module)),
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

    def use(self, settings: FacesSettings) -> None:
        """Let modules have the voice faces of other settings from now on."""
        before, self._stage = self._stage.settings, replace(self._stage, settings=settings)
        if not self.started:
            return
        reserves = ("reserve_as", "reserve_floor")
        levels = any(getattr(before, name) != getattr(settings, name) for name in reserves)
        for key in tuple(self._faces):
            module = self._stage.home.registry[key]
            self._drop_unwanted(module.record, anew={voice.VoiceFace.RESERVE} if levels else set())
            self._add([module.record])
            if module.reachable and module.reading is not None:
                self._show(module.reading)

    # ------------------------------------------------------------------ coming and going

    def _registered(self, event: ModulesRegistered) -> None:
        self._add(event.records)
        for record in event.records:
            for face in self._of(record.key):
                face.registered()

    def _add(self, records: Iterable[ModuleRecord]) -> None:
        """Make the faces that modules are to have and do not have yet."""
        records = tuple(records)
        missing: list[tuple[ModuleRecord, str]] = [
            (record, ENERGY) for record in records if ENERGY not in self._faces.get(record.key, {})
        ]
        missing += [
            (record, face.value)
            for record in records
            for face in voice.wanted(record, self._stage.settings)
            if face.value not in self._faces.get(record.key, {})
        ]
        self._label(missing)
        self._stage.home.registry.endpoints.reserve(
            (record.key, part) for record, name in missing for part in self._parts(record, name)
        )
        made = {
            (record.key, name): face
            for record, name in missing
            if (face := self._face_of(record, name)) is not None
        }
        self._join(made)
        before = self._bridged()
        for (key, name), face in made.items():
            face.face.register(self._triggers)
            self._faces.setdefault(key, {})[name] = face
        if before <= COMFORTABLE_ENDPOINTS < self._bridged():
            _log.warning(
                "%d Matter endpoints: Alexa has trouble with bridges of more than %d; "
                "`ores-bridge module faces` switches off what nobody needs",
                self._bridged(),
                COMFORTABLE_ENDPOINTS,
            )

    def _parts(self, record: ModuleRecord, name: str) -> Iterable[str]:
        if name == ENERGY:
            return energy_parts(record)
        return (voice_part(voice.VoiceFace(name), self._stage.settings),)

    def _face_of(self, record: ModuleRecord, name: str) -> ModuleFace | None:
        try:
            if name != ENERGY:
                return self._voice_face(record, voice.VoiceFace(name))
            return energy_face(record, self._stage, renamed=lambda label: self._renamed(record.key, label))
        except Exception:  # noqa: BLE001 - one strange module must not hide all others
            _log.exception("%s cannot be shown on Matter", record.name)
            return None

    def _voice_face(self, record: ModuleRecord, face: voice.VoiceFace) -> ModuleFace | None:
        key = record.key
        label = self._stage.home.registry[key].record.labels[face.value]
        return voice_face(
            face, record, label, self._stage, renamed=lambda name: self._relabelled(key, face.value, name)
        )

    def _label(self, missing: Iterable[tuple[ModuleRecord, str]]) -> None:
        """Name the voice faces that never had a name."""
        new = [(record, name) for record, name in missing if name != ENERGY and name not in record.labels]
        if not new:
            return
        registry = self._stage.home.registry
        taken = {label for module in registry for label in module.record.labels.values()}
        labels: dict[str, dict[str, str]] = {}
        for record, name in new:
            label = voice.usual_label(voice.VoiceFace(name), record, taken)
            taken.add(label)
            labels.setdefault(record.key, {})[name] = label
        registry.set_labels(labels)

    def _join(self, faces: dict[FaceId, ModuleFace]) -> None:
        """Put faces on the node: all at once, or if one cannot be there, all others one by one."""
        try:
            self._tree.add(*(endpoint for each in faces.values() for endpoint in each.face.endpoints))
        except Exception:  # noqa: BLE001 - the one that it is for will say so again
            for (key, name), each in tuple(faces.items()):
                try:
                    self._tree.add(*each.face.endpoints)
                except Exception:  # noqa: BLE001 - one strange module must not hide all others
                    _log.exception("%s cannot be shown on Matter (%s)", key, name)
                    del faces[key, name]

    def _bridged(self) -> int:
        return sum(len(each.face.endpoints) for faces in self._faces.values() for each in faces.values())

    def _remove(self, record: ModuleRecord) -> None:
        for each in self._faces.pop(record.key, {}).values():
            each.face.leave(self._tree, self._triggers)
            each.close()

    def _drop_unwanted(self, record: ModuleRecord, anew: AbstractSet[str] = frozenset()) -> None:
        """Take voice faces off the node that a module is not to have any more; their numbers stay theirs.

        :param anew: faces that are made anew if they are wanted
        """
        wanted = {ENERGY, *(face.value for face in voice.wanted(record, self._stage.settings))}
        faces = self._faces.get(record.key, {})
        for name in faces.keys() & ((faces.keys() - wanted) | anew):
            left = faces.pop(name)
            left.face.leave(self._tree, self._triggers, for_ever=False)
            left.close()

    # ------------------------------------------------------------------ names

    def _renamed(self, key: str, name: str) -> None:
        """Take a name that someone gave a module in an app."""
        if not name.strip():
            return  # the app shows its own word for a device without a name; the hub keeps the old one
        try:
            self._stage.home.registry.rename(key, name=name)
        except UnknownModuleError:
            _log.debug("%s was renamed while it was being removed", key)

    def _relabelled(self, key: str, face: str, name: str) -> None:
        """Take a name that someone gave a voice face in an app."""
        if name.strip() and key in self._stage.home.registry:
            self._stage.home.registry.set_labels({key: {face: name}})

    def _changed(self, event: ModuleChanged) -> None:
        before, record = event.before, event.record
        faces = self._faces.get(record.key)
        if faces is None:
            return
        for each in tuple(faces.values()):
            each.changed(before, record)
        for name, label in record.labels.items():
            if name in faces and before.labels.get(name) != label:
                faces[name].face.rename(label)
        if (before.faces, before.capabilities) != (record.faces, record.capabilities):
            self._drop_unwanted(record)
            self._add([record])
            module = self._stage.home.registry[record.key]
            if module.reachable and module.reading is not None:
                self._show(module.reading)

    # ------------------------------------------------------------------ what they show

    def _of(self, module: str) -> Iterator[ModuleFace]:
        return iter(tuple(self._faces.get(module, {}).values()))

    def _reachability_changed(self, event: ReachabilityChanged) -> None:
        if not event.reachable:
            for face in self._of(event.module):
                face.lost()

    def _command_changed(self, event: CommandChanged) -> None:
        for face in self._of(event.command.module):
            face.command_changed(event.command)

    def _faults_changed(self, module: str) -> None:
        for face in self._of(module):
            face.faults_changed()

    def _plan_changed(self, event: PlanChanged) -> None:
        powers = None if event.plan is None else PlannedPowers.of(event.plan)
        for key in list(self._faces):
            for face in self._of(key):
                face.plan_changed(powers)

    def _mode_changed(self) -> None:
        for key in list(self._faces):
            for face in self._of(key):
                face.mode_changed()

    def _firmware_changed(self, event: FirmwareChanged) -> None:
        for face in self._of(event.job.module):
            face.firmware_changed(event.job)

    def _show(self, reading: Reading) -> None:
        for face in self._of(reading.module):
            face.show(reading)


def _order(record: ModuleRecord) -> tuple[int, str]:
    return _ORDER.index(record.kind), record.key
