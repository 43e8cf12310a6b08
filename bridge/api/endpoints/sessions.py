"""GET and DELETE /device/security/authenticate: who asks, and the open sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from bridge.access.role import Role
from bridge.access.tokens import csrf_token
from bridge.api.endpoints.authenticate import PATH
from bridge.api.identity import session_cookie
from bridge.api.models import Model, Moment, moment
from bridge.api.operation import Answer, operation
from bridge.api.problems import CONFLICT, Problem, ProblemType

if TYPE_CHECKING:
    from bridge.access.sessions import Session
    from bridge.api.context import Context


class SessionView(Model):
    """A session."""

    session: str
    user: str | None
    module: str | None
    created: Moment
    expires: Moment
    seen: Moment
    """When it was last used, within five minutes."""
    address: str
    """Where it was opened from."""
    agent: str
    current: bool
    """Whether it is the one that asks."""


class Identity(Model):
    """Who asks, and their sessions; an admin is told of everybody's."""

    user: str | None
    module: str | None
    role: str | None
    second_factor: bool
    csrf_token: str | None
    """For `X-CSRF-Token`, when the session came in a cookie."""
    sessions: list[SessionView]


@operation(
    "GET",
    PATH,
    summary="Who asks, and the open sessions",
    description="One's own sessions; an admin is told of everybody's.",
    least=Role.GUEST,
    modules=True,
    answer=Identity,
)
async def identity(context: Context[None, None]) -> Identity:
    """Tell who asks."""
    caller = context.caller
    user = context.access.accounts.get(caller.user)
    shown = [
        each for each in context.access.sessions if caller.may(Role.ADMIN) or each.subject == caller.name
    ]
    return Identity(
        user=caller.user or None,
        module=caller.module or None,
        role=None if caller.role is None else caller.role.word,
        second_factor=bool(user and user.totp),
        csrf_token=csrf_token(caller.token) if caller.by_cookie else None,
        sessions=[_shown(each, caller.session) for each in shown],
    )


class SessionQuery(Model):
    """Which session."""

    session: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")] | None = None
    """Id of the session to end; the present one without it."""


UNKNOWN_SESSION = ProblemType(
    "unknown-session",
    404,
    "There is no such session.",
    "It has ended, or it is somebody else's.",
    "See GET /device/security/authenticate for the ones there are.",
)


@operation(
    "DELETE",
    PATH,
    summary="End a session",
    description="One's own, and for an admin anybody's. Streams under it end at once.",
    least=Role.GUEST,
    modules=True,
    query=SessionQuery,
    status=204,
    problems=(UNKNOWN_SESSION, CONFLICT),
)
async def end(context: Context[SessionQuery, None]) -> Answer:
    """End the session that is meant."""
    caller, sessions = context.caller, context.access.sessions
    session = caller.session
    if context.query.session is not None:
        session = sessions.by_id(context.query.session)
        if session is None or not (caller.may(Role.ADMIN) or session.subject == caller.name):
            raise Problem(UNKNOWN_SESSION)
    if session is None:
        raise Problem(CONFLICT, "a module's own token is no session: an admin revokes it")
    sessions.end(session)
    ended_own = caller.session is not None and session.digest == caller.session.digest
    return Answer(None, cookies=(session_cookie("", 0),) if ended_own and caller.by_cookie else ())


def _shown(session: Session, current: Session | None) -> SessionView:
    return SessionView(
        session=session.id,
        user=session.user or None,
        module=session.module or None,
        created=moment(session.created),
        expires=moment(session.expires),
        seen=moment(session.seen),
        address=session.address,
        agent=session.agent,
        current=current is not None and current.digest == session.digest,
    )
