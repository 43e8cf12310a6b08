"""The second factor: codes of six digits that an app shows for half a minute (RFC 6238)."""

from __future__ import annotations

from typing import Final

from bridge.access.tokens import same

PERIOD: Final = 30
"""Seconds that a code is shown."""
DRIFT: Final = 1
"""Periods that a phone's clock may be off."""
_ISSUER: Final = "ores-bridge"


def new_secret() -> str:
    """Return a new secret: 160 bits in base32."""
    import pyotp  # only whoever uses a second factor pays for it

    return pyotp.random_base32()


def uri(secret: str, name: str) -> str:
    """Return what an authenticator app scans."""
    import pyotp

    return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=_ISSUER)


def step_of(secret: str, code: str, now: float) -> int | None:
    """Return the time step whose code it is, or None when it is none of those that are good now.

    :param now: UTC, seconds since 1970
    """
    import pyotp

    generator = pyotp.TOTP(secret)
    current = int(now) // PERIOD
    found = None
    for step in range(current - DRIFT, current + DRIFT + 1):
        if same(generator.generate_otp(step), code):
            found = step
    return found
