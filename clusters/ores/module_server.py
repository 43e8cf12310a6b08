"""The Module cluster at work: what its owner says of a module, and who looks after it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, Protocol

from clusters.ores.fitting import fitted, fitted_struct
from clusters.ores.module import (
    FaultClearedEvent,
    FaultRaisedEvent,
    FaultSeverityEnum,
    FaultStruct,
    HealthEnum,
    LinkQualityStruct,
    Module,
    OperatingModeChangedEvent,
    RegistrationChangedEvent,
)
from clusters.ores.origin import FabricOrigins, tell_removed
from clusters.ores.quantities import epoch_s, now_s
from matter_node.status import Status, StatusError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from clusters.ores.common import ModuleKindEnum, OperatingModeEnum, RegistrationChangeEnum
    from clusters.ores.module import (
        ClearFaultRequest,
        LinkStruct,
        RunDiagnosticsResponse,
        SetOperatingModeRequest,
        StartFirmwareUpdateRequest,
        UpdateStateEnum,
    )
    from matter_node.model import Context

_MOST_FAULTS: Final = 16


class ModuleKeeper(FabricOrigins, Protocol):
    """Looks after a module: the hub's registry."""

    async def set_operating_mode(self, mode: OperatingModeEnum, *, fabric_index: int) -> None:
        """Let the module work in another mode, and return when it is kept.

        :param fabric_index: who wants it
        :raises StatusError: it cannot; INVALID_IN_STATE while what protects the home forbids it
        """

    async def clear_fault(self, fault: FaultStruct, *, fabric_index: int) -> None:
        """Acknowledge a fault; it goes from the list when the owner says so (`ModuleServer.show_faults`).

        :raises StatusError: it cannot be cleared
        """


class ModuleDiagnostics(FabricOrigins, Protocol):
    """Tests a module."""

    async def run_diagnostics(self, *, fabric_index: int) -> RunDiagnosticsResponse:
        """Test the module and say what was found, within the 10 s or so that clients wait for an answer.

        :raises StatusError: it cannot be tested now; BUSY while it is being tested
        """


class FirmwareUpdater(FabricOrigins, Protocol):
    """Updates a module's firmware."""

    async def start_firmware_update(self, version: str | None, *, fabric_index: int) -> None:
        """Begin an update and return; how it goes on is said through `ModuleServer.show_update`.

        :param version: None for the newest that there is
        :raises StatusError: NOT_FOUND: there is no such version; INVALID_IN_STATE: not now
        """


