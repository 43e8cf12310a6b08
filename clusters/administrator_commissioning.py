"""AdministratorCommissioning at work: administrators open windows for others (Matter Core 11.19)."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from clusters.definitions.administrator_commissioning import (
    AdministratorCommissioning,
    CommissioningWindowStatusEnum,
    OpenBasicCommissioningWindowRequest,
    OpenCommissioningWindowRequest,
)
from matter_node.commissioning.device_info import SetupSecret
from matter_node.commissioning.window import MAX_TIMEOUT, MIN_TIMEOUT, WindowNotOpenError
from matter_node.crypto.spake2p import PaseVerifier
from matter_node.status import Status, StatusError

if TYPE_CHECKING:
    from matter_node.commissioning.fabrics import FabricTable
    from matter_node.commissioning.fail_safe import FailSafe
    from matter_node.commissioning.window import CommissioningWindow
    from matter_node.fabric import Fabric
    from matter_node.model import Context

_MAX_DISCRIMINATOR = 0xFFF


class StatusCodeEnum(IntEnum):
    """Cluster-specific status codes (Matter Core 11.19.6.2)."""

    BUSY = 2
    PAKE_PARAMETER_ERROR = 3
    WINDOW_NOT_OPEN = 4


def _failure(code: StatusCodeEnum, reason: str) -> StatusError:
    return StatusError(Status.FAILURE, reason, cluster_status=code)


class AdministratorCommissioningServer(AdministratorCommissioning):
    """The node's AdministratorCommissioning, with windows of both kinds."""

    def __init__(self, window: CommissioningWindow, fabrics: FabricTable, fail_safe: FailSafe) -> None:
        super().__init__(features=AdministratorCommissioning.Feature.BC)
        self._window = window
        self._fabrics = fabrics
        self._fail_safe = fail_safe
        window.on_changed.append(self._window_changed)
        self._window_changed()

    def handle_open_commissioning_window(
        self, context: Context, request: OpenCommissioningWindowRequest
    ) -> None:
        """Open a window for a code that the administrator made up."""
        self._check_free()
        try:
            verifier = PaseVerifier.from_bytes(request.pake_passcode_verifier)
        except ValueError as error:
            raise _failure(StatusCodeEnum.PAKE_PARAMETER_ERROR, str(error)) from error
        if not 1000 <= request.iterations <= 100_000:
            raise _failure(StatusCodeEnum.PAKE_PARAMETER_ERROR, f"{request.iterations} iterations")
        if not 16 <= len(request.salt) <= 32:
            raise _failure(StatusCodeEnum.PAKE_PARAMETER_ERROR, f"salt of {len(request.salt)} bytes")
        timeout = _checked_timeout(request.commissioning_timeout)
        if request.discriminator > _MAX_DISCRIMINATOR:
            raise StatusError(Status.INVALID_COMMAND, f"discriminator {request.discriminator}")
        secret = SetupSecret(request.discriminator, verifier, request.iterations, request.salt)
        self._window.open_enhanced(timeout, self._administrator(context), secret)

    def handle_open_basic_commissioning_window(
        self, context: Context, request: OpenBasicCommissioningWindowRequest
    ) -> None:
        """Open a window for the onboarding code on the device."""
        self._check_free()
        timeout = _checked_timeout(request.commissioning_timeout)
        self._window.open_basic(timeout, self._administrator(context))

    def handle_revoke_commissioning(self, _: Context) -> None:
        """Close the window."""
        try:
            self._window.revoke()
        except WindowNotOpenError as error:
            raise _failure(StatusCodeEnum.WINDOW_NOT_OPEN, "no window is open") from error

    def _check_free(self) -> None:
        if self._window.is_open or self._fail_safe.is_armed:
            raise _failure(StatusCodeEnum.BUSY, "a window is open or a commissioning under way")

    def _administrator(self, context: Context) -> Fabric:
        fabric = self._fabrics.get(context.fabric_index)
        if fabric is None:
            raise StatusError(Status.UNSUPPORTED_ACCESS, "an administrator has a fabric")
        return fabric

    def _window_changed(self) -> None:
        self.window_status = CommissioningWindowStatusEnum(self._window.status)
        self.admin_fabric_index = self._window.admin_fabric_index
        self.admin_vendor_id = self._window.admin_vendor_id


def _checked_timeout(seconds: int) -> int:
    if not MIN_TIMEOUT <= seconds <= MAX_TIMEOUT:
        raise StatusError(Status.INVALID_COMMAND, f"a window of {seconds} s")
    return seconds
