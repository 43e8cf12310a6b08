"""Who asks: from the headers of a request to a session or a module."""

from __future__ import annotations

import hashlib
import re
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING, Final

from bridge.access.tokens import LENGTH, MODULE, SESSION, csrf_token, same
from bridge.api.context import Caller
from bridge.api.problems import BAD_CREDENTIALS, CSRF, Problem

if TYPE_CHECKING:
    import ssl

    from bridge.access.access import Access
    from bridge.access.sessions import Session
    from bridge.api.http import BaseRequest

COOKIE: Final = "__Host-ores-session"
"""The prefix makes browsers take it from here alone: https, this host, every path (RFC 6265bis 4.1.3.2)."""
CSRF_HEADER: Final = "X-CSRF-Token"
_TOKEN: Final = re.compile(rf"(?:{SESSION}|{MODULE})[A-Za-z0-9_-]{{43}}")
_CHALLENGE: Final = {"WWW-Authenticate": 'Bearer realm="ores-bridge"'}


def identify(request: BaseRequest, access: Access) -> Caller | None:
    """Return who asks, or None when the request does not say. Raise Problem when what it says is not so."""
    header = request.headers.get("Authorization")
    if header is not None:
        return _of_token(bearer_token(header), access, thumbprint(request), by_cookie=False)
    token = cookie_token(request.headers.get("Cookie", ""))
    if token is not None:
        return _of_token(token, access, thumbprint(request), by_cookie=True)
    shown = thumbprint(request)
    module = access.modules.of_certificate(shown) if shown else None
    return None if module is None else Caller(None, module=module)


def bearer_token(header: str) -> str:
    """Return the token of an Authorization header (RFC 6750 2.1). Raise Problem when there is none."""
    scheme, _, token = header.strip().partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or _TOKEN.fullmatch(token) is None:
        raise Problem(
            BAD_CREDENTIALS, "the header Authorization holds no token of this hub", headers=_CHALLENGE
        )
    return token


def cookie_token(header: str) -> str | None:
    """Return the session's token in a Cookie header, or None when there is none that can be one."""
    if COOKIE not in header:
        return None
    try:
        morsel = SimpleCookie(header).get(COOKIE)
    except CookieError:
        return None
    return morsel.value if morsel is not None and _TOKEN.fullmatch(morsel.value) else None


def check_csrf(request: BaseRequest, caller: Caller) -> None:
    """Raise Problem when a browser's request to change something was not made by a page of the hub."""
    if caller.by_cookie and not same(request.headers.get(CSRF_HEADER, ""), csrf_token(caller.token)):
        raise Problem(CSRF)


def session_cookie(token: str, lifetime: float) -> str:
    """Return the Set-Cookie that gives a browser its session; an empty token takes it away."""
    age = f"Max-Age={int(lifetime)}" if token else "Max-Age=0"
    return f"{COOKIE}={token}; Path=/; Secure; HttpOnly; SameSite=Strict; {age}"


def thumbprint(request: BaseRequest) -> str:
    """Return the SHA-256 of the client certificate that TLS has verified; empty without one."""
    tls: ssl.SSLObject | None = request.get_extra_info("ssl_object")
    certificate = tls.getpeercert(binary_form=True) if tls is not None else None
    return hashlib.sha256(certificate).hexdigest() if certificate else ""


def _of_token(token: str, access: Access, shown: str, *, by_cookie: bool) -> Caller:
    if token.startswith(MODULE) and len(token) == LENGTH:
        module = access.modules.of_token(token)
        if module is None or by_cookie:
            raise _bad("the module's token was not issued by this hub, or was revoked")
        return Caller(None, module=module, token=token)
    session = access.sessions.find(token)
    if session is None:
        raise _bad("the session has ended")
    if session.thumbprint and not same(session.thumbprint, shown):
        raise _bad("the session is bound to a client certificate that was not shown")
    return _of_session(session, access, token, by_cookie=by_cookie)


def _of_session(session: Session, access: Access, token: str, *, by_cookie: bool) -> Caller:
    if session.module:
        return Caller(None, module=session.module, session=session, token=token, by_cookie=by_cookie)
    user = access.accounts.get(session.user)
    if user is None:
        raise _bad("the user of this session was removed")
    return Caller(user.role, user=user.name, session=session, token=token, by_cookie=by_cookie)


def _bad(detail: str) -> Problem:
    return Problem(BAD_CREDENTIALS, detail, headers=_CHALLENGE)