class ModuleServer(Module):
    """Shows a module and takes commands for it.

    :param module_id: its name for ever
    :param keeper: looks after it
    :param operating_mode: how it works, which its owner keeps
    :param diagnostics: who tests it; None if it cannot be tested
    :param updater: who updates its firmware; None if that cannot be updated
    """

    def __init__(
        self,
        module_id: str,
        kind: ModuleKindEnum,
        keeper: ModuleKeeper,
        *,
        link: LinkStruct,
        operating_mode: OperatingModeEnum,
        firmware_version: str = "",
        diagnostics: ModuleDiagnostics | None = None,
        updater: FirmwareUpdater | None = None,
    ) -> None:
        feature = Module.Feature
        super().__init__(
            features=(feature.DIAG if diagnostics else 0) | (feature.FWUP if updater else 0),
            module_id=fitted(Module.module_id.datatype, module_id),
            kind=kind,
            operating_mode=operating_mode,
            link=fitted(Module.link.datatype, link),
            firmware_version=fitted(Module.firmware_version.datatype, firmware_version),
        )
        self._keeper = keeper
        self._diagnostics = diagnostics
        self._updater = updater
        self._quality = LinkQualityStruct(reads_ok=0, reads_failed=0, round_trip=None)
        self._seen: int | None = None

    # ------------------------------------------------------------------ what the module's owner says

    def show_health(self, health: HealthEnum) -> None:
        """Say how well it is."""
        self.health = health

    def show_faults(self, faults: Iterable[FaultStruct]) -> None:
        """Say what is wrong now; what came and what went since the last call are events.

        A fault is the same as before if its code and its source are: then it began when it did before.
        Without a time (`since` None) a new one begins now. The sixteen worst are shown.
        """
        before = {_key(fault): fault for fault in self.active_faults}
        now: dict[tuple[str, str], FaultStruct] = {}
        for told in faults:
            fault = fitted_struct(told)
            key = _key(fault)
            known = before.get(key)
            since = self._now() if fault.since is None else fault.since
            now.setdefault(key, replace(fault, since=since if known is None else known.since))
        worst = sorted(now.values(), key=lambda fault: -fault.severity)[:_MOST_FAULTS]
        shown = {_key(fault) for fault in worst}
        self.active_faults = tuple(worst)
        for key, fault in before.items():
            if key not in shown:
                self.emit(self.fault_cleared, FaultClearedEvent(fault=fault))
        for fault in worst:
            if _key(fault) not in before:
                self.emit(self.fault_raised, FaultRaisedEvent(fault=fault))

    def show_link(self, link: LinkStruct) -> None:
        """Say how it is reached, and whether it answers."""
        self.link = fitted(Module.link.datatype, link)

    def show_link_quality(self, quality: LinkQualityStruct, seen: float | None) -> None:
        """Say how well that works; nobody is told, but whoever asks learns it.

        :param seen: when it last answered, UTC in seconds since 1970
        """
        self._quality = fitted_struct(quality)
        self._seen = epoch_s(seen)

    def show_firmware_version(self, version: str) -> None:
        """Say what it runs."""
        self.firmware_version = fitted(Module.firmware_version.datatype, version)

    def show_operating_mode(self, mode: OperatingModeEnum) -> None:
        """Say how it works; another mode than before is an event."""
        previous = self.operating_mode
        if mode is not previous:
            self.operating_mode = mode
            payload = OperatingModeChangedEvent(previous=previous, current=mode)
            self.emit(self.operating_mode_changed, payload)

    def show_update(self, state: UpdateStateEnum, progress: int | None = None) -> None:
        """Say what a firmware update is doing.

        :param progress: percent; None if there is no update, or nobody knows
        """
        self.update_state = state
        self.update_progress = fitted(Module.update_progress.datatype, progress)

    def tell_registration(self, change: RegistrationChangeEnum, name: str) -> None:
        """Say that it was registered or changed."""
        payload = RegistrationChangedEvent(change=change, name=name)
        self.emit(self.registration_changed, fitted_struct(payload))

    # ------------------------------------------------------------------ attributes

    def read_link_quality(self, _: Context) -> LinkQualityStruct:
        """Return how well the way to the module works."""
        return self._quality

    def read_last_seen(self, _: Context) -> int | None:
        """Return when it last answered."""
        return self._seen

    # ------------------------------------------------------------------ commands

    async def handle_set_operating_mode(self, context: Context, request: SetOperatingModeRequest) -> None:
        """Make it work in another mode."""
        await self._keeper.set_operating_mode(request.mode, fabric_index=context.fabric_index)
        self.show_operating_mode(request.mode)

    async def handle_run_diagnostics(self, context: Context) -> RunDiagnosticsResponse:
        """Test it."""
        assert self._diagnostics is not None
        found = await self._diagnostics.run_diagnostics(fabric_index=context.fabric_index)
        return fitted_struct(found)

    async def handle_start_firmware_update(
        self, context: Context, request: StartFirmwareUpdateRequest
    ) -> None:
        """Begin to update its firmware."""
        assert self._updater is not None
        await self._updater.start_firmware_update(request.version, fabric_index=context.fabric_index)

    async def handle_clear_fault(self, context: Context, request: ClearFaultRequest) -> None:
        """Acknowledge a fault, or all of that code."""
        meant = [
            fault
            for fault in self.active_faults
            if fault.code == request.code and request.source in {None, fault.source}
        ]
        if not meant:
            raise StatusError(Status.NOT_FOUND, f"there is no fault {request.code}")
        for fault in meant:
            await self._keeper.clear_fault(fault, fabric_index=context.fabric_index)

    def fabric_removed(self, fabric_index: int) -> None:
        """Let what the fabric wanted go."""
        super().fabric_removed(fabric_index)
        tell_removed(fabric_index, self._keeper, self._diagnostics, self._updater)

    # ------------------------------------------------------------------ inside

    def _now(self) -> int | None:
        endpoint = self.endpoint
        return None if endpoint is None or endpoint.tree is None else now_s(endpoint.tree.clock)


def _key(fault: FaultStruct) -> tuple[str, str]:
    return fault.code, fault.source


def health_of(faults: Iterable[FaultStruct], *, reachable: bool) -> HealthEnum:
    """Return how well a module with these faults is."""
    if not reachable:
        return HealthEnum.UNKNOWN
    worst: int = max((fault.severity for fault in faults), default=FaultSeverityEnum.INFO)
    if worst >= FaultSeverityEnum.CRITICAL:
        return HealthEnum.FAILED
    return HealthEnum.DEGRADED if worst >= FaultSeverityEnum.WARNING else HealthEnum.OK
