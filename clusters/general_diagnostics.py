"""Life signs of the node: the General Diagnostics cluster (Matter Core 11.12)."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from clusters.definitions.general_diagnostics import (
    BootReasonEnum,
    BootReasonEvent,
    GeneralDiagnostics,
    NetworkInterface,
    PayloadTestRequest,
    PayloadTestResponse,
    TestEventTriggerRequest,
    TimeSnapshotResponse,
)
from matter_node import host
from matter_node.ids import MAX_MESSAGE_PAYLOAD
from matter_node.status import Status, StatusError

if TYPE_CHECKING:
    from collections.abc import Callable

    from matter_node.clock import Timer
    from matter_node.model import Context

ENABLE_KEY_LENGTH = 16
_HOUR = 3600.0
_FRESH_BOOT_SECONDS = 180.0
"""A node that starts this soon after the operating system started with it."""
_NO_OP_TRIGGER = 0xFFFF_FFFF_FFF1_0000
"""The trigger that every node takes and that does nothing (Matter Core 11.12.7.1)."""
_PAYLOAD_OVERHEAD = 64
"""Bytes of a response message around the payload of a PayloadTestResponse, at most."""


def boot_reason(*, updated: bool) -> BootReasonEnum:
    """Tell why the node starts now.

    :param updated: another software version ran before
    """
    if updated:
        return BootReasonEnum.SOFTWARE_UPDATE_COMPLETED
    if host.system_uptime() < _FRESH_BOOT_SECONDS:
        return BootReasonEnum.POWER_ON_REBOOT
    return BootReasonEnum.SOFTWARE_RESET


class GeneralDiagnosticsServer(GeneralDiagnostics):
    """Counts starts and hours, shows the interfaces, takes test event triggers.

    :param interfaces: returns the network interfaces as they are now
    :param reason: why the node starts
    :param enable_key: 16 bytes that open the test event triggers, None to keep them shut
    :param trigger: runs a test event trigger; raises StatusError(INVALID_COMMAND) for an unknown one
    """

    KEPT = frozenset({"total_operational_hours"})

    def __init__(
        self,
        interfaces: Callable[[], tuple[NetworkInterface, ...]],
        reason: BootReasonEnum,
        *,
        enable_key: bytes | None = None,
        trigger: Callable[[int], None] | None = None,
    ) -> None:
        if enable_key is not None and (len(enable_key) != ENABLE_KEY_LENGTH or not any(enable_key)):
            raise ValueError("a test event trigger enable key has 16 bytes that are not all zero")
        super().__init__(
            features=GeneralDiagnostics.Feature.DMTEST,
            total_operational_hours=0,
            boot_reason=reason,
            test_event_triggers_enabled=enable_key is not None,
            active_hardware_faults=(),
            active_network_faults=(),
        )
        self._interfaces = interfaces
        self._enable_key = enable_key
        self._trigger = trigger
        self._started = 0.0
        self._timer: Timer | None = None

    def attached(self) -> None:
        """Count this start, begin to count hours, and say why the node started."""
        self.reboot_count = min(self.reboot_count + 1, 0xFFFF)
        self._started = self._now()
        self._schedule_hour()
        reason = self.boot_reason
        self.emit(GeneralDiagnostics.boot_reason_event, BootReasonEvent(boot_reason=reason))

    def detached(self) -> None:
        """Stop counting hours."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def interfaces_changed(self) -> None:
        """Notice that the network interfaces or their addresses changed."""
        self.changed(GeneralDiagnostics.network_interfaces)

    def read_network_interfaces(self, _: Context) -> tuple[NetworkInterface, ...]:
        """Interfaces with their addresses, eight at most."""
        return self._interfaces()[:8]

    def read_up_time(self, _: Context) -> int:
        """Whole seconds since the node started; at least one, as a node that answers has started."""
        return max(1, int(self._now() - self._started))

    def handle_test_event_trigger(self, _: Context, request: TestEventTriggerRequest) -> None:
        """Run a test event trigger, if the key is right."""
        self._check_key(request.enable_key)
        if request.event_trigger == _NO_OP_TRIGGER:
            return
        if self._trigger is None:
            raise StatusError(Status.INVALID_COMMAND, "no test event triggers here")
        self._trigger(request.event_trigger)

    def handle_time_snapshot(self, _: Context) -> TimeSnapshotResponse:
        """Return the time since the start and, if it is known, the time of day, of one moment."""
        utc = self.endpoint.tree.clock.utc() if self.endpoint and self.endpoint.tree else None
        return TimeSnapshotResponse(
            system_time_ms=int((self._now() - self._started) * 1000),
            posix_time_ms=None if utc is None else int(utc * 1000),
        )

    def handle_payload_test_request(self, _: Context, request: PayloadTestRequest) -> PayloadTestResponse:
        """Return `count` bytes of `value`, to probe the path with large responses."""
        self._check_key(request.enable_key)
        if request.count > MAX_MESSAGE_PAYLOAD - _PAYLOAD_OVERHEAD:
            raise StatusError(Status.RESOURCE_EXHAUSTED, f"{request.count} bytes do not fit in a message")
        return PayloadTestResponse(payload=bytes([request.value]) * request.count)

    def _check_key(self, key: bytes) -> None:
        if not any(key) or self._enable_key is None or not hmac.compare_digest(key, self._enable_key):
            raise StatusError(Status.CONSTRAINT_ERROR, "wrong test event trigger enable key")

    def _schedule_hour(self) -> None:
        if self.endpoint is not None and self.endpoint.tree is not None:
            self._timer = self.endpoint.tree.clock.call_later(_HOUR, self._hour_passed)

    def _hour_passed(self) -> None:
        self.total_operational_hours = (self.total_operational_hours or 0) + 1
        self._schedule_hour()

    def _now(self) -> float:
        endpoint = self.endpoint
        return endpoint.tree.clock.monotonic() if endpoint is not None and endpoint.tree is not None else 0.0
