"""GeneralCommissioning at work: the fail-safe and the end of a commissioning (Matter Core 11.10)."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from clusters.basic_information import UNKNOWN_COUNTRY
from clusters.definitions.general_commissioning import (
    ArmFailSafeRequest,
    ArmFailSafeResponse,
    BasicCommissioningInfo,
    CommissioningCompleteResponse,
    CommissioningErrorEnum,
    GeneralCommissioning,
    RegulatoryLocationTypeEnum,
    SetRegulatoryConfigRequest,
    SetRegulatoryConfigResponse,
)
from matter_node.commissioning.fail_safe import EXPIRY_LENGTH, MAX_CUMULATIVE, FailSafeBusyError
from matter_node.status import Status, StatusError
from matter_node.subject import AuthMode

if TYPE_CHECKING:
    from clusters.basic_information import BasicInformationServer
    from matter_node.commissioning.fail_safe import FailSafe
    from matter_node.commissioning.sessions import CommissioningSessions
    from matter_node.commissioning.window import CommissioningWindow
    from matter_node.model import Context

_log = logging.getLogger(__name__)

_BUSY = ArmFailSafeResponse(
    error_code=CommissioningErrorEnum.BUSY_WITH_OTHER_ADMIN, debug_text="another administrator is at work"
)
_ARMED = ArmFailSafeResponse(error_code=CommissioningErrorEnum.OK, debug_text="")


class GeneralCommissioningServer(GeneralCommissioning):
    """The node's GeneralCommissioning.

    :param location_capability: where the product may be used; regulation does not ask that of Ethernet
    """

    def __init__(
        self,
        fail_safe: FailSafe,
        window: CommissioningWindow,
        sessions: CommissioningSessions,
        basic_information: BasicInformationServer,
        *,
        location_capability: RegulatoryLocationTypeEnum = RegulatoryLocationTypeEnum.INDOOR_OUTDOOR,
    ) -> None:
        super().__init__(
            basic_commissioning_info=BasicCommissioningInfo(
                fail_safe_expiry_length_seconds=EXPIRY_LENGTH, max_cumulative_failsafe_seconds=MAX_CUMULATIVE
            ),
            regulatory_config=location_capability,
            location_capability=location_capability,
            supports_concurrent_connection=True,
        )
        self._fail_safe = fail_safe
        self._window = window
        self._sessions = sessions
        self._basic_information = basic_information
        fail_safe.on_expired.append(self._expired)

    def handle_arm_fail_safe(self, context: Context, request: ArmFailSafeRequest) -> ArmFailSafeResponse:
        """Arm, extend or expire the fail-safe."""
        seconds, armed = request.expiry_length_seconds, self._fail_safe.is_armed
        if not armed and self._window.is_open and context.subject.auth_mode is AuthMode.CASE:
            return _BUSY  # the window is for a new commissioner, who would find the fail-safe taken
        if seconds == 0:
            if armed and not self._fail_safe.is_armed_for(context.fabric_index):
                return _BUSY
            # The breadcrumb is left to the expiry, which resets it.
            self._fail_safe.expire(context)
            return _ARMED
        try:
            self._fail_safe.arm(seconds, context.session)
        except FailSafeBusyError:
            return _BUSY
        self.breadcrumb = request.breadcrumb
        return _ARMED

    def handle_set_regulatory_config(
        self,
        context: Context,  # noqa: ARG002 - anyone with the privilege may
        request: SetRegulatoryConfigRequest,
    ) -> SetRegulatoryConfigResponse:
        """Take the kind of place and the country that the node is used in."""
        country = request.country_code
        if len(country.encode()) not in {0, 2}:
            raise StatusError(Status.CONSTRAINT_ERROR, f"a country code has two letters, not {country!r}")
        allowed: set[int] = {self.location_capability}
        if self.location_capability is RegulatoryLocationTypeEnum.INDOOR_OUTDOOR:
            allowed = set(RegulatoryLocationTypeEnum)
        if request.new_regulatory_config not in allowed:
            return SetRegulatoryConfigResponse(
                error_code=CommissioningErrorEnum.VALUE_OUTSIDE_RANGE,
                debug_text=f"regulatory config {request.new_regulatory_config}",
            )
        self.regulatory_config = RegulatoryLocationTypeEnum(request.new_regulatory_config)
        if not country:
            # Some commissioners in the field send none; refusing would end their commissioning.
            _log.info("A commissioner gave no country; it stays %s", self._basic_information.location)
        elif country != UNKNOWN_COUNTRY:
            self._basic_information.location = country
        self.breadcrumb = request.breadcrumb
        return SetRegulatoryConfigResponse(error_code=CommissioningErrorEnum.OK, debug_text="")

    def handle_commissioning_complete(self, context: Context) -> CommissioningCompleteResponse:
        """Make what was done under the fail-safe permanent."""
        if not self._fail_safe.is_armed:
            error, text = CommissioningErrorEnum.NO_FAIL_SAFE, "the fail-safe is not armed"
        elif context.subject.auth_mode is not AuthMode.CASE or not self._fail_safe.is_armed_for(
            context.fabric_index
        ):
            error, text = CommissioningErrorEnum.INVALID_AUTHENTICATION, "not over CASE on the fabric of it"
        else:
            error, text = CommissioningErrorEnum.OK, ""
            self._fail_safe.complete()
            self._window.close()
            self._sessions.close_pase()
            self.breadcrumb = 0
        return CommissioningCompleteResponse(error_code=error, debug_text=text)

    def _expired(self) -> None:
        self.breadcrumb = 0
