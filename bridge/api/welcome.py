"""What is served without TLS: the certificate authority, how to trust it, and the way to https.

Nothing that a request says here is believed, and nothing secret is said: a request to change something is
refused and not led on, for what it carried has been read by then.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from bridge.api import pages, reply
from bridge.api.hosts import host_name
from bridge.api.idempotency import Outcome
from bridge.api.problems import FORBIDDEN, FOREIGN_HOST, Problem

if TYPE_CHECKING:
    from bridge.api.authority import Authority
    from bridge.api.hosts import Hosts
    from bridge.api.http import BaseRequest, Response


class Welcome:
    """Answers requests without TLS."""

    def __init__(self, hosts: Hosts, authority: Authority, port: int) -> None:
        self._hosts = hosts
        self._authority = authority
        self._port = port

    async def __call__(self, request: BaseRequest) -> Response:
        """Answer a request."""
        request_id = secrets.token_hex(8)
        try:
            outcome = self._respond(request)
        except Problem as problem:
            outcome = reply.refused(problem, request_id)
        return reply.response(outcome, request_id)

    def _respond(self, request: BaseRequest) -> Outcome:
        host = request.headers.get("Host", "")
        name = host_name(host)
        if name is None or not self._hosts.is_own(host):
            raise Problem(FOREIGN_HOST, f"the hub is not called {host[:80]!r}")
        if request.method not in {"GET", "HEAD"}:
            raise Problem(
                FORBIDDEN,
                "without TLS everybody on the network reads along",
                remedy=f"Send it to https on port {self._port}, and change what secrets it carried.",
            )
        path = request.rel_url.raw_path
        certificate = pages.authority_file(path, self._authority)
        if certificate is not None:
            return certificate
        shown = f"[{name}]" if ":" in name else name
        secure = f"https://{shown}:{self._port}"
        if path == "/":
            return pages.trust_page(self._authority, secure)
        return Outcome(308, (("Location", secure + request.rel_url.raw_path_qs),), b"")
