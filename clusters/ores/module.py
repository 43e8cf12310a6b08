"""Module: what every energy module of the home says about itself, and how it is looked after."""

from enum import IntEnum, IntFlag

from clusters.ores.common import ModuleKindEnum, OperatingModeEnum, RegistrationChangeEnum
from clusters.ores.quantities import EpochS, Percent
from clusters.ores.vendor import cluster_id
from matter_node.model import (
    Bool,
    Cluster,
    Enum,
    ListOf,
    Nullable,
    Priority,
    Struct,
    StructOf,
    UInt32,
    Utf8,
    attribute,
    command,
    event,
    member,
    struct,
)


class HealthEnum(IntEnum):
    """How well a module is."""

    UNKNOWN = 0
    """It has not been heard of yet, or not for too long."""
    OK = 1
    """Nothing is wrong with it."""
    DEGRADED = 2
    """It works, but not as well as it should."""
    FAILED = 3
    """It does not work."""


class FaultSeverityEnum(IntEnum):
    """How much a fault matters."""

    INFO = 0
    """Worth knowing; nothing is to be done."""
    WARNING = 1
    """It works, and somebody should have a look."""
    ERROR = 2
    """Something does not work."""
    CRITICAL = 3
    """It is dangerous, or the module has switched itself off."""


@struct
class FaultStruct(Struct):
    """One thing that is wrong."""

    code: str = member(0, Utf8(maximum=32))
    """Short and stable, such as GROUND_FAULT."""
    source: str = member(1, Utf8(maximum=64))
    """Where it was found: a register of the device, or the part of the hub that noticed."""
    severity: FaultSeverityEnum = member(2, Enum(FaultSeverityEnum))
    """How much it matters."""
    since: int | None = member(3, Nullable(EpochS))
    """When it was first seen; null if the time was not known then."""


class TransportEnum(IntEnum):
    """How the hub talks to a module."""

    OTHER = 0
    """In another way."""
    MODBUS_TCP = 1
    """Modbus over TCP."""
    MODBUS_RTU = 2
    """Modbus over a serial line."""
    HTTP = 3
    """HTTP in the home's network."""
    MQTT = 4
    """Through an MQTT broker."""
    MATTER = 5
    """As a Matter controller."""
    CLOUD = 6
    """Through the maker's servers."""


@struct
class LinkStruct(Struct):
    """The way to a module."""

    transport: TransportEnum = member(0, Enum(TransportEnum))
    """How it is talked to."""
    address: str = member(1, Utf8(maximum=128))
    """Where it is, such as 192.168.1.20:502:1; it may change, the module's id does not."""
    reachable: bool = member(2, Bool)
    """Whether it answers."""


@struct
class LinkQualityStruct(Struct):
    """How well the way to a module works, since the hub started."""

    reads_ok: int = member(0, UInt32)
    """Readings that came."""
    reads_failed: int = member(1, UInt32)
    """Readings that did not come, or could not be understood."""
    round_trip: int | None = member(2, Nullable(UInt32))
    """Time from the last question to its answer in milliseconds; null before the first."""


class UpdateStateEnum(IntEnum):
    """What a firmware update is doing."""

    IDLE = 0
    """There is none."""
    DOWNLOADING = 1
    """The firmware is being fetched."""
    APPLYING = 2
    """The firmware is being written."""
    VERIFYING = 3
    """The module has restarted and shows whether it is well."""
    FAILED = 4
    """The last one failed; the module runs what it ran before, if it runs."""


class DiagnosticResultEnum(IntEnum):
    """What a test found."""

    PASSED = 0
    """All is as it should be."""
    FAILED = 1
    """Something is not as it should be."""
    INCONCLUSIVE = 2
    """It could not be told, for example because there is no light."""


@struct
class DiagnosticCheckStruct(Struct):
    """One thing that was tested."""

    name: str = member(0, Utf8(maximum=24))
    """What was tested."""
    result: DiagnosticResultEnum = member(1, Enum(DiagnosticResultEnum))
    """What was found."""
    detail: str = member(2, Utf8(maximum=64))
    """The same in words, with figures; may be empty."""


@struct
class SetOperatingModeRequest(Struct):
    """Fields of SetOperatingMode."""

    mode: OperatingModeEnum = member(0, Enum(OperatingModeEnum))
    """How the module is to work."""


@struct
class RunDiagnosticsResponse(Struct):
    """Fields of RunDiagnosticsResponse."""

    result: DiagnosticResultEnum = member(0, Enum(DiagnosticResultEnum))
    """The worst of what was found."""
    checks: tuple[DiagnosticCheckStruct, ...] = member(1, ListOf(StructOf(DiagnosticCheckStruct), maximum=8))
    """What was tested, one by one."""


