"""Sending a report: a message at a time, each when the client has confirmed the one before."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from matter_node.interaction.messages import status_response, take_status_response
from matter_node.interaction.opcode import Opcode
from matter_node.interaction.paths import InvalidAction
from matter_node.status import Status

if TYPE_CHECKING:
    from collections.abc import Callable

    from matter_node.clock import Clock, Timer
    from matter_node.interaction.report_messages import ReportMessages
    from matter_node.secure_channel.exchange import Exchange

RESPONSE_SECONDS = 15.0
"""How long a client may take to say something it owes, beyond five of its retransmission intervals.

Those count for a minute at most: a client must not keep our exchanges for hours."""


def response_timeout(exchange: Exchange) -> float:
    """Return how many seconds to wait for the next message of an exchange."""
    parameters = exchange.session.parameters
    return RESPONSE_SECONDS + min(5 * max(parameters.idle_interval, parameters.active_interval), 60.0)


class Outcome(Enum):
    """What became of a report."""

    DELIVERED = "delivered"
    REFUSED = "refused"
    """The client answered with an error."""
    LOST = "lost"
    """The client could not be reached, or stopped answering."""


class ReportExchange:
    """The handler of an exchange that carries one report.

    :param on_done: called once with the outcome; the exchange is still open if it is DELIVERED
    :param confirmed: whether the last message, too, is answered with a StatusResponse
    """

    __slots__ = ("_clock", "_confirmed", "_messages", "_on_done", "_over", "_timer")

    def __init__(
        self,
        clock: Clock,
        messages: ReportMessages,
        on_done: Callable[[Exchange, Outcome], None],
        *,
        confirmed: bool,
    ) -> None:
        self._clock = clock
        self._messages = messages
        self._on_done = on_done
        self._confirmed = confirmed
        self._timer: Timer | None = None
        self._over = False

    def start(self, exchange: Exchange) -> None:
        """Take over an exchange and send the first message."""
        exchange.handler = self
        self._send(exchange)

    def abandon(self, exchange: Exchange) -> None:
        """Stop without an outcome."""
        self._over = True
        self._stop_waiting()
        exchange.close()

    def _send(self, exchange: Exchange) -> None:
        payload = self._messages.next_message()
        if self._messages.more or self._confirmed:
            self._timer = self._clock.call_later(
                response_timeout(exchange), lambda: self._finish(exchange, Outcome.LOST)
            )
            exchange.send(Opcode.REPORT_DATA, payload)
        else:
            exchange.send(Opcode.REPORT_DATA, payload)
            self._finish(exchange, Outcome.DELIVERED)

    def on_message(self, exchange: Exchange, opcode: int, payload: bytes) -> None:
        """Take the client's StatusResponse and go on, or stop."""
        if self._over:
            return
        self._stop_waiting()
        try:
            status = take_status_response(opcode, payload)
        except InvalidAction:
            exchange.send(Opcode.STATUS_RESPONSE, status_response(Status.INVALID_ACTION))
            self._finish(exchange, Outcome.REFUSED)
            return
        if status != Status.SUCCESS:
            self._finish(exchange, Outcome.REFUSED)
        elif self._messages.more:
            self._send(exchange)
        else:
            self._finish(exchange, Outcome.DELIVERED)

    def on_acknowledged(self, exchange: Exchange) -> None:
        """Nothing: what counts is the StatusResponse."""

    def on_failed(self, exchange: Exchange) -> None:
        """Give up."""
        self._finish(exchange, Outcome.LOST)

    def _finish(self, exchange: Exchange, outcome: Outcome) -> None:
        if self._over:
            return
        self._over = True
        self._stop_waiting()
        if outcome is not Outcome.DELIVERED:
            exchange.close()
        self._on_done(exchange, outcome)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def close_exchange(exchange: Exchange, _: Outcome) -> None:
    """End a read, whatever became of it."""
    exchange.close()
