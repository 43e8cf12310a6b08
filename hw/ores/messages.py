"""What modules and hub say to each other once they belong together (docs/module-protocol.md, "Messages")."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field, TypeAdapter

from hw.ores.description import Description
from hw.ores.module import LONGEST_INTERVAL
from hw.ores.sample import Sample
from hw.ores.wire import Id, Line, Message, Number, Power, Seconds, Time
from hw.setpoint import AppliedState, SetpointKind

PROTOCOL: Final = 1
MOST_SAMPLES: Final = 120
"""Measurements in one message."""


class Hello(Message):
    """How a module begins, and what it says when it has become another, such as by new firmware."""

    type: Literal["hello"]
    protocol: Literal[1]
    boot: Id
    """Names the module's run: another one each time its numbers begin anew."""
    oldest: Number = 1
    """Number of the oldest message that it can still send."""
    interval_s: Annotated[float, Field(ge=0.2, le=LONGEST_INTERVAL)]
    """Seconds between two of its measurements; who misses three of them is unreachable."""
    description: Description


class Telemetry(Message):
    """What a module measured."""

    type: Literal["telemetry"]
    seq: Number
    """One more than that of the message before; of telemetry and results together."""
    samples: Annotated[tuple[Sample, ...], Field(min_length=1, max_length=MOST_SAMPLES)]
    """The oldest first."""


class Result(Message):
    """What came of a setpoint."""

    type: Literal["result"]
    seq: Number
    setpoint: Id
    state: AppliedState
    value: Power | None = None
    """What is in force now, in the setpoint's unit."""
    expires_s: Seconds | None = None
    """Seconds after which the module reverts by itself; left out if it does not."""
    detail: Line = ""
    """Why not, for a person."""


class Heartbeat(Message):
    """A sign of life, when there was nothing else to say for a while."""

    type: Literal["heartbeat"]
    time: Time
    """By the sender's clock."""


ModuleMessage = Annotated[Hello | Telemetry | Result | Heartbeat, Field(discriminator="type")]
"""What a module says."""


class Welcome(Message):
    """The answer to a hello."""

    type: Literal["welcome"] = "welcome"
    module: str
    """The module's key."""
    time: Time | None
    """By the hub's clock, which counts; null while it has no time of day."""
    next_seq: Number
    """Number of the message that the hub wants next: what the module still has from there on, it sends."""


class Ack(Message):
    """Messages up to a number were taken."""

    type: Literal["ack"] = "ack"
    seq: Annotated[int, Field(ge=0)]
    current: int = 0
    """Measurements of the message that tell how the module is now."""
    late: int = 0
    """Measurements that tell how it was."""
    refused: int = 0
    """Measurements that count for nothing."""
    reason: str = ""
    """Why, of the first one."""


class Again(Message):
    """Messages are missing: they are to be sent again from a number on."""

    type: Literal["again"] = "again"
    seq: Number


class SetpointMessage(Message):
    """What the module is told. It answers with a result as soon as it has done it, or cannot."""

    type: Literal["setpoint"] = "setpoint"
    id: str
    number: Number
    """Counts up; one that is not above the last one is answered as before and not carried out again."""
    kind: SetpointKind
    value: float | None
    """In the unit that the kind's name ends with; null for `hold` and `auto`."""
    expires_s: float | None
    """Seconds after which the module is to fall back to its own logic by itself; null: it stays."""
    time: Time | None
    """When it was sent."""


class Refusal(Message):
    """A message that cannot be taken."""

    type: Literal["refusal"] = "refusal"
    reason: str
    remedy: str


HubMessage = Annotated[
    Welcome | Ack | Again | SetpointMessage | Heartbeat | Refusal, Field(discriminator="type")
]
"""What the hub says."""

MODULE_MESSAGE: TypeAdapter[Hello | Telemetry | Result | Heartbeat] = TypeAdapter(ModuleMessage)
"""Reads what a module says: `validate_json(data, strict=True)`, which raises ValueError."""
