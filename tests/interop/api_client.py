"""Somebody at home who asks the hub over https from the other side of the network."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from interop.hub import ores_bridge

if TYPE_CHECKING:
    from interop.hub import Hub
    from interop.network import Side

_ASK = """
import json, ssl, sys, urllib.request
method, url, token, authority, body = json.load(sys.stdin)
request = urllib.request.Request(url, method=method, headers={"Authorization": "Bearer " + token})
if body is not None:
    request.data = json.dumps(body).encode()
    request.add_header("Content-Type", "application/json")
context = ssl.create_default_context(cadata=authority)
try:
    answer = urllib.request.urlopen(request, context=context, timeout=20)
except urllib.error.HTTPError as error:
    answer = error
print(json.dumps([answer.status, json.loads(answer.read() or "null")]))
"""


@dataclass(slots=True)
class ApiClient:
    """An owner's program. It trusts the home's certificate authority and nothing else."""

    side: Side
    base: str
    token: str
    authority: str

    @classmethod
    def of(cls, hub: Hub, side: Side) -> ApiClient:
        """Make an owner on a running hub, and a token for a program of theirs."""
        place = ["--data-dir", str(hub.data_dir)]
        add = ores_bridge("user", "add", "anna", "--role", "owner", "--password-stdin", *place)
        subprocess.run(add, input=b"correct horse battery", check=True, capture_output=True, timeout=30)
        made = subprocess.run(
            ores_bridge("token", "add", "--user", "anna", "--json", *place),
            check=True,
            capture_output=True,
            timeout=30,
        )
        authority = (hub.data_dir / "tls" / "ca.crt").read_text()
        return cls(side, f"https://{hub.side.address}:8443", json.loads(made.stdout)["token"], authority)

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """The JSON that is answered; AssertionError when it is a problem."""
        asked = json.dumps([method, self.base + path, self.token, self.authority, body])
        done = subprocess.run(
            self.side.command([sys.executable, "-c", _ASK]),
            input=asked.encode(),
            capture_output=True,
            check=True,
            timeout=30,
        )
        status, answer = json.loads(done.stdout)
        assert status < 400, answer
        return answer
