"""What the home took and produced until now, from `telemetry.db`. For the planning process: it may block."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from bridge.telemetry.database import StoreError
from bridge.telemetry.history import History as Rows
from bridge.telemetry.reader import Reader
from bridge.telemetry.resolution import Resolution
from optimizer.forecast.history import History

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bridge.planner.question import Recorded
    from optimizer.formulation.program import Floats

DAYS: Final = 35
STEP: Final = 900


class RoomPast(NamedTuple):
    """What was recorded of a thermostat in quarters of an hour; gaps are NaN.

    :ivar start: of the first, UTC in seconds since 1970
    :ivar power_w: what it took, by its meter, or by what it is rated for while it ran
    :ivar outdoor_c: what it says of the air outside
    """

    start: int
    temperature_c: Floats
    power_w: Floats
    outdoor_c: Floats


class Past(NamedTuple):
    """Load and production in quarters of an hour, as magnitudes; gaps are NaN.

    :ivar load: what nobody plans: without what the loads took that the plan commands
    :ivar loads: what each of those took
    """

    load: History
    production: History
    loads: dict[str, Floats]
    rooms: Mapping[str, RoomPast] = MappingProxyType({})

    @property
    def days(self) -> float:
        """How much of the load is known."""
        return float(np.count_nonzero(~np.isnan(self.load.power_w))) * STEP / 86_400


def past(recorded: Recorded | None, now: int, days: int = DAYS) -> Past:
    """Return what was recorded of the last days; what cannot be read is a gap."""
    end = now // STEP * STEP
    start = end - days * 86_400
    count = (end - start) // STEP
    grid = solar = storage = absent = np.full(count, np.nan)
    loads: dict[str, Floats] = {}
    rooms: dict[str, RoomPast] = {}
    if recorded is not None:
        try:
            with Reader(Path(recorded.path)) as reader:
                grid, solar, storage, absent = (
                    _sum(reader, modules, start, end)
                    for modules in (recorded.grid, recorded.solar, recorded.storage, recorded.left_out)
                )
                loads = {
                    module: _sum(reader, (module,), start, end)
                    if rated_w is None
                    else rated_w * _sum(reader, (module,), start, end, "connected")
                    for module, rated_w in recorded.loads
                }
                rooms = {
                    module: _room(reader, module, rated_w, start, end) for module, rated_w in recorded.rooms
                }
        except StoreError:
            # The plan is then made from what is measured now; the hub's own log tells of a damaged file.
            grid = solar = storage = absent = np.full(count, np.nan)
            loads, rooms = {}, {}
    # Panels and batteries that say nothing sleep; a meter that says nothing leaves a gap.
    planned = [*loads.values(), *(room.power_w for room in rooms.values())]
    others = sum((np.nan_to_num(power) for power in planned), np.zeros(count))
    load = np.maximum(grid - np.nan_to_num(solar) - np.nan_to_num(storage) - others, 0.0)
    known = ~np.isnan(grid) | ~np.isnan(solar)
    expected = np.nan_to_num(solar) - np.nan_to_num(absent)
    production = np.where(known, np.maximum(-expected, 0.0), np.nan)
    begin = datetime.fromtimestamp(start, UTC)
    return Past(History(begin, STEP, load), History(begin, STEP, production), loads, rooms)


def _room(reader: Reader, module: str, rated_w: float | None, start: int, end: int) -> RoomPast:
    def row(metric: str) -> Floats:
        return _sum(reader, (module,), start, end, metric)

    power = row("power_w") if rated_w is None else rated_w * row("running")
    return RoomPast(start, row("temperature_c"), np.maximum(power, 0.0), row("outdoor_c"))


def _sum(reader: Reader, modules: Iterable[str], start: int, end: int, metric: str = "power_w") -> Floats:
    """Return the summed power of modules in each quarter, NaN where none of them says anything."""
    table: list[Floats] = []
    for module in modules:
        metrics = [each for each in reader.metrics(module) if each.name == metric]
        power = np.full((end - start) // STEP, np.nan)
        if metrics:
            for rows in Rows(reader, module, metrics, start, end, Resolution("15m")).chunks():
                for row in rows:
                    (point,) = row.points
                    if point is not None and start <= row.start < end:
                        power[(row.start - start) // STEP] = point.mean
        table.append(power)
    if not table:
        return np.full((end - start) // STEP, np.nan)
    stacked = np.stack(table)
    total: Floats = np.where(np.isnan(stacked).all(axis=0), np.nan, np.nansum(stacked, axis=0))
    return total
