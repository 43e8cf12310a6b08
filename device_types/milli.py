"""Units at the edge: watts, volts, amperes and watt-hours become Matter's integers of thousandths."""

from __future__ import annotations

import math

_LIMIT = 2**62
"""The largest magnitude of a measurement (Matter Application Clusters 2.13.6)."""


def milli(value: float | None) -> int | None:
    """Return thousandths, within what Matter can say; None for None and for what is no number."""
    if value is None or math.isnan(value):
        return None
    return round(min(max(value * 1000, -_LIMIT), _LIMIT))


def milli_unsigned(value: float | None, limit: int = 0xFFFF_FFFE) -> int | None:
    """Return thousandths of a value that has no sign; None for None, for what is no number, and below 0."""
    thousandths = milli(value)
    return None if thousandths is None or thousandths < 0 else min(thousandths, limit)
