"""A value that is measured again and again, smoothed."""

from __future__ import annotations

import math


class Smoothed:
    """The mean of what was measured lately; at first, of all that was.

    :ivar value: the mean; None before anything was measured
    """

    def __init__(self, seconds: float) -> None:
        """Smooth over some seconds."""
        self._seconds = seconds
        self._count = 0
        self._at = 0.0
        self.value: float | None = None

    def add(self, value: float, now: float) -> None:
        """Take in what was measured at a time."""
        self._count += 1
        weight = 1 - math.exp(-max(0.0, now - self._at) / self._seconds) if self._count > 1 else 1.0
        weight = max(weight, 1 / self._count)
        before = value if self.value is None else self.value
        self.value = before + (value - before) * weight
        self._at = now