@struct
class StartFirmwareUpdateRequest(Struct):
    """Fields of StartFirmwareUpdate."""

    version: str | None = member(0, Nullable(Utf8(maximum=64, minimum=1)), optional=True)
    """The version wanted; null for the newest that there is."""


@struct
class ClearFaultRequest(Struct):
    """Fields of ClearFault."""

    code: str = member(0, Utf8(maximum=32, minimum=1))
    """The fault's code."""
    source: str | None = member(1, Nullable(Utf8(maximum=64)), optional=True)
    """Where it was found; null for wherever."""


@struct
class FaultRaisedEvent(Struct):
    """Fields of FaultRaised."""

    fault: FaultStruct = member(0, StructOf(FaultStruct))
    """What is wrong now."""


@struct
class FaultClearedEvent(Struct):
    """Fields of FaultCleared."""

    fault: FaultStruct = member(0, StructOf(FaultStruct))
    """What is no longer wrong."""


@struct
class OperatingModeChangedEvent(Struct):
    """Fields of OperatingModeChanged."""

    previous: OperatingModeEnum = member(0, Enum(OperatingModeEnum))
    """How the module worked before."""
    current: OperatingModeEnum = member(1, Enum(OperatingModeEnum))
    """How it works now."""


@struct
class RegistrationChangedEvent(Struct):
    """Fields of RegistrationChanged."""

    change: RegistrationChangeEnum = member(0, Enum(RegistrationChangeEnum))
    """What happened."""
    name: str = member(1, Utf8(maximum=64))
    """What the module is called."""


class Module(Cluster):
    """What every energy module of the home has: who it is, how it is, how it is reached and looked after."""

    ID = cluster_id(0xFC01)
    REVISION = 1
    NAME = "OresModule"

    class Feature(IntFlag):
        """Optional parts of the cluster."""

        DIAG = 1 << 0
        """Diagnostics: the module can be tested."""
        FWUP = 1 << 1
        """FirmwareUpdate: the module's firmware can be updated through the hub."""

    module_id = attribute(0x0000, Utf8(maximum=128), quality="F")
    """The module's name for ever, made of vendor and serial number, as the HTTP API has it."""
    kind = attribute(0x0001, Enum(ModuleKindEnum), quality="F")
    """What the module does for the home."""
    operating_mode = attribute(0x0002, Enum(OperatingModeEnum), quality="N")
    """How the module works together with the rest of the home."""
    health = attribute(0x0003, Enum(HealthEnum))
    """How well the module is."""
    active_faults = attribute(0x0004, ListOf(StructOf(FaultStruct), maximum=16))
    """What is wrong now, the worst first."""
    link = attribute(0x0005, StructOf(LinkStruct))
    """The way to the module."""
    link_quality = attribute(0x0006, StructOf(LinkQualityStruct), quality="C")
    """How well that way works."""
    firmware_version = attribute(0x0007, Utf8(maximum=64))
    """What the module says that it runs; empty if it does not say."""
    last_seen = attribute(0x0008, Nullable(EpochS), quality="C")
    """When the module last answered; null if it has not since the hub started."""
    update_state = attribute(0x0009, Enum(UpdateStateEnum), conformance="FWUP")
    """What a firmware update is doing."""
    update_progress = attribute(0x000A, Nullable(Percent), quality="Q", conformance="FWUP")
    """How far it is; null if there is none, or nobody knows."""

    set_operating_mode = command(0x00, SetOperatingModeRequest, access="M")
    """Make the module work in another mode."""
    run_diagnostics = command(
        0x01, None, RunDiagnosticsResponse, response_id=0x02, access="O", conformance="DIAG"
    )
    """Test the module; the answer takes some seconds."""
    start_firmware_update = command(0x03, StartFirmwareUpdateRequest, access="A", conformance="FWUP")
    """Begin to update the module's firmware; UpdateState says how it goes on."""
    clear_fault = command(0x04, ClearFaultRequest, access="M")
    """Acknowledge a fault that is over, or that the module is to try to leave behind."""

    fault_raised = event(0x00, FaultRaisedEvent, priority=Priority.CRITICAL)
    """Something has gone wrong."""
    fault_cleared = event(0x01, FaultClearedEvent, priority=Priority.INFO)
    """Something is no longer wrong."""
    operating_mode_changed = event(0x02, OperatingModeChangedEvent, priority=Priority.INFO)
    """The module works in another mode."""
    registration_changed = event(0x03, RegistrationChangedEvent, priority=Priority.INFO)
    """The module was registered or changed. That one was taken out is told by the Hub cluster alone: the
    endpoint, and with it whoever follows its events, is gone by then."""
