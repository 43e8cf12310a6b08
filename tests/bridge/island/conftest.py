import socket

import pytest
from island_lab.living import LivingHome

from hw.simulator.process import SimulatedHome


@pytest.fixture
async def live():
    """Start a simulated home without a grid to lose yet, and what a hub knows of it; end both."""
    running = []

    async def start(modules=4, *, car=False, known=True, **options):
        made = {name: options.pop(name) for name in ("settings", "storage") if name in options}
        simulated = SimulatedHome(modules, **options)
        await simulated.start()
        running.append(simulated.stop)
        if options.get("evse"):
            needs = 30_000 if car else None
            await simulated.car(simulated.device("evse").serial, plugged=car, needs_wh=needs)
        living = LivingHome(simulated, **made)
        running.append(living.stop)
        await living.start(known=known)
        return living

    yield start
    for stop in reversed(running):
        await stop()


@pytest.fixture
def unused_udp_port():
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
        probe.bind(("::1", 0))
        return probe.getsockname()[1]
