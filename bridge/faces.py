"""The modules' faces on the Matter node: every registered module is a bridged device, and stays one.

Readings travel from the bus to the faces that show them; names travel both ways. All modules that were ever
registered have their endpoints before the node answers its first message, reachable or not: an app that finds
one missing deletes it, with its room and its name.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from bridge.energy_faces import energy_face, energy_parts
from bridge.events import (
    CommandChanged,
    ModuleChanged,
    ModuleRemoved,
    ModulesRegistered,
    ReachabilityChanged,
    ReadingTaken,
)
from bridge.registry import UnknownModuleError
from hw.module import ModuleKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bridge.module_face import ModuleFace, Stage
    from bridge.record import ModuleRecord
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


class Faces:
    """Keeps the node's bridged devices in step with the registry.

    :param triggers: where their test event triggers are registered
    """

    def __init__(self, tree: NodeTree, stage: Stage, triggers: EventTriggers) -> None:
        self._tree = tree
        self._stage = stage
        self._triggers = triggers
        self._faces: dict[str, ModuleFace] = {}
        self._unsubscribe: list[Callable[[], None]] = []

    def __len__(self) -> int:
        return len(self._faces)

    def start(self) -> None:
        """Put every registered module on the node, and follow what happens from now on.

        Modules that are new get endpoints in the order of their kinds and keys, whichever answered first.
        """
        registry, bus = self._stage.registry, self._stage.bus
        self._add(sorted((module.record for module in registry), key=_order))
        for module in registry:
            if module.reachable and module.reading is not None:
                self._show(module.reading)
        self._unsubscribe = [
            bus.subscribe(ModulesRegistered, lambda event: self._add(event.records)),
            bus.subscribe(ModuleRemoved, lambda event: self._remove(event.record)),
            bus.subscribe(ModuleChanged, self._changed),
            bus.subscribe(ReachabilityChanged, self._reachability_changed),
            bus.subscribe(CommandChanged, self._command_changed),
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
        self._stage.registry.endpoints.reserve(
            (key, part) for key, record in new.items() for part in energy_parts(record)
        )
        faces = {key: face for key, record in new.items() if (face := self._face_of(record)) is not None}
        self._join(faces)
        for each in faces.values():
            each.face.register(self._triggers)
        before = self._bridged()
        self._faces |= faces
        if before <= COMFORTABLE_ENDPOINTS < self._bridged():
            _log.warning(
                "%d Matter endpoints: Alexa has trouble with bridges of more than %d",
                self._bridged(),
                COMFORTABLE_ENDPOINTS,
            )

    def _face_of(self, record: ModuleRecord) -> ModuleFace | None:
        try:
            face = energy_face(record, self._stage, renamed=lambda name: self._renamed(record.key, name))
        except Exception:  # noqa: BLE001 - one strange module must not hide all others
            _log.exception("%s cannot be shown on Matter", record.name)
            return None
        if face is None:
            _log.warning("%s: no Matter device type for a %s yet", record.name, record.kind.value)
        return face

    def _join(self, faces: dict[str, ModuleFace]) -> None:
        """Put faces on the node: all at once, or if one cannot be there, all others one by one."""
        try:
            self._tree.add(*(endpoint for each in faces.values() for endpoint in each.face.endpoints))
        except Exception:  # noqa: BLE001 - the one that it is for will say so again
            for key, each in tuple(faces.items()):
                try:
                    self._tree.add(*each.face.endpoints)
                except Exception:  # noqa: BLE001 - one strange module must not hide all others
                    _log.exception("%s cannot be shown on Matter", key)
                    del faces[key]

    def _bridged(self) -> int:
        return sum(len(each.face.endpoints) for each in self._faces.values())

    def _remove(self, record: ModuleRecord) -> None:
        face = self._faces.pop(record.key, None)
        if face is not None:
            face.face.leave(self._tree, self._triggers)

    # ------------------------------------------------------------------ names

    def _renamed(self, key: str, name: str) -> None:
        """Take a name that someone gave in an app."""
        if not name.strip():
            return  # the app shows its own word for a device without a name; the hub keeps the old one
        try:
            self._stage.registry.rename(key, name=name)
        except UnknownModuleError:
            _log.debug("%s was renamed while it was being removed", key)

    def _changed(self, event: ModuleChanged) -> None:
        face = self._faces.get(event.record.key)
        if face is not None and event.before.name != event.record.name:
            face.face.rename(event.record.name)

    # ------------------------------------------------------------------ what they show

    def _reachability_changed(self, event: ReachabilityChanged) -> None:
        face = self._faces.get(event.module)
        if face is not None and not event.reachable:
            face.lost()

    def _command_changed(self, event: CommandChanged) -> None:
        face = self._faces.get(event.command.module)
        if face is not None:
            face.command_changed(event.command)

    def _show(self, reading: Reading) -> None:
        face = self._faces.get(reading.module)
        if face is not None:
            face.show(reading)


def _order(record: ModuleRecord) -> tuple[int, str]:
    return _ORDER.index(record.kind), record.key
