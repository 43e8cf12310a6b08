"""The page at the root: who has a new hub claims it here, and everybody finds the way to the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.api.pages import html, trust

if TYPE_CHECKING:
    from bridge.access.access import Access
    from bridge.api.authority import Authority
    from bridge.api.idempotency import Outcome

_FORM: Final = """
<h2>Claim this hub</h2>
<p>Nobody administers this hub yet. The claim code is on its console, and <code>ores-bridge status</code>
shows it; it works from the home network alone.</p>
<form id="claim">
<label>Claim code<br><input name="code" autocomplete="off" required></label>
<label>Name<br><input name="user" autocomplete="username" required></label>
<label>Password, 10 characters or more<br>
<input name="password" type="password" autocomplete="new-password" minlength="10" required></label>
<button>Claim</button></form><p id="said" role="status"></p>
"""
_SCRIPT: Final = """
"use strict";
const said = document.getElementById("said");
document.getElementById("claim").addEventListener("submit", async (event) => {
  event.preventDefault();
  const values = Object.fromEntries(new FormData(event.target));
  const answer = await fetch("/device/security/authenticate", {
    method: "POST",
    headers: {"Content-Type": "application/json"},
    body: JSON.stringify({grant: "claim", cookie: true, ...values}),
  });
  const told = await answer.json();
  said.className = answer.ok ? "" : "no";
  said.textContent = answer.ok ? "The hub is yours, and you are logged in."
    : [told.detail, ...(told.errors || []).map((each) => each.detail), told.remedy].join(" ");
  if (answer.ok) event.target.remove();
});
"""


def first_page(access: Access, authority: Authority) -> Outcome:
    """Return the page: with the form for the claim while the hub is nobody's."""
    links = (
        "<p><a href='/docs'>What the API can do</a>, as <a href='/openapi.json'>OpenAPI</a>; "
        "<a href='/problems'>what can go wrong</a>.</p>"
    )
    if access.claim_code is None:
        return html("ores-bridge", links + trust(authority))
    return html("ores-bridge", _FORM + links + trust(authority), script=_SCRIPT)
