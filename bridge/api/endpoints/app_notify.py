"""/app/notify: alerts, as a list and as they happen, and the channels that tell people of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, StringConstraints

from bridge.access.role import Role
from bridge.alerts import LONGEST_SNOOZE, AlertChanged, AlertOverError, AlertState, UnknownAlertError
from bridge.api.feed import Feed
from bridge.api.models import Model, Moment, moment
from bridge.api.operation import EVENTS, JSON, operation
from bridge.api.problems import CONFLICT, FORBIDDEN, INVALID, Flaw, Problem, ProblemType
from bridge.api.streams import Event, EventStream
from bridge.channels import KINDS, LONGEST, ChannelError, UnknownChannelError, judge
from bridge.delivery import DeliveryError, Message, deliver

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bridge.access.accounts import User
    from bridge.alerts import Alert
    from bridge.api.context import Context
    from bridge.channels import Channel

PATH = "/app/notify"

UNKNOWN_ALERT = ProblemType(
    "unknown-alert",
    404,
    "There is no such alert.",
    "The number was never given, or is of an alert that was resolved long ago.",
    "See GET /app/notify for the ones there are; the last 500 are remembered.",
)
UNKNOWN_CHANNEL = ProblemType(
    "unknown-channel",
    404,
    "There is no such channel.",
    "One's own channels are meant, by the names that they were added under.",
    "See `channels` of GET /app/notify for the ones there are.",
)
NOT_DELIVERED = ProblemType(
    "not-delivered",
    502,
    "The channel did not take the message.",
    "The service at the other end is not there, refuses, or the address is not right.",
    "See `detail`; add the channel again under the same name with an address that works.",
)


class AlertQuery(Model):
    """Which alerts."""

    state: AlertState | None = None
    """Only those in this state."""
    limit: Annotated[int, Field(ge=1, le=500)] = 100
    """At most so many, the newest first. A stream has all that change."""


class AlertView(Model):
    """One alert."""

    alert: int
    """Its number."""
    revision: int
    """Grows with every change of any alert; a stream's event ids."""
    time: Moment
    severity: Literal["info", "warning", "critical"]
    state: AlertState
    title: str
    text: str
    module: str | None
    code: str
    fault: str | None
    """Id of the fault that it tells of; see `/device/safety/fault-detection`."""
    resolved: Moment | None
    """Since when it is not so any more."""
    acknowledged: Moment | None
    acknowledged_by: str | None
    snoozed_until: Moment | None


class ChannelView(Model):
    """One of one's own channels. Its address is a secret and is not shown again."""

    channel: str
    """Its name."""
    kind: str
    """Such as `ntfy`, `webhook`, `mqtt` or `e-mail`."""
    host: str | None
    """Where it leads; null where the address begins with a secret."""


class AlertList(Model):
    """Alerts, and the channels that tell the caller of them."""

    alerts: list[AlertView]
    channels: list[ChannelView]


ChannelName = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z][0-9A-Za-z ._-]{0,31}$")]
AlertNumber = Annotated[int, Field(ge=1, le=2**53)]


class AcknowledgeAlert(Model):
    """Take note of an alert; nobody is told of it any more."""

    do: Literal["acknowledge"]
    alert: AlertNumber


class SnoozeAlert(Model):
    """Tell nobody for a while; everybody is told anew after it, if it still is so."""

    do: Literal["snooze"]
    alert: AlertNumber
    duration_s: Annotated[float, Field(ge=60, le=LONGEST_SNOOZE)] = 3600.0


class AddChannel(Model):
    """Be told of alerts there, too; one of the same name is replaced."""

    do: Literal["add-channel"]
    channel: ChannelName
    url: Annotated[str, StringConstraints(min_length=4, max_length=LONGEST)]
    """As Apprise takes it: `ntfys://ntfy.sh/TOPIC`, `jsons://HOST/PATH`, `mqtts://USER:PASSWORD@HOST/TOPIC`,
    `mailtos://USER:PASSWORD@HOST?to=ADDRESS` and so on."""


class RemoveChannel(Model):
    """Be told nothing there any more."""

    do: Literal["remove-channel"]
    channel: ChannelName


class TryChannel(Model):
    """Send a message that says that it is a test."""

    do: Literal["try-channel"]
    channel: ChannelName


NotifyCommand = Annotated[
    AcknowledgeAlert | SnoozeAlert | AddChannel | RemoveChannel | TryChannel, Field(discriminator="do")
]


class NotifyAnswer(Model):
    """What it has become."""

    alert: AlertView | None
    """Null where it was about a channel."""
    channels: list[ChannelView]


