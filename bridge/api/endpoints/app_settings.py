"""/app/settings: what each person wants to see, and when to be told."""

from __future__ import annotations

import dataclasses
from datetime import time
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, StringConstraints

from bridge.access.role import Role
from bridge.api.models import Model
from bridge.api.operation import operation
from bridge.api.problems import FORBIDDEN, INVALID, Flaw, Problem
from bridge.faults import Severity
from bridge.preferences import Tariff, Units

if TYPE_CHECKING:
    from bridge.access.accounts import User
    from bridge.api.context import Context
    from bridge.preferences import Preferences

PATH = "/app/settings"

Language = Annotated[str, StringConstraints(max_length=35, pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]
"""BCP 47, such as `de` or `pt-BR`."""
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
"""ISO 4217, such as `EUR`."""
TimeOfDay = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
"""Local time of the home, such as `22:00`."""
SeverityWord = Literal["info", "warning", "critical"]


class NotificationSettings(Model):
    """When one is told of alerts on one's channels; see `/app/notify`."""

    enabled: bool
    least: SeverityWord
    """Only of what matters as much."""
    over_least: SeverityWord | None
    """Also when an alert is over that one was told of and that matters as much; null: never."""
    quiet_from: TimeOfDay | None
    """Null: there are no quiet hours. They may go over midnight."""
    quiet_until: TimeOfDay | None
    critical_in_quiet: bool
    """Whether what is critical is told all the same; the rest waits until they are over."""


class AppSettings(Model):
    """What one person chose."""

    user: str
    units: Units
    """In what temperatures and lengths are shown; power and energy are in watts and watt-hours for all."""
    language: Language
    currency: Currency
    tariffs_shown: list[Tariff]
    notifications: NotificationSettings


class NotificationChanges(Model):
    """What of the notifications is to be another; what is left out stays."""

    enabled: bool | None = None
    least: SeverityWord | None = None
    over_least: SeverityWord | None = None
    """Null: never."""
    quiet_from: TimeOfDay | None = None
    """Null, with `quiet_until`: no quiet hours."""
    quiet_until: TimeOfDay | None = None
    critical_in_quiet: bool | None = None


class SettingsChanges(Model):
    """What is to be another; what is left out stays."""

    units: Units | None = None
    language: Language | None = None
    currency: Currency | None = None
    tariffs_shown: Annotated[list[Tariff], Field(max_length=len(Tariff))] | None = None
    notifications: NotificationChanges | None = None


@operation(
    "GET",
    PATH,
    summary="What one wants to see, and when to be told",
    description="The caller's own settings: units, language, currency, tariffs shown, notifications.",
    least=Role.GUEST,
    answer=AppSettings,
)
async def read(context: Context[None, None]) -> AppSettings:
    """Tell the caller's own."""
    user = _user(context)
    return _shown(user, context.hub.preferences.of(user))


@operation(
    "PATCH",
    PATH,
    summary="Choose what to see, and when to be told",
    description="Changes what is given of the caller's own settings, all of it or nothing.",
    least=Role.GUEST,
    body=SettingsChanges,
    answer=AppSettings,
)
async def change(context: Context[None, SettingsChanges]) -> AppSettings:
    """Keep what the caller chose."""
    user = _user(context)
    book, body = context.hub.preferences, context.body
    before = book.of(user)
    changes = _given(body, {"units", "language", "currency"})
    if body.tariffs_shown is not None:
        changes["tariffs_shown"] = tuple(dict.fromkeys(body.tariffs_shown))
    if body.notifications is not None:
        told = _given(body.notifications, {"enabled", "critical_in_quiet"})
        if body.notifications.least is not None:
            told["least"] = Severity[body.notifications.least.upper()]
        if "over_least" in body.notifications.model_fields_set:
            over = body.notifications.over_least
            told["over_least"] = None if over is None else Severity[over.upper()]
        for name in body.notifications.model_fields_set & {"quiet_from", "quiet_until"}:
            at = getattr(body.notifications, name)
            told[name] = None if at is None else time.fromisoformat(at)
        changes["notifications"] = dataclasses.replace(before.notifications, **told)
    chosen = dataclasses.replace(before, **changes)
    quiet = chosen.notifications
    if (quiet.quiet_from is None) != (quiet.quiet_until is None):
        missing = "quiet_from" if quiet.quiet_from is None else "quiet_until"
        flaw = Flaw(f"#/notifications/{missing}", "quiet hours have a beginning and an end")
        raise Problem(INVALID, "half of the quiet hours is missing", flaws=[flaw])
    book.choose(user, chosen)
    return _shown(user, chosen)


def _given(body: Model, names: set[str]) -> dict[str, Any]:
    return {name: value for name in names if (value := getattr(body, name)) is not None}


def _user(context: Context[Any, Any]) -> User:
    user = context.access.accounts.get(context.caller.user)
    if user is None:
        raise Problem(FORBIDDEN, "settings are a person's")
    return user


def _shown(user: User, of: Preferences) -> AppSettings:
    told = of.notifications
    return AppSettings(
        user=user.name,
        units=of.units,
        language=of.language,
        currency=of.currency,
        tariffs_shown=list(of.tariffs_shown),
        notifications=NotificationSettings(
            enabled=told.enabled,
            least=told.least.word,
            over_least=None if told.over_least is None else told.over_least.word,
            quiet_from=_hours(told.quiet_from),
            quiet_until=_hours(told.quiet_until),
            critical_in_quiet=told.critical_in_quiet,
        ),
    )


def _hours(at: time | None) -> str | None:
    return None if at is None else f"{at:%H:%M}"
