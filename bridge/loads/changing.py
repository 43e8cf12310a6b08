"""Changing what is wanted of a load: one way for the HTTP API and the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bridge.loads.times import next_time
from bridge.loads.wish import LoadKind, LoadWish, WishError, check

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import tzinfo

    from bridge.record import ModuleRecord

_USUAL: Final = LoadWish().values()
_OWN: Final = frozenset(_USUAL) - {"once_from", "once_by"}
FURTHEST: Final = 7 * 86_400.0
"""Seconds ahead that something may be wanted once, at most."""


def changed(record: ModuleRecord, changes: Mapping[str, Any], now: float, zone: tzinfo) -> LoadWish:
    """Return a module's wish with changes; None gives a member its usual value back.

    :param changes: members of `LoadWish`; `once_by` is an instant (UTC, seconds since 1970) or a time of day
    :param now: UTC, seconds since 1970
    :raises WishError: it would be absurd, or the module cannot do it; nothing was changed
    """
    unknown = sorted(set(changes) - _OWN - {"once_by"})
    if unknown:
        raise WishError(
            unknown[0], f"is nothing that is wanted of a load; there are {', '.join(sorted(_OWN))}"
        )
    values = record.wish.values() | {
        name: _USUAL[name] if value is None else value for name, value in changes.items() if name in _OWN
    }
    wish = LoadWish.of(values)
    if "once_by" in changes:
        wish = _once(wish, changes["once_by"], now, zone)
    check(wish, record)
    return wish


def _once(wish: LoadWish, by: float | str | None, now: float, zone: tzinfo) -> LoadWish:
    if by is None:
        return wish.not_once()
    if wish.kind is LoadKind.FIXED:
        raise WishError("kind", "say first what kind of load it is: interruptible or machine")
    if wish.kind is LoadKind.COMFORT:
        raise WishError("kind", "what keeps a temperature is never done: say its bands")
    if not wish.planned:
        raise WishError("planned", "the plan must not command it")
    if isinstance(by, str):
        try:
            by = next_time(by, now, zone)
        except ValueError as error:
            raise WishError("once_by", str(error)) from None
    if not now < by <= now + FURTHEST:
        raise WishError("once_by", "is within the next seven days")
    return wish.once(now, by)
