"""What can be done with a module: the calls that Matter, HTTP and the command line all make.

Each is one or a few commands to the arbiter, in the words of whoever asks. Whoever wants to know what came of
a command follows it with `outcome`.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bridge.command import Command, CommandState, Origin
from bridge.events import CommandChanged
from hw.setpoint import SetpointKind

if TYPE_CHECKING:
    from bridge.arbiter import Arbiter
    from bridge.events import EventBus
    from bridge.registry import Registry

PATIENCE: Final = 5.0
"""Seconds that a person waits for a module to obey; what happens later than that surprises people."""


@dataclass(frozen=True, slots=True)
class Requester:
    """Who asks.

    :ivar source: which of that origin; when it vanishes, what it asked for does
    """

    origin: Origin
    source: str


class ModuleActions:
    """What people, apps and programs do with modules.

    All of them raise UnknownModuleError for a module that is not registered, ValueError for what cannot be
    meant, and StateError when it cannot be stored; then nothing was commanded.
    """

    def __init__(self, registry: Registry, arbiter: Arbiter, bus: EventBus) -> None:
        self._registry = registry
        self._arbiter = arbiter
        self._bus = bus

    # ------------------------------------------------------------------ producers and loads

    def limit_power(
        self, module: str, power_w: float, by: Requester, *, duration: float | None = None
    ) -> Command:
        """Let a producer put out at most so many watts."""
        return self._submit(module, SetpointKind.POWER_LIMIT_W, power_w, by, duration)

    def limit_share(
        self, module: str, percent: float, by: Requester, *, duration: float | None = None
    ) -> Command:
        """Let a producer put out at most so many percent of its rating."""
        return self._submit(module, SetpointKind.POWER_LIMIT_PERCENT, percent, by, duration)

    def connect(
        self,
        module: str,
        by: Requester,
        *,
        on: bool,
        duration: float | None = None,
        permits: bool = False,
    ) -> Command:
        """Switch a load, or let a producer or a charger work or not.

        :param permits: plans and programmes choose when it works
        """
        return self._submit(module, SetpointKind.CONNECT, float(on), by, duration, permits=permits)

    def limit_current(
        self,
        module: str,
        current_a: float,
        by: Requester,
        *,
        duration: float | None = None,
        permits: bool = False,
    ) -> Command:
        """Let a charging point offer at most so many amperes per phase.

        :param permits: plans and programmes choose how many of them
        """
        return self._submit(module, SetpointKind.CHARGE_CURRENT_A, current_a, by, duration, permits=permits)

    # ------------------------------------------------------------------ batteries

    def charge(
        self,
        module: str,
        power_w: float,
        by: Requester,
        *,
        duration: float | None = None,
        target_percent: float | None = None,
    ) -> Command:
        """Charge a battery with so many watts, until it holds `target_percent` if that is given."""
        return self._submit(module, SetpointKind.CHARGE_W, power_w, by, duration, target_percent)

    def discharge(
        self,
        module: str,
        power_w: float,
        by: Requester,
        *,
        duration: float | None = None,
        target_percent: float | None = None,
    ) -> Command:
        """Discharge a battery with so many watts, until it holds `target_percent` if that is given."""
        return self._submit(module, SetpointKind.DISCHARGE_W, power_w, by, duration, target_percent)

    def hold(self, module: str, by: Requester, *, duration: float | None = None) -> Command:
        """Let a battery neither charge nor discharge."""
        return self._submit(module, SetpointKind.HOLD, None, by, duration)

    def reserve(
        self, module: str, percent: float, by: Requester, *, duration: float | None = None
    ) -> Command:
        """Let a battery keep back a state of charge."""
        return self._submit(module, SetpointKind.RESERVE_PERCENT, percent, by, duration)

    def stop_charging(self, module: str, by: Requester, *, duration: float | None = None) -> Command:
        """Let a battery not charge; where it cannot be told just that, it does not discharge either."""
        kinds = self._registry[module].record.capabilities.setpoints
        if SetpointKind.CHARGE_LIMIT_W in kinds:
            return self._submit(module, SetpointKind.CHARGE_LIMIT_W, 0.0, by, duration)
        return self.hold(module, by, duration=duration)

    def live(self, module: str, origin: Origin) -> tuple[Command, ...]:
        """Return the live commands of an origin, the weightiest first."""
        return tuple(command for command in self._arbiter.live(module) if command.origin is origin)

    def blocks_charging(self, module: str, origin: Origin) -> tuple[Command, ...]:
        """Return the live commands of an origin that keep a battery from charging."""
        return tuple(command for command in self.live(module, origin) if _blocks(command))

    def live_reserve(self, module: str, origin: Origin) -> Command | None:
        """Return the live reserve of an origin."""
        reserves = (each for each in self.live(module, origin) if each.kind is SetpointKind.RESERVE_PERCENT)
        return next(reserves, None)

    # ------------------------------------------------------------------ any module

    def automatic(self, module: str, by: Requester) -> Command:
        """Take back everything that the origin has asked of a module."""
        return self._submit(module, SetpointKind.AUTO, None, by, None)

    def withdraw(self, command: Command, reason: str) -> None:
        """Take back one command."""
        self._arbiter.withdraw(command.id, reason)

    async def outcome(self, command: Command) -> Command:
        """Return the command when something has come of it; one that is waited for in vain is taken back.

        :raises TimeoutError: nothing came of it within `PATIENCE` seconds; it has been withdrawn
        """
        if command.state is not CommandState.QUEUED:
            return command
        outcome: asyncio.Future[Command] = asyncio.get_running_loop().create_future()

        def note(event: CommandChanged) -> None:
            changed = event.command
            if changed.id == command.id and changed.state is not CommandState.QUEUED and not outcome.done():
                outcome.set_result(changed)

        unsubscribe = self._bus.subscribe(CommandChanged, note)
        try:
            async with asyncio.timeout(PATIENCE):
                return await outcome
        except TimeoutError:
            self._arbiter.withdraw(command.id, "it took too long")
            raise
        finally:
            unsubscribe()

    def _submit(
        self,
        module: str,
        kind: SetpointKind,
        value: float | None,
        by: Requester,
        duration: float | None,
        target_percent: float | None = None,
        *,
        permits: bool = False,
    ) -> Command:
        return self._arbiter.submit(
            module,
            kind,
            value,
            origin=by.origin,
            source=by.source,
            duration=duration,
            target_percent=target_percent,
            permits=permits,
        )


def _blocks(command: Command) -> bool:
    none_at_all = command.kind is SetpointKind.CHARGE_LIMIT_W and command.value == 0
    return none_at_all or command.kind is SetpointKind.HOLD
