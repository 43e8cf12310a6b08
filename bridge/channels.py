"""Ways to reach a person who does not look at an app: push, webhook, MQTT, e-mail. Addresses are secrets."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, urlsplit

if TYPE_CHECKING:
    from bridge.access.accounts import User
    from matter_node.storage import Storage

MOST: Final = 8
"""Channels that one person has at most."""
LONGEST: Final = 1000
KINDS: Final = {
    **dict.fromkeys(("ntfy", "ntfys"), "ntfy"),
    **dict.fromkeys(("json", "jsons", "form", "forms"), "webhook"),
    **dict.fromkeys(("mqtt", "mqtts"), "mqtt"),
    **dict.fromkeys(("mailto", "mailtos"), "e-mail"),
    **dict.fromkeys(("gotify", "gotifys"), "gotify"),
    **dict.fromkeys(("matrix", "matrixs"), "matrix"),
    **dict.fromkeys(("signal", "signals"), "signal"),
    **dict.fromkeys(("hassio", "hassios"), "home-assistant"),
    "pover": "pushover",
    "tgram": "telegram",
    "slack": "slack",
    "discord": "discord",
}
"""Schemes of Apprise that are taken. Others run programs or read files of the hub."""
_FILES: Final = frozenset({"attach", "keyfile", "subfile", "pgp", "pgpkey", "include", "template", "storage"})
"""Parameters that make Apprise read files of the hub."""
_PREFIX: Final = "channels/"

_log = logging.getLogger(__name__)


class ChannelError(ValueError):
    """A channel cannot be so; the message says why, and holds no secret."""


class UnknownChannelError(KeyError):
    """Somebody has no channel of that name."""

    def __str__(self) -> str:
        return str(self.args[0])


@dataclass(frozen=True, slots=True)
class Channel:
    """One way to reach a person."""

    name: str
    url: str = field(repr=False)
    """As Apprise takes it, with whatever passwords and tokens are in it."""

    @property
    def kind(self) -> str:
        """What it is, such as `ntfy`."""
        return KINDS[urlsplit(self.url).scheme]

    @property
    def host(self) -> str:
        """Where it leads, without secrets; empty where the address begins with one."""
        return (urlsplit(self.url).hostname or "") if self.kind in _WITH_HOST else ""


_WITH_HOST: Final = frozenset(
    {"ntfy", "webhook", "mqtt", "e-mail", "gotify", "matrix", "signal", "home-assistant"}
)


def judge(name: str, url: str) -> Channel:
    """Return the channel. Raise ChannelError."""
    if len(url) > LONGEST or not url.isprintable() or " " in url:
        raise ChannelError(f"an address has up to {LONGEST} printable characters and no blanks")
    try:
        parts = urlsplit(url)
        _ = parts.port, parts.hostname
    except ValueError:
        raise ChannelError("the address cannot be read") from None
    if parts.scheme not in KINDS:
        raise ChannelError(f"the address begins with one of {', '.join(KINDS)} and ://")
    if not parts.netloc:
        raise ChannelError("the address names no place after ://")
    reads = sorted({key.lower() for key, _ in parse_qsl(parts.query)} & _FILES)
    if reads:
        raise ChannelError(f"an address that makes the hub read files is not taken: {', '.join(reads)}")
    return Channel(name, url)


class ChannelBook:
    """Everybody's channels. They go with the account: a later one of the same name has none."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def of(self, user: User) -> tuple[Channel, ...]:
        """Return somebody's channels."""
        stored = self._storage.get(_PREFIX + user.name)
        if stored is None:
            return ()
        try:
            values = json.loads(stored)
            if values["account"] == user.created:
                return tuple(judge(name, url) for name, url in values["channels"])
        except (ValueError, KeyError, TypeError):
            _log.warning("the channels of %s cannot be read", user.name)
        return ()

    def find(self, user: User, name: str) -> Channel:
        """Return somebody's channel of a name. Raise UnknownChannelError."""
        for channel in self.of(user):
            if channel.name == name:
                return channel
        raise UnknownChannelError(f"there is no channel {name!r}")

    def add(self, user: User, channel: Channel) -> None:
        """Add a channel, or give the one of its name another address. Raise ChannelError, StateError."""
        kept = [each for each in self.of(user) if each.name != channel.name]
        if len(kept) >= MOST:
            raise ChannelError(f"a person has at most {MOST} channels: remove one first")
        self._keep(user, [*kept, channel])

    def remove(self, user: User, name: str) -> None:
        """Remove a channel. Raise UnknownChannelError, StateError."""
        gone = self.find(user, name)
        self._keep(user, [each for each in self.of(user) if each != gone])

    def _keep(self, user: User, channels: list[Channel]) -> None:
        values = {"account": user.created, "channels": [[each.name, each.url] for each in channels]}
        self._storage.put(_PREFIX + user.name, json.dumps(values).encode())
