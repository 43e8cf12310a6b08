"""The registered modules of the home: what is remembered of each, and how it is now.

A module is registered once and stays, reachable or not, until a person removes it. Its record is on the disk
before anyone hears of it.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from typing import TYPE_CHECKING, Final

from bridge.endpoint_map import EndpointMap
from bridge.events import (
    ModuleChanged,
    ModuleRemoved,
    ModulesRegistered,
    ReachabilityChanged,
    ReadingTaken,
)
from bridge.module_names import UnknownModuleError, matching
from bridge.record import PRIORITIES, ModuleRecord, shortened

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from bridge.events import EventBus
    from bridge.loads.wish import LoadWish
    from bridge.record import OperatingMode
    from hw.module import Module
    from hw.reading import Reading
    from matter_node.storage import Storage

__all__ = ["RegisteredModule", "Registry", "UnknownModuleError"]

_PREFIX: Final = "module/"
_RETIRED: Final = "retired/"
"""Before the keys of modules that a person removed: finding one again does not bring it back."""

_log = logging.getLogger(__name__)


class RegisteredModule:
    """One module of the home.

    Before a driver has found it again after a start, `device` is None and it is unreachable.
    """

    __slots__ = (
        "device",
        "lock",
        "reachable",
        "reading",
        "reads_failed",
        "reads_ok",
        "record",
        "round_trip_s",
        "seen",
        "unreachable_because",
    )

    def __init__(self, record: ModuleRecord) -> None:
        self.record = record
        self.device: Module | None = None
        self.lock = asyncio.Lock()
        """Held while the device is read or commanded: drivers take one call at a time."""
        self.reachable = False
        self.unreachable_because = "not found yet since the hub started"
        self.reading: Reading | None = None
        """The last one, however old."""
        self.seen: datetime | None = None
        """When it last answered, UTC."""
        self.reads_ok = 0
        """Readings that came since the hub started."""
        self.reads_failed = 0
        self.round_trip_s: float | None = None
        """How long the last reading took."""

    @property
    def key(self) -> str:
        """The module's name everywhere in the hub."""
        return self.record.key


