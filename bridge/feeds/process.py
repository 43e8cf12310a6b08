"""The asking process: fetches one answer, reads it strictly, says what is in it, and ends.

It is a process of its own so that neither an HTTP client nor what a stranger's server sends is ever in the
hub's memory, and so that a server or a name service that hangs holds up nothing. Redirections are not
followed: whoever sits between the home and the service must not be able to let the hub ask the devices of the
home.
"""

from __future__ import annotations

import http.client
import importlib
import json
import os
import signal
import ssl
import sys
import time
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from bridge.feeds.formats.asked import Asked
from bridge.feeds.formats.strict import FormatError

SILENCE: Final = 10.0
"""Seconds that the server may be silent."""
LONGEST: Final = 30
"""Seconds that all of it may take; a server that drips is as good as none."""
MOST_BYTES: Final = 2 * 1024 * 1024
_NICENESS: Final = 10
_LONGEST_WAIT: Final = 86_400.0


class AskError(Exception):
    """Nothing came of it; the message is for a person and holds no secrets.

    :ivar wait: seconds after which the server wants to be asked again, None if it did not say
    """

    def __init__(self, message: str, wait: float | None = None) -> None:
        super().__init__(message)
        self.wait = wait


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """Return what is in an answer: `rows` by name, or that nothing is new. Raise AskError, FormatError."""
    form = importlib.import_module(f"bridge.feeds.formats.{request['format'].replace('-', '_')}")
    asked = Asked.from_plain(request["asked"])
    if request["file"] is not None:
        seen: dict[str, str] = {}
        body = _read(Path(request["file"]))
    else:
        found = _fetch(_address(request, form, asked), request)
        if found is None:
            return {"unchanged": True}
        body, seen = found
    rows = form.parse(body, asked)
    return {"rows": {name: series.plain() for name, series in rows.items()}, "seen": seen}


def _address(request: dict[str, Any], form: Any, asked: Asked) -> str:
    """Return the whole address."""
    url: str = request["url"]
    if request["format"] == "energy-charts":
        url = f"{url.rstrip('/')}/{'price' if asked.row == 'price' else 'co2eq'}"
    elif request["format"] == "solcast":
        url = f"{url.rstrip('/')}/rooftop_sites/{request['site']}/forecasts"
    elif request["format"] == "forecast-solar":
        key = f"/{request['token']}" if request["token"] else ""
        url = f"{url.rstrip('/')}{key}{form.path(asked)}"
    query = urlencode(form.query(asked))
    if not query:
        return url
    return f"{url}{'&' if '?' in url else '?'}{query}"


def _fetch(url: str, request: dict[str, Any]) -> tuple[bytes, dict[str, str]] | None:
    """Return a body and what the server says about it; None when it is the one that is known."""
    parts = urlsplit(url)
    if parts.hostname is None:
        raise AskError("the address names no host")
    connection = (
        http.client.HTTPSConnection(
            parts.hostname, parts.port, timeout=SILENCE, context=ssl.create_default_context()
        )
        if parts.scheme == "https"
        else http.client.HTTPConnection(parts.hostname, parts.port, timeout=SILENCE)
    )
    try:
        target = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
        connection.request("GET", target, headers=_headers(request))
        response = connection.getresponse()
        return _judged(response)
    except ssl.SSLCertVerificationError as error:
        raise AskError(f"{parts.hostname} cannot prove who it is ({error.verify_message})") from error
    except TimeoutError as error:
        raise AskError(f"{parts.hostname} does not answer") from error
    except (OSError, http.client.HTTPException) as error:
        raise AskError(f"{parts.hostname} cannot be asked ({error or type(error).__name__})") from error
    finally:
        connection.close()


def _headers(request: dict[str, Any]) -> dict[str, str]:
    headers = {
        "Accept": "application/json, text/csv;q=0.9",
        "Accept-Encoding": "identity",
        "User-Agent": "ores-bridge (home energy hub)",
    }
    # Forecast.Solar wants its key in the address.
    if request["token"] and request["format"] != "forecast-solar":
        header, token = request["token_header"], request["token"]
        headers[header] = f"Bearer {token}" if header == "Authorization" else token
    seen = request["seen"]
    for name, header in (("etag", "If-None-Match"), ("last-modified", "If-Modified-Since")):
        if seen.get(name):
            headers[header] = seen[name]
    return headers


def _judged(response: http.client.HTTPResponse) -> tuple[bytes, dict[str, str]] | None:
    if response.status == http.HTTPStatus.NOT_MODIFIED:
        return None
    if 300 <= response.status < 400:
        where = urlsplit(response.headers.get("Location", "")[:300])
        raise AskError(f"the server leads elsewhere ({where.scheme}://{where.netloc}); set that address")
    if response.status != http.HTTPStatus.OK:
        reason = {401: ": the token is wrong or missing", 403: ": it is not allowed", 429: ": too often"}
        raise AskError(
            f"the server answers {response.status}{reason.get(response.status, '')}",
            _wait(response.headers.get("Retry-After", "")),
        )
    body = response.read(MOST_BYTES + 1)
    if len(body) > MOST_BYTES:
        raise AskError(f"the answer has more than {MOST_BYTES // 1024} KB")
    if response.length:
        raise AskError("the connection ended early")
    said = {name: response.headers.get(name, "")[:200] for name in ("etag", "last-modified")}
    return body, {name: value for name, value in said.items() if value}


def _wait(text: str) -> float | None:
    """Return how many seconds are to be waited, as a number or until a date (RFC 9110 section 10.2.3)."""
    try:
        seconds = (
            float(text)
            if text.isascii() and text.isdigit()
            else parsedate_to_datetime(text).timestamp() - time.time()
        )
    except (ValueError, OverflowError):
        return None
    return min(max(seconds, 0.0), _LONGEST_WAIT)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            body = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise AskError(f"{path} cannot be read: {error.strerror}") from error
    if len(body) > MOST_BYTES:
        raise AskError(f"{path} has more than {MOST_BYTES // 1024} KB")
    return body


def main() -> None:
    """Answer one request: JSON on standard input, JSON on standard output."""
    os.nice(_NICENESS)
    # The hub ends a process that takes too long; when the hub itself was killed, this does.
    signal.alarm(LONGEST + 5)
    try:
        said = answer(json.load(sys.stdin))
    except AskError as error:
        said = {"error": str(error), "wait": error.wait}
    except FormatError as error:
        said = {"error": str(error), "wait": None}
    json.dump(said, sys.stdout, separators=(",", ":"))


if __name__ == "__main__":
    main()
