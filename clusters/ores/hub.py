"""Hub: the home as a whole, its plan, and how modules come into it."""

from enum import IntEnum, IntFlag

from clusters.ores.common import ModuleKindEnum, OperatingModeEnum, RegistrationChangeEnum
from clusters.ores.quantities import ElapsedS, EpochS, PowerMw
from clusters.ores.vendor import cluster_id
from matter_node.model import (
    Bool,
    Cluster,
    Enum,
    Int64,
    ListOf,
    Nullable,
    Priority,
    Struct,
    StructOf,
    UInt8,
    UInt16,
    Utf8,
    attribute,
    command,
    event,
    member,
    struct,
)


class GridStateEnum(IntEnum):
    """Whether the grid is there."""

    UNKNOWN = 0
    """Nothing in the home can tell."""
    CONNECTED = 1
    """The grid supplies the home, or could."""
    LOST = 2
    """The grid is gone."""


class PolicyEnum(IntEnum):
    """What the plan is to be good for."""

    SELF_CONSUMPTION = 0
    """Use the home's own power."""
    SAVINGS = 1
    """Pay as little as possible."""
    BACKUP = 2
    """Be ready for a time without the grid."""
    GREEN = 3
    """Cause as little carbon dioxide as possible."""


@struct
class NetFlowsStruct(Struct):
    """The powers of the home, each positive into what it names; together they are 0 but for losses."""

    grid: int | None = member(0, Nullable(PowerMw))
    """At the meter: positive while the home draws, negative while it feeds in; null if it is not known."""
    solar: int | None = member(1, Nullable(PowerMw))
    """Of all producers: negative while they produce; null if it is not known."""
    storage: int | None = member(2, Nullable(PowerMw))
    """Of all batteries: positive while they charge; null if it is not known."""
    load: int | None = member(3, Nullable(PowerMw))
    """Of everything else in the home: positive; null if it is not known."""


class PlanReasonEnum(IntEnum):
    """Why the plan wants what it wants."""

    OTHER = 0
    """For another reason, which the text tells."""
    SOLAR_SURPLUS = 1
    """There is more sun than the home uses."""
    CHEAP_ENERGY = 2
    """Energy costs less now than later."""
    EXPENSIVE_ENERGY = 3
    """Energy costs more now than later."""
    FEED_IN = 4
    """Energy earns more now than it is worth later."""
    HOLD_FOR_LATER = 5
    """What is stored is worth more later."""
    RESERVE = 6
    """Energy is kept for a time without the grid."""
    LIMIT = 7
    """A limit of the grid, of a contract or of a device holds it back."""
    DEADLINE = 8
    """Something has to be done by a certain time."""
    GREEN_ENERGY = 9
    """The grid's energy is cleaner now than later."""
    IDLE = 10
    """Nothing is to be gained."""


@struct
class PlanStepStruct(Struct):
    """What the plan wants for a time; signs as in NetFlowsStruct."""

    start: int = member(0, EpochS)
    """When it begins."""
    duration: int = member(1, ElapsedS.between(1))
    """How long it lasts."""
    grid: int | None = member(2, Nullable(PowerMw))
    """Power at the meter; null if it is not planned."""
    solar: int | None = member(3, Nullable(PowerMw))
    """Power of all producers; null if it is not planned."""
    storage: int | None = member(4, Nullable(PowerMw))
    """Power of all batteries; null if it is not planned."""
    load: int | None = member(5, Nullable(PowerMw))
    """Power of everything else; null if it is not planned."""
    reason: PlanReasonEnum = member(6, Enum(PlanReasonEnum))
    """Why."""
    text: str = member(7, Utf8(maximum=96))
    """Why, for a person, with figures; may be empty."""


