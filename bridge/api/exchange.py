"""A request on its way through the API, and what is said of it in the logs."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from bridge.api.context import Context
    from bridge.api.http import BaseRequest
    from bridge.api.operation import Operation

NOBODY: Final = "nobody"

_log = logging.getLogger(__name__)


class Exchange:
    """A request with what is known of it so far."""

    __slots__ = ("actor", "address", "id", "operation", "path", "request")

    def __init__(self, request: BaseRequest, request_id: str) -> None:
        self.request = request
        self.id = request_id
        self.path = request.rel_url.raw_path
        self.address = plain_address(request.remote or "")
        self.actor = NOBODY
        self.operation: Operation | None = None

    def log(self, status: int, seconds: float) -> None:
        """Say in the log what was asked and answered; query, headers and body may hold secrets."""
        level = logging.DEBUG
        if status >= 400 and status != 404:
            level = logging.WARNING if status in {401, 403, 421, 429} or status >= 500 else logging.INFO
        elif self.request.method not in {"GET", "HEAD", "OPTIONS"}:
            level = logging.INFO
        _log.log(
            level,
            "%s %s by %s at %s: %d in %.0f ms (%s)",
            self.request.method,
            self.path[:100],
            self.actor,
            self.address,
            status,
            seconds * 1e3,
            self.id,
        )


def plain_address(address: str) -> str:
    """Return an IP address without its zone, and one of IPv4 in IPv6 clothes as IPv4."""
    address = address.partition("%")[0]
    return address.removeprefix("::ffff:") if "." in address else address


def subject(context: Context[Any, Any]) -> str:
    """Return on what something was done: what the body or the query names."""
    for part in (context.body, context.query):
        for name in ("module", "user", "session"):
            value = getattr(part, name, None)
            if isinstance(value, str) and value:
                return value
    return ""
