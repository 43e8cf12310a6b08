"""Tells people of alerts on their channels: what they want to hear of, when they want to, until it works."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from bridge.alerts import AlertChanged, AlertState
from bridge.delivery import DeliveryError, Message, deliver
from bridge.faults import Severity

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import time, tzinfo

    from bridge.access.accounts import Accounts, User
    from bridge.alerts import Alert, AlertBook
    from bridge.channels import Channel, ChannelBook
    from bridge.events import EventBus
    from bridge.preferences import Notifications, PreferenceBook

LOOK: Final = 30.0
"""Seconds between two looks at what waits for the end of quiet hours, or for another attempt."""
PAUSES: Final = (30.0, 120.0, 600.0, 3600.0)
"""Seconds after a failure before it is tried again; the last one holds from then on."""
FLAPPING: Final = 600.0
"""Seconds in which the same thing of the same module is told once, however often it comes and goes."""
OLD_NEWS: Final = 86_400.0
"""Seconds after which nobody is told any more that an alert is over."""

_What = tuple[int, bool, str]
"""What somebody is told: the alert, whether it is about its end, and the user."""

_log = logging.getLogger(__name__)


class Notifier:
    """Delivers alerts. What was delivered is kept with the alert, so a restart neither loses nor repeats."""

    def __init__(
        self,
        alerts: AlertBook,
        channels: ChannelBook,
        preferences: PreferenceBook,
        accounts: Callable[[], Accounts],
        bus: EventBus,
        *,
        zone: tzinfo = UTC,
        send: Callable[[Channel, Message], Awaitable[None]] = deliver,
    ) -> None:
        """Join them.

        :param zone: whose quiet hours are meant
        """
        self._alerts = alerts
        self._channels = channels
        self._preferences = preferences
        self._accounts = accounts
        self._bus = bus
        self._zone = zone
        self._send = send
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._failed: dict[_What, tuple[int, float]] = {}
        """Attempts that failed and when the next one is due, UTC."""
        self._last: dict[tuple[str, str, str], float] = {}
        """When somebody was last told of a module's code."""

    def start(self) -> None:
        """Begin with what a former run did not get to."""
        self._bus.subscribe(AlertChanged, lambda _: self._news.set())
        self._task = asyncio.create_task(self._run(), name="notifier")

    async def stop(self) -> None:
        """Deliver no more; what is under way is tried anew at the next start."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None

    async def _run(self) -> None:
        while True:
            self._news.clear()
            try:
                await self.deliver_due()
            except Exception:  # noqa: BLE001 - the next alert is told all the same
                _log.exception("telling people of alerts went wrong")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK):
                    await self._news.wait()

    async def deliver_due(self) -> None:
        """Deliver everything that is due now."""
        alerts = self._alerts
        waiting = [each for each in alerts.unresolved() if each.state(alerts.now) is AlertState.OPEN]
        over = alerts.over()
        alive = {(alert.number, alert.resolved is not None) for alert in (*waiting, *over)}
        self._failed = {what: failed for what, failed in self._failed.items() if what[:2] in alive}
        for user in tuple(self._accounts()) if alive else ():
            channels = self._channels.of(user)
            wishes = self._preferences.of(user).notifications
            for alert in over:
                if user.name in alert.owed:
                    await self._tell_end(alert, user, channels, wishes)
            if channels and wishes.enabled:
                for alert in waiting:
                    await self._tell(alert, user, channels, wishes)

    async def _tell(
        self, alert: Alert, user: User, channels: tuple[Channel, ...], wishes: Notifications
    ) -> None:
        if user.name in alert.told or alert.severity < wishes.least:
            return
        now, same = self._alerts.now, (user.name, alert.module, alert.code)
        if now - self._last.get(same, -FLAPPING) < FLAPPING and alert.snoozed_until is None:
            return  # if it still is so then, it is told then
        message = Message(alert.title, alert.text, alert.severity.word)
        if await self._delivered(alert, user, channels, wishes, message):
            self._last[same] = now
            self._alerts.told(alert.number, user.name)

    async def _tell_end(
        self, alert: Alert, user: User, channels: tuple[Channel, ...], wishes: Notifications
    ) -> None:
        """Tell somebody who was told of an alert that it is over, unless they do not care."""
        assert alert.resolved is not None
        least = wishes.over_least if wishes.enabled and channels else None
        late = self._alerts.now - alert.resolved > OLD_NEWS
        if least is None or alert.severity < least or late:
            self._alerts.end_told(alert.number, user.name)
            return
        text = f"It is so no more, after {_lasted(alert.resolved - alert.time)}."
        if await self._delivered(
            alert, user, channels, wishes, Message(f"Over: {alert.title}", text, "over")
        ):
            self._alerts.end_told(alert.number, user.name)

    async def _delivered(
        self,
        alert: Alert,
        user: User,
        channels: tuple[Channel, ...],
        wishes: Notifications,
        message: Message,
    ) -> bool:
        """Deliver a message if it is its time; return whether a channel took it."""
        now, what = self._alerts.now, (alert.number, alert.resolved is not None, user.name)
        attempts, due = self._failed.get(what, (0, 0.0))
        loud = alert.severity is Severity.CRITICAL and wishes.critical_in_quiet
        if now < due or (wishes.is_quiet(self._local_time()) and not loud):
            return False
        delivered = False
        for channel in channels:
            try:
                await self._send(channel, message)
            except (DeliveryError, OSError) as error:
                _log.warning("the channel %s of %s did not take an alert: %s", channel.name, user.name, error)
            else:
                delivered = True
        if delivered:
            self._failed.pop(what, None)
        else:
            self._failed[what] = (attempts + 1, now + PAUSES[min(attempts, len(PAUSES) - 1)])
        return delivered

    def _local_time(self) -> time:
        return datetime.fromtimestamp(self._alerts.now, self._zone).time()


def _lasted(seconds: float) -> str:
    """Return how long something was so, for a person."""
    for unit, length in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length:.0f} {unit}"
    return f"{seconds:.0f} seconds"
