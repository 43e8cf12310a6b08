"""What modules measured while nobody heard them: into the store, beside what was heard at its time."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from bridge.telemetry.database import StoreError
from bridge.telemetry.metrics import CHARGE_STATE, PLUG, STATE, measurements

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.telemetry.telemetry import Telemetry
    from hw.reading import Reading

_log = logging.getLogger(__name__)


class LateReadings:
    """Keeps late readings. What cannot be stored is lost, as it is of readings that come in time."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry

    async def keep(self, module: str, readings: Iterable[Reading]) -> None:
        """Store readings of a module; they are stored when this returns."""
        try:
            await self._telemetry.ingest(module, {"samples": [logged(each) for each in readings]})
        except (StoreError, ValueError) as error:
            _log.warning("%s: what it measured while it was away is not kept: %s", module, error)


def logged(reading: Reading) -> dict[str, Any]:
    """Return a reading as a module's own log has it (`bridge.telemetry.ingest`)."""
    values: dict[str, Any] = {spec.name: value for spec, value in measurements(reading)}
    values[STATE.name] = reading.state.value
    if reading.battery is not None:
        values[CHARGE_STATE.name] = reading.battery.charge_state.value
    if reading.evse is not None:
        values[PLUG.name] = reading.evse.plug.value
    return {"time": reading.time.isoformat(), **values}
