"""The Module cluster of every module: its health, its faults, the way to it, and how it is looked after."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.examination import Examination, examine
from bridge.ores.firmware import FirmwareCommand, update_state
from bridge.ores.registration import is_another
from bridge.ores.requests import ModuleRequests, requester
from bridge.protection import waits_for_person
from bridge.record import OperatingMode
from clusters.ores.common import ModuleKindEnum, OperatingModeEnum, RegistrationChangeEnum
from clusters.ores.module import (
    DiagnosticCheckStruct,
    DiagnosticResultEnum,
    FaultSeverityEnum,
    FaultStruct,
    LinkQualityStruct,
    LinkStruct,
    RunDiagnosticsResponse,
    TransportEnum,
)
from clusters.ores.module_server import ModuleServer, health_of
from clusters.ores.quantities import epoch_s
from hw.module import ModuleKind
from matter_node.status import Status, StatusError

if TYPE_CHECKING:
    from bridge.faults import ActiveFault
    from bridge.firmware.job import FirmwareJob
    from bridge.home import Home
    from bridge.record import ModuleRecord
    from bridge.registry import RegisteredModule
    from hw.reading import Reading

_KINDS: Final = {
    ModuleKind.MICROINVERTER: ModuleKindEnum.MICROINVERTER,
    ModuleKind.BATTERY: ModuleKindEnum.BATTERY,
    ModuleKind.METER: ModuleKindEnum.METER,
    ModuleKind.LOAD: ModuleKindEnum.LOAD,
    ModuleKind.EVSE: ModuleKindEnum.EVSE,
}
_CHOICES: Final = {
    OperatingModeEnum.AUTONOMOUS: OperatingMode.AUTONOMOUS,
    OperatingModeEnum.FEDERATED: OperatingMode.FEDERATED,
}
_TRANSPORTS: Final = {
    "sunspec": TransportEnum.MODBUS_TCP,
    "shelly": TransportEnum.HTTP,
    "goe": TransportEnum.HTTP,
    "bench": TransportEnum.HTTP,
    "matter": TransportEnum.MATTER,
}


class ModuleCluster(ModuleRequests):
    """One module's Module cluster, fed with what becomes of it (`ModuleKeeper`, `ModuleDiagnostics`)."""

    def __init__(self, module: RegisteredModule, home: Home) -> None:
        super().__init__(module.key, home)
        self._module = module
        record = module.record
        self._faults: tuple[ActiveFault, ...] | None = None
        self._testing = False
        firmware = home.firmware if record.capabilities.firmware else None
        self.server = ModuleServer(
            record.key,
            _KINDS.get(record.kind, ModuleKindEnum.OTHER),
            self,
            link=_link(module),
            operating_mode=self._mode(),
            firmware_version=record.identity.firmware,
            diagnostics=self,
            updater=None if firmware is None else FirmwareCommand(record.key, firmware),
        )
        if firmware is not None and (job := firmware.jobs.of(record.key)) is not None:
            self.show_update(job)

    # ------------------------------------------------------------------ what is shown

    def show(self, _: Reading) -> None:
        """Show that the module answers, and what is wrong with it."""
        self._show_link()
        self.show_faults()

    def lost(self) -> None:
        """Show that it does not answer."""
        self._show_link()
        self.show_faults()

    def changed(self, before: ModuleRecord, record: ModuleRecord) -> None:
        """Show what is another with the module now."""
        self.show_mode()
        self.server.show_firmware_version(record.identity.firmware)
        self._show_link()
        if is_another(before, record):
            self.server.tell_registration(RegistrationChangeEnum.UPDATED, record.name)

    def registered(self) -> None:
        """Tell that the module is new in the home."""
        self.server.tell_registration(RegistrationChangeEnum.ADDED, self._module.record.name)

    def show_update(self, job: FirmwareJob) -> None:
        """Show how an update of its firmware goes on, where the module says that it can be updated."""
        if self.server.features & self.server.Feature.FWUP:
            self.server.show_update(update_state(job), job.progress)

    def show_mode(self) -> None:
        """Show who decides what the module does now."""
        self.server.show_operating_mode(self._mode())

    def _mode(self) -> OperatingModeEnum:
        if self._home.island.mode.apart:
            return OperatingModeEnum.ISLAND
        return next(number for number, mode in _CHOICES.items() if mode is self._module.record.mode)

    def _show_link(self) -> None:
        module, server = self._module, self.server
        link = _link(module)
        if link != server.link:
            server.show_link(link)
        quality = LinkQualityStruct(
            reads_ok=module.reads_ok,
            reads_failed=module.reads_failed,
            round_trip=None if module.round_trip_s is None else round(module.round_trip_s * 1000),
        )
        server.show_link_quality(quality, module.seen.timestamp() if module.seen else None)

    def show_faults(self) -> None:
        """Show what is wrong with the module, as it says itself and as the hub sees it."""
        active = self._home.faults.active(self._key)
        if active != self._faults:
            self._faults = active
            self.server.show_faults(_fault(each) for each in active)
        health = health_of(self.server.active_faults, reachable=self._module.reachable)
        self.server.show_health(health)

    # ------------------------------------------------------------------ what is asked for

    async def set_operating_mode(self, mode: OperatingModeEnum, *, fabric_index: int) -> None:  # noqa: ARG002 - whoever wants it
        """Let plans and programmes command the module, or leave it to itself."""
        if mode not in _CHOICES:
            raise StatusError(Status.INVALID_IN_STATE, "a module is on an island when the home is")
        if self._home.island.mode.apart:
            raise StatusError(Status.INVALID_IN_STATE, "the home is an island until the grid is back")
        try:
            self._home.registry.set_mode(self._key, _CHOICES[mode])
        except (KeyError, OSError) as error:
            raise StatusError(Status.FAILURE, str(error)) from error

    async def clear_fault(self, fault: FaultStruct, *, fabric_index: int) -> None:
        """Acknowledge a fault that waits for it, and goes when it is also over. Others go by themselves.

        :raises StatusError: INVALID_IN_STATE: it waits for nobody, and is still there
        """
        log = self._home.fault_log
        record = log.open_record(self._key, fault.code, fault.source)
        if record is None or not waits_for_person(record.fault):
            raise StatusError(Status.INVALID_IN_STATE, f"{fault.code} is still there")
        try:
            log.acknowledge(record.id, requester(fabric_index).source)
        except OSError as error:
            raise StatusError(Status.FAILURE, str(error)) from error

    async def run_diagnostics(self, *, fabric_index: int) -> RunDiagnosticsResponse:  # noqa: ARG002 - whoever wants it
        """Look closely at the module.

        :raises StatusError: BUSY: somebody is looking already
        """
        if self._testing:
            raise StatusError(Status.BUSY, "it is being tested")
        self._testing = True
        try:
            return _response(await examine(self._module, self._home.clock))
        finally:
            self._testing = False


