from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from bridge.choices import Policy
from bridge.simulation.comparison import Case
from bridge.simulation.profile import made_up
from optimizer.battery import Battery
from optimizer.forecast.clear_sky import Site

BERLIN = ZoneInfo("Europe/Berlin")
MUNICH = Site(48.1, 11.6)
LEAD_DAYS = 7


@pytest.fixture(scope="session")
def winter():
    """A week of a made-up home in January that is past, and four days to come."""
    return made_up(
        datetime(2025, 1, 10, tzinfo=BERLIN), LEAD_DAYS + 4, MUNICH, solar_kwp=5, kwh_per_year=5000, seed=7
    )


@pytest.fixture
def make_case(winter):
    """Make a case of the made-up home: cheap at night, dear by day."""

    def make(profile=winter, *, policy=Policy.SAVINGS, lead=LEAD_DAYS * 96, **options):
        hour = (np.arange(len(profile) + 200) * profile.step_s // 3600) % 24
        drawing = options.pop("import_price", np.where(hour < 6, 0.15, 0.40))
        feeding = options.pop("export_price", np.full(len(drawing), 0.08))
        trades = policy in {Policy.SAVINGS, Policy.BACKUP}
        battery = Battery(
            "battery",
            10_000,
            1000,
            5000,
            5000,
            minimum_wh=1000,
            wear=0.02,
            grid_charging=trades,
            feed_in=False,
        )
        published = options.pop("published", False)
        return Case(profile, lead, MUNICH, battery, policy, drawing, feeding, published, 12.0, 5000.0)

    return make
