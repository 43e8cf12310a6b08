"""/microinverter/control: what a microinverter is told, and what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, model_validator

from bridge.access.role import Role
from bridge.api.commands import (
    CommandAccepted,
    CommandList,
    CommandQuery,
    ModuleCommand,
    accepted,
    followed,
)
from bridge.api.operation import Answer, operation
from bridge.api.problems import NOT_SUPPORTED, UNKNOWN_COMMAND, UNKNOWN_MODULE
from hw.module import ModuleKind

if TYPE_CHECKING:
    from bridge.api.context import Context

PATH = "/microinverter/control"


class MicroinverterCommand(ModuleCommand):
    """What a microinverter is told: one of `power_limit_w`, `power_limit_percent`, `on` and `mode`."""

    power_limit_w: Annotated[float, Field(ge=0, le=1_000_000)] | None = None
    """Produce at most so much."""
    power_limit_percent: Annotated[float, Field(ge=0, le=100)] | None = None
    """Produce at most so much of the rated power."""
    on: bool | None = None
    """Produce, or disconnect from the grid."""
    mode: Literal["auto"] | None = None
    """`auto`: take back everything that people have told it."""

    @model_validator(mode="after")
    def _one_thing(self) -> Self:
        told = (self.power_limit_w, self.power_limit_percent, self.on, self.mode)
        if sum(each is not None for each in told) != 1:
            raise ValueError("give exactly one of power_limit_w, power_limit_percent, on and mode")
        if self.mode is not None and self.duration_s is not None:
            raise ValueError("auto takes no duration_s: it ends what was told before")
        return self


@operation(
    "POST",
    PATH,
    summary="Tell a microinverter what to do",
    description=(
        "Limits its power in watts or percent, switches it on or off, or leaves it to itself. The answer "
        "comes when the command is accepted and kept; what becomes of it is told at Location. Protection, "
        "island operation and the grid operator come first, the plan comes after people."
    ),
    least=Role.OWNER,
    body=MicroinverterCommand,
    answer=CommandAccepted,
    status=202,
    control=True,
    problems=(UNKNOWN_MODULE, NOT_SUPPORTED),
)
async def command(context: Context[None, MicroinverterCommand]) -> Answer:
    """Pass the command on to the arbiter, in the name of the session's user."""
    body = context.body
    key = context.module(body.module, ModuleKind.MICROINVERTER).key
    actions, by, duration = context.hub.actions, context.requester, body.duration_s
    if body.power_limit_w is not None:
        power_w = body.power_limit_w
        return accepted(context, PATH, lambda: actions.limit_power(key, power_w, by, duration=duration))
    if body.power_limit_percent is not None:
        percent = body.power_limit_percent
        return accepted(context, PATH, lambda: actions.limit_share(key, percent, by, duration=duration))
    if body.on is not None:
        on = body.on
        return accepted(context, PATH, lambda: actions.connect(key, by, on=on, duration=duration))
    return accepted(context, PATH, lambda: actions.automatic(key, by))


@operation(
    "GET",
    PATH,
    summary="What became of commands to microinverters",
    description="One command by its id, or the live ones of one microinverter or of all.",
    least=Role.GUEST,
    query=CommandQuery,
    answer=CommandList,
    problems=(UNKNOWN_MODULE, UNKNOWN_COMMAND),
)
async def follow(context: Context[CommandQuery, None]) -> CommandList:
    """Tell what the arbiter knows."""
    return followed(context, context.query.command, context.query.module, ModuleKind.MICROINVERTER)
