"""What apps ask for through the project's clusters, as commands to the arbiter that are traced to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.actions import Requester
from bridge.command import CommandState, Origin
from bridge.state import StateError
from matter_node.status import Status, StatusError

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.command import Command
    from bridge.home import Home


def requester(fabric_index: int) -> Requester:
    """Return who asks when an app of a fabric does; an index of 0 is a commissioner without a fabric."""
    return Requester(Origin.USER, f"fabric-{fabric_index}")


class ModuleRequests:
    """What all carriers of a module's commands share (`FabricOrigins`)."""

    def __init__(self, key: str, home: Home) -> None:
        self._key = key
        self._home = home
        self._actions = home.actions

    def fabric_removed(self, fabric_index: int) -> None:
        """Take back what the fabric's apps had asked for: it is gone."""
        who = requester(fabric_index)
        self._home.arbiter.vanish(who.origin, who.source, "the app that asked for it was removed")

    def _take(self, submit: Callable[[], Command]) -> None:
        """Give a command to the arbiter, and return when it has taken it.

        :raises StatusError: the module cannot do it, or it cannot be kept
        """
        try:
            command = submit()
        except (ValueError, KeyError) as error:
            raise StatusError(Status.CONSTRAINT_ERROR, str(error)) from error
        except StateError as error:
            raise StatusError(Status.FAILURE, str(error)) from error
        if command.state is CommandState.REFUSED:
            raise StatusError(Status.INVALID_IN_STATE, command.reason)
