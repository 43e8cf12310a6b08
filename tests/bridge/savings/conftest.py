from datetime import UTC, datetime

import pytest

from bridge.telemetry.frames import FrameMaker
from bridge.telemetry.store import Store
from hw.module import Capabilities
from hw.reading import BatteryReading, Reading


@pytest.fixture
def recording(tmp_path):
    """Open a telemetry file; what it returns writes down what a module read once a minute."""
    stores = []

    def open_(zone):
        store = Store(tmp_path / "telemetry.db", zone)
        stores.append(store)
        makers = {}

        def record(module, start, end, power_w, soc_percent=None):
            maker = makers.setdefault(module, FrameMaker())
            rows = []
            for number, time in enumerate(range(start, end, 60)):
                share = number * 60 / (end - start)
                battery = None
                if soc_percent is not None:
                    first, last = soc_percent
                    battery = BatteryReading(soc_percent=first + (last - first) * share)
                taken = datetime.fromtimestamp(time, UTC)
                rows.append(
                    maker.frame(
                        Reading(module=module, time=taken, power_w=power_w, battery=battery), Capabilities()
                    )
                )
            store.commit(rows)

        record.path = tmp_path / "telemetry.db"
        return record

    yield open_
    for store in stores:
        store.close()
