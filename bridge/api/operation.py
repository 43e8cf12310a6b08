"""What an operation of the API is. From its declaration follow routing, checks, validation and documentation.

    @operation(
        "GET",
        "/microinverter/status",
        summary="How the microinverters are",
        least=Role.GUEST,
        modules=True,
        query=MicroinverterQuery,
        answer=MicroinverterStatus,
        problems=(UNKNOWN_MODULE,),
    )
    async def read_status(context: Context[MicroinverterQuery, None]) -> MicroinverterStatus: ...

The handler is called when everything was checked, with a `Context` that holds who asks, the validated query
and body, and the hub. It returns the answer's model, an `Answer` around it with headers, or a stream, and
raises `Problem`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Required, TypedDict, Unpack

from bridge.api import problems
from bridge.api.models import Nothing

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from bridge.access.role import Role
    from bridge.api.context import Context
    from bridge.api.models import Model
    from bridge.api.problems import ProblemType

JSON: Final = "application/json"
CSV: Final = "text/csv"
NDJSON: Final = "application/x-ndjson"
PARQUET: Final = "application/vnd.apache.parquet"
ZIP: Final = "application/zip"
EVENTS: Final = "text/event-stream"
WEBSOCKET: Final = "websocket"
"""Stands among an operation's media types for an upgrade to a WebSocket."""

SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
BODY_LIMIT: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """A model with what else belongs to the answer, where the declaration does not say it."""

    model: Model | None
    status: int | None = None
    """None: as declared."""
    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: tuple[str, ...] = ()
    """Values of Set-Cookie."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Operation:
    """One method of one path."""

    method: str
    path: str
    handler: Callable[[Context[Any, Any]], Awaitable[Any]]
    summary: str
    description: str = ""
    least: Role | None
    """The least role that may; None for everybody, who need not even say who they are."""
    modules: bool = False
    """Whether a module may, for itself."""
    query: type[Model] = Nothing
    body: Any = None
    """A model, or a union of models told apart by a field; None without a body."""
    body_limit: int = BODY_LIMIT
    answer: type[Model] | None = None
    """What is answered in JSON; None when there is no such answer."""
    status: int = 200
    media: tuple[str, ...] = (JSON,)
    """What it can answer with; the first one unless the request accepts another only."""
    event: Any = None
    """What each event, line or message of a stream holds: a model, or a union of them; None without one."""
    problems: tuple[ProblemType, ...] = ()
    """What it can meet besides what every operation like it can."""
    routine: bool = False
    """Whether it is what modules do all day: then the audit trail has only what was forbidden."""
    control: bool = False
    """Whether it commands modules: then it needs an Idempotency-Key and is carried out once for each."""

    def __post_init__(self) -> None:
        if self.control and (self.method in SAFE or self.least is None):
            raise ValueError(f"{self.name}: a command is no {self.method} and not for everybody")

    @property
    def name(self) -> str:
        """How it is named in logs: `POST /microinverter/control`."""
        return f"{self.method} {self.path}"

    @property
    def safe(self) -> bool:
        """Whether it changes nothing (RFC 9110 section 9.2.1)."""
        return self.method in SAFE

    def all_problems(self) -> tuple[ProblemType, ...]:
        """Return every kind of problem that it can answer with, each once."""
        met: Sequence[ProblemType] = (
            *problems.COMMON,
            *(problems.IDENTIFIED if self.least is not None else ()),
            *(problems.WITH_BODY if self.body is not None else ()),
            problems.INVALID,  # a query that nobody asked for
            *(() if self.safe or self.least is None else problems.CHANGING),
            *(problems.COMMANDING if self.control else ()),
            *(problems.STREAMING if self.event is not None else ()),
            *((problems.UPGRADE_REQUIRED,) if self.media == (WEBSOCKET,) else ()),
            *self.problems,
        )
        return tuple(dict.fromkeys(met))


class Declaration(TypedDict, total=False):
    """`Operation`'s fields as the decorator takes them."""

    summary: Required[str]
    description: str
    least: Required[Role | None]
    modules: bool
    query: type[Model]
    body: Any
    body_limit: int
    answer: type[Model]
    status: int
    media: tuple[str, ...]
    event: Any
    problems: tuple[ProblemType, ...]
    routine: bool
    control: bool


def operation(
    method: str, path: str, **declared: Unpack[Declaration]
) -> Callable[[Callable[[Context[Any, Any]], Awaitable[Any]]], Operation]:
    """Make the function below it the handler of an operation, declared with `Operation`'s fields."""

    def declare(handler: Callable[[Context[Any, Any]], Awaitable[Any]]) -> Operation:
        return Operation(method=method, path=path, handler=handler, **declared)

    return declare