@struct
class SavingsStruct(Struct):
    """What the hub has saved, compared with the same home without a plan and without a battery."""

    currency: int = member(0, UInt16.between(maximum=999))
    """Which currency, as ISO 4217 numbers it."""
    decimal_points: int = member(1, UInt8.between(maximum=6))
    """How many digits of the amounts stand behind the decimal point."""
    today: int | None = member(2, Nullable(Int64))
    """Since midnight in the home's time zone; null if it is not known."""
    month: int | None = member(3, Nullable(Int64))
    """Since the first of the month; null if it is not known."""


@struct
class CandidateStruct(Struct):
    """A device that was found and is no module of the home yet."""

    candidate_id: str = member(0, Utf8(maximum=64))
    """What RegisterDevice calls it by."""
    driver: str = member(1, Utf8(maximum=32))
    """Which driver found it."""
    name: str = member(2, Utf8(maximum=64))
    """What it calls itself: vendor and model."""
    address: str = member(3, Utf8(maximum=128))
    """Where it is."""
    kind: ModuleKindEnum = member(4, Enum(ModuleKindEnum))
    """What it would do for the home."""


class PlanTriggerEnum(IntEnum):
    """What made the hub plan anew."""

    SCHEDULE = 0
    """It was time."""
    REQUEST = 1
    """Somebody asked for it."""
    POLICY = 2
    """The plan is to be good for something else."""
    FORECAST = 3
    """Weather, load or prices are expected to be otherwise."""
    MODULE = 4
    """A module came, went, failed or came back."""
    GRID = 5
    """The grid went or came back, or its operator set a limit."""


@struct
class SetPolicyRequest(Struct):
    """Fields of SetPolicy."""

    policy: PolicyEnum = member(0, Enum(PolicyEnum))
    """What the plan is to be good for."""


@struct
class SetModeRequest(Struct):
    """Fields of SetMode."""

    mode: OperatingModeEnum = member(0, Enum(OperatingModeEnum))
    """How the home is to work."""


@struct
class DiscoverDevicesRequest(Struct):
    """Fields of DiscoverDevices."""

    address: str | None = member(0, Nullable(Utf8(maximum=128, minimum=1)), optional=True)
    """Where to look, such as 192.168.1.20; null for wherever devices announce themselves."""


@struct
class RegisterDeviceRequest(Struct):
    """Fields of RegisterDevice."""

    candidate_id: str | None = member(0, Nullable(Utf8(maximum=64, minimum=1)), optional=True)
    """Which of the Candidates."""
    address: str | None = member(1, Nullable(Utf8(maximum=128, minimum=1)), optional=True)
    """Where the device is, or its Matter setup code."""
    driver: str | None = member(2, Nullable(Utf8(maximum=32, minimum=1)), optional=True)
    """Which driver talks to the device at Address; null to try them all."""
    name: str | None = member(3, Nullable(Utf8(maximum=64, minimum=1)), optional=True)
    """What to call it; null for what it calls itself."""


@struct
class RegisterDeviceResponse(Struct):
    """Fields of RegisterDeviceResponse."""

    module_id: str = member(0, Utf8(maximum=128))
    """The module's name for ever."""
    endpoint: int | None = member(1, Nullable(UInt16))
    """Its endpoint on this node; null if it has none."""


@struct
class GridLostEvent(Struct):
    """Fields of GridLost."""

    backup_time: int | None = member(0, Nullable(ElapsedS))
    """How long the home can go on; null if it is not known."""


@struct
class GridRestoredEvent(Struct):
    """Fields of GridRestored."""

    outage: int | None = member(0, Nullable(ElapsedS))
    """How long the grid was gone; null if the hub did not see it go."""


@struct
class PlanChangedEvent(Struct):
    """Fields of PlanChanged."""

    trigger: PlanTriggerEnum = member(0, Enum(PlanTriggerEnum))
    """Why the hub planned anew."""
    steps: int = member(1, UInt8.between(maximum=48))
    """How many steps the plan has."""


