import platform
import re
import subprocess
import sys
from dataclasses import FrozenInstanceError, dataclass, replace
from pathlib import Path

import pytest

from bridge.memory import forget_doubles

ROOT = Path(__file__).parents[2]
GLIBC = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="this C library is not glibc")

# 24 threads allocate at the same time what malloc does not map on its own, and let it go.
PROGRAM = """
import ctypes, re, threading
from bridge.memory import give_back, share_one_arena

def resident():
    return int(re.search(r"VmRSS:\\s+(\\d+)", open("/proc/self/status").read())[1])

def arenas():
    library = ctypes.CDLL(None)
    library.malloc_stats()

{before}
wall = threading.Barrier(24)
held = []

def work():
    wall.wait()
    mine = [bytes(20_000) for _ in range(100)]
    wall.wait()
    held.append(mine[-1])

threads = [threading.Thread(target=work) for _ in range(24)]
for thread in threads: thread.start()
for thread in threads: thread.join()
full = resident()
give_back()
print(full - resident())
arenas()
"""


def run(before):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(before=before)],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=60,
    )
    return int(done.stdout), len(re.findall(r"^Arena \d+:", done.stderr, re.MULTILINE))


@GLIBC
def test_threads_share_one_arena_and_what_is_free_is_given_back():
    given, arenas = run("share_one_arena()")
    assert arenas == 1
    assert given > 1000, "kB"
    _, usual = run("")
    assert usual > 1


@GLIBC
def test_a_large_block_is_given_back_as_soon_as_it_is_freed():
    code = (
        "from bridge.memory import map_large_blocks; map_large_blocks()\n"
        # By itself glibc would take the next blocks for small ones from here on.
        "large = bytearray(20_000_000); del large\n"
        "blocks = [b'x' * (100_000 + each) for each in range(50)]; last = b'x' * 60_000\n"
        "import re\n"
        "def resident(): return int(re.search(r'VmRSS:\\s+(\\d+)', open('/proc/self/status').read())[1])\n"
        "full = resident(); del blocks; print(full - resident())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=ROOT, timeout=60
    )
    assert int(done.stdout) > 4000, "kB"


def test_of_a_frozen_dataclass_with_slots_there_is_one_class():
    class Base:
        __slots__ = ()

    @dataclass(frozen=True, slots=True)
    class Point(Base):
        x: int

    forget_doubles()
    assert Base.__subclasses__() == [Point]
    for name in ("x", "y"):
        with pytest.raises(FrozenInstanceError):
            setattr(Point(1), name, 2)
        with pytest.raises(FrozenInstanceError):
            delattr(Point(1), name)
    assert replace(Point(1), x=2) == Point(2)
