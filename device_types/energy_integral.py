"""Energy worked out from power, for terminals without a meter."""

from __future__ import annotations

LONGEST_GAP_S = 60.0
"""What happened between two readings farther apart is not guessed."""


class EnergyIntegral:
    """Adds power over time, import and export apart, by the trapezoidal rule.

    :ivar imported_wh: energy into the device since the start
    :ivar exported_wh: energy out of it, as a magnitude
    """

    __slots__ = ("_power_w", "_time", "exported_wh", "imported_wh")

    def __init__(self) -> None:
        self.imported_wh = 0.0
        self.exported_wh = 0.0
        self._power_w: float | None = None
        self._time = 0.0

    def add(self, power_w: float | None, time: float) -> None:
        """Take a reading.

        :param power_w: positive into the device; None if it is not known
        :param time: seconds of a clock that never jumps
        """
        if power_w is not None and self._power_w is not None and 0 < time - self._time <= LONGEST_GAP_S:
            energy = (power_w + self._power_w) / 2 * (time - self._time) / 3600
            if energy > 0:
                self.imported_wh += energy
            else:
                self.exported_wh -= energy
        self._power_w, self._time = power_w, time
