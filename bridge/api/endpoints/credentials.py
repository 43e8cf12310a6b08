"""PATCH /device/security/authenticate: a person's own password and second factor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from bridge.access import credentials
from bridge.access.login import WrongCredentialsError
from bridge.access.passwords import WeakPasswordError
from bridge.access.role import Role
from bridge.api.endpoints.authenticate import PATH, WRONG, Code, Secret
from bridge.api.models import Model
from bridge.api.operation import operation
from bridge.api.problems import CONFLICT, FORBIDDEN, INVALID, TOO_MANY, Flaw, Problem

if TYPE_CHECKING:
    from bridge.access.accounts import User
    from bridge.api.context import Context


class PasswordChange(Model):
    """Another password. One's other sessions end."""

    change: Literal["password"]
    password: Secret
    """The present one."""
    new_password: Secret
    totp: Code | None = None
    """A code, where there is a second factor."""


class SecondFactorStart(Model):
    """A new second factor: the answer holds its secret, and it counts when its first code is confirmed."""

    change: Literal["second-factor"]
    password: Secret
    totp: Code | None = None
    """A code of the present second factor, where there is one."""


class SecondFactorConfirmation(Model):
    """The first code of the new second factor."""

    change: Literal["confirm-second-factor"]
    totp: Code


class SecondFactorRemoval(Model):
    """No second factor any more."""

    change: Literal["remove-second-factor"]
    password: Secret
    totp: Code


Change = Annotated[
    PasswordChange | SecondFactorStart | SecondFactorConfirmation | SecondFactorRemoval,
    Field(discriminator="change"),
]


class Changed(Model):
    """What is now."""

    second_factor: bool
    """Whether logging in asks for a code."""
    secret: str | None = None
    """Of the new second factor, in base32; shown this once."""
    uri: str | None = None
    """The same, as authenticator apps scan it in a QR code."""
    ended_sessions: int = 0


@operation(
    "PATCH",
    PATH,
    summary="Change one's password or second factor",
    description="A person's own. The present password is asked for, whoever holds the session.",
    least=Role.GUEST,
    body=Change,
    answer=Changed,
    problems=(WRONG, CONFLICT, TOO_MANY),
)
async def change(context: Context[None, Any]) -> Changed:
    """Change what the body asks for."""
    user = context.access.accounts.get(context.caller.user)
    if user is None:
        raise Problem(FORBIDDEN, "a module has no password")
    try:
        return await _change(context, user)
    except WrongCredentialsError:
        raise Problem(WRONG) from None
    except credentials.NoEnrolmentError:
        raise Problem(CONFLICT, "no second factor is being set up: begin with `second-factor`") from None


async def _change(context: Context[None, Any], user: User) -> Changed:
    access, body = context.access, context.body
    if isinstance(body, SecondFactorConfirmation):
        credentials.confirm_second_factor(access, user, body.totp, context.address)
        return Changed(second_factor=True)
    await credentials.prove(access, user, body.password.get_secret_value(), body.totp, context.address)
    if isinstance(body, SecondFactorStart):
        secret, uri = access.second_factors.begin(user, access.now)
        return Changed(second_factor=bool(user.totp), secret=secret, uri=uri)
    if isinstance(body, SecondFactorRemoval):
        access.accounts.set_totp(user.name, "")
        return Changed(second_factor=False)
    try:
        ended = await credentials.change_password(
            access, user, body.new_password.get_secret_value(), context.caller.session
        )
    except WeakPasswordError as error:
        raise Problem(INVALID, "it is too weak", flaws=[Flaw("#/new_password", str(error))]) from None
    return Changed(second_factor=bool(user.totp), ended_sessions=ended)
