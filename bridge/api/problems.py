"""What can go wrong with a request (RFC 9457): each kind of problem with its cause and its remedy.

An operation raises `Problem(KIND, "what happened this time")`. Kinds that only one endpoint knows stand in
that endpoint's module; the ones that any request can meet stand here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MEDIA_TYPE: Final = "application/problem+json"


@dataclass(frozen=True, slots=True)
class ProblemType:
    """One kind of problem."""

    slug: str
    """Its name for programs: `/problems/SLUG` is the `type` of RFC 9457, and a page that explains it."""
    status: int
    title: str
    """A sentence that is always the same."""
    cause: str
    """Why it happens, for a person."""
    remedy: str
    """What to do about it, for a person."""

    @property
    def uri(self) -> str:
        """The `type` member."""
        return f"/problems/{self.slug}"


@dataclass(frozen=True, slots=True)
class Flaw:
    """One thing wrong with a body or a query."""

    where: str
    """JSON pointer into the body (`#/power_limit_w`), or the name of a query parameter or header."""
    detail: str


class Problem(Exception):  # noqa: N818 - it names what RFC 9457 calls it
    """Ends a request with a problem."""

    def __init__(
        self,
        kind: ProblemType,
        detail: str = "",
        *,
        remedy: str = "",
        flaws: Sequence[Flaw] = (),
        headers: Mapping[str, str] | None = None,
        **members: Any,
    ) -> None:
        """Say what happened this time.

        :param remedy: what to do about it, where more can be said than the kind does
        :param members: further members of the problem's object, such as the id of a refused command
        """
        super().__init__(detail or kind.title)
        self.kind = kind
        self.detail = detail or kind.title
        self.remedy = remedy or kind.remedy
        self.flaws = tuple(flaws)
        self.headers = dict(headers or {})
        self.members = members

    def body(self, request_id: str) -> bytes:
        """Return the problem's object as JSON."""
        values: dict[str, Any] = {
            "type": self.kind.uri,
            "title": self.kind.title,
            "status": self.kind.status,
            "detail": self.detail,
            "cause": self.kind.cause,
            "remedy": self.remedy,
            "instance": f"urn:ores:request:{request_id}",
        }
        if self.flaws:
            values["errors"] = [{"where": flaw.where, "detail": flaw.detail} for flaw in self.flaws]
        return json.dumps(values | self.members, ensure_ascii=False).encode(errors="replace")


