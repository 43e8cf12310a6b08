"""From what a handler returns, or a problem, to a response with the headers that all of them carry."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

from bridge.api.http import CIMultiDict, Response
from bridge.api.idempotency import Outcome
from bridge.api.operation import JSON, Answer
from bridge.api.problems import MEDIA_TYPE, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.api.operation import Operation

PAGE_POLICY: Final = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
"""What a page may load: nothing. Pages that need more say so."""
_COMMON: Final = (
    ("Server", "ores-bridge"),
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Content-Security-Policy", PAGE_POLICY),
)
WORTH_PACKING: Final = 1400
"""Bytes above which a body is compressed: less fits into one packet anyway."""


def headers(request_id: str, more: Iterable[tuple[str, str]] = ()) -> CIMultiDict[str]:
    """Return the headers of a response; a later one replaces a former one, but for Set-Cookie."""
    all_headers = CIMultiDict(_COMMON)
    all_headers["X-Request-Id"] = request_id
    for name, value in more:
        if name.lower() == "set-cookie":
            all_headers.add(name, value)
        else:
            all_headers[name] = value
    return all_headers


def answered(operation: Operation, answer: object) -> Outcome:
    """Return what is answered with a model, or with an `Answer` around one."""
    if not isinstance(answer, Answer):
        answer = Answer(answer)  # type: ignore[arg-type] # the handler's declaration says that it is a model
    body = b"" if answer.model is None else answer.model.model_dump_json().encode()
    status = answer.status or operation.status
    more = [*answer.headers.items(), *(("Set-Cookie", cookie) for cookie in answer.cookies)]
    if answer.model is not None:
        more.append(("Content-Type", JSON))
    return Outcome(status, tuple(more), body)


def refused(problem: Problem, request_id: str) -> Outcome:
    """Return what is answered with a problem."""
    more = (*problem.headers.items(), ("Content-Type", MEDIA_TYPE), ("Content-Language", "en"))
    return Outcome(problem.kind.status, more, problem.body(request_id))


def response(outcome: Outcome, request_id: str, *, packed: bool = False) -> Response:
    """Return the response for an outcome.

    :param packed: whether the body may be compressed. One that holds a secret beside something that the
        asker chose must not be (BREACH).
    """
    all_headers = headers(request_id, outcome.headers)
    body = outcome.body
    if packed and len(body) > WORTH_PACKING:
        packer = zlib.compressobj(4, wbits=31)
        body = packer.compress(body) + packer.flush()
        all_headers["Content-Encoding"] = "gzip"
        all_headers["Vary"] = "Accept-Encoding"
    return Response(status=outcome.status, headers=all_headers, body=body or None)


def page(
    html: str, request_id: str, *, status: int = 200, policy: str = PAGE_POLICY, packed: bool = False
) -> Response:
    """Return a page for a person."""
    more = (("Content-Type", "text/html; charset=utf-8"), ("Content-Security-Policy", policy))
    return response(Outcome(status, more, html.encode()), request_id, packed=packed)
