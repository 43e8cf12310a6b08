"""How often a host may try."""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import TYPE_CHECKING, Final

from bridge.access.throttle import MINUTE, ThrottledError

if TYPE_CHECKING:
    from matter_node.clock import Clock

LIMIT: Final = 10
"""Attempts of one host in a minute."""
REMEMBERED: Final = 500
"""Hosts that are kept in mind; the ones that were quiet longest are forgotten first."""


class Attempts:
    """Counts attempts by host."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._hosts: OrderedDict[str, deque[float]] = OrderedDict()

    def count(self, host: str) -> None:
        """Count an attempt. Raise ThrottledError when there were too many; then it does not count."""
        now = self._clock.monotonic()
        made = self._hosts.setdefault(host, deque())
        self._hosts.move_to_end(host)
        while len(self._hosts) > REMEMBERED:
            self._hosts.popitem(last=False)
        while made and made[0] <= now - MINUTE:
            made.popleft()
        if len(made) >= LIMIT:
            raise ThrottledError(made[0] + MINUTE - now)
        made.append(now)
