"""A managed device with everything there is, on a node whose time the tests turn."""

import pytest
from energy_lab import Device, Manager, charging, managed, place

HOUR = 3600


@pytest.fixture
def now(turned_clock):
    return int(turned_clock.utc())


@pytest.fixture
def device():
    return Device()


@pytest.fixture
def management(tree, device):
    server = managed(device)
    place(tree, server)
    return server


@pytest.fixture
def manager(management, context):
    return Manager(management, context)


@pytest.fixture
def planned(management, now):
    """A plan for in an hour; it could begin half an hour earlier, or be over two hours later."""
    forecast = charging(now + HOUR, earliest_start=now + HOUR // 2, latest_end=now + HOUR + 5400 + 2 * HOUR)
    management.set_forecast(forecast)
    return forecast


@pytest.fixture
def running(management, now):
    """A plan that has begun now."""
    forecast = charging(now, latest_end=now + 5400 + 2 * HOUR)
    management.set_forecast(forecast)
    return forecast
