"""Recorded homes: a file in $ORES_TEST_DATA, or in a `shared/data` beside the checkout."""

from __future__ import annotations

import csv
import os
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest

from optimizer.forecast.clear_sky import Site

SITE = Site(34.1, -117.4)
"""The recorded homes stand in southern California."""
ZONE = timezone(timedelta(hours=-8))
START = datetime(2016, 7, 31, 23, tzinfo=ZONE)
"""The first row is the hour before August: the rows count hours that end."""
HOMES = (1, 2, 5)


def recorded(name):
    beside = Path(__file__).resolve().parents[3] / "shared" / "data"
    path = Path(os.environ.get("ORES_TEST_DATA", beside)) / name
    if not path.exists():
        pytest.skip(f"no {name}: set ORES_TEST_DATA to a directory that has it")
    return path


def column(name, title):
    with recorded(f"home/{name}").open() as file:
        return np.array([float(row[title] or "nan") for row in csv.DictReader(file)])


def load_w(home):
    return column(f"citylearn2022_Building_{home}.csv", "non_shiftable_load") * 1000


def sun_w(home, peak_kw=4.0):
    return column(f"citylearn2022_Building_{home}.csv", "solar_generation") * peak_kw


def prices():
    return column("citylearn_dynamic_pricing.csv", "electricity_pricing")
