"""Switching a load on or off, as a command to the arbiter."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from bridge.command import CommandState, Origin
from bridge.events import CommandChanged
from bridge.state import StateError
from hw.module import ModuleKind
from hw.setpoint import SetpointKind
from matter_node.status import Status, StatusError

if TYPE_CHECKING:
    from bridge.arbiter import Arbiter
    from bridge.command import Command
    from bridge.events import EventBus
    from bridge.record import ModuleRecord
    from bridge.registry import RegisteredModule

SOURCE: Final = "on-off"
"""What the arbiter knows these commands by."""
PATIENCE: Final = 5.0
"""Seconds that a load may take to obey; a relay that moves later than that surprises people."""
_OVER: Final = {
    CommandState.FAILED: Status.FAILURE,
    CommandState.REFUSED: Status.FAILURE,
    CommandState.EXPIRED: Status.TIMEOUT,
    CommandState.WITHDRAWN: Status.FAILURE,
    CommandState.SUPERSEDED: Status.INVALID_IN_STATE,
}


class LoadSwitch:
    """Carries out what people want of one load (a `Switch`)."""

    def __init__(self, module: RegisteredModule, arbiter: Arbiter, bus: EventBus) -> None:
        self._module = module
        self._arbiter = arbiter
        self._bus = bus

    @staticmethod
    def can_switch(record: ModuleRecord) -> bool:
        """Tell whether a module is a load that can be switched."""
        return record.kind is ModuleKind.LOAD and SetpointKind.CONNECT in record.capabilities.setpoints

    async def switch(self, on: bool) -> None:  # noqa: FBT001 - on or off is what it is told
        """Switch the load, and return when it is so.

        :raises StatusError: it does not answer or obey (FAILURE, TIMEOUT), or what protects the home keeps it
            from doing so (INVALID_IN_STATE)
        """
        if not self._module.reachable:
            raise StatusError(Status.FAILURE, self._module.unreachable_because)
        try:
            command = self._arbiter.submit(
                self._module.key, SetpointKind.CONNECT, float(on), origin=Origin.USER, source=SOURCE
            )
            if command.state is CommandState.QUEUED:
                command = await self._outcome(command)
        except (ValueError, KeyError, StateError) as error:
            raise StatusError(Status.FAILURE, str(error)) from error
        if command.state is CommandState.SUPERSEDED:
            self._arbiter.withdraw(command.id, "it would have taken effect later, to everybody's surprise")
        status = _OVER.get(command.state)
        if status is not None:
            raise StatusError(status, command.reason)

    async def _outcome(self, command: Command) -> Command:
        """Return the command when something has come of it."""
        outcome: asyncio.Future[Command] = asyncio.get_running_loop().create_future()

        def note(event: CommandChanged) -> None:
            changed = event.command
            if changed.id == command.id and changed.state is not CommandState.QUEUED and not outcome.done():
                outcome.set_result(changed)

        unsubscribe = self._bus.subscribe(CommandChanged, note)
        try:
            async with asyncio.timeout(PATIENCE):
                return await outcome
        except TimeoutError as error:
            self._arbiter.withdraw(command.id, "it took too long")
            raise StatusError(Status.TIMEOUT, f"no answer within {PATIENCE:.0f} s") from error
        finally:
            unsubscribe()
