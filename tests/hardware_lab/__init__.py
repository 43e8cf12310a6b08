"""Devices that live in a process of their own: what they do is waited for, however slow the machine is."""

import asyncio
import time


async def reading_when(module, condition, seconds=20.0):
    """The first reading that meets the condition; the last one when none does in time."""
    deadline = time.monotonic() + seconds
    while not condition(reading := await module.read()) and time.monotonic() < deadline:  # noqa: ASYNC110 - it lives elsewhere
        await asyncio.sleep(0.05)
    return reading
