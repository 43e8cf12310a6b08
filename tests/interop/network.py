"""Two network namespaces joined by a veth pair: a home's local network on one machine.

The hub runs in one, the controllers ("phone") in the other, so that multicast, port 5540 and the
addresses are theirs alone and nothing reaches the machine's own network. A namespace is held by a process
that ends when this one does, however it ends: nothing is left behind and nothing has a name to clash.

Root uses plain namespaces; anybody else a user namespace, where the kernel allows it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

HUB_ADDRESS = "10.78.0.1"
PHONE_ADDRESS = "10.78.0.2"
_TOOLS = ("ip", "unshare", "nsenter", "mount")


class NetworkUnavailableError(RuntimeError):
    """This machine cannot make the namespaces; the message says why."""


@dataclass(slots=True)
class Side:
    """One end of the network: a namespace with the interface `link` and the address `address`."""

    link: str
    address: str
    holder: subprocess.Popen[bytes]
    user_namespace: bool

    def command(self, argv: Sequence[str]) -> list[str]:
        """`argv` as a command line that runs on this side."""
        user = ["--user", "--preserve-credentials"] if self.user_namespace else []
        return ["nsenter", "--target", str(self.holder.pid), *user, "--net", "--mount", "--", *argv]

    def run(self, *argv: str) -> str:
        """Run a short command on this side and give its output; `CalledProcessError` when it fails."""
        return subprocess.run(
            self.command(argv),
            check=True,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=20,
        ).stdout

    def popen(
        self,
        argv: Sequence[str],
        *,
        stdout: int | None = None,
        stdin: int | None = subprocess.DEVNULL,
        stderr: int | None = None,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> subprocess.Popen[bytes]:
        """Start a command on this side, in a process group of its own."""
        return subprocess.Popen(
            self.command(argv),
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            cwd=cwd,
            env=None if env is None else {**os.environ, **env},
            start_new_session=True,
        )


@dataclass(slots=True)
class Network:
    """The two sides. `close` ends both; so does the end of this process."""

    hub: Side
    phone: Side
    _holders: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @classmethod
    def create(cls) -> Network:
        """Make both namespaces and join them; `NetworkUnavailableError` says what is missing."""
        missing = [tool for tool in _TOOLS if shutil.which(tool) is None]
        if missing:
            raise NetworkUnavailableError(f"no {', '.join(missing)} on this machine")
        as_user = os.geteuid() != 0
        holders: list[subprocess.Popen[bytes]] = []
        try:
            holders.append(
                _hold(["unshare", *(["--user", "--map-root-user"] if as_user else []), "--net", "--mount"])
            )
            hub = Side("hub0", HUB_ADDRESS, holders[0], as_user)
            # The second belongs to the first one's user namespace: only then may one root join them.
            holders.append(_hold(hub.command(["unshare", "--net", "--mount"])))
            phone = Side("phone0", PHONE_ADDRESS, holders[1], as_user)
            _join(hub, phone)
        except (OSError, subprocess.SubprocessError) as error:
            for holder in holders:
                _release(holder)
            detail = getattr(error, "stderr", None) or str(error)
            text = detail.decode(errors="replace") if isinstance(detail, bytes) else detail
            raise NetworkUnavailableError(f"no network namespaces here: {text.strip()}") from error
        return cls(hub, phone, holders)

    def close(self) -> None:
        """End both namespaces."""
        for holder in reversed(self._holders):
            _release(holder)


def _hold(enter: Sequence[str]) -> subprocess.Popen[bytes]:
    """A process that keeps new namespaces alive until its standard input closes, once it is in them."""
    holder = subprocess.Popen(
        [*enter, "sh", "-c", "echo in; exec cat"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    assert holder.stdout is not None
    if holder.stdout.readline() != b"in\n":
        _, complaint = holder.communicate()
        raise subprocess.SubprocessError(complaint.decode(errors="replace"))
    return holder


def _release(holder: subprocess.Popen[bytes]) -> None:
    holder.communicate(timeout=10)


def _join(hub: Side, phone: Side) -> None:
    """Lay a veth pair between the two, with IPv4 and IPv6 link-local addresses and the loopbacks up."""
    hub.run(
        "ip",
        "link",
        "add",
        hub.link,
        "type",
        "veth",
        "peer",
        "name",
        phone.link,
        "netns",
        str(phone.holder.pid),
    )
    for side in (hub, phone):
        # A namespace shows its own interfaces in /sys only when that is mounted again from inside.
        side.run("mount", "-t", "sysfs", "sysfs", "/sys")
        # Nobody else is on this wire: duplicate address detection would only cost two seconds.
        side.run("sh", "-c", f"echo 0 > /proc/sys/net/ipv6/conf/{side.link}/accept_dad || true")
        side.run("ip", "address", "add", f"{side.address}/24", "dev", side.link)
        side.run("ip", "link", "set", "lo", "up")
        side.run("ip", "link", "set", side.link, "up")
    deadline = time.monotonic() + 10
    for side in (hub, phone):
        while not _has_link_local(side):
            if time.monotonic() > deadline:
                raise subprocess.SubprocessError(
                    f"{side.link} got no IPv6 link-local address: is IPv6 switched off?"
                )
            time.sleep(0.05)


def _has_link_local(side: Side) -> bool:
    shown = side.run("ip", "-6", "address", "show", "dev", side.link, "scope", "link")
    return "inet6 fe80" in shown and "tentative" not in shown
