"""What a relay is told: what the plan wants, but not sooner than the load may be switched again."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LeastTimes:
    """How long a load stays on, or off, at least; seconds."""

    on_s: float = 0.0
    off_s: float = 0.0


def settled(
    wanted: bool,  # noqa: FBT001 - on or off is what it is about
    on: bool | None,  # noqa: FBT001 - the same
    switched: float | None,
    now: float,
    least: LeastTimes,
) -> bool:
    """Return whether a load is to be on.

    :param on: whether it is; None if nobody knows
    :param switched: since when, None if nobody has seen that: then it has been long enough
    """
    if on is None or wanted is on or switched is None:
        return wanted
    long_enough = now - switched >= (least.on_s if on else least.off_s)
    return wanted if long_enough else on
