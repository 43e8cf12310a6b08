"""How often modules are read, so that a thousand of them do not take the whole processor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST_INTERVAL: Final = 8.0
"""Seconds. With a longer one, a module that stopped would not be noticed within 15 s."""
_DAMPING: Final = 0.5


class Pace:
    """The interval between two readings of a module: the wished one, longer while the processor is short."""

    __slots__ = ("_budget", "_last", "_processor", "_wished", "interval")

    def __init__(self, wished: float, budget: float, processor: Callable[[], float]) -> None:
        """Keep the process below `budget` of a core; `processor` returns the CPU seconds used."""
        self.interval = wished
        """Seconds."""
        self._wished = wished
        self._budget = budget
        self._processor = processor
        self._last: tuple[float, float] | None = None

    def use(self, wished: float, budget: float) -> None:
        """Keep to another interval and another share of a core from now on."""
        self._wished, self._budget = wished, budget
        self.interval = wished

    def measure(self, now: float) -> None:
        """Adapt the interval to the processor time used since the last call; call it every few seconds."""
        used = self._processor()
        last, self._last = self._last, (now, used)
        if last is None or now <= last[0]:
            return
        share = (used - last[1]) / (now - last[0])
        # Work is inversely proportional to the interval; half a step at a time keeps it from swinging.
        ideal = self.interval * share / self._budget
        self.interval += (ideal - self.interval) * _DAMPING
        self.interval = min(max(self.interval, self._wished), max(LONGEST_INTERVAL, self._wished))
