"""Randomness as the protocol code sees it, so that vectors and replays can supply it."""

from __future__ import annotations

import secrets
from typing import Protocol


class Entropy(Protocol):
    """Where protocol code gets random numbers from."""

    def token(self, length: int) -> bytes:
        """Return `length` random bytes."""

    def below(self, limit: int) -> int:
        """Return a random integer in [0, limit)."""


class SystemEntropy:
    """The operating system's cryptographic generator."""

    __slots__ = ()

    def token(self, length: int) -> bytes:
        """Return `length` random bytes."""
        return secrets.token_bytes(length)

    def below(self, limit: int) -> int:
        """Return a random integer in [0, limit)."""
        return secrets.randbelow(limit)