class Registry:
    """All registered modules, by key."""

    def __init__(self, storage: Storage, bus: EventBus) -> None:
        self._storage = storage
        self._bus = bus
        self.endpoints = EndpointMap(storage)
        """Endpoint numbers of the modules' faces."""
        self._modules: dict[str, RegisteredModule] = {}
        self._retired = {key.removeprefix(_RETIRED) for key, _ in storage.scan(_RETIRED)}
        for key, value in storage.scan(_PREFIX):
            try:
                record = ModuleRecord.from_json(value)
            except (ValueError, KeyError, TypeError) as error:
                _log.error("the record %s cannot be read and is left alone: %r", key, error)
                continue
            self._modules[record.key] = RegisteredModule(record)

    def __iter__(self) -> Iterator[RegisteredModule]:
        return iter(tuple(self._modules.values()))

    def __len__(self) -> int:
        return len(self._modules)

    def __contains__(self, key: str) -> bool:
        return key in self._modules

    def __getitem__(self, key: str) -> RegisteredModule:
        """Return the module of a key. Raise UnknownModuleError."""
        try:
            return self._modules[key]
        except KeyError:
            raise UnknownModuleError(f"no module {key!r} is registered") from None

    def find(self, text: str) -> RegisteredModule:
        """Return the one module whose key or name is `text`, or begins with it. Raise UnknownModuleError."""
        return self[matching(text, {each.key: each.record.name for each in self})]

    def is_retired(self, key: str) -> bool:
        """Tell whether a person removed a module of that key, and nobody has registered it again."""
        return key in self._retired

    def reinstate(self, key: str) -> None:
        """Let a module that was removed be registered again: a person wants it. It is a new one to apps."""
        if key in self._retired:
            self._storage.delete(_RETIRED + key)
            self._storage.flush()
            self._retired.discard(key)

    def found(
        self, modules: Iterable[Module], driver: str, *, name: str = "", room: str = "", role: str = ""
    ) -> tuple[RegisteredModule, ...]:
        """Take in the modules that a driver found: register the new ones, refresh the records of the others.

        `name`, `room` and `role` are for new ones; what people called a module stays. A name that several
        modules would share is left to their own.
        """
        modules = tuple(modules)
        new = {module.identity.key: module for module in modules if module.identity.key not in self._modules}
        if len(modules) > 1:
            name = ""
        records = tuple(
            ModuleRecord.of(module, driver, name=name, room=room, role=role) for module in new.values()
        )
        if records:
            with self._storage.transaction():
                for record in records:
                    self._storage.put(_PREFIX + record.key, record.to_json())
                    self._storage.delete(_RETIRED + record.key)
            self._storage.flush()
            for record in records:
                self._retired.discard(record.key)
                self._modules[record.key] = RegisteredModule(record)
                _log.info("registered %s (%s) at %s", record.name, record.key, record.address)
        for module in modules:
            self._refresh(self._modules[module.identity.key], module, driver)
        if records:
            self._bus.publish(ModulesRegistered(records))
        return tuple(self._modules[module.identity.key] for module in modules)

    def _refresh(self, registered: RegisteredModule, module: Module, driver: str) -> None:
        registered.device = module
        record = dataclasses.replace(
            registered.record,
            identity=module.identity,
            kind=module.kind,
            driver=driver,
            address=module.address,
            nameplate=module.nameplate.remembering(registered.record.nameplate),
            capabilities=module.capabilities.remembering(registered.record.capabilities),
        )
        self._change(registered, record)

    def rename(
        self, key: str, *, name: str | None = None, room: str | None = None, role: str | None = None
    ) -> None:
        """Change what people call a module. Raise UnknownModuleError, ValueError for an empty name."""
        registered = self[key]
        record = registered.record
        name = record.name if name is None else shortened(name)
        if not name:
            raise ValueError("a module needs a name")
        room = record.room if room is None else shortened(room)
        role = record.role if role is None else shortened(role)
        self._change(registered, dataclasses.replace(record, name=name, room=room, role=role))

    def set_mode(self, key: str, mode: OperatingMode) -> None:
        """Say who decides what a module does. Raise UnknownModuleError."""
        registered = self[key]
        self._change(registered, dataclasses.replace(registered.record, mode=mode))

    def set_priority(self, key: str, priority: int | None) -> None:
        """Say how long a module is to be supplied when power is scarce; None: as usual for its kind.

        :raises ValueError: it is not 0 to 9
        :raises UnknownModuleError: there is no such module
        """
        if priority is not None and priority not in PRIORITIES:
            raise ValueError(f"a priority is {PRIORITIES[0]} to {PRIORITIES[-1]}, not {priority}")
        registered = self[key]
        self._change(registered, dataclasses.replace(registered.record, chosen_priority=priority))

    def set_wish(self, key: str, wish: LoadWish) -> None:
        """Say what is wanted of a load. Raise UnknownModuleError."""
        registered = self[key]
        self._change(registered, dataclasses.replace(registered.record, wish=wish))

    def set_quarantined(self, key: str, *, quarantined: bool) -> None:
        """Read a module without commanding it, or command it again. Raise UnknownModuleError."""
        registered = self[key]
        self._change(registered, dataclasses.replace(registered.record, quarantined=quarantined))

    def set_faces(self, key: str, faces: Mapping[str, bool | None]) -> None:
        """Switch voice faces of a module on or off; None: as the settings say. Raise UnknownModuleError."""
        registered = self[key]
        chosen = {**registered.record.faces, **faces}
        kept = {name: on for name, on in chosen.items() if on is not None}
        self._change(registered, dataclasses.replace(registered.record, faces=kept))

    def set_labels(self, labels: Mapping[str, Mapping[str, str]]) -> None:
        """Name voice faces of modules: names by face, by module. Raise UnknownModuleError."""
        changed = []
        for key, names in labels.items():
            registered = self[key]
            known = {**registered.record.labels, **{face: shortened(name) for face, name in names.items()}}
            changed.append((registered, dataclasses.replace(registered.record, labels=known)))
        with self._storage.transaction():
            for _, record in changed:
                self._storage.put(_PREFIX + record.key, record.to_json())
        self._storage.flush()
        for registered, record in changed:
            before, registered.record = registered.record, record
            self._bus.publish(ModuleChanged(before, record))

    def remove(self, key: str) -> None:
        """Forget a module for good; only a person brings it back, and then as another one to every app."""
        registered = self[key]
        with self._storage.transaction():
            self._storage.delete(_PREFIX + key)
            self._storage.put(_RETIRED + key, b"")
            self.endpoints.forget(key)
        self._storage.flush()
        self._retired.add(key)
        del self._modules[key]
        registered.reachable = False
        self._bus.publish(ModuleRemoved(registered.record))

    def took(self, registered: RegisteredModule, reading: Reading) -> None:
        """Note that a module was read."""
        registered.reading = reading
        registered.seen = reading.time
        self._bus.publish(ReadingTaken(reading))
        if not registered.reachable:
            registered.reachable = True
            registered.unreachable_because = ""
            _log.info("%s answers", registered.record.name)
            self._bus.publish(ReachabilityChanged(registered.key, reachable=True, reason=""))

    def lost(self, registered: RegisteredModule, reason: str) -> None:
        """Note that a module does not answer."""
        registered.unreachable_because = reason
        if registered.reachable:
            registered.reachable = False
            _log.warning("%s does not answer: %s", registered.record.name, reason)
            self._bus.publish(ReachabilityChanged(registered.key, reachable=False, reason=reason))

    def _change(self, registered: RegisteredModule, record: ModuleRecord) -> None:
        before = registered.record
        if record != before:
            self._store(record)
            registered.record = record
            self._bus.publish(ModuleChanged(before, record))

    def _store(self, record: ModuleRecord) -> None:
        self._storage.put(_PREFIX + record.key, record.to_json())
        self._storage.flush()
