"""Logging in: from a name and its secrets to a session, at the pace that the throttle allows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.access import totp
from bridge.access.passwords import judge
from bridge.access.role import Role

if TYPE_CHECKING:
    from bridge.access.access import Access
    from bridge.access.accounts import User
    from bridge.access.sessions import Session

_CLAIM: Final = "the claim code"
"""What attempts to claim a hub are counted under: no account's name has a blank in it."""


class WrongCredentialsError(Exception):
    """Name, password or code are wrong; which one is not said."""


class SecondFactorNeededError(Exception):
    """The password is right, and the account has a second factor of which no code was given."""


class AlreadyClaimedError(Exception):
    """The hub has an admin."""


async def log_in(
    access: Access, name: str, password: str, code: str | None, *, address: str, agent: str
) -> tuple[str, Session]:
    """Open a person's session; return its token and what is known of it.

    :raises ThrottledError, BusyError: not now
    :raises WrongCredentialsError, SecondFactorNeededError: not so
    """
    name = name.casefold()
    access.throttle.admit(name, address)
    user = access.accounts.get(name)
    right = await access.passwords.matches(user.password if user else None, password)
    user = access.accounts.get(name)  # it may have been removed meanwhile
    if not right or user is None:
        access.throttle.failed(name, address)
        raise WrongCredentialsError
    if user.totp:
        if code is None:
            raise SecondFactorNeededError
        check_code(access, user, code, address)
    access.throttle.succeeded(name, address)
    return access.sessions.open(user=name, address=address, agent=agent)


def check_code(access: Access, user: User, code: str, address: str) -> None:
    """Take a code of a second factor, which is then used up. Raise WrongCredentialsError."""
    step = totp.step_of(user.totp, code, access.now)
    if step is None or step <= user.totp_step:
        access.throttle.failed(user.name, address)
        raise WrongCredentialsError
    access.accounts.used_step(user.name, step)


async def claim(
    access: Access, code: str, name: str, password: str, *, address: str, agent: str
) -> tuple[str, Session]:
    """Make the first admin and open a session for it; return its token and what is known of it.

    :raises AlreadyClaimedError: there is an admin
    :raises ThrottledError, BusyError: not now
    :raises WrongCredentialsError: it is not the code
    :raises AccountError, WeakPasswordError: the name or the password cannot be one
    """
    if access.claim_code is None:
        raise AlreadyClaimedError
    access.throttle.admit(_CLAIM, address)
    if not access.claim_code.matches(code):
        access.throttle.failed(_CLAIM, address)
        raise WrongCredentialsError
    access.throttle.succeeded(_CLAIM, address)
    judge(password, name.casefold())
    password_hash = await access.passwords.hashed(password)
    if access.claim_code is None:
        raise AlreadyClaimedError
    user = access.accounts.add(name, Role.ADMIN, password_hash, access.now)
    return access.sessions.open(user=user.name, address=address, agent=agent)
