"""A person's own credentials: another password, and a second factor that begins with its first good code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.access import totp
from bridge.access.login import WrongCredentialsError, check_code
from bridge.access.passwords import judge

if TYPE_CHECKING:
    from bridge.access.access import Access
    from bridge.access.accounts import User
    from bridge.access.sessions import Session

ENROLMENT: Final = 600.0
"""Seconds that a person has to set up an app and to type its first code."""


class NoEnrolmentError(Exception):
    """No second factor is being set up, or that took too long."""


class SecondFactors:
    """Secrets that were shown and not confirmed yet. They are forgotten with the process."""

    def __init__(self) -> None:
        self._pending: dict[str, tuple[str, float]] = {}

    def begin(self, user: User, now: float) -> tuple[str, str]:
        """Return a new secret and the URI that an app scans; it counts when its first code is confirmed."""
        secret = totp.new_secret()
        self._pending[user.name] = (secret, now + ENROLMENT)
        return secret, totp.uri(secret, user.name)

    def confirmed(self, user: User, code: str, now: float) -> tuple[str, int]:
        """Return the secret and the time step of its first code.

        Raise NoEnrolmentError, WrongCredentialsError.
        """
        secret, until = self._pending.get(user.name, ("", 0.0))
        if now > until:
            raise NoEnrolmentError
        step = totp.step_of(secret, code, now)
        if step is None:
            raise WrongCredentialsError
        del self._pending[user.name]
        return secret, step


async def prove(access: Access, user: User, password: str, code: str | None, address: str) -> None:
    """Make sure that it is the person who asks and not somebody at their open session.

    :raises ThrottledError, BusyError: not now
    :raises WrongCredentialsError: it is not the password, or not a code of the second factor
    """
    access.throttle.admit(user.name, address)
    if not await access.passwords.matches(user.password, password):
        access.throttle.failed(user.name, address)
        raise WrongCredentialsError
    if user.totp:
        check_code(access, user, code or "", address)
    access.throttle.succeeded(user.name, address)


async def change_password(access: Access, user: User, password: str, present: Session | None) -> int:
    """Give a person another password and end their other sessions; return how many.

    :raises WeakPasswordError: it cannot be one
    :raises BusyError: not now
    """
    judge(password, user.name)
    access.accounts.set_password(user.name, await access.passwords.hashed(password))
    return access.sessions.end_all(f"user/{user.name}", but=present)


def confirm_second_factor(access: Access, user: User, code: str, address: str) -> None:
    """Begin a second factor with its first code.

    Raise ThrottledError, NoEnrolmentError, WrongCredentialsError.
    """
    access.throttle.admit(user.name, address)
    try:
        secret, step = access.second_factors.confirmed(user, code, access.now)
    except WrongCredentialsError:
        access.throttle.failed(user.name, address)
        raise
    access.throttle.succeeded(user.name, address)
    access.accounts.set_totp(user.name, secret)
    access.accounts.used_step(user.name, step)