def _link(module: RegisteredModule) -> LinkStruct:
    record = module.record
    return LinkStruct(
        transport=_TRANSPORTS.get(record.driver, TransportEnum.OTHER),
        address=record.address,
        reachable=module.reachable,
    )


def _fault(fault: ActiveFault) -> FaultStruct:
    severity = FaultSeverityEnum(fault.severity)
    return FaultStruct(
        code=fault.code, source=fault.source, severity=severity, since=epoch_s(fault.since.timestamp())
    )


def _response(found: Examination) -> RunDiagnosticsResponse:
    passed, failed = DiagnosticResultEnum.PASSED, DiagnosticResultEnum.FAILED
    timing = "no answer"
    if found.mean_ms is not None and found.slowest_ms is not None:
        timing = f"{found.mean_ms:.0f} ms on average, {found.slowest_ms:.0f} ms at most"
    answered = found.reads - found.failures
    checks = [
        DiagnosticCheckStruct(
            name="read",
            result=failed if found.failures else passed,
            detail=f"{answered} of {found.reads} answered, {timing}"[:64],
        )
    ]
    said = [finding for finding in found.findings if not finding.startswith("read ")]
    checks += [DiagnosticCheckStruct(name="plausible", result=failed, detail=text[:64]) for text in said[:7]]
    if answered and not said:
        checks.append(DiagnosticCheckStruct(name="plausible", result=passed, detail=""))
    return RunDiagnosticsResponse(result=passed if found.passed else failed, checks=tuple(checks))
