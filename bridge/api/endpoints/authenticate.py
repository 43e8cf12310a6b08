"""/device/security/authenticate: logging in and out, and the first admin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, SecretStr

from bridge.access import login
from bridge.access.accounts import AccountError
from bridge.access.passwords import WeakPasswordError
from bridge.access.sessions import SHORT
from bridge.access.tokens import csrf_token
from bridge.api.identity import session_cookie
from bridge.api.local import is_local
from bridge.api.models import Model, Moment, moment
from bridge.api.operation import Answer, operation
from bridge.api.problems import (
    FORBIDDEN,
    INVALID,
    NO_CREDENTIALS,
    TOO_MANY,
    Flaw,
    Problem,
    ProblemType,
)

if TYPE_CHECKING:
    from bridge.access.sessions import Session
    from bridge.api.context import Context

PATH = "/device/security/authenticate"

WRONG = ProblemType(
    "wrong-credentials",
    401,
    "That is not the name, the password or the code.",
    "One of them is wrong; which one is not said. A code is good once, and for half a minute.",
    "Try again. Whoever administers the hub can set another password with `ores-bridge user password`.",
)
SECOND_FACTOR = ProblemType(
    "second-factor-needed",
    401,
    "The account has a second factor.",
    "The password is right, and the request holds no code.",
    "Send the six digits that the authenticator app shows as `totp`.",
)
NOT_LOCAL = ProblemType(
    "not-local",
    403,
    "A hub is claimed from the home network only.",
    "The request came from an address outside the networks that the hub is in.",
    "Claim it from a device in the same network, or make the admin with `ores-bridge user add` on the hub.",
)
CLAIMED = ProblemType(
    "claimed",
    409,
    "The hub has an admin.",
    "Somebody has claimed it before.",
    "Log in as the admin, or make another one with `ores-bridge user add NAME --role admin` on the hub.",
)

Name = Annotated[str, Field(min_length=1, max_length=64)]
Secret = Annotated[SecretStr, Field(min_length=1, max_length=256)]
Code = Annotated[str, Field(pattern=r"^[0-9]{6}$")]
"""Six digits that an authenticator app shows."""


class PasswordGrant(Model):
    """A person with a password, and with a code where a second factor was set up."""

    grant: Literal["password"]
    user: Name
    password: Secret
    totp: Code | None = None
    cookie: bool = False
    """True for a browser: the session comes as a cookie, and not in the answer."""


class ClaimGrant(Model):
    """The first admin of a hub that nobody has claimed."""

    grant: Literal["claim"]
    code: Annotated[SecretStr, Field(min_length=1, max_length=32)]
    """The code on the hub's console."""
    user: Name
    password: Secret
    cookie: bool = False


class RefreshGrant(Model):
    """The present session's next token: its former one is worth nothing after this."""

    grant: Literal["refresh"]


class ModuleGrant(Model):
    """A module with its client certificate or its own token: a session of ten minutes for it."""

    grant: Literal["module"]


Grant = Annotated[PasswordGrant | ClaimGrant | RefreshGrant | ModuleGrant, Field(discriminator="grant")]


class OpenedSession(Model):
    """A session that was just opened."""

    session: str
    """Its id: names it in lists, and opens nothing."""
    user: str | None
    module: str | None
    role: str | None
    expires: Moment
    token: str | None
    """For `Authorization: Bearer`; null when it is in the cookie."""
    csrf_token: str | None
    """For `X-CSRF-Token`, when the session is in a cookie."""


@operation(
    "POST",
    PATH,
    summary="Open a session",
    description=(
        "By password, by the claim code of a new hub, by a module's certificate or token, or in exchange for "
        "the present one. Five attempts a minute for an account, twenty for an address, and growing waits."
    ),
    least=None,
    body=Grant,
    answer=OpenedSession,
    status=201,
    problems=(NO_CREDENTIALS, WRONG, SECOND_FACTOR, NOT_LOCAL, FORBIDDEN, CLAIMED, TOO_MANY),
)
async def authenticate(
    context: Context[None, PasswordGrant | ClaimGrant | RefreshGrant | ModuleGrant],
) -> Answer:
    """Open the session that the body asks for."""
    body = context.body
    if isinstance(body, PasswordGrant):
        return await _log_in(context, body)
    if isinstance(body, ClaimGrant):
        return await _claim(context, body)
    if isinstance(body, RefreshGrant):
        return _refresh(context)
    return _module_session(context)


async def _log_in(context: Context[None, Any], body: PasswordGrant) -> Answer:
    try:
        token, session = await login.log_in(
            context.access,
            body.user,
            body.password.get_secret_value(),
            body.totp,
            address=context.address,
            agent=context.agent,
        )
    except login.SecondFactorNeededError:
        raise Problem(SECOND_FACTOR) from None
    except login.WrongCredentialsError:
        raise Problem(WRONG) from None
    return _opened(context, token, session, cookie=body.cookie)


async def _claim(context: Context[None, Any], body: ClaimGrant) -> Answer:
    if not is_local(context.address):
        raise Problem(NOT_LOCAL, f"{context.address} is in none of the hub's networks")
    try:
        token, session = await login.claim(
            context.access,
            body.code.get_secret_value(),
            body.user,
            body.password.get_secret_value(),
            address=context.address,
            agent=context.agent,
        )
    except login.AlreadyClaimedError:
        raise Problem(CLAIMED) from None
    except login.WrongCredentialsError:
        raise Problem(WRONG, "that is not the claim code") from None
    except WeakPasswordError as error:
        raise Problem(INVALID, "the password is too weak", flaws=[Flaw("#/password", str(error))]) from None
    except AccountError as error:
        raise Problem(INVALID, "no account can be made", flaws=[Flaw("#/user", str(error))]) from None
    return _opened(context, token, session, cookie=body.cookie)


def _refresh(context: Context[None, Any]) -> Answer:
    caller = context.caller
    if caller.session is None:
        raise Problem(FORBIDDEN, "a module's own token is no session: ask with the grant `module`")
    token, session = context.access.sessions.renew(caller.session)
    return _opened(context, token, session, cookie=caller.by_cookie)


def _module_session(context: Context[None, Any]) -> Answer:
    module = context.access.modules.of_certificate(context.thumbprint) if context.thumbprint else None
    bound = context.thumbprint if module else ""
    if module is None and context.known is not None:
        module = context.known.module
    if not module or module not in context.hub.registry:
        raise Problem(NO_CREDENTIALS, "neither a certificate nor a token of a registered module was shown")
    token, session = context.access.sessions.open(
        module=module, address=context.address, agent=context.agent, thumbprint=bound, lifetime=SHORT
    )
    return _opened(context, token, session, cookie=False)


def _opened(context: Context[None, Any], token: str, session: Session, *, cookie: bool) -> Answer:
    user = context.access.accounts.get(session.user)
    model = OpenedSession(
        session=session.id,
        user=session.user or None,
        module=session.module or None,
        role=user.role.word if user else None,
        expires=moment(session.expires),
        token=None if cookie else token,
        csrf_token=csrf_token(token) if cookie else None,
    )
    cookies = (session_cookie(token, session.expires - session.created),) if cookie else ()
    return Answer(model, cookies=cookies)
