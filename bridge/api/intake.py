"""From the bytes of a request to a validated query and body, or to a problem that says where and what."""

from __future__ import annotations

import asyncio
import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, quote

from pydantic import TypeAdapter, ValidationError

from bridge.api.models import Nothing
from bridge.api.operation import JSON
from bridge.api.problems import (
    INVALID,
    MALFORMED,
    NOT_ACCEPTABLE,
    TOO_LARGE,
    TOO_SLOW,
    UNSUPPORTED_MEDIA,
    Flaw,
    Problem,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bridge.api.http import BaseRequest
    from bridge.api.models import Model
    from bridge.api.operation import Operation

PATIENCE: Final = 10.0
"""Seconds that the whole of a body may take to arrive."""
MOST_FIELDS: Final = 64
"""Parameters of a query."""


async def read_body(request: BaseRequest, operation: Operation) -> bytes:
    """Return the bytes of a request's body. Raise Problem when they are too many, too slow or no JSON."""
    limit = operation.body_limit
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Problem(UNSUPPORTED_MEDIA, "the body is compressed")
    if media_type(request.headers.get("Content-Type", "")) != JSON:
        raise Problem(UNSUPPORTED_MEDIA, f"the body's Content-Type is to be {JSON}")
    length = request.headers.get("Content-Length", "")
    if length.isdecimal() and int(length) > limit:
        raise Problem(TOO_LARGE, f"the body may have {limit} bytes")
    body = bytearray()
    try:
        async with asyncio.timeout(PATIENCE):
            while chunk := await request.content.readany():
                body += chunk
                if len(body) > limit:
                    raise Problem(TOO_LARGE, f"the body may have {limit} bytes")
    except TimeoutError:
        raise Problem(TOO_SLOW, f"the body took more than {PATIENCE:.0f} s") from None
    return bytes(body)


def parse_body(operation: Operation, raw: bytes) -> Any:
    """Return a body as the operation's model. Raise Problem."""
    check_json(raw)
    try:
        return _adapter(operation).validate_json(raw, strict=True)
    except ValidationError as error:
        # The first step into a union is the name of its member, which is not in the body.
        skipped = 0 if isinstance(operation.body, type) else 1
        flaws = [
            Flaw(_pointer(found["loc"][skipped:]), _said(found["msg"]))
            for found in error.errors(include_url=False, include_context=False, include_input=False)
        ]
        raise Problem(INVALID, "the body does not fit", flaws=flaws) from None


def parse_query(operation: Operation, query: str) -> Model:
    """Return a query as the operation's model. Raise Problem."""
    try:
        pairs = parse_qsl(query, keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS)
    except ValueError:
        raise Problem(INVALID, f"the query is UTF-8 and has at most {MOST_FIELDS} parameters") from None
    if operation.query is Nothing and not pairs:
        return _NOTHING
    values: dict[str, Any] = {}
    for name, value in pairs:
        if name in values:
            raise Problem(INVALID, "the query does not fit", flaws=[Flaw(name, "it stands there twice")])
        values[name] = value
    try:
        return operation.query.model_validate(values)
    except ValidationError as error:
        flaws = [
            Flaw(".".join(map(str, found["loc"])), _said(found["msg"]))
            for found in error.errors(include_url=False, include_context=False, include_input=False)
        ]
        raise Problem(INVALID, "the query does not fit", flaws=flaws) from None


def _pointer(steps: Iterable[str | int]) -> str:
    """Return a JSON pointer (RFC 6901) as a fragment; at a key that does not fit as at what it holds."""
    escaped = (str(step).replace("~", "~0").replace("/", "~1") for step in steps if step != "[key]")
    return "#" + "".join("/" + quote(step, safe="~") for step in escaped)


def _said(message: str) -> str:
    """Return what a validator said: pydantic puts the exception's kind before it."""
    return message.removeprefix("Value error, ")


def check_json(raw: bytes) -> None:
    """Raise Problem for what is no JSON, or says two things under one name."""
    try:
        json.loads(raw.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_refused)
    except RecursionError:
        raise Problem(MALFORMED, "it nests too deeply") from None
    except UnicodeDecodeError as error:
        raise Problem(MALFORMED, f"byte {error.start} is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise Problem(MALFORMED, f"line {error.lineno}, column {error.colno}: {error.msg}") from None
    except _NotJsonError as error:
        raise Problem(MALFORMED, str(error)) from None
    except ValueError:
        raise Problem(MALFORMED, "a number has too many digits") from None


def media_type(text: str) -> str:
    """Return the media type of a Content-Type, without its parameters."""
    return text.partition(";")[0].strip().lower()


def negotiate(accept: str, offered: Sequence[str]) -> str:
    """Return which of the offered media types a request wants (RFC 9110 section 12.5.1). Raise Problem.

    The first one that is offered wins among those wanted most; without a wish it is the first one.
    """
    if not accept.strip():
        return offered[0]
    best, best_weight = "", 0.0
    for media in offered:
        weight = _weight(accept, media)
        if weight > best_weight:
            best, best_weight = media, weight
    if not best:
        raise Problem(NOT_ACCEPTABLE, f"it answers with {' or '.join(offered)}")
    return best


def _weight(accept: str, media: str) -> float:
    """Return how much a media type is wanted: that of the most exact range that it falls into."""
    major = media.partition("/")[0]
    ranges = {media: 3, f"{major}/*": 2, "*/*": 1}
    exactness, weight = 0, 0.0
    for part in accept.split(","):
        name, *parameters = (each.strip().lower() for each in part.split(";"))
        if ranges.get(name, 0) > exactness:
            exactness = ranges[name]
            quality = next((each[2:] for each in parameters if each.startswith("q=")), "1")
            try:
                weight = float(quality)
            except ValueError:
                weight = 0.0
    return weight


_NOTHING: Final = Nothing()


@lru_cache(maxsize=256)
def _adapter(operation: Operation) -> TypeAdapter[Any]:
    return TypeAdapter(operation.body)


class _NotJsonError(ValueError):
    """JSON that Python reads and the API does not."""


def _unique(pairs: list[tuple[str, Any]]) -> None:
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise _NotJsonError(f"the name {twice[:40]!r} stands there twice")


def _refused(constant: str) -> None:
    raise _NotJsonError(f"{constant} is no JSON")
