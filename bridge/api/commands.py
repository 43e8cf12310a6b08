"""Commands to modules as the API shows them: what control endpoints answer with, and how it is followed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from bridge.api.models import Model, ModuleKey, Moment, moment
from bridge.api.operation import Answer
from bridge.api.problems import INVALID, NOT_SUPPORTED, UNKNOWN_COMMAND, Flaw, Problem
from bridge.arbiter import LONGEST, UnknownCommandError
from bridge.command import CommandState
from hw.setpoint import SetpointKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.api.context import Context
    from bridge.command import Command
    from hw.module import ModuleKind

Duration = Annotated[float, Field(ge=1, le=LONGEST)]
"""Seconds for which a command holds."""


class ModuleCommand(Model):
    """What every command to a module has."""

    module: ModuleKey
    duration_s: Duration | None = None
    """How long it holds; until it is taken back without it. `auto` takes none."""


class CommandQuery(Model):
    """Which commands."""

    command: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    """Id of the only one to tell of, live or not."""
    module: ModuleKey | None = None
    """Key of the module whose live commands to tell of; those of all of its kind without it."""


class Superior(Model):
    """The command that is in force in place of another one."""

    command: str
    origin: str
    """`safety`, `island`, `grid_operator`, `user`, `demand_response`, `plan` or `default`."""
    source: str
    """Which of that origin."""


class CommandView(Model):
    """A command, and what became of it."""

    command: str
    """Its id."""
    module: str
    setpoint: SetpointKind
    value: float | None
    """In the unit of the setpoint."""
    origin: str
    source: str
    state: CommandState
    """`queued`, `applied` after the module read it back, `superseded` while another one is in force; and as
    ends `done`, `replaced`, `expired`, `withdrawn`, `refused` or `failed`."""
    reason: str
    """Why it is in that state, for a person."""
    superseded_by: Superior | None
    created: Moment
    expires: Moment | None
    """Null: it holds until it is withdrawn or replaced."""
    applied_value: float | None
    """What the module said was in force after the write."""


class CommandList(Model):
    """Commands, the newest last."""

    commands: list[CommandView]


class CommandAccepted(Model):
    """What a command was accepted as."""

    commands: list[CommandView]
    """One for each setpoint; follow each by its id."""


def view(context: Context[Any, Any], command: Command) -> CommandView:
    """Return a command as it is shown."""
    superior = None
    if command.by:
        try:
            by = context.hub.arbiter.command(command.by)
        except UnknownCommandError:
            superior = Superior(command=command.by, origin="", source="")
        else:
            superior = Superior(command=by.id, origin=by.origin.name.lower(), source=by.source)
    return CommandView(
        command=command.id,
        module=command.module,
        setpoint=command.kind,
        value=command.value,
        origin=command.origin.name.lower(),
        source=command.source,
        state=command.state,
        reason=command.reason,
        superseded_by=superior,
        created=moment(command.created),
        expires=None if command.expires is None else moment(command.expires),
        applied_value=command.applied_value,
    )


def accepted(context: Context[Any, Any], path: str, submit: Callable[[], Command]) -> Answer:
    """Submit a command and answer 202 with its id, and with where it can be followed.

    :param path: of the endpoint, which answers GET with `?command=ID`
    :param submit: one call of `ModuleActions`
    :raises Problem: the module cannot do it, or the value cannot be meant
    """
    try:
        command = submit()
    except (ValueError, OverflowError) as error:
        raise Problem(INVALID, "the command cannot be meant", flaws=[Flaw("#", str(error))]) from error
    if command.state is CommandState.REFUSED:
        raise Problem(NOT_SUPPORTED, command.reason, command=command.id)
    model = CommandAccepted(commands=[view(context, command)])
    return Answer(model, status=202, headers={"Location": f"{path}?command={command.id}"})


def followed(
    context: Context[Any, Any], command: str | None, module: str | None, *kinds: ModuleKind
) -> CommandList:
    """Return one command, or the live ones of one module or of all, of modules of these kinds.

    :raises Problem: there is no such command or module
    """
    arbiter = context.hub.arbiter
    if command is not None:
        try:
            found = arbiter.command(command)
        except UnknownCommandError as error:
            raise Problem(UNKNOWN_COMMAND, str(error)) from error
        registered = context.hub.registry
        if found.module not in registered or registered[found.module].record.kind not in kinds:
            raise Problem(UNKNOWN_COMMAND, f"the command {command!r} is for no {kinds[0].value}")
        return CommandList(commands=[view(context, found)])
    modules = [context.module(module, *kinds)] if module else context.modules(*kinds)
    live = [each for module in modules for each in arbiter.live(module.key)]
    return CommandList(commands=[view(context, each) for each in sorted(live, key=lambda each: each.id)])
