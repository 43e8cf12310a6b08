"""Switching a load on or off, as a command to the arbiter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.actions import Requester
from bridge.command import CommandState, Origin
from bridge.start_ups import UnreachableError
from bridge.state import StateError
from hw.module import ModuleKind
from hw.setpoint import SetpointKind
from matter_node.status import Status, StatusError

if TYPE_CHECKING:
    from bridge.actions import ModuleActions
    from bridge.command import Command
    from bridge.home import Home
    from bridge.record import ModuleRecord
    from bridge.registry import RegisteredModule
    from clusters.definitions.on_off import StartUpOnOffEnum
    from clusters.on_off import OnOffServer

APPS: Final = Requester(Origin.USER, "on-off")
"""What the arbiter knows these commands by."""
_OVER: Final = {
    CommandState.FAILED: Status.FAILURE,
    CommandState.REFUSED: Status.FAILURE,
    CommandState.EXPIRED: Status.TIMEOUT,
    CommandState.WITHDRAWN: Status.FAILURE,
    CommandState.SUPERSEDED: Status.INVALID_IN_STATE,
}


class LoadSwitch:
    """Carries out what people want of one load (a `Switch`, and a `StartUp`)."""

    def __init__(self, module: RegisteredModule, home: Home) -> None:
        self._module = module
        self._actions = home.actions
        self._start_ups = home.start_ups

    def start_up(self, wanted: StartUpOnOffEnum | None) -> None:
        """Have the load do so when it is supplied with power, if its device can keep that.

        :raises StatusError: the device could, and does not answer (FAILURE)
        """
        try:
            self._start_ups.want(self._module.key, wanted)
        except UnreachableError as error:
            raise StatusError(Status.FAILURE, str(error)) from error

    def show_start_up(self, server: OnOffServer) -> None:
        """Show what is known of that."""
        if self._module.key in self._start_ups:
            server.show_start_up(self._start_ups[self._module.key])

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
            command = self._actions.connect(self._module.key, APPS, on=on)
        except (ValueError, KeyError, StateError) as error:
            raise StatusError(Status.FAILURE, str(error)) from error
        await obeyed(self._actions, command)


async def obeyed(actions: ModuleActions, command: Command) -> None:
    """Return when a person's command is in force, so that whoever reads next reads the truth.

    One that something weightier holds back is withdrawn: it would take effect later, to everybody's surprise.

    :raises StatusError: the module does not do it in time (TIMEOUT, FAILURE), or what protects the home keeps
        it from doing so (INVALID_IN_STATE)
    """
    try:
        command = await actions.outcome(command)
    except TimeoutError as error:
        raise StatusError(Status.TIMEOUT, "the module did not obey in time") from error
    if command.state is CommandState.SUPERSEDED:
        if command.permits:
            return  # a plan chooses within it, as it may
        actions.withdraw(command, "it would have taken effect later, to everybody's surprise")
    status = _OVER.get(command.state)
    if status is not None:
        raise StatusError(status, command.reason)
