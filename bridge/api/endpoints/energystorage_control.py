"""/energystorage/control: what a battery is told, and what became of it."""

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

PATH = "/energystorage/control"
_UNRATED_W = 10_000.0
"""What "as fast as it can" is for a battery that does not tell its rating; it takes what it can."""

Percent = Annotated[float, Field(ge=0, le=100)]


class StorageCommand(ModuleCommand):
    """What a battery is told: a `mode`, or a reserve."""

    mode: Literal["auto", "charge", "discharge", "hold", "no-charging"] | None = None
    """`auto`: take back everything that people have told it, the reserve too. `hold`: neither charge nor
    discharge. `no-charging`: serve the home, but do not charge."""
    power_w: Annotated[float, Field(gt=0, le=1_000_000)] | None = None
    """How fast it charges or discharges, a magnitude; as fast as it can without it."""
    target_soc_percent: Percent | None = None
    """State of charge at which charging or discharging is done."""
    reserve_percent: Percent | None = None
    """Keep back this much: it is not discharged below."""

    @model_validator(mode="after")
    def _one_thing(self) -> Self:
        if (self.mode is None) == (self.reserve_percent is None):
            raise ValueError("give either mode or reserve_percent")
        moving = self.mode in {"charge", "discharge"}
        if not moving and (self.power_w is not None or self.target_soc_percent is not None):
            raise ValueError("power_w and target_soc_percent are for charge and discharge")
        if self.mode == "auto" and self.duration_s is not None:
            raise ValueError("auto takes no duration_s: it ends what was told before")
        return self


@operation(
    "POST",
    PATH,
    summary="Tell a battery what to do",
    description=(
        "Charges or discharges it, up to a state of charge if that is given, holds it, keeps it from "
        "charging, sets its reserve, or leaves it to itself. The answer comes when the command is accepted "
        "and kept; what becomes of it is told at Location. Protection, island operation and the grid "
        "operator come first, the plan comes after people."
    ),
    least=Role.OWNER,
    body=StorageCommand,
    answer=CommandAccepted,
    status=202,
    control=True,
    problems=(UNKNOWN_MODULE, NOT_SUPPORTED),
)
async def command(context: Context[None, StorageCommand]) -> Answer:
    """Pass the command on to the arbiter, in the name of the session's user."""
    body = context.body
    module = context.module(body.module, ModuleKind.BATTERY)
    key, plate, actions = module.key, module.record.nameplate, context.hub.actions
    by, lasts, target = context.requester, body.duration_s, body.target_soc_percent
    if body.reserve_percent is not None:
        percent = body.reserve_percent
        return accepted(context, PATH, lambda: actions.reserve(key, percent, by, duration=lasts))
    match body.mode:
        case "charge":
            power = body.power_w or plate.charge_power_w or plate.power_w or _UNRATED_W
            return accepted(
                context,
                PATH,
                lambda: actions.charge(key, power, by, duration=lasts, target_percent=target),
            )
        case "discharge":
            power = body.power_w or plate.discharge_power_w or plate.power_w or _UNRATED_W
            return accepted(
                context,
                PATH,
                lambda: actions.discharge(key, power, by, duration=lasts, target_percent=target),
            )
        case "hold":
            return accepted(context, PATH, lambda: actions.hold(key, by, duration=lasts))
        case "no-charging":
            return accepted(context, PATH, lambda: actions.stop_charging(key, by, duration=lasts))
        case _:
            return accepted(context, PATH, lambda: actions.automatic(key, by))


@operation(
    "GET",
    PATH,
    summary="What became of commands to batteries",
    description="One command by its id, or the live ones of one battery or of all.",
    least=Role.GUEST,
    query=CommandQuery,
    answer=CommandList,
    problems=(UNKNOWN_MODULE, UNKNOWN_COMMAND),
)
async def follow(context: Context[CommandQuery, None]) -> CommandList:
    """Tell what the arbiter knows."""
    return followed(context, context.query.command, context.query.module, ModuleKind.BATTERY)
