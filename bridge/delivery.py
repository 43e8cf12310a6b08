"""Delivers one message to one channel, in a child process: Apprise and what it loads never enter the hub.

Run as a program it reads the message as JSON on standard input, where no other user of the machine can see
the channel's secrets, and prints what came of it.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from bridge.channels import Channel

PATIENCE: Final = 20.0
"""Seconds that a delivery may take."""
_ROOT: Final = str(Path(__file__).parents[1])
_KINDS: Final = {"info": "info", "warning": "warning", "critical": "failure", "over": "success"}


@dataclass(frozen=True, slots=True)
class Message:
    """What somebody is told.

    :ivar severity: `info`, `warning`, `critical`, or `over` for what is so no more
    """

    title: str
    text: str
    severity: str = "info"


class DeliveryError(Exception):
    """A channel did not take a message; the text says why, without secrets."""


async def deliver(channel: Channel, message: Message | None) -> None:
    """Deliver a message; None only looks whether the address is one. Raise DeliveryError."""
    request = {"url": channel.url}
    if message is not None:
        request |= {"title": message.title, "text": message.text, "severity": message.severity}
    path = os.pathsep.join(filter(None, (_ROOT, os.environ.get("PYTHONPATH"))))
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bridge.delivery"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=os.environ | {"PYTHONPATH": path},
    )
    try:
        async with asyncio.timeout(PATIENCE):
            printed, _ = await child.communicate(json.dumps(request).encode())
    except TimeoutError:
        raise DeliveryError(f"it took longer than {PATIENCE:g} s") from None
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    try:
        reason = json.loads(printed)["reason"]
    except (ValueError, KeyError, TypeError):
        raise DeliveryError("the program that delivers failed") from None
    if reason:
        raise DeliveryError(reason)


class _Last(logging.Handler):
    """Keeps the last thing that was complained of."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.text = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.text = record.getMessage()


def perform(request: dict[str, Any]) -> str:
    """Deliver; return why it did not work, or nothing."""
    import apprise  # brings an HTTP client and more than a hundred services

    complaints = _Last()
    logger = logging.getLogger("apprise")
    logger.addHandler(complaints)
    logger.propagate = False
    asset = apprise.AppriseAsset(app_id="ores-bridge", app_desc="ores-bridge", async_mode=False)
    service = apprise.Apprise.instantiate(request["url"], asset=asset, suppress_exceptions=True)
    if service is None:
        return "Apprise does not understand the address; see its documentation of this kind"
    if "title" not in request:
        return ""
    told = service.notify(
        title=request["title"], body=request["text"], notify_type=_KINDS[request["severity"]]
    )
    return "" if told else without_secrets(complaints.text or "it was not taken", request["url"])


def without_secrets(text: str, url: str) -> str:
    """Return a text without whatever of an address may be secret."""
    parts = urlsplit(url)
    secrets = {parts.username, parts.password, *parts.path.split("/"), *parts.query.split("&")}
    secrets |= {each.partition("=")[2] for each in parts.query.split("&")}
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        for form in {secret, unquote(secret)}:
            if len(form) > 2:
                text = text.replace(form, "***")
    return text.replace(url, "***")[:300]


if __name__ == "__main__":
    json.dump({"reason": perform(json.load(sys.stdin))}, sys.stdout)
