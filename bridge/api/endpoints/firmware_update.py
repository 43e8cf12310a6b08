"""/device/firmware/update: firmware of modules, from a signed repository into slots, and back again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Self

from pydantic import Field, model_validator

from bridge.access.role import Role
from bridge.api.firmware_problems import FIRMWARE_PROBLEMS, refused
from bridge.api.models import Model, ModuleKey, Moment, moment
from bridge.api.operation import Answer, operation
from bridge.api.problems import FORBIDDEN, UNKNOWN_MODULE, Problem
from bridge.firmware.job import JobState
from bridge.firmware.refusal import FirmwareError, Reason

if TYPE_CHECKING:
    from bridge.api.context import Context
    from bridge.firmware.job import FirmwareJob
    from bridge.firmware.service import FirmwareService
    from bridge.hub import Hub

PATH = "/device/firmware/update"
JobId = Annotated[str, Field(pattern=r"^[0-9a-f]{17}$")]


class Window(Model):
    """When an update may begin."""

    begin: Moment
    end: Moment

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.end <= self.begin:
            raise ValueError("a window ends after it begins")
        return self


class UpdateRequest(Model):
    """Which module is updated, to what, and when."""

    module: ModuleKey
    target: Annotated[str, Field(min_length=1, max_length=64)] = "auto"
    """A version, or `auto` for the newest that fits the module."""
    window: Window | None = None
    """Between which times it may begin; at once without it."""


class JobView(Model):
    """An update of one module."""

    job: str
    """Its id."""
    module: str
    version: str
    """What is installed."""
    installed: str
    """What the module ran before."""
    state: JobState
    """`waiting` for its window, `downloading`, `writing` into the idle slot, `starting` (from here on it
    cannot be cancelled), `observing` the module, `confirming` or `returning`; and as ends `done`,
    `rolled-back` (the module runs what it ran before), `failed` or `cancelled`."""
    progress_percent: int | None
    """Of the download or of the writing; null in other states."""
    reason: str
    """Slug of the problem that ended it; empty while nothing went wrong."""
    detail: str
    """Why it is in that state, for a person."""
    by: str
    """Who asked for it."""
    created: Moment
    changed: Moment
    """When it entered its state."""
    window: Window | None
    cancellable: bool


class RepositoryView(Model):
    """How the repository was when it was last asked."""

    url: str
    alert: str
    """Slug of the problem that it had, such as `firmware-frozen`; empty when all was well."""
    detail: str
    checked: Moment | None
    """Null: not since the hub started."""


class ModuleFirmware(Model):
    """What a module runs, and whether it can be updated."""

    module: str
    name: str
    installed: str
    updatable: bool
    """Whether it takes firmware from the hub."""
    job: str | None
    """Id of its last update."""


class FirmwareStatus(Model):
    """Firmware in the home."""

    repository: RepositoryView | None
    """Null: the settings name none."""
    modules: list[ModuleFirmware]
    jobs: list[JobView]
    """The oldest first."""


class FirmwareQuery(Model):
    """Of which update or module."""

    job: JobId | None = None
    """Id of the only update to tell of."""
    module: ModuleKey | None = None
    """Key of the only module to tell of."""


class JobQuery(Model):
    """Which update."""

    job: JobId


@operation(
    "POST",
    PATH,
    summary="Update a module's firmware",
    description=(
        "Takes the newest release that fits the module, or the version that is named, from the signed "
        "repository. It is refused when the signatures, the version, the stage of the roll-out or the state "
        "of the home forbid it. The answer comes when the update is accepted and kept; Location tells how it "
        "goes on. A module that does badly with the new firmware returns to what it ran before."
    ),
    least=Role.INSTALLER,
    body=UpdateRequest,
    answer=JobView,
    status=202,
    control=True,
    problems=(UNKNOWN_MODULE, *FIRMWARE_PROBLEMS.values()),
)
async def update(context: Context[None, UpdateRequest]) -> Answer:
    """Begin an update in the name of the session's user."""
    body = context.body
    module = context.module(body.module)
    window = body.window
    try:
        job = await _service(context.hub).update(
            module.key,
            context.caller.name,
            version=None if body.target == "auto" else body.target,
            window=None if window is None else (window.begin.timestamp(), window.end.timestamp()),
        )
    except FirmwareError as error:
        raise refused(error) from error
    return Answer(_view(job), headers={"Location": f"{PATH}?job={job.id}"})


