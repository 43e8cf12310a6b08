"""Waiting for what sockets and the kernel bring about, in their own time."""

import asyncio


async def until(condition, seconds=20):
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - nothing says when
            await asyncio.sleep(0.01)
