"""What people are told of an island: which loads are off, and that all is as ever again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.faults import Severity
from bridge.island.keeper import LoadShed
from bridge.island.mode import HomeMode, ModeChanged

if TYPE_CHECKING:
    from bridge.home import Home
    from matter_node.clock import Timer

BACK_S: Final = 3600.0
"""Seconds for which people are told that the grid is back."""
_LOADS: Final = "island/loads"
_BACK: Final = "island/back"


class IslandNotices:
    """Keeps the alerts of an island true."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._timer: Timer | None = None
        self._lost_at: float | None = None

    def start(self) -> None:
        """Follow the home, which has taken up what a former run has left."""
        bus = self._home.bus
        bus.subscribe(LoadShed, lambda _: self._loads_changed())
        bus.subscribe(ModeChanged, self._mode_changed)
        self._lost_at = self._home.island.lost_at
        self._home.alerts.settle(_BACK)
        self._loads_changed()

    def stop(self) -> None:
        """Follow it no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _loads_changed(self) -> None:
        off = self._home.island.off()
        if not off:
            self._home.alerts.settle(_LOADS)
            return
        title = f"{off[0].name} is off" if len(off) == 1 else f"{len(off)} loads are off"
        reasons: dict[str, list[str]] = {}
        for each in off:
            reasons.setdefault(each.because, []).append(each.name)
        said = "; ".join(f"{', '.join(names)}: {because}" for because, names in reasons.items())
        text = f"Without the grid. {said}. They come back by themselves, the most important first."
        self._home.alerts.tell(_LOADS, Severity.WARNING, title, text, "LOADS_SHED")

    def _mode_changed(self, event: ModeChanged) -> None:
        if event.mode is HomeMode.ISLAND:
            self._lost_at = self._home.island.lost_at
            self._home.alerts.settle(_BACK)
        if event.before.apart and not event.mode.apart:
            self._loads_changed()
            said = self._gone_for(event)
            self._home.alerts.tell(_BACK, Severity.INFO, "The grid is back", said, "GRID_RESTORED")
            self.stop()
            self._timer = self._home.clock.call_later(BACK_S, lambda: self._home.alerts.settle(_BACK))

    def _gone_for(self, event: ModeChanged) -> str:
        if self._lost_at is None:
            return "Every load has power again."
        minutes = max(0.0, event.time.timestamp() - self._lost_at) / 60
        long = f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.1f} h"
        return f"After {long} the home lives from the grid again, and every load has power."
