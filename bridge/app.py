"""The life of the hub, from the settings to the last goodbye."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import resource
import signal
from typing import TYPE_CHECKING, Final

from bridge.console import announce, announce_api
from bridge.control import ControlServer
from bridge.data_dir import DataDirectory
from bridge.hub import Hub
from bridge.matter import software_version
from bridge.memory import forget_doubles, give_back, map_large_blocks, share_one_arena
from bridge.planner.alerting import no_plan
from bridge.state import SqliteStorage
from bridge.status import handlers
from matter_node.clock import AsyncioClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager
    from typing import Any

    from bridge.poller import Source
    from bridge.settings import Settings

    Handlers = Mapping[str, Callable[[dict[str, Any]], Awaitable[object]]]

FIRST_LOOK: Final = 1.0
"""Seconds that a hub without modules waits for some before it answers, so that apps meet them at once."""
FAREWELL: Final = 1.5
"""Seconds that taking back limits and taking leave may take, each; the whole of stopping stays below 3 s."""

_log = logging.getLogger(__name__)


async def run(
    settings: Settings,
    *,
    surroundings: AbstractAsyncContextManager[Sequence[Source]] | None = None,
    requests: Handlers | None = None,
) -> None:
    """Run the hub until SIGTERM, SIGINT or a stop request.

    :param surroundings: something that runs as long as the hub and gives it its addresses, such as the
        simulated home; then the saved ones are not looked for
    :param requests: what the control socket answers to besides
    :raises DataDirectoryError, StateError: the data directory cannot be used
    """
    share_one_arena()
    map_large_blocks()
    forget_doubles()
    stop = asyncio.Event()
    _listen_for_signals(stop)
    _allow_many_connections()
    directory = DataDirectory(settings.data_dir)
    directory.create()
    directory.lock()
    try:
        storage = SqliteStorage(directory.state)
        try:
            async with contextlib.AsyncExitStack() as stack:
                sources = None
                if surroundings:
                    # It starts while the hub is put together.
                    sources = asyncio.create_task(stack.enter_async_context(surroundings))
                    stack.push_async_callback(asyncio.wait, [sources])
                    await asyncio.sleep(0)
                hub = Hub(settings, directory, storage, AsyncioClock())
                await stack.enter_async_context(_running(hub, sources, stop, requests or {}))
                await stop.wait()
                _log.info("stopping")
        finally:
            storage.close()
    finally:
        directory.unlock()


@contextlib.asynccontextmanager
async def _running(
    hub: Hub, sources: asyncio.Task[Sequence[Source]] | None, stop: asyncio.Event, requests: Handlers
) -> AsyncIterator[None]:
    hub.telemetry.start(software_version())
    hub.home.start()
    hub.home.energy_today.start(hub.telemetry)
    control = ControlServer(hub.directory.control_socket, {**handlers(hub, stop.set), **requests})
    try:
        fresh = not len(hub.registry)
        if fresh:
            hub.poller.start(hub.sources(await sources if sources else None))
            await hub.poller.first_look(FIRST_LOOK)
        await hub.matter.start()
        hub.discovery.start(hub.matter.network)
        await control.start()
        await announce(hub)
        if not fresh:
            hub.poller.start(hub.sources(await sources if sources else None))
        hub.notifier.start()
        if hub.home.firmware is not None:
            hub.home.firmware.start()
        hub.economy.start()
        if hub.planner is not None:
            hub.planning.start()
            hub.planner.start()
        else:
            no_plan(hub.home.alerts)
        hub.savings.start()
        await hub.serve_api()
        hub.be_found()
        announce_api(hub)
        give_back()
        yield
    finally:
        hub.home.stop()
        await control.stop()
        if hub.api is not None:
            await _in_time(hub.api.stop())
        await _in_time(hub.notifier.stop())
        await _in_time(hub.diagnostics.stop())
        if hub.home.firmware is not None:
            await _in_time(hub.home.firmware.stop())
        await _in_time(hub.discovery.stop())
        if hub.planner is not None:
            await _in_time(hub.planner.stop())
        await _in_time(hub.savings.stop())
        await _in_time(hub.economy.stop())
        await _in_time(hub.planning.stop())
        await asyncio.gather(_in_time(hub.arbiter.close()), _in_time(hub.matter.stop()))
        await _in_time(hub.home.energy_today.stop())
        await asyncio.gather(_in_time(hub.poller.stop()), _in_time(hub.telemetry.stop()))


async def _in_time(farewell: Awaitable[None]) -> None:
    try:
        async with asyncio.timeout(FAREWELL):
            await farewell
    except TimeoutError:
        _log.warning("stopping took too long and was cut short")
    except Exception:  # noqa: BLE001 - the other farewells follow
        _log.exception("stopping went wrong")


def _listen_for_signals(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()

    def received(number: signal.Signals) -> None:
        if stop.is_set():
            # What was acknowledged is safe: the state survives a killed process.
            os._exit(128 + number)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, received, number)


def _allow_many_connections() -> None:
    """Raise the soft limit of open files: a thousand modules are a thousand connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wished = 8192 if hard == resource.RLIM_INFINITY else min(hard, 8192)
    if soft < wished:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wished, hard))
