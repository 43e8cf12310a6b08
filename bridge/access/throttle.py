"""Holds back whoever tries to guess: limits by minute, and longer and longer waits after failures.

Nobody is ever locked out for good. Failures from strangers' addresses do not count against an address from
which the account was used before, so whoever hammers at a name does not keep its owner out; and the command
line on the hub itself knows no limit.
"""

from __future__ import annotations

import math
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from matter_node.clock import Clock

MINUTE: Final = 60.0
ACCOUNT_LIMIT: Final = 5
"""Attempts at one account in a minute."""
ADDRESS_LIMIT: Final = 20
"""Attempts from one address in a minute."""
FREE_FAILURES: Final = 3
"""Failures in a row that cost no wait."""
LONGEST_WAIT: Final = 60.0
REMEMBERED: Final = 1000
"""Accounts and addresses that are kept in mind; the ones that were quiet longest are forgotten first."""


class ThrottledError(Exception):
    """Too many attempts. `wait` says after how many seconds another one is taken."""

    def __init__(self, wait: float) -> None:
        super().__init__("too many attempts")
        self.wait = max(1, math.ceil(wait))


@dataclass(slots=True)
class _Record:
    attempts: deque[float] = field(default_factory=deque)
    failures: int = 0
    not_before: float = -math.inf


class Throttle:
    """Counts attempts by account and by address."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._records: OrderedDict[str, _Record] = OrderedDict()
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()

    def admit(self, account: str, address: str) -> None:
        """Count an attempt. Raise ThrottledError when it comes too early; then it does not count."""
        now = self._clock.monotonic()
        limits = ((self._account(account, address), ACCOUNT_LIMIT), (f"address {address}", ADDRESS_LIMIT))
        records = [(self._record(name), limit) for name, limit in limits]
        for record, limit in records:
            while record.attempts and record.attempts[0] <= now - MINUTE:
                record.attempts.popleft()
            wait = record.not_before - now
            if len(record.attempts) >= limit:
                wait = max(wait, record.attempts[0] + MINUTE - now)
            if wait > 0:
                raise ThrottledError(wait)
        for record, _ in records:
            record.attempts.append(now)

    def failed(self, account: str, address: str) -> None:
        """Note that an attempt failed: the next one may have to wait."""
        record = self._record(self._account(account, address))
        record.failures += 1
        if record.failures >= FREE_FAILURES:
            wait = min(2.0 ** (record.failures - FREE_FAILURES), LONGEST_WAIT)
            record.not_before = self._clock.monotonic() + wait

    def succeeded(self, account: str, address: str) -> None:
        """Note that an attempt was good: this address is one of the account's own from now on."""
        self._records.pop(self._account(account, address), None)
        self._known[account, address] = None
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)

    def _account(self, account: str, address: str) -> str:
        return f"account {account} from {address if (account, address) in self._known else 'strangers'}"

    def _record(self, name: str) -> _Record:
        record = self._records.setdefault(name, _Record())
        self._records.move_to_end(name)
        while len(self._records) > REMEMBERED:
            self._records.popitem(last=False)
        return record
