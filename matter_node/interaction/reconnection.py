"""Looking for a subscriber that has no session with us: soon and often at first, then ever more rarely."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matter_node.clock import Clock
    from matter_node.interaction.subscription_record import Peer
    from matter_node.secure_channel.session import Session

_log = logging.getLogger(__name__)

Connect = Callable[[int, int], Awaitable["Session"]]
"""Opens a CASE session with a node: fabric index and node id in, any exception if it can't be reached."""

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 600.0
GIVE_UP_SECONDS = 12 * 3600.0


class Reconnection:
    """The search for one peer.

    :param find: returns a session that the peer has meanwhile, or None
    """

    __slots__ = ("_clock", "_connect", "_find", "_hurry", "_peer")

    def __init__(
        self, clock: Clock, peer: Peer, connect: Connect, find: Callable[[Peer], Session | None]
    ) -> None:
        self._clock = clock
        self._peer = peer
        self._connect = connect
        self._find = find
        self._hurry = asyncio.Event()

    def hurry(self) -> None:
        """Look at once: the peer has shown up."""
        self._hurry.set()

    async def session(self) -> Session | None:
        """Return a session with the peer, None if it could not be reached for long."""
        give_up_at = self._clock.monotonic() + GIVE_UP_SECONDS
        pause = FIRST_PAUSE
        while True:
            self._hurry.clear()
            session = self._find(self._peer)
            if session is not None:
                return session
            try:
                session = await self._connect(self._peer.fabric_index, self._peer.node_id)
            except Exception as error:  # noqa: BLE001 - why it failed matters to the log alone
                _log.debug("No session with subscriber %016X: %s", self._peer.node_id, error)
            else:
                self._hurry.clear()  # that was our own session showing up
                return session
            if self._clock.monotonic() + pause > give_up_at:
                _log.info("Subscriber %016X cannot be found", self._peer.node_id)
                return None
            await self.pause(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def pause(self, seconds: float) -> None:
        """Wait, or less if the peer shows up meanwhile."""
        timer = self._clock.call_later(seconds, self._hurry.set)
        try:
            await self._hurry.wait()
        finally:
            timer.cancel()
