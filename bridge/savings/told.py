"""What was saved, for programs: to `ores-bridge savings` and the HTTP API."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bridge.savings.day import Reckoned
    from bridge.savings.savings import SavingsNow


def figures(reckoned: Reckoned | None) -> dict[str, Any] | None:
    """Return what some time came to, in plain values; amounts are None when there were no prices."""
    if reckoned is None:
        return None
    values = asdict(reckoned)
    values["currency"] = reckoned.currency or None
    for name in values:
        if name.startswith(("bill", "saved")) and not reckoned.currency:
            values[name] = None
    return values | {
        "coverage": reckoned.coverage,
        "self_consumption": reckoned.self_consumption,
        "self_sufficiency": reckoned.self_sufficiency,
    }


def savings_status(now: SavingsNow) -> dict[str, Any]:
    """Return today, month and year."""
    return {
        "reckoned": now.reckoned,
        "today": figures(now.today),
        "month": figures(now.month),
        "year": figures(now.year),
    }
