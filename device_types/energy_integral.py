"""Energy worked out from power, for terminals without a meter."""

from __future__ import annotations

from typing import Final, NamedTuple

from clusters.measurement_accuracy import Accuracy

LONGEST_GAP_S: Final = 60.0
"""What happened between two readings farther apart is not guessed."""
_SAMPLING_PERCENT: Final = 5.0
"""How far a sum of readings a second apart may be from the energy of a power that changes between them."""


class Counted(NamedTuple):
    """Energy between two readings, both directions as magnitudes.

    :ivar imported_wh: into the device
    :ivar exported_wh: out of it
    """

    imported_wh: float
    exported_wh: float


_NOTHING: Final = Counted(0.0, 0.0)


class EnergyIntegral:
    """Adds power over time, import and export apart, with a straight line between two readings."""

    __slots__ = ("_power_w", "_time")

    def __init__(self) -> None:
        self._power_w: float | None = None
        self._time = 0.0

    def add(self, power_w: float | None, time: float) -> Counted:
        """Take a reading, and return what flowed since the last one.

        :param power_w: positive into the device; None if it is not known
        :param time: seconds of a clock that never jumps
        """
        last_w, seconds = self._power_w, time - self._time
        self._power_w, self._time = power_w, time
        if power_w is None or last_w is None or not 0 < seconds <= LONGEST_GAP_S:
            return _NOTHING
        high, low, hours = max(power_w, last_w), min(power_w, last_w), seconds / 3600
        if high <= 0:
            return Counted(0.0, -(high + low) / 2 * hours)
        if low >= 0:
            return Counted((high + low) / 2 * hours, 0.0)
        # It turned round between them: each direction is a triangle, and this is the share of time of one.
        share = high / (high - low)
        return Counted(high / 2 * hours * share, -low / 2 * hours * (1 - share))


def worked_out(power: Accuracy, rating_mw: float) -> Accuracy:
    """Return how well an energy is known that was worked out from a power.

    A fixed error of the power weighs the more the less power there is: it is taken at a quarter of the
    rating. Gaps of more than `LONGEST_GAP_S` are no error of what is told, but missing from it.

    :param power: of the power
    """
    share = 100 * power.fixed / max(rating_mw / 4, 1.0)
    return Accuracy(min(power.percent + share + _SAMPLING_PERCENT, 100.0), measured=False)
