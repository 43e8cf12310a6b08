"""A network of one's own for what multicasts."""

from __future__ import annotations

import asyncio
import ctypes
import os
import subprocess
import threading

import pytest

_CLONE_NEWNET = 0x40000000
LINK = "home0"


def ip(*arguments):
    """Run `ip` in the calling thread's network."""
    subprocess.run(["ip", *arguments], check=True)


def _enter_network():
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNET):
        raise PermissionError(os.strerror(ctypes.get_errno()))
    ip("link", "set", "lo", "up")
    ip("link", "add", LINK, "type", "veth", "peer", "name", "far0")
    ip("link", "set", "far0", "up", "addrgenmode", "none")
    ip("link", "set", LINK, "address", "02:00:5e:00:53:01", "up", "multicast", "on")
    ip("addr", "add", "192.0.2.1/24", "dev", LINK)
    for address in ("fd00:db8::1/64", "fe80::53:1/64"):
        ip("-6", "addr", "replace", address, "dev", LINK, "nodad")
    ip("-6", "route", "add", "ff00::/8", "dev", LINK, "table", "local")


@pytest.fixture
def in_network():
    """Run a coroutine function in a thread that has a network with one interface, home0, to itself."""

    def run(scenario, *arguments):
        outcome = []

        def thread():
            try:
                _enter_network()
            except (OSError, subprocess.CalledProcessError) as error:
                outcome.append(("skip", f"cannot make a network namespace: {error}"))
                return
            try:
                outcome.append(("done", asyncio.run(scenario(*arguments))))
            except BaseException as error:  # noqa: BLE001 - raised again in the test's thread
                outcome.append(("failed", error))

        worker = threading.Thread(target=thread)
        worker.start()
        worker.join()
        kind, result = outcome[0]
        if kind == "skip":
            pytest.skip(result)
        if kind == "failed":
            raise result
        return result

    run.ip = ip
    return run
