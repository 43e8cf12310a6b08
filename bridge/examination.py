"""Look closely at one module: does it answer, how fast, is what it says plausible."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hw.module import ModuleError, ModuleUnreachable

if TYPE_CHECKING:
    from bridge.record import ModuleRecord
    from bridge.registry import RegisteredModule
    from hw.reading import Reading
    from matter_node.clock import Clock

READS: Final = 5
PAUSE: Final = 0.1
"""Seconds between two of them: some devices drop requests that follow too fast."""
PLAUSIBLE_V: Final = (85.0, 500.0)
"""Line to neutral, of anything that is plugged in anywhere."""
_HEADROOM: Final = 1.2


@dataclass(frozen=True, slots=True)
class Examination:
    """What came of it.

    :ivar reads: how often it was read
    :ivar failures: how many of those failed
    :ivar slowest_ms: the slowest that succeeded; None if none did
    :ivar mean_ms: of those that succeeded
    :ivar findings: what is wrong, for a person; empty if nothing is
    """

    module: str
    reads: int
    failures: int
    slowest_ms: float | None
    mean_ms: float | None
    findings: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings


async def examine(module: RegisteredModule, clock: Clock) -> Examination:
    """Read a module some times, and judge the answers. It takes a second or two; nothing is written."""
    times: list[float] = []
    findings: list[str] = []
    reading: Reading | None = None
    for attempt in range(READS):
        if attempt:
            await asyncio.sleep(PAUSE)
        began = clock.monotonic()
        try:
            reading = await _read(module)
        except (ModuleError, OSError) as error:
            findings.append(f"read {attempt + 1} failed: {error}")
        else:
            times.append((clock.monotonic() - began) * 1000)
    if reading is not None:
        findings += [f"fault {fault.code} ({fault.source})" for fault in reading.faults]
        findings += implausible(reading, module.record)
    return Examination(
        module=module.key,
        reads=READS,
        failures=READS - len(times),
        slowest_ms=max(times, default=None),
        mean_ms=sum(times) / len(times) if times else None,
        findings=tuple(findings),
    )


async def _read(module: RegisteredModule) -> Reading:
    async with module.lock:
        if module.device is None:
            raise ModuleUnreachable(module.unreachable_because)
        return await module.device.read()


def implausible(reading: Reading, record: ModuleRecord) -> list[str]:
    """Return what of a reading cannot be, for a person. No voltage at all is an outage, and can be."""
    found = []
    power, rating = reading.power_w, record.nameplate.power_w
    if power is not None and (not math.isfinite(power) or (rating and abs(power) > rating * _HEADROOM)):
        found.append(f"a power of {power:g} W, rated for {rating or 0:g} W")
    low, high = PLAUSIBLE_V
    volts = reading.voltage_v
    if volts is not None and abs(volts) >= 1 and not low <= volts <= high:
        found.append(f"a voltage of {volts:g} V")
    soc = reading.battery.soc_percent if reading.battery else None
    if soc is not None and not 0 <= soc <= 100:
        found.append(f"a state of charge of {soc:g} %")
    return found