@operation(
    "GET",
    PATH,
    summary="Firmware of the modules, and how updates go on",
    description="All modules and all updates, those of one module, or one update. A module sees its own.",
    least=Role.GUEST,
    modules=True,
    query=FirmwareQuery,
    answer=FirmwareStatus,
    problems=(UNKNOWN_MODULE, FIRMWARE_PROBLEMS[Reason.UNKNOWN_JOB]),
)
async def follow(context: Context[FirmwareQuery, None]) -> FirmwareStatus:
    """Tell what the hub knows without asking anybody."""
    query, service = context.query, context.hub.home.firmware
    modules = [context.module(query.module)] if query.module else context.modules()
    keys = {module.key for module in modules}
    jobs = (
        [] if service is None else [job for job in service.jobs if context.caller.user or job.module in keys]
    )
    if query.module:
        jobs = [job for job in jobs if job.module == query.module]
    if query.job is not None:
        jobs = [job for job in jobs if job.id == query.job]
        if not jobs:
            raise Problem(FIRMWARE_PROBLEMS[Reason.UNKNOWN_JOB], f"there is no firmware job {query.job!r}")
        modules = [module for module in modules if module.key == jobs[0].module]
    last = {job.module: job.id for job in jobs}
    return FirmwareStatus(
        repository=None if service is None else _repository(service),
        modules=[
            ModuleFirmware(
                module=module.key,
                name=module.record.name,
                installed=module.record.identity.firmware,
                updatable=service is not None and module.record.capabilities.firmware,
                job=last.get(module.key),
            )
            for module in modules
        ],
        jobs=[_view(job) for job in jobs],
    )


@operation(
    "DELETE",
    PATH,
    summary="Cancel an update",
    description="Until the module is told to start the new firmware; it then runs what it ran before.",
    least=Role.INSTALLER,
    query=JobQuery,
    answer=JobView,
    problems=(
        FIRMWARE_PROBLEMS[Reason.OFF],
        FIRMWARE_PROBLEMS[Reason.UNKNOWN_JOB],
        FIRMWARE_PROBLEMS[Reason.COMMITTED],
    ),
)
async def cancel(context: Context[JobQuery, None]) -> JobView:
    """Cancel it."""
    if not context.caller.user:
        raise Problem(FORBIDDEN, "a module cancels nothing")
    try:
        return _view(_service(context.hub).cancel(context.query.job))
    except FirmwareError as error:
        raise refused(error) from error


def _service(hub: Hub) -> FirmwareService:
    service = hub.home.firmware
    if service is None:
        raise Problem(FIRMWARE_PROBLEMS[Reason.OFF])
    return service


def _repository(service: FirmwareService) -> RepositoryView:
    status = service.repository
    return RepositoryView(
        url=status.url,
        alert=status.alert or "",
        detail=status.detail,
        checked=None if status.checked is None else moment(status.checked),
    )


def _view(job: FirmwareJob) -> JobView:
    window = job.window
    return JobView(
        job=job.id,
        module=job.module,
        version=job.release.version,
        installed=job.installed,
        state=job.state,
        progress_percent=job.progress,
        reason=job.reason,
        detail=job.detail,
        by=job.by,
        created=moment(job.created),
        changed=moment(job.changed),
        window=None if window is None else Window(begin=moment(window[0]), end=moment(window[1])),
        cancellable=job.cancellable,
    )
