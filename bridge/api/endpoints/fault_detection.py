"""/device/safety/fault-detection: what is and was wrong with modules, and what the hub does about it."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from bridge.access.role import Role
from bridge.api.models import Model, ModuleKey, Moment
from bridge.api.operation import operation
from bridge.api.problems import CONFLICT, FORBIDDEN, INVALID, UNKNOWN_MODULE, Flaw, Problem, ProblemType
from bridge.fault_log import UnknownFaultError
from bridge.faults import TEST_SOURCE
from bridge.protection import RULES, Action, Quantity
from bridge.protector import AlreadyRaisedError
from hw.module import ModuleKind

if TYPE_CHECKING:
    from bridge.api.context import Context
    from bridge.fault_log import FaultRecord
    from bridge.protection import Rule

PATH = "/device/safety/fault-detection"

UNKNOWN_FAULT = ProblemType(
    "unknown-fault",
    404,
    "There is no such fault.",
    "The id was never given, or is of a fault that ended long ago.",
    "See GET /device/safety/fault-detection for the ones there are; the last 500 ended ones are remembered.",
)


class FaultState(StrEnum):
    """Whether a fault lasts."""

    OPEN = "open"
    PAST = "past"


class FaultQuery(Model):
    """Which faults."""

    module: ModuleKey | None = None
    """Of this module only."""
    state: FaultState | None = None
    """Only those that last, or only those that are over."""
    limit: Annotated[int, Field(ge=1, le=500)] = 100
    """At most so many, the newest first."""


class FaultView(Model):
    """One fault."""

    fault: str
    """Its id."""
    module: str
    code: str
    """Short and stable: the device's own, such as `GROUND_FAULT`, or that of a rule."""
    source: str
    """Where it was read, such as `103.Evt1`; `hub.` and a quantity when the hub's rules saw it."""
    severity: Literal["info", "warning", "critical"]
    state: FaultState
    test: bool
    """It was raised on purpose, by somebody who tests the protection."""
    evidence: str
    """What it was seen by."""
    action: str
    """What was done, and what came of it; empty if nothing was to be done."""
    command: str | None
    """Id of the command that does it."""
    since: Moment
    cleared: Moment | None
    acknowledged: Moment | None
    acknowledged_by: str | None


class RuleView(Model):
    """One rule of the hub's protection."""

    code: str
    kinds: list[ModuleKind]
    quantity: Quantity
    limit: float
    """Beyond this it is a fault, in the quantity's unit."""
    release: float
    """Back at this it is none; above the limit when the rule is about what is too low."""
    lasts_s: float
    """How long it must be beyond first."""
    clears_s: float
    """How long it must be back first."""
    severity: Literal["info", "warning", "critical"]
    action: Action
    latched: bool
    """Whether it also lasts until somebody acknowledges it."""


class FaultReport(Model):
    """Faults, and the rules by which the hub sees them."""

    faults: list[FaultView]
    rules: list[RuleView]


class Acknowledge(Model):
    """Take note of a fault. One that is latched is released when it is also over."""

    do: Literal["acknowledge"]
    fault: Annotated[str, Field(min_length=1, max_length=64)]


class ProtectionTest(Model):
    """Raise a fault that is none, and act as if it were one: the module really is told so."""

    do: Literal["test"]
    module: ModuleKey
    code: Annotated[str, Field(min_length=1, max_length=64)]
    """Of the rule."""
    duration_s: Annotated[float, Field(ge=2, le=60)] = 10.0


FaultCommand = Annotated[Acknowledge | ProtectionTest, Field(discriminator="do")]


class FaultAnswer(Model):
    """The fault that was acknowledged, or raised as a test."""

    fault: FaultView


@operation(
    "GET",
    PATH,
    summary="What is and was wrong with modules",
    description=(
        "What devices say of themselves, and what the hub's rules see in their readings: severity, evidence, "
        "what was done. A rule's action outweighs people and plans, and ends with the fault."
    ),
    least=Role.GUEST,
    modules=True,
    query=FaultQuery,
    answer=FaultReport,
    problems=(UNKNOWN_MODULE,),
)
async def read(context: Context[FaultQuery, None]) -> FaultReport:
    """Tell what the fault log knows."""
    query = context.query
    if query.module is not None:
        wanted = {context.module(query.module).key}
    else:
        wanted = {context.caller.module} if context.caller.module else set()
    shown = [
        view(record)
        for record in context.hub.home.fault_log.records()
        if (not wanted or record.fault.module in wanted)
        and (query.state is None or record.open is (query.state is FaultState.OPEN))
    ]
    return FaultReport(faults=shown[: query.limit], rules=[_rule(each) for each in RULES])


@operation(
    "POST",
    PATH,
    summary="Acknowledge a fault, or test the protection",
    description=(
        "`acknowledge` notes who has taken note. `test` raises a rule's fault for some seconds and takes its "
        "action on the module in earnest; it needs the role installer."
    ),
    least=Role.OWNER,
    body=FaultCommand,
    answer=FaultAnswer,
    control=True,
    problems=(UNKNOWN_MODULE, UNKNOWN_FAULT, CONFLICT),
)
async def change(context: Context[None, FaultCommand]) -> FaultAnswer:
    """Pass it on to the fault log or the protector."""
    home, body = context.hub.home, context.body
    if isinstance(body, Acknowledge):
        try:
            record = home.fault_log.acknowledge(body.fault, context.caller.name)
        except UnknownFaultError as error:
            raise Problem(UNKNOWN_FAULT, str(error)) from error
        return FaultAnswer(fault=view(record))
    if not context.caller.may(Role.INSTALLER):
        raise Problem(FORBIDDEN, "testing the protection is for the role installer and above")
    key = context.module(body.module).key
    try:
        home.protector.test(key, body.code, body.duration_s)
    except AlreadyRaisedError as error:
        raise Problem(CONFLICT, str(error)) from error
    except ValueError as error:
        raise Problem(INVALID, str(error), flaws=[Flaw("#/code", str(error))]) from error
    raised = home.fault_log.open_record(key, body.code, TEST_SOURCE)
    assert raised is not None, "it was raised just now"
    return FaultAnswer(fault=view(raised))


def view(record: FaultRecord) -> FaultView:
    """Return a fault as it is shown."""
    fault = record.fault
    return FaultView(
        fault=record.id,
        module=fault.module,
        code=fault.code,
        source=fault.source,
        severity=fault.severity.word,
        state=FaultState.OPEN if record.open else FaultState.PAST,
        test=fault.test,
        evidence=fault.evidence,
        action=record.action,
        command=record.command or None,
        since=fault.since,
        cleared=record.cleared,
        acknowledged=record.acknowledged,
        acknowledged_by=record.acknowledged_by or None,
    )


def _rule(of: Rule) -> RuleView:
    return RuleView(
        code=of.code,
        kinds=sorted(of.kinds),
        quantity=of.quantity,
        limit=of.limit,
        release=of.release,
        lasts_s=of.lasts_s,
        clears_s=of.clears_s,
        severity=of.severity.word,
        action=of.action,
        latched=of.latched,
    )
