"""What a home that lives in virtual time remembers: what `telemetry.db` holds for a real one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import numpy as np

from bridge.events import ReadingTaken
from bridge.loads.needs import is_planned
from bridge.loads.run import power_w
from bridge.planner.past import Past
from optimizer.forecast.history import History

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.home import Home

STEP: Final = 900
"""Seconds over which is averaged, as the planning process reads it."""


class Memory:
    """Means of load and production over quarters of an hour, struck with each reading of the meter."""

    def __init__(self, home: Home) -> None:
        """Remember nothing yet."""
        self._home = home
        self._quarters: dict[int, list[float]] = {}
        self._unsubscribe: Callable[[], None] | None = None

    def start(self) -> None:
        """Follow the readings."""
        self._unsubscribe = self._home.bus.subscribe(ReadingTaken, self._read)

    def stop(self) -> None:
        """Follow no more."""
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None

    def past(self, now: int) -> Past:
        """Return what is remembered of the time before an instant; the running quarter is not in it.

        :param now: UTC, seconds since 1970
        """
        end = now // STEP
        start = min(self._quarters, default=end)
        rows = np.full((2, max(end - start, 0)), np.nan)
        for quarter, (count, load, production) in self._quarters.items():
            if quarter < end:
                rows[:, quarter - start] = load / count, production / count
        begin = datetime.fromtimestamp(start * STEP, UTC)
        return Past(History(begin, STEP, rows[0]), History(begin, STEP, rows[1]), {})

    def _read(self, event: ReadingTaken) -> None:
        if event.reading.module != self._home.grid.meter():
            return
        flows = self._home.flow_meter.balance()
        quarter = self._quarters.setdefault(int(event.reading.time.timestamp()) // STEP, [0, 0.0, 0.0])
        quarter[0] += 1
        # What the plan has run when it wants is no part of the load that is foreseen.
        planned = sum(
            power_w(module.reading, module.record.wish.power_w)
            for module in self._home.registry
            if is_planned(module, self._home)
        )
        quarter[1] += max(flows.load_w - planned, 0)
        quarter[2] += max(-flows.solar_w, 0)