@struct
class LoadShedEvent(Struct):
    """Fields of LoadShed."""

    module_id: str = member(0, Utf8(maximum=128))
    """Which load."""
    shed: bool = member(1, Bool)
    """Whether it was switched off; else it was given power again."""
    power: int | None = member(2, Nullable(PowerMw))
    """What it used before, or is expected to use; null if it is not known."""


@struct
class RegistrationChangedEvent(Struct):
    """Fields of RegistrationChanged."""

    module_id: str = member(0, Utf8(maximum=128))
    """Which module."""
    change: RegistrationChangeEnum = member(1, Enum(RegistrationChangeEnum))
    """What happened."""
    name: str = member(2, Utf8(maximum=64))
    """What the module is called."""


class Hub(Cluster):
    """The home as a whole, its plan, and how modules come into it."""

    ID = cluster_id(0xFC04)
    REVISION = 1
    NAME = "OresHub"

    class Feature(IntFlag):
        """Optional parts of the cluster."""

        PLAN = 1 << 0
        """Planning: the hub can plan ahead; until it has a tariff to plan by, Plan is empty."""
        DISC = 1 << 1
        """Discovery: devices can be found and registered."""
        ISL = 1 << 2
        """Island: the hub tells how long the home lasts without the grid, and looks after it then."""

    mode = attribute(0x0000, Enum(OperatingModeEnum), quality="N")
    """How the home works."""
    grid_state = attribute(0x0001, Enum(GridStateEnum))
    """Whether the grid is there."""
    net_flows = attribute(0x0002, StructOf(NetFlowsStruct), quality="Q")
    """The powers of the home now."""
    policy = attribute(0x0003, Enum(PolicyEnum), quality="N")
    """What the plan is to be good for."""
    savings = attribute(0x0004, Nullable(StructOf(SavingsStruct)), quality="Q")
    """What the hub has saved; null if it is not known."""
    backup_time = attribute(0x0005, Nullable(ElapsedS), quality="Q", conformance="ISL")
    """How long the home could go on without the grid from now; null if it is not known."""
    plan = attribute(0x0006, ListOf(StructOf(PlanStepStruct), maximum=48), conformance="PLAN")
    """What the hub wants for the coming hours, in order; empty if it has no plan."""
    planned_at = attribute(0x0007, Nullable(EpochS), conformance="PLAN")
    """When the plan was made; null if there is none."""
    candidates = attribute(0x0008, ListOf(StructOf(CandidateStruct), maximum=16), conformance="DISC")
    """Devices that were found and are no modules of the home yet."""
    discovering = attribute(0x0009, Bool, conformance="DISC")
    """Whether devices are being looked for."""

    set_policy = command(0x00, SetPolicyRequest, access="O")
    """Say what the plan is to be good for."""
    set_mode = command(0x01, SetModeRequest, access="M")
    """Make the home work in another mode."""
    replan = command(0x02, access="O", conformance="PLAN")
    """Plan anew now; PlanChanged says when it is done."""
    discover_devices = command(0x03, DiscoverDevicesRequest, access="M", conformance="DISC")
    """Look for devices; Candidates lists what is found, and Discovering says when it is over."""
    register_device = command(
        0x04, RegisterDeviceRequest, RegisterDeviceResponse, response_id=0x05, access="M", conformance="DISC"
    )
    """Make a device a module of the home: one of the Candidates, or what is at an address."""

    grid_lost = event(0x00, GridLostEvent, priority=Priority.CRITICAL)
    """The grid is gone."""
    grid_restored = event(0x01, GridRestoredEvent, priority=Priority.CRITICAL)
    """The grid is back."""
    plan_changed = event(0x02, PlanChangedEvent, priority=Priority.INFO, conformance="PLAN")
    """The hub has another plan."""
    load_shed = event(0x03, LoadShedEvent, priority=Priority.CRITICAL, conformance="ISL")
    """A load was switched off so that the rest of the home can go on, or was given power again."""
    registration_changed = event(0x04, RegistrationChangedEvent, priority=Priority.INFO)
    """A module was registered, changed or taken out."""
