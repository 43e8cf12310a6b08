"""/device/diagnostics/remote: look closely at a module or at the hub, and pack what whoever helps needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from bridge.access.role import Role
from bridge.api.models import Model, ModuleKey, Moment, moment
from bridge.api.operation import JSON, ZIP, Answer, operation
from bridge.api.problems import CONFLICT, FORBIDDEN, INVALID, UNKNOWN_MODULE, Flaw, Problem, ProblemType
from bridge.api.streams import Download
from bridge.diagnostic_checks import CheckName, Result, summary
from bridge.diagnostics import DiagnosticsBusyError, RunState, UnknownRunError

if TYPE_CHECKING:
    from bridge.api.context import Context
    from bridge.diagnostics import Run

PATH = "/device/diagnostics/remote"

UNKNOWN_RUN = ProblemType(
    "unknown-run",
    404,
    "There is no such diagnostic run.",
    "The id was never given, or is of a run that was long ago.",
    "See GET /device/diagnostics/remote for the ones there are; the last 50 are remembered.",
)


class RunQuery(Model):
    """Which runs."""

    run: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    """Id of the only one to tell of."""
    module: ModuleKey | None = None
    """Of this module only."""


class RunRequest(Model):
    """What to look at."""

    module: ModuleKey | None = None
    """Left out: the hub itself."""
    checks: Annotated[tuple[CheckName, ...], Field(max_length=len(CheckName))] = ()
    """Left out or empty: all that there are. Of the hub itself there are `self-test` and `matter`."""


class CheckView(Model):
    """What came of one check."""

    check: CheckName
    result: Result
    detail: str
    duration_ms: float | None
    """What was measured, where a time was."""


class RunView(Model):
    """One diagnostic run."""

    run: str
    """Its id."""
    module: str | None
    """Null: the hub itself."""
    state: RunState
    result: Result | None
    """The worst of all checks; null while it goes on."""
    started: Moment
    ended: Moment | None
    by: str
    wanted: list[CheckName]
    checks: list[CheckView]


class RunList(Model):
    """Diagnostic runs, the newest first."""

    runs: list[RunView]


@operation(
    "POST",
    PATH,
    summary="Look closely at a module, or at the hub",
    description=(
        "Begins a run; GET at Location tells what came of it. Checks only read: `link` (can it be reached, "
        "and how far does the way go), `scan` (who answers at its address), `timing` (five readings), "
        "`self-test` (are its values plausible; of the hub: store, audit trail, disk, clock, load) and "
        "`matter` (can apps reach it)."
    ),
    least=Role.OWNER,
    body=RunRequest,
    answer=RunView,
    status=202,
    problems=(UNKNOWN_MODULE, CONFLICT),
)
async def begin(context: Context[None, RunRequest]) -> Answer:
    """Begin a run in the caller's name."""
    body = context.body
    key = context.module(body.module).key if body.module is not None else ""
    try:
        run = context.hub.diagnostics.begin(key, body.checks, context.caller.name)
    except DiagnosticsBusyError as error:
        raise Problem(CONFLICT, str(error), headers={"Retry-After": "10"}) from error
    except ValueError as error:
        raise Problem(INVALID, str(error), flaws=[Flaw("#/checks", str(error))]) from error
    return Answer(_view(run), headers={"Location": f"{PATH}?run={run.id}"})


@operation(
    "GET",
    PATH,
    summary="What came of diagnostic runs, or a support bundle",
    description=(
        "One run by its id, or all. As `application/zip` it is a support bundle, for admins: version, "
        "status, settings, modules, faults, alerts, commands, runs and the end of the log, without secrets "
        "and names of people."
    ),
    least=Role.OWNER,
    query=RunQuery,
    answer=RunList,
    media=(JSON, ZIP),
    problems=(UNKNOWN_MODULE, UNKNOWN_RUN),
)
async def read(context: Context[RunQuery, None]) -> RunList | Download:
    """Tell what is remembered, or pack the bundle."""
    if context.media == ZIP:
        if not context.caller.may(Role.ADMIN):
            raise Problem(FORBIDDEN, "a support bundle is for the role admin")
        from bridge.support_bundle import support_bundle  # needed once in a blue moon

        return Download(ZIP, support_bundle(context.hub), file="ores-bridge-support.zip")
    diagnostics, query = context.hub.diagnostics, context.query
    if query.run is not None:
        try:
            return RunList(runs=[_view(diagnostics[query.run])])
        except UnknownRunError as error:
            raise Problem(UNKNOWN_RUN, str(error)) from error
    key = context.module(query.module).key if query.module is not None else None
    return RunList(runs=[_view(run) for run in diagnostics.runs() if key in {None, run.module}])


def _view(run: Run) -> RunView:
    return RunView(
        run=run.id,
        module=run.module or None,
        state=run.state,
        result=None if run.state is RunState.RUNNING else summary(run.checks),
        started=moment(run.started),
        ended=None if run.ended is None else moment(run.ended),
        by=run.by,
        wanted=list(run.wanted),
        checks=[
            CheckView(check=each.name, result=each.result, detail=each.detail, duration_ms=each.value_ms)
            for each in run.checks
        ],
    )