@operation(
    "GET",
    PATH,
    summary="Alerts, and how one is told of them",
    description=(
        "Alerts are made of faults and of outages. As a stream (`text/event-stream`) every change of "
        "every alert is an event whose id is the revision; with Last-Event-ID it goes on after that one."
    ),
    least=Role.GUEST,
    query=AlertQuery,
    answer=AlertList,
    media=(JSON, EVENTS),
    event=AlertView,
)
async def read(context: Context[AlertQuery, None]) -> AlertList | EventStream:
    """Tell what the alert book knows, or what changes in it."""
    book, query = context.hub.home.alerts, context.query
    if context.media == EVENTS:
        return EventStream(_events(context))
    now = book.now
    chosen = [each for each in book.alerts() if query.state is None or each.state(now) is query.state]
    return AlertList(alerts=[view(each, now) for each in chosen[: query.limit]], channels=_channels(context))


@operation(
    "POST",
    PATH,
    summary="Acknowledge or snooze an alert, or change how one is told",
    description=(
        f"Channels are one's own, up to eight: {', '.join(sorted(set(KINDS.values())))}. Whether and when "
        "they tell is in `/app/settings`. A fault that waits for a person is acknowledged at "
        "`/device/safety/fault-detection`."
    ),
    least=Role.OWNER,
    body=NotifyCommand,
    answer=NotifyAnswer,
    problems=(UNKNOWN_ALERT, UNKNOWN_CHANNEL, NOT_DELIVERED, CONFLICT),
)
async def change(context: Context[None, NotifyCommand]) -> NotifyAnswer:
    """Change the alert book or the caller's channels."""
    book, body = context.hub.home.alerts, context.body
    changed: Alert | None = None
    try:
        match body:
            case AcknowledgeAlert():
                changed = book.acknowledge(body.alert, context.caller.name)
            case SnoozeAlert():
                changed = book.snooze(body.alert, body.duration_s)
            case AddChannel():
                await _add(context, body)
            case RemoveChannel():
                context.hub.channels.remove(_user(context), body.channel)
            case TryChannel():
                await deliver(context.hub.channels.find(_user(context), body.channel), _TEST)
    except UnknownAlertError as error:
        raise Problem(UNKNOWN_ALERT, str(error)) from error
    except AlertOverError as error:
        raise Problem(CONFLICT, str(error)) from error
    except UnknownChannelError as error:
        raise Problem(UNKNOWN_CHANNEL, str(error)) from error
    except DeliveryError as error:
        raise Problem(NOT_DELIVERED, str(error)) from error
    shown = None if changed is None else view(changed, book.now)
    return NotifyAnswer(alert=shown, channels=_channels(context))


_TEST = Message("ores-bridge", "This is a test: alerts of your home come here.")


async def _add(context: Context[Any, Any], body: AddChannel) -> None:
    user = _user(context)
    try:
        channel = judge(body.channel, body.url)
        await deliver(channel, None)
        context.hub.channels.add(user, channel)
    except (ChannelError, DeliveryError) as error:
        raise Problem(INVALID, "the channel cannot be so", flaws=[Flaw("#/url", str(error))]) from error


async def _events(context: Context[Any, Any]) -> AsyncIterator[Event]:
    book = context.hub.home.alerts
    last = context.last_event_id
    seen = int(last) if last.isascii() and last.isdecimal() and len(last) < 17 else book.revision
    feed: Feed[Alert] = Feed(context.hub.bus, (AlertChanged,), lambda event: event.alert)
    try:
        for alert in book.changed_since(seen):
            seen = alert.revision
            yield _event(alert, book.now)
        async for alert in feed:
            if alert.revision > seen:
                seen = alert.revision
                yield _event(alert, book.now)
    finally:
        await feed.aclose()


def _event(alert: Alert, now: float) -> Event:
    return Event(view(alert, now), id=str(alert.revision), name="alert")


def view(alert: Alert, now: float) -> AlertView:
    """Return an alert as it is shown."""
    kind, _, fault = alert.subject.partition("/")
    return AlertView(
        alert=alert.number,
        revision=alert.revision,
        time=moment(alert.time),
        severity=alert.severity.word,
        state=alert.state(now),
        title=alert.title,
        text=alert.text,
        module=alert.module or None,
        code=alert.code,
        fault=fault if kind == "fault" else None,
        resolved=_moment(alert.resolved),
        acknowledged=_moment(alert.acknowledged),
        acknowledged_by=alert.acknowledged_by or None,
        snoozed_until=_moment(alert.snoozed_until),
    )


def _moment(seconds: float | None) -> Any:
    return None if seconds is None else moment(seconds)


def _user(context: Context[Any, Any]) -> User:
    user = context.access.accounts.get(context.caller.user)
    if user is None:
        raise Problem(FORBIDDEN, "channels are a person's")
    return user


def _channels(context: Context[Any, Any]) -> list[ChannelView]:
    return [_channel(each) for each in context.hub.channels.of(_user(context))]


def _channel(of: Channel) -> ChannelView:
    return ChannelView(channel=of.name, kind=of.kind, host=of.host or None)