BAD_REQUEST: Final = ProblemType(
    "bad-request",
    400,
    "The request is no HTTP that can be understood.",
    "Its first line, its headers or its framing are against RFC 9112.",
    "Use an HTTP library, and send to https:// what is meant for it.",
)
MALFORMED: Final = ProblemType(
    "malformed",
    400,
    "The body is no JSON that can be read.",
    "It is not JSON (RFC 8259) in UTF-8, names a member twice, or nests too deeply.",
    "Send one JSON object in which every name stands once.",
)
INVALID: Final = ProblemType(
    "invalid",
    422,
    "A value is missing, unknown, or not what it can be.",
    "The body or the query can be read, but does not fit what this operation takes.",
    "Correct what `errors` names; /openapi.json says what is taken.",
)
KEY_MISSING: Final = ProblemType(
    "idempotency-key-missing",
    400,
    "A command needs an Idempotency-Key.",
    "Without one a command that is sent again after a lost answer could be carried out twice.",
    "Send a header Idempotency-Key with 1 to 64 visible characters, such as a new UUID for each command.",
)
KEY_REUSED: Final = ProblemType(
    "idempotency-key-reused",
    422,
    "The Idempotency-Key was used for another command.",
    "A key names one command for 24 hours, and this request differs from the one it was first sent with.",
    "Make a new key for each new command; repeat one only with the same request.",
)
NO_CREDENTIALS: Final = ProblemType(
    "no-credentials",
    401,
    "The hub has to know who asks.",
    "The request carries neither a session nor the identity of a module.",
    "Log in with POST /device/security/authenticate, and send `Authorization: Bearer TOKEN` or the cookie.",
)
BAD_CREDENTIALS: Final = ProblemType(
    "bad-credentials",
    401,
    "The session or the token is not valid.",
    "It has ended, was revoked, was never issued, or is bound to a certificate that was not shown.",
    "Log in anew with POST /device/security/authenticate.",
)
CSRF: Final = ProblemType(
    "csrf",
    403,
    "A change that a browser asks for needs the session's CSRF token.",
    "The request carries the session's cookie, but not the header X-CSRF-Token that belongs to it.",
    "Send X-CSRF-Token with the `csrf_token` that logging in, or GET /device/security/authenticate, answers.",
)
FOREIGN_ORIGIN: Final = ProblemType(
    "foreign-origin",
    403,
    "A web page of another origin asks.",
    "The Origin header names neither the hub nor a page that its settings allow.",
    "Open the page from the hub itself, or list its origin under `origins` in the settings' [api].",
)
FORBIDDEN: Final = ProblemType(
    "forbidden",
    403,
    "Whoever asks may not do this.",
    "The operation needs another role, or a module asks for something that is not its own.",
    "Log in as somebody who has the role that `detail` names, or ask an admin for it.",
)
UNKNOWN_PATH: Final = ProblemType(
    "unknown-path",
    404,
    "There is nothing at this path.",
    "The path is not one of the API's; paths are exact, without a slash at their end.",
    "See /docs for what there is.",
)
UNKNOWN_MODULE: Final = ProblemType(
    "unknown-module",
    404,
    "There is no such module.",
    "No module of that key and of the kind that this path is about is registered with the hub.",
    "Leave out `module` to see the ones there are; POST /device/register registers a new one.",
)
UNKNOWN_COMMAND: Final = ProblemType(
    "unknown-command",
    404,
    "There is no such command.",
    "The id was never given, is for another kind of module, or is of a command that ended long ago.",
    "Follow a command by the id that accepting it answered; the last 200 ended ones are remembered.",
)
UNKNOWN_REVISION: Final = ProblemType(
    "unknown-revision",
    404,
    "There is no such revision.",
    "Only the last hundred changes are remembered.",
    "GET on the same path lists them.",
)
NOT_ALLOWED: Final = ProblemType(
    "method-not-allowed",
    405,
    "This path does not know that method.",
    "The path exists, but not with that method.",
    "Use one of the methods that the header Allow names.",
)
NOT_ACCEPTABLE: Final = ProblemType(
    "not-acceptable",
    406,
    "There is no answer in a form that the request accepts.",
    "The header Accept names no media type that this operation can answer with.",
    "Accept one of the media types that `detail` names.",
)
TOO_SLOW: Final = ProblemType(
    "request-timeout",
    408,
    "The body did not arrive in time.",
    "The request's body was announced, and its end did not come within some seconds.",
    "Send it at once; look for what holds it up.",
)
CONFLICT: Final = ProblemType(
    "conflict",
    409,
    "This cannot be done as things are.",
    "The hub or the module is in a state in which it is not possible.",
    "See `detail`; look at the present state, and try again when it has changed.",
)
NOT_SUPPORTED: Final = ProblemType(
    "not-supported",
    409,
    "The module cannot do this.",
    "Its device has no such control, or the module is left to itself.",
    "See which setpoints the module takes in its status, and command one of them.",
)
TOO_LARGE: Final = ProblemType(
    "too-large",
    413,
    "The body is too large.",
    "The operation takes a smaller body.",
    "Send less, or in parts; `detail` says how much is taken.",
)
UNSUPPORTED_MEDIA: Final = ProblemType(
    "unsupported-media-type",
    415,
    "The body is in a form that is not taken.",
    "The header Content-Type names another media type, or the body is compressed.",
    "Send `Content-Type: application/json` and a plain body.",
)
FOREIGN_HOST: Final = ProblemType(
    "foreign-host",
    421,
    "The request is addressed to another host.",
    "The header Host names neither an address nor a name of the hub: a page's DNS may have led here.",
    "Use the hub's address or its own name, or list the name under `names` in the settings' [api].",
)
TOO_MANY: Final = ProblemType(
    "too-many-requests",
    429,
    "Too many requests of this kind.",
    "There is a limit to attempts to log in, and to streams at one time.",
    "Wait as many seconds as the header Retry-After says, or close a stream.",
)
UPGRADE_REQUIRED: Final = ProblemType(
    "upgrade-required",
    426,
    "This operation is a WebSocket.",
    "The request does not ask for the upgrade (RFC 6455).",
    "Connect with a WebSocket client.",
)
INTERNAL: Final = ProblemType(
    "internal",
    500,
    "The hub failed on this request.",
    "That is a defect of the hub.",
    "Look for the request's id (`instance`) in the hub's log, and report what it says.",
)
UNAVAILABLE: Final = ProblemType(
    "unavailable",
    503,
    "The hub cannot do this now.",
    "It is busy or ending, or its disk takes nothing.",
    "Try again in a moment; if it lasts, look at the hub's log.",
)
FULL: Final = ProblemType(
    "disk-full",
    507,
    "There is no room left on the hub's disk.",
    "The change could not be stored; nothing was changed.",
    "Free some disk space and try again.",
)

COMMON: Final = (
    BAD_REQUEST,
    UNKNOWN_PATH,
    NOT_ALLOWED,
    NOT_ACCEPTABLE,
    FOREIGN_HOST,
    FOREIGN_ORIGIN,
    INTERNAL,
    UNAVAILABLE,
    FULL,
)
"""What every request can meet."""
IDENTIFIED: Final = (NO_CREDENTIALS, BAD_CREDENTIALS, FORBIDDEN)
"""What a request can meet that needs to know who asks."""
WITH_BODY: Final = (MALFORMED, INVALID, TOO_SLOW, TOO_LARGE, UNSUPPORTED_MEDIA)
"""What a request with a body can meet."""
CHANGING: Final = (CSRF,)
"""What a request that changes something can meet."""
COMMANDING: Final = (KEY_MISSING, KEY_REUSED)
"""What a command can meet."""
STREAMING: Final = (TOO_MANY,)
"""What a stream can meet."""
