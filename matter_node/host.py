"""What the operating system says of itself and of this process (Linux: proc(5), sysfs(5))."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

_KIB = 1024


@dataclass(frozen=True, slots=True)
class Memory:
    """Memory of this process and of the machine, in bytes.

    :ivar used: resident set of this process
    :ivar high_water: the most that it was since the start or the last `reset_memory_high_water`
    :ivar free: what the machine can still give without swapping
    """

    used: int
    high_water: int
    free: int


@dataclass(frozen=True, slots=True)
class Thread:
    """A thread of this process: the kernel's id for it and its name."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class Link:
    """State and counters of a network interface; None is what the kernel does not know of it.

    :ivar speed_mbps: negotiated rate in megabits per second
    """

    speed_mbps: int | None
    full_duplex: bool | None
    carrier: bool | None
    packets_received: int = 0
    packets_sent: int = 0
    send_errors: int = 0
    collisions: int = 0
    overruns: int = 0


def system_uptime() -> float:
    """Return seconds since the operating system started."""
    return float(Path("/proc/uptime").read_text(encoding="ascii").split()[0])


def memory() -> Memory:
    """Return what this process uses and the machine has."""
    status = _table(Path("/proc/self/status"))
    machine = _table(Path("/proc/meminfo"))
    return Memory(
        used=status.get("VmRSS", 0) * _KIB,
        high_water=status.get("VmHWM", 0) * _KIB,
        free=machine.get("MemAvailable", 0) * _KIB,
    )


def reset_memory_high_water() -> None:
    """Let `Memory.high_water` start anew from the present use (proc(5), clear_refs)."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def threads() -> list[Thread]:
    """Return the threads of this process."""
    found = []
    for task in sorted(Path("/proc/self/task").iterdir(), key=lambda path: int(path.name)):
        try:
            name = (task / "comm").read_text(encoding="utf-8", errors="replace").strip()
        except OSError:
            continue  # it ended between the listing and the look
        found.append(Thread(int(task.name), name))
    return found


def link(interface: str) -> Link:
    """Return state and counters of a network interface; an unknown one has neither."""
    folder = Path("/sys/class/net") / interface
    speed = _number(folder / "speed")
    duplex = _text(folder / "duplex")
    carrier = _number(folder / "carrier")
    # The counters come from /proc/net/dev: it shows this network namespace, as /sys may not.
    counters: list[int] = []
    for line in (_text(Path("/proc/self/net/dev")) or "").splitlines():
        name, found, rest = line.partition(":")
        if found and name.strip() == interface:
            counters = [int(word) for word in rest.split()]
    if len(counters) < 16:
        counters = [0] * 16
    return Link(
        speed_mbps=speed if speed is not None and speed > 0 else None,
        full_duplex=None if duplex in {None, "unknown"} else duplex == "full",
        carrier=None if carrier is None else carrier == 1,
        packets_received=counters[1],
        packets_sent=counters[9],
        send_errors=counters[10],
        collisions=counters[13],
        overruns=counters[4],
    )


def _table(path: Path) -> dict[str, int]:
    table = {}
    for line in (_text(path) or "").splitlines():
        name, _, rest = line.partition(":")
        words = rest.split()
        if words and words[0].isdigit():
            table[name] = int(words[0])
    return table


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return None


def _number(path: Path) -> int | None:
    text = _text(path)
    return int(text) if text is not None and text.lstrip("-").isdigit() else None
