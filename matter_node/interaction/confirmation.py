"""The last step of subscribing: the client has to know of its subscription before it gets reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matter_node.interaction.subscription import State

if TYPE_CHECKING:
    from collections.abc import Callable

    from matter_node.interaction.subscription import Subscription
    from matter_node.secure_channel.exchange import Exchange


class Confirmation:
    """The handler of the exchange that begins a subscription, while the last message is on its way.

    A report that overtook that message would find no subscription at the client.

    :param end: ends the subscription for good
    """

    __slots__ = ("_end", "_subscription")

    def __init__(self, subscription: Subscription, end: Callable[[Subscription], None]) -> None:
        self._subscription = subscription
        self._end = end

    def on_message(self, exchange: Exchange, opcode: int, payload: bytes) -> None:
        """Nothing is expected."""

    def on_acknowledged(self, exchange: Exchange) -> None:
        """Begin to report."""
        _ = exchange
        if self._subscription.state is State.PRIMING:
            self._subscription.activate()

    def on_failed(self, exchange: Exchange) -> None:
        """End the subscription: its client never learned that it has one."""
        _ = exchange
        self._end(self._subscription)
