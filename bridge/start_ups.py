"""What loads do when they are supplied with power: kept by their devices, which alone can do it in time.

A device that keeps it is told, and asked what it says then; what somebody sets at the device itself is found
when it next answers. Being what it was not before (`TOGGLE`) no device can: it is told to be what it was, and
the hub switches it when it answers again and has had power for less long than it was silent.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from bridge.actions import Requester
from bridge.command import Origin
from bridge.events import ModuleRemoved, ReachabilityChanged
from bridge.state import StateError
from clusters.definitions.on_off import StartUpOnOffEnum
from hw.module import ModuleError, ModuleKind
from hw.power_up import PowerUp, powering_up

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from datetime import datetime

    from bridge.actions import ModuleActions
    from bridge.events import EventBus
    from bridge.registry import RegisteredModule, Registry
    from hw.power_up import PowersUp
    from matter_node.storage import Storage

_TOGGLES: Final = "start-up-toggles/"
_WRITTEN: Final = {
    StartUpOnOffEnum.OFF: PowerUp.OFF,
    StartUpOnOffEnum.ON: PowerUp.ON,
    StartUpOnOffEnum.TOGGLE: PowerUp.LAST,
    None: PowerUp.LAST,
}
_READ: Final = {PowerUp.OFF: StartUpOnOffEnum.OFF, PowerUp.ON: StartUpOnOffEnum.ON, PowerUp.LAST: None}
_POWER: Final = Requester(Origin.USER, "power-up")
"""What the arbiter knows these commands by."""

_log = logging.getLogger(__name__)


class UnreachableError(RuntimeError):
    """The device does not answer, so it cannot be told."""


class StartUps:
    """What every load does, as far as its device keeps it: `key in start_ups`, `start_ups[key]`."""

    def __init__(self, storage: Storage, registry: Registry, bus: EventBus, actions: ModuleActions) -> None:
        self._storage = storage
        self._registry = registry
        self._bus = bus
        self._actions = actions
        self._known: dict[str, StartUpOnOffEnum | None] = {}
        self._lost: dict[str, tuple[datetime, bool]] = {}
        """When a load was heard last, and whether it was on then."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._unsubscribe: list[Callable[[], None]] = []

    def __contains__(self, module: str) -> bool:
        return module in self._known

    def __getitem__(self, module: str) -> StartUpOnOffEnum | None:
        """Return what a load does; None: it is what it was before. Raise KeyError: nobody knows."""
        return self._known[module]

    def start(self) -> None:
        """Ask each load that answers."""
        self._unsubscribe = [
            self._bus.subscribe(ReachabilityChanged, self._reachability_changed),
            self._bus.subscribe(ModuleRemoved, lambda event: self._forget(event.record.key)),
        ]

    def stop(self) -> None:
        """Ask no more."""
        for unsubscribe in self._unsubscribe:
            unsubscribe()
        self._unsubscribe = []
        for task in self._tasks:
            task.cancel()

    def want(self, module: str, wanted: StartUpOnOffEnum | None) -> None:
        """Have a load do so from now on. Nothing happens if its device cannot keep it.

        :raises UnreachableError: the device could, and does not answer
        """
        registered = self._registry[module]
        device = powering_up(registered.device)
        if device is None:
            return
        if not registered.reachable:
            raise UnreachableError(registered.unreachable_because)
        before = self._known.get(module)
        self._keep_toggle(module, toggles=wanted is StartUpOnOffEnum.TOGGLE)
        self._known[module] = wanted
        self._do(self._tell(registered, device, wanted, before))

    # ------------------------------------------------------------------ inside

    def _reachability_changed(self, event: ReachabilityChanged) -> None:
        if event.module not in self._registry:
            return
        registered = self._registry[event.module]
        if registered.record.kind is not ModuleKind.LOAD:
            return
        if not event.reachable:
            said = registered.reading
            if said is not None and said.connected is not None:
                self._lost[event.module] = said.time, said.connected
        else:
            device = powering_up(registered.device)
            if device is not None:
                self._do(self._ask(registered, device))

    async def _tell(
        self,
        registered: RegisteredModule,
        device: PowersUp,
        wanted: StartUpOnOffEnum | None,
        before: StartUpOnOffEnum | None,
    ) -> None:
        """Tell a device, and show what it says; if it does not do it, what was so before."""
        name, key = registered.record.name, registered.key
        said = None
        try:
            async with registered.lock:
                said = await device.set_power_up(_WRITTEN[wanted])
        except ModuleError as error:
            _log.warning("%s was not told what to do with power: %s", name, error)
        if self._known.get(key) is not wanted:
            return  # somebody wants something else by now
        if said is None:
            self._known[key] = before
            self._keep_toggle(key, toggles=before is StartUpOnOffEnum.TOGGLE)
            return
        if said is not _WRITTEN[wanted]:
            _log.warning("%s is set to be %s with power, and was told %s", name, said, _WRITTEN[wanted])
        self._heard(key, said)

    async def _ask(self, registered: RegisteredModule, device: PowersUp) -> None:
        lost = self._lost.pop(registered.key, None)
        try:
            async with registered.lock:
                said = await device.power_up()
                self._heard(registered.key, said)
                if lost is None or self._known.get(registered.key) is not StartUpOnOffEnum.TOGGLE:
                    return
                powered = await device.powered_s()
        except ModuleError as error:
            _log.warning("%s does not say what it does with power: %s", registered.record.name, error)
            return
        before, was_on = lost
        now = registered.reading.time if registered.reading is not None else before
        if powered is not None and powered < (now - before).total_seconds():
            _log.info("%s has power again, and is to be what it was not", registered.record.name)
            self._actions.connect(registered.key, _POWER, on=not was_on)

    def _heard(self, module: str, said: PowerUp | None) -> None:
        """Note what a device is set to; what somebody set there takes the place of what was wanted here."""
        if said is None:
            self._known.pop(module, None)
            return
        toggles = said is PowerUp.LAST and self._storage.get(_TOGGLES + module) is not None
        self._keep_toggle(module, toggles=toggles)
        self._known[module] = StartUpOnOffEnum.TOGGLE if toggles else _READ[said]

    def _keep_toggle(self, module: str, *, toggles: bool) -> None:
        """Store whether the hub is to switch it. A full disk keeps no device from being told."""
        if toggles is (self._storage.get(_TOGGLES + module) is not None):
            return
        try:
            if toggles:
                self._storage.put(_TOGGLES + module, b"")
            else:
                self._storage.delete(_TOGGLES + module)
        except StateError as error:
            _log.error("what %s does with power cannot be stored: %s", module, error)

    def _forget(self, module: str) -> None:
        self._known.pop(module, None)
        self._lost.pop(module, None)
        self._keep_toggle(module, toggles=False)

    def _do(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work, name="start-up")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
