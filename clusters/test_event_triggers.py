"""Which test event trigger goes where (Matter Core 11.12.7.1).

A trigger is a 64-bit code: the cluster in bits 48-63, the endpoint in bits 32-47, and what to do in the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from matter_node.status import Status, StatusError

if TYPE_CHECKING:
    from collections.abc import Callable


class EventTriggers:
    """The triggers of all endpoints; itself what General Diagnostics calls with a trigger."""

    def __init__(self) -> None:
        self._handlers: dict[tuple[int, int], Callable[[int], None]] = {}

    def register(self, cluster: int, endpoint: int, handler: Callable[[int], None]) -> None:
        """Let `handler` take the low 32 bits of the triggers for a cluster on an endpoint.

        The handler raises StatusError(INVALID_COMMAND) for a code that it does not know.
        """
        self._handlers[cluster, endpoint] = handler

    def forget(self, endpoint: int) -> None:
        """Drop the handlers of an endpoint that is gone."""
        for key in [key for key in self._handlers if key[1] == endpoint]:
            del self._handlers[key]

    def __call__(self, trigger: int) -> None:
        """Run a trigger.

        :raises StatusError: INVALID_COMMAND if nobody takes it
        """
        cluster, endpoint, code = trigger >> 48, trigger >> 32 & 0xFFFF, trigger & 0xFFFF_FFFF
        handler = self._handlers.get((cluster, endpoint))
        if handler is None:
            raise StatusError(Status.INVALID_COMMAND, f"no test event trigger {trigger:#018x}")
        handler(code)
