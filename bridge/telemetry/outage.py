"""Whether something can be stored, said when that changes and not again and again."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bridge.telemetry.database import StoreError

_log = logging.getLogger(__name__)


class Outage:
    """Remembers since when, and why, something cannot be stored."""

    def __init__(self, what: str, meanwhile: str) -> None:
        """Name what is stored, and what happens to it while that is impossible."""
        self.what = what
        self.reason = ""
        """Why it cannot be stored now, with a remedy; empty when it can."""
        self._meanwhile = meanwhile
        self._since = 0.0

    def begun(self, error: StoreError) -> bool:
        """Note that it cannot be stored; return whether that is new."""
        new = not self.reason
        self.reason = str(error)
        if new:
            self._since = time.monotonic()
            _log.warning("%s; until then %s", error, self._meanwhile)
        return new

    def ended(self, lost: int = 0) -> float | None:
        """Note that it can be stored; return after how many seconds, None when it could before."""
        if not self.reason:
            return None
        self.reason = ""
        seconds = time.monotonic() - self._since
        _log.info("%s are stored again after %.0f s; %d did not fit in memory", self.what, seconds, lost)
        return seconds
