"""Commissioning windows: when this node lets a commissioner in (Matter Core 5.6, 11.19)."""

from __future__ import annotations

import logging
from enum import IntEnum
from typing import TYPE_CHECKING, Protocol

from matter_node.commissioning.fail_safe import EXPIRY_LENGTH

if TYPE_CHECKING:
    from collections.abc import Callable

    from matter_node.clock import Clock, Timer
    from matter_node.commissioning.device_info import SetupSecret
    from matter_node.commissioning.fabrics import FabricTable
    from matter_node.commissioning.fail_safe import FailSafe
    from matter_node.commissioning.sessions import CommissioningSessions
    from matter_node.crypto.spake2p import PaseVerifier
    from matter_node.fabric import Fabric
    from matter_node.model.context import SessionView

_log = logging.getLogger(__name__)

MIN_TIMEOUT = 180
MAX_TIMEOUT = 900
"""Seconds that an administrator may open a window for (Matter Core 11.19.8.1.1)."""
UNCOMMISSIONED_TIMEOUT = 900
"""Seconds that a node without a fabric announces itself after start (Matter Core 5.4.2.3)."""
MAX_FAILED_ATTEMPTS = 20
"""Failed PASE attempts that end a window (Matter Core 5.5)."""


class WindowStatus(IntEnum):
    """What an administrator opened; the window of a node without a fabric is not an administrator's."""

    NOT_OPEN = 0
    ENHANCED = 1
    BASIC = 2


class CommissioningMode(IntEnum):
    """What is announced (Matter Core 4.3.1.7)."""

    NONE = 0
    BASIC = 1
    ENHANCED = 2


class WindowBusyError(Exception):
    """A window is open, or the fail-safe is armed."""


class WindowNotOpenError(Exception):
    """No window is open."""


class PaseGate(Protocol):
    """What a window opens: `matter_node.secure_channel.pase.PaseResponder` is one."""

    def open(self, verifier: PaseVerifier, iterations: int, salt: bytes) -> None:
        """Take PASE attempts with that verifier."""

    def close(self) -> None:
        """Take no more attempts."""


class CommissionableAnnouncer(Protocol):
    """How a window is found on the network."""

    def announce(self, discriminator: int, mode: CommissioningMode) -> None:
        """Announce a commissionable node under a new random instance name."""

    def withdraw(self) -> None:
        """Announce none."""


class CommissioningWindow:
    """The one window there can be at a time.

    Whoever makes the PASE responder passes its calls on to `established` and `attempt_failed`.

    :param secret: what a basic window lets in
    :ivar status: what an administrator opened
    :ivar mode: what is announced, for the window of a node without a fabric too
    :ivar admin_fabric_index: fabric of the administrator who opened it, None for none or if it left since
    :ivar admin_vendor_id: vendor of that administrator, or None
    :ivar on_changed: called when one of these changed
    """

    def __init__(
        self,
        secret: SetupSecret,
        pase: PaseGate,
        announcer: CommissionableAnnouncer,
        fabrics: FabricTable,
        fail_safe: FailSafe,
        sessions: CommissioningSessions,
        clock: Clock,
    ) -> None:
        self.secret = secret
        self._pase = pase
        self._announcer = announcer
        self._fabrics = fabrics
        self._fail_safe = fail_safe
        self._sessions = sessions
        self._clock = clock
        self._timer: Timer | None = None
        self.status = WindowStatus.NOT_OPEN
        self.mode = CommissioningMode.NONE
        self.admin_fabric_index: int | None = None
        self.admin_vendor_id: int | None = None
        self.on_changed: list[Callable[[], None]] = []
        fabrics.on_removed.append(self._fabric_removed)

    @property
    def is_open(self) -> bool:
        """Whether a commissioner may come in."""
        return self._timer is not None

    def open_uncommissioned(self, timeout: float = UNCOMMISSIONED_TIMEOUT) -> None:
        """Open, or open anew, the window of a node that belongs to no fabric: at start, or at a button.

        :param timeout: seconds
        :raises WindowBusyError: it belongs to a fabric, so its administrators open windows
        """
        if len(self._fabrics):
            raise WindowBusyError
        if self.is_open:
            self.close()
        secret = self.secret
        self._pase.open(secret.verifier, secret.iterations, secret.salt)
        self._start(timeout, secret.discriminator, CommissioningMode.BASIC)

    def open_basic(self, timeout: float, administrator: Fabric) -> None:
        """Open a window for the onboarding code on the device.

        :param timeout: seconds
        :raises WindowBusyError: a window is open, or the fail-safe is armed
        """
        self._take(WindowStatus.BASIC, administrator)
        secret = self.secret
        self._pase.open(secret.verifier, secret.iterations, secret.salt)
        self._start(timeout, secret.discriminator, CommissioningMode.BASIC)

    def open_enhanced(self, timeout: float, administrator: Fabric, secret: SetupSecret) -> None:
        """Open a window for a code that the administrator made up.

        :param timeout: seconds
        :raises WindowBusyError: a window is open, or the fail-safe is armed
        """
        self._take(WindowStatus.ENHANCED, administrator)
        self._pase.open(secret.verifier, secret.iterations, secret.salt)
        self._start(timeout, secret.discriminator, CommissioningMode.ENHANCED)

    def revoke(self) -> None:
        """Close the window and end what came in by it, as an administrator asks.

        A commissioning that outlived its window ends too.

        :raises WindowNotOpenError: no administrator's window is open
        """
        was_open = self.status is not WindowStatus.NOT_OPEN
        if was_open:
            self.close()
        if self._fail_safe.is_armed_over_pase:
            self._fail_safe.expire()
        self._sessions.close_pase()
        if not was_open:
            raise WindowNotOpenError

    def close(self) -> None:
        """Let nobody in any more; who is in stays."""
        if self._timer is None:
            return
        self._timer.cancel()
        self._timer = None
        self._pase.close()
        self._announcer.withdraw()
        self.status, self.mode = WindowStatus.NOT_OPEN, CommissioningMode.NONE
        self.admin_fabric_index = self.admin_vendor_id = None
        self._changed()

    def established(self, session: SessionView) -> None:
        """Arm the fail-safe for a commissioner who has come in."""
        if not self._fail_safe.is_armed:
            self._fail_safe.arm(EXPIRY_LENGTH, session)

    def attempt_failed(self, count: int) -> None:
        """Close the window if too many did not know the passcode.

        :param count: failed attempts since it opened
        """
        if count >= MAX_FAILED_ATTEMPTS:
            _log.warning("Closing the commissioning window after %d failed attempts", count)
            self.close()

    def _take(self, status: WindowStatus, administrator: Fabric) -> None:
        if self.is_open or self._fail_safe.is_armed:
            raise WindowBusyError
        self.status = status
        self.admin_fabric_index, self.admin_vendor_id = administrator.index, administrator.vendor_id

    def _start(self, timeout: float, discriminator: int, mode: CommissioningMode) -> None:
        self.mode = mode
        self._timer = self._clock.call_later(timeout, self.close)
        self._announcer.announce(discriminator, mode)
        self._changed()

    def _fabric_removed(self, fabric: Fabric) -> None:
        if self.admin_fabric_index == fabric.index:
            self.admin_fabric_index = None
            self._changed()

    def _changed(self) -> None:
        for listener in tuple(self.on_changed):
            listener()
