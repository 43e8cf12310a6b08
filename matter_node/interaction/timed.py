"""Timed interactions: a write or invoke that has to come in time, against replays (Matter Core 8.6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matter_node.interaction.messages import status_response
from matter_node.interaction.opcode import Opcode
from matter_node.interaction.report_exchange import response_timeout
from matter_node.status import Status

if TYPE_CHECKING:
    from collections.abc import Callable

    from matter_node.clock import Clock
    from matter_node.secure_channel.exchange import Exchange


class TimedInteraction:
    """The handler of an exchange between its TimedRequest and the request that this announced.

    :param timeout: seconds that the client gave itself
    :param follow: takes the request if it came in time
    """

    __slots__ = ("_clock", "_deadline", "_follow", "_timer")

    def __init__(
        self,
        clock: Clock,
        exchange: Exchange,
        timeout: float,
        follow: Callable[[Exchange, int, bytes], None],
    ) -> None:
        self._clock = clock
        self._follow = follow
        self._deadline = clock.monotonic() + timeout
        # A request that comes too late still gets told so.
        self._timer = clock.call_later(timeout + response_timeout(exchange), exchange.close)
        exchange.handler = self
        exchange.send(Opcode.STATUS_RESPONSE, status_response(Status.SUCCESS))

    def on_message(self, exchange: Exchange, opcode: int, payload: bytes) -> None:
        """Pass the announced request on, or refuse what is none or late."""
        self._timer.cancel()
        exchange.handler = None
        if opcode not in {Opcode.WRITE_REQUEST, Opcode.INVOKE_REQUEST}:
            refusal = Status.INVALID_ACTION
        elif self._clock.monotonic() > self._deadline:
            refusal = Status.TIMEOUT
        else:
            self._follow(exchange, opcode, payload)
            if exchange.handler is None:
                exchange.close()
            return
        exchange.send(Opcode.STATUS_RESPONSE, status_response(refusal))
        exchange.close()

    def on_acknowledged(self, exchange: Exchange) -> None:
        """Nothing: the request is what is waited for."""

    def on_failed(self, exchange: Exchange) -> None:
        """Forget it."""
        _ = exchange
        self._timer.cancel()
