"""Opaque tokens: 256 random bits, of which the hub keeps only the SHA-256.

A token is as good as a password of its whole length, so a fast hash is enough; and whoever reads the state
file cannot use what stands there. The prefix tells scanners for leaked secrets what they have found.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Final

SESSION: Final = "ores_s_"
MODULE: Final = "ores_m_"
LENGTH: Final = len(SESSION) + 43
"""Characters of a token: its prefix, and 32 bytes in URL-safe base64."""


def new_token(prefix: str) -> str:
    """Return a new token. It is shown once and never stored."""
    return prefix + secrets.token_urlsafe(32)


def digest(token: str) -> str:
    """Return what is stored of a token: its SHA-256, in hexadecimal digits."""
    return hashlib.sha256(token.encode()).hexdigest()


def csrf_token(token: str) -> str:
    """Return the CSRF token that belongs to a session's token; a page cannot work out one from the other."""
    return hmac.new(token.encode(), b"csrf", hashlib.sha256).hexdigest()


def same(one: str, other: str) -> bool:
    """Compare two secrets in a time that tells nothing of where they differ."""
    return hmac.compare_digest(one.encode(), other.encode())
