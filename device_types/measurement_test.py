"""The test event triggers of the electrical measurements (Matter test plan of EPM and EEM)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.electrical_power_measurement import PowerValues
from matter_node.status import Status, StatusError

if TYPE_CHECKING:
    from clusters.electrical_energy_measurement import ElectricalEnergyMeasurementServer
    from clusters.electrical_power_measurement import ElectricalPowerMeasurementServer
    from matter_node.clock import Clock, Timer

_STOP, _LOAD, _GENERATOR = 0, 1, 2
_TESTS = {_LOAD: (1_000_000, 2.0), _GENERATOR: (-3_000_000, 5.0)}
"""Power in mW and seconds between readings, by trigger."""
_VOLTAGE = 230_000
_SWING = ((12_000, 600, 60), (-7_000, -400, -35), (3_000, 250, 20), (-15_000, -800, -80))
"""How far readings are from the nominal power, voltage and current, in turn: each differs from the last."""


class MeasurementTest:
    """Shows the readings of a pretended load or generator for as long as a test wants them."""

    __slots__ = ("_energy", "_power", "_step", "_timer")

    def __init__(
        self, power: ElectricalPowerMeasurementServer, energy: ElectricalEnergyMeasurementServer
    ) -> None:
        self._power = power
        self._energy = energy
        self._timer: Timer | None = None
        self._step = 0

    def trigger(self, code: int) -> None:
        """Start or stop; StatusError(INVALID_COMMAND) for a code that there is none of."""
        if code == _STOP:
            self._stop()
            self._power.override(None)
            self._energy.end_override()
        elif code in _TESTS:
            self._stop()
            nominal, seconds = _TESTS[code]
            self._show(nominal)
            self._energy.override()
            self._timer = self._clock.call_later(seconds, lambda: self._tick(nominal, seconds))
        else:
            raise StatusError(Status.INVALID_COMMAND, f"no measurement test {code:#x}")

    def _tick(self, nominal: int, seconds: float) -> None:
        if self._power.endpoint is None or self._power.endpoint.tree is None:
            return
        power = self._show(nominal)
        energy = round(abs(power) * seconds / 3600)
        if power > 0:
            self._energy.override(imported=energy)
        else:
            self._energy.override(exported=energy)
        self._timer = self._clock.call_later(seconds, lambda: self._tick(nominal, seconds))

    def _show(self, nominal: int) -> int:
        """Show the next reading, and return its power in mW."""
        power_swing, voltage_swing, current_swing = _SWING[self._step % len(_SWING)]
        self._step += 1
        power, voltage = nominal + power_swing, _VOLTAGE + voltage_swing
        current = round(nominal / _VOLTAGE * 1000) + current_swing
        self._power.override(
            PowerValues(
                active_power=power,
                voltage=voltage,
                active_current=current,
                frequency=50_000,
                reactive_power=0,
                apparent_power=power,
                rms_voltage=voltage,
                rms_current=abs(current),
                power_factor=10_000 if power > 0 else -10_000,
            )
        )
        return power

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    @property
    def _clock(self) -> Clock:
        endpoint = self._power.endpoint
        if endpoint is None or endpoint.tree is None:
            raise StatusError(Status.INVALID_COMMAND, "the endpoint is gone")
        return endpoint.tree.clock
