"""The empty report that tells a subscriber that nothing has changed (Matter Core 8.5.2.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matter_node.interaction.messages import take_status_response
from matter_node.interaction.opcode import Opcode
from matter_node.interaction.paths import InvalidAction
from matter_node.interaction.report_exchange import Outcome
from matter_node.interaction.report_messages import ReportMessages
from matter_node.status import Status

if TYPE_CHECKING:
    from collections.abc import Callable

    from matter_node.clock import Clock
    from matter_node.secure_channel.exchange import Exchange

_LINGER_SECONDS = 2.0
"""A client that knows of no such subscription says so with or after its acknowledgement."""


class KeepAlive:
    """The handler of an exchange that carries an empty report, which only has to be acknowledged.

    :param on_done: called with DELIVERED or LOST, and with REFUSED if the client objects
    """

    __slots__ = ("_clock", "_on_done")

    def __init__(self, clock: Clock, on_done: Callable[[Exchange, Outcome], None]) -> None:
        self._clock = clock
        self._on_done = on_done

    def start(self, exchange: Exchange, subscription_id: int) -> None:
        """Send the report."""
        exchange.handler = self
        messages = ReportMessages(subscription_id, (), (), suppress_response=True)
        exchange.send(Opcode.REPORT_DATA, messages.next_message())

    def abandon(self, exchange: Exchange) -> None:
        """Stop without an outcome."""
        exchange.handler = None
        exchange.close()

    def on_message(self, exchange: Exchange, opcode: int, payload: bytes) -> None:
        """Take what the client has to say, which should be nothing."""
        exchange.close()
        try:
            refused = take_status_response(opcode, payload) != Status.SUCCESS
        except InvalidAction:
            refused = True
        if refused:
            self._on_done(exchange, Outcome.REFUSED)

    def on_acknowledged(self, exchange: Exchange) -> None:
        """Go on, with an ear open for objections."""
        self._clock.call_later(_LINGER_SECONDS, exchange.close)
        self._on_done(exchange, Outcome.DELIVERED)

    def on_failed(self, exchange: Exchange) -> None:
        """Give up, unless it was delivered already."""
        self._on_done(exchange, Outcome.LOST)
