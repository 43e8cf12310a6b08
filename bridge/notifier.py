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
        self._failed: dict[tuple[int, str], tuple[int, float]] = {}
        """Attempts that failed and when the next one is due, UTC, by alert and user."""
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
        alive = {alert.number for alert in waiting}
        self._failed = {key: value for key, value in self._failed.items() if key[0] in alive}
        if not waiting:
            return
        for user in tuple(self._accounts()):
            channels = self._channels.of(user)
            wishes = self._preferences.of(user).notifications
            if not channels or not wishes.enabled:
                continue
            for alert in waiting:
                if self._is_due(alert, user, wishes):
                    await self._tell(alert, user, channels)

    def _is_due(self, alert: Alert, user: User, wishes: Notifications) -> bool:
        if user.name in alert.told or alert.severity < wishes.least:
            return False
        loud = alert.severity is Severity.CRITICAL and wishes.critical_in_quiet
        if wishes.is_quiet(self._local_time()) and not loud:
            return False
        return self._alerts.now >= self._failed.get((alert.number, user.name), (0, 0.0))[1]

    async def _tell(self, alert: Alert, user: User, channels: tuple[Channel, ...]) -> None:
        now = self._alerts.now
        what = (user.name, alert.module, alert.code)
        if now - self._last.get(what, -FLAPPING) < FLAPPING and alert.snoozed_until is None:
            self._alerts.told(alert.number, user.name)
            return
        message = Message(alert.title, alert.text, alert.severity.word)
        delivered = False
        for channel in channels:
            try:
                await self._send(channel, message)
            except (DeliveryError, OSError) as error:
                _log.warning("the channel %s of %s did not take an alert: %s", channel.name, user.name, error)
            else:
                delivered = True
        if delivered:
            self._last[what] = now
            self._failed.pop((alert.number, user.name), None)
            self._alerts.told(alert.number, user.name)
        else:
            attempts = self._failed.get((alert.number, user.name), (0, 0.0))[0]
            pause = PAUSES[min(attempts, len(PAUSES) - 1)]
            self._failed[alert.number, user.name] = (attempts + 1, now + pause)

    def _local_time(self) -> time:
        return datetime.fromtimestamp(self._alerts.now, self._zone).time()
