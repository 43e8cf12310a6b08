"""What Linux says of itself and of this process."""

import os
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest

from matter_node import host


def test_the_system_has_been_up_for_longer_than_this_process():
    stat = Path("/proc/self/stat").read_text(encoding="ascii")
    started = int(stat.rsplit(")", 1)[1].split()[19]) / os.sysconf("SC_CLK_TCK")
    assert host.system_uptime() > started
    before = host.system_uptime()
    time.sleep(0.05)
    assert 0.0 < host.system_uptime() - before < 5


def test_memory_grows_with_what_is_held():
    before = host.memory()
    block = bytearray(48 << 20)
    block[::4096] = b"x" * len(block[::4096])
    after = host.memory()
    assert after.used - before.used > 40 << 20
    assert after.high_water >= after.used
    assert 0 < after.free < 1 << 50
    del block


def test_threads_have_the_kernel_s_numbers():
    stop = threading.Event()
    others = [threading.Thread(target=stop.wait) for _ in range(3)]
    for thread in others:
        thread.start()
    try:
        found = host.threads()
    finally:
        stop.set()
        for thread in others:
            thread.join()
    numbers = [thread.id for thread in found]
    assert numbers == sorted(numbers)
    assert {os.getpid(), *(thread.native_id for thread in others)} <= set(numbers)
    assert all(thread.name for thread in found)


def test_the_loopback_counts_what_goes_over_it():
    before = host.link("lo")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for _ in range(10):
            sender.sendto(b"x", ("127.0.0.1", 9))
    after = host.link("lo")
    assert after.packets_sent - before.packets_sent >= 10
    assert after.packets_received - before.packets_received >= 10
    assert (after.speed_mbps, after.full_duplex) == (None, None)


def test_counters_are_those_of_iproute():
    try:
        shown = subprocess.run(["ip", "-s", "link", "show", "lo"], capture_output=True, text=True, check=True)
    except (FileNotFoundError, subprocess.CalledProcessError):
        pytest.skip("no iproute2 here")
    lines = shown.stdout.splitlines()
    received = int(lines[[line.split()[:1] == ["RX:"] for line in lines].index(True) + 1].split()[1])
    assert abs(host.link("lo").packets_received - received) < 1000


def test_an_interface_there_is_not_has_neither_state_nor_counters():
    assert host.link("nowhere0") == host.Link(None, None, None)
    assert host.link("../../kernel") == host.Link(None, None, None)
