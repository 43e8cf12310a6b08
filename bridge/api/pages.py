"""What is served besides operations: the API's document, pages that explain it, the authority's files."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from functools import cache
from html import escape
from typing import TYPE_CHECKING, Final

from bridge.api.idempotency import Outcome
from bridge.api.operation import JSON

if TYPE_CHECKING:
    from bridge.access.access import Access
    from bridge.api.authority import Authority
    from bridge.api.published import Published

_STYLE: Final = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
  color: #222; background: #fff }
h1 { font-size: 1.6rem }
h2 { font-size: 1.2rem; margin-top: 2rem; border-top: 1px solid #ccc; padding-top: 1rem }
code { font: 14px/1.4 ui-monospace, monospace; background: #f3f3f0; border-radius: 4px; padding: .1em .3em }
table { border-collapse: collapse; width: 100% }
td { vertical-align: top; padding: .2em .8em .2em 0; border-bottom: 1px solid #eee }
.method { font-weight: bold }
label { display: block; margin: .6em 0 }
input { font: inherit; padding: .3em; width: 20rem; max-width: 100% }
button { font: inherit; padding: .4em 1em }
.no { color: #a00 }
@media (prefers-color-scheme: dark) {
  body { color: #ddd; background: #181818 } code { background: #262626 } td, h2 { border-color: #444 }
  .no { color: #f88 } a { color: #8bf }
}
"""


async def page(path: str, published: Published, access: Access, authority: Authority) -> Outcome | None:
    """Return what is at a path, or None when nothing is. Raise Problem when it cannot be made."""
    if path == "/":
        from bridge.api.first_page import first_page  # once in a hub's life

        return first_page(access, authority)
    if path in {"/openapi.json", "/docs", "/problems"} or path.startswith("/problems/"):
        text = await published.text(path)
        if text is None:
            return None
        if path == "/openapi.json":
            return Outcome(200, (("Content-Type", JSON),), text.encode())
        return html("The API of this hub" if path == "/docs" else "What can go wrong", text)
    return authority_file(path, authority)


def authority_file(path: str, authority: Authority) -> Outcome | None:
    """Return the authority's certificate, if that is what a path names."""
    if path == "/ca.crt":  # what phones and Windows open: DER
        more = (("Content-Type", "application/x-x509-ca-cert"), _download("ores-bridge-ca.crt"))
        return Outcome(200, more, authority.der)
    if path == "/ca.pem":
        more = (("Content-Type", "application/x-pem-file"), _download("ores-bridge-ca.pem"))
        return Outcome(200, more, authority.pem)
    return None


def trust_page(authority: Authority, secure: str) -> Outcome:
    """Return the page that says how to trust the hub, as it is served without TLS."""
    return html(
        "This hub speaks https",
        f"<p><a href='{escape(secure)}/'>{escape(secure)}/</a></p>{trust(authority)}",
    )


def trust(authority: Authority) -> str:
    """Return how to trust the hub's certificate authority."""
    return (
        "<h2>Trust this hub</h2>"
        "<p>The hub's certificate is from the home's own certificate authority. Your device warns you until "
        "it trusts that authority: download it, compare its fingerprint with the one that <code>ores-bridge "
        "status</code> shows on the hub, and install it.</p>"
        "<p><a href='/ca.crt'>ca.crt</a> (phones, Windows, macOS) or <a href='/ca.pem'>ca.pem</a> (curl, "
        "Linux)</p>"
        f"<p>SHA-256 fingerprint:<br><code>{authority.fingerprint}</code></p>"
        "<p>It can vouch for local names and private addresses only, never for a site on the Internet.</p>"
    )


def html(title: str, body: str, *, script: str = "", status: int = 200) -> Outcome:
    """Return a page that loads nothing from anywhere."""
    policy = [
        "default-src 'none'",
        f"style-src '{_hash(_STYLE)}'",
        *((f"script-src '{_hash(script)}'", "connect-src 'self'") if script else ()),
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
    text = (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width'>"
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>"
        f"<body><h1>{escape(title)}</h1>{body}{f'<script>{script}</script>' if script else ''}</body></html>"
    )
    more = (
        ("Content-Type", "text/html; charset=utf-8"),
        ("Content-Security-Policy", "; ".join(policy)),
    )
    return Outcome(status, more, text.encode())


def _download(name: str) -> tuple[str, str]:
    return ("Content-Disposition", f'attachment; filename="{name}"')


@cache
def _hash(text: str) -> str:
    return "sha256-" + b64encode(hashlib.sha256(text.encode()).digest()).decode()
