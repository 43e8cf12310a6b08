"""Passwords, hashed with argon2id (RFC 9106) at what a small computer can bear.

Two passes over 19 MiB (OWASP Password Storage Cheat Sheet) take about 0.1 s. They run in a thread, one at a
time: however many people log in, the hub's memory grows by 19 MiB, and only while it hashes.
"""

from __future__ import annotations

import asyncio
import secrets
from functools import cache
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from argon2 import PasswordHasher

SHORTEST: Final = 10
LONGEST: Final = 256
"""Characters of a password."""
QUEUE: Final = 8
"""How many may wait for the one who is hashing."""

T = TypeVar("T")


class WeakPasswordError(ValueError):
    """A password that is too easy to guess; the message says what is missing."""


class BusyError(Exception):
    """Too many passwords are being checked: trying again in a second helps."""


def judge(password: str, name: str = "") -> None:
    """Raise WeakPasswordError for a password that the account of `name` must not have."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise WeakPasswordError(f"a password has {SHORTEST} to {LONGEST} characters")
    if len(set(password)) < 5:
        raise WeakPasswordError("a password has at least 5 different characters")
    if name and name in password.casefold():
        raise WeakPasswordError("a password does not contain the name of its account")


def hashed(password: str) -> str:
    """Return a password's hash with its salt and parameters. It takes about 0.1 s."""
    return _hasher().hash(password)


def matches(stored: str, password: str) -> bool:
    """Tell whether a password belongs to a hash. It takes about 0.1 s, whatever the answer."""
    from argon2.exceptions import InvalidHashError, VerificationError

    try:
        return _hasher().verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False


class PasswordDesk:
    """Where the running hub has passwords hashed and checked: in a thread, one at a time."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._waiting = 0

    async def hashed(self, password: str) -> str:
        """Return a password's hash. Raise BusyError."""
        return await self._in_turn(hashed, password)

    async def matches(self, stored: str | None, password: str) -> bool:
        """Tell whether a password belongs to a hash; without a hash it takes as long. Raise BusyError."""
        if stored is None:
            await self._in_turn(matches, _decoy(), password)
            return False
        return await self._in_turn(matches, stored, password)

    async def _in_turn(self, work: Callable[..., T], *arguments: str) -> T:
        if self._waiting >= QUEUE:
            raise BusyError("too many passwords are being checked at once")
        self._waiting += 1
        try:
            async with self._turn:
                return await asyncio.to_thread(work, *arguments)
        finally:
            self._waiting -= 1


@cache
def _hasher() -> PasswordHasher:
    from argon2 import PasswordHasher  # brings cffi's library: only whoever logs in needs it

    return PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


@cache
def _decoy() -> str:
    """Return the hash of nobody's password: an unknown name takes as long as a wrong password."""
    return hashed(secrets.token_urlsafe(32))
