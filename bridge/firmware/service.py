"""Updates of firmware: what the API, the Module cluster and the command line ask for, all alike."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from bridge.firmware.download import download, forget_images
from bridge.firmware.gate import Gate
from bridge.firmware.installation import STEP_S, Installation
from bridge.firmware.job import ENDED, FirmwareJob, JobState
from bridge.firmware.jobs import FirmwareJobs
from bridge.firmware.refusal import FirmwareError, Reason, UnknownYetError
from bridge.firmware.repository import FirmwareRepository

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bridge.access.audit import AuditTrail
    from bridge.firmware.gate import RepositoryStatus
    from bridge.home import Home
    from bridge.registry import RegisteredModule
    from bridge.settings import FirmwareSettings

WINDOW_STEP_S: Final = 5.0
"""Seconds between two looks whether a job that waits may begin."""
DISK_PAUSE_S: Final = 30.0
"""Seconds until a job whose disk took nothing is gone on with."""
KNOWN_WITHIN_S: Final = 60.0
"""Seconds after which a hub knows its home, if it can."""
_WAY: Final = {
    JobState.DOWNLOADING: JobState.WRITING,
    JobState.WRITING: JobState.STARTING,
    JobState.STARTING: JobState.OBSERVING,
    JobState.OBSERVING: JobState.CONFIRMING,
    JobState.CONFIRMING: JobState.DONE,
}
"""What follows each state when all is well."""

_log = logging.getLogger(__name__)


class FirmwareService:
    """Begins, carries out, cancels and remembers updates.

    :ivar jobs: those that there are and were
    """

    def __init__(
        self, settings: FirmwareSettings, home: Home, directory: Path, audit: Callable[[], AuditTrail]
    ) -> None:
        """Know everything; `start` goes on with what was begun.

        :param directory: where the root, metadata and images are kept
        :param audit: returns where every step is noted
        """
        self._settings = settings
        self._home = home
        self._images = directory / "images"
        assert settings.root is not None, "the settings were judged"
        self._source = FirmwareRepository(settings.url, settings.root, directory)
        self.jobs = FirmwareJobs(home.storage, home.bus, home.clock, audit)
        self._gate = Gate(home, self.jobs, self._source, lambda: self._settings.rollout_percent, audit)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._asking: set[str] = set()
        self._downloading = asyncio.Lock()
        """Held while something is fetched: two modules may want the same image."""

    @property
    def repository(self) -> RepositoryStatus:
        """How the repository was when it was last asked."""
        return self._gate.repository

    def use(self, settings: FirmwareSettings) -> None:
        """Update by other settings from now on; the repository stays the one it was made with."""
        self._settings = settings

    # ------------------------------------------------------------------ what is asked for

    async def update(
        self, key: str, by: str, *, version: str | None = None, window: tuple[float, float] | None = None
    ) -> FirmwareJob:
        """Begin an update and return when it is kept.

        Repository, release and roll-out are looked at before; the state of the home too, unless the update
        is to begin in a window, when it is looked at in that.

        :param version: None for the newest
        :param window: between which times it may begin, UTC in seconds since 1970
        :raises UnknownModuleError: there is no such module
        :raises FirmwareError: it is refused
        :raises StateError: it cannot be kept
        """
        module = self._home.registry[key]
        if window is not None and window[1] <= (self._home.clock.utc() or 0.0):
            raise FirmwareError(Reason.NOT_NOW, "the window has passed", "Give one that ends later.")
        if key in self._asking:
            raise FirmwareError(Reason.BUSY, "an update of this module is being begun")
        self._asking.add(key)
        try:
            info = await self._gate.info(module)
            self._gate.check_free(module)
            if window is None:
                self._gate.check_now(module)
            release = await self._gate.release(module, info, version)
            self._gate.check_free(module)
            if window is None:
                self._gate.check_now(module)
            job = self.jobs.create(
                key,
                release,
                info.current.version,
                by,
                wanted=version,
                window=window,
                faults=self._gate.faults(key),
            )
        finally:
            self._asking.discard(key)
        self._carry_out(job)
        return job

    def cancel(self, id_: str) -> FirmwareJob:
        """Cancel a job and return it. Raise FirmwareError UNKNOWN_JOB, COMMITTED; StateError."""
        job = self.jobs[id_]
        if not job.cancellable:
            raise FirmwareError(Reason.COMMITTED, f"the job is {job.state}: it cannot be cancelled any more")
        cancelled = self.jobs.enter(job, JobState.CANCELLED, detail="cancelled")
        task = self._tasks.get(id_)
        if task is not None:
            task.cancel()
        self._forget_images()
        return cancelled

    def start(self) -> None:
        """Go on with what a former run has left."""
        for job in self.jobs:
            if job.active:
                self._carry_out(job)
        self._forget_images()

    async def stop(self) -> None:
        """Stop working; the next run goes on."""
        tasks = tuple(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # ------------------------------------------------------------------ what is done

    def _carry_out(self, job: FirmwareJob) -> None:
        task = asyncio.create_task(self._run(job.id), name=f"firmware {job.module}")
        self._tasks[job.id] = task
        task.add_done_callback(lambda _: self._tasks.pop(job.id, None))

    async def _run(self, id_: str) -> None:
        trouble = ""
        try:
            while (job := self.jobs[id_]).active:
                try:
                    await self._advance(job)
                    trouble = ""
                except OSError as error:
                    # Every step can be begun again, so it is when the disk takes something.
                    if str(error) != trouble:
                        trouble = str(error)
                        _log.error("the firmware job %s waits for the disk: %s", id_, error)
                        self.jobs.held_up(id_, f"the hub's disk takes nothing, it goes on by itself: {error}")
                    await asyncio.sleep(DISK_PAUSE_S)
        except Exception:  # noqa: BLE001 - one job's defect ends no other job, and a restart takes it up again
            _log.exception("the firmware job %s waits for a restart of the hub", id_)
        self._forget_images()

    async def _advance(self, job: FirmwareJob) -> None:
        """Do a step, or note why that is impossible. Raise OSError when the disk takes nothing."""
        try:
            await self._step(job)
        except FirmwareError as error:
            self._went_wrong(self.jobs[job.id], error)

    async def _step(self, job: FirmwareJob) -> None:
        """Do what a job's state is about, and enter the next one. Raise FirmwareError."""
        if job.module not in self._home.registry:
            raise FirmwareError(Reason.MODULE, "the module was removed")
        module = self._home.registry[job.module]
        work = Installation(module, self._home, job)
        settings = self._settings
        match job.state:
            case JobState.WAITING:
                await self._wait(job, module)
                return
            case JobState.DOWNLOADING:
                await self._fetch(job)
            case JobState.WRITING:
                file = await self._fetch(job)
                await work.write(file, lambda percent: self.jobs.progress(job.id, percent))
                await self._be_sure(module, job)
            case JobState.STARTING:
                await work.start(settings.back_s)
            case JobState.OBSERVING:
                await work.observe(settings.observe_s, settings.back_s)
            case JobState.CONFIRMING:
                await work.confirm(settings.back_s)
                await work.refresh()
            case JobState.RETURNING:
                await self._return(job, work)
                return
        self.jobs.enter(self.jobs[job.id], _WAY[job.state], detail="")

    async def _wait(self, job: FirmwareJob, module: RegisteredModule) -> None:
        """Wait for the window, and in it for the home to be ready; what is released may be another then."""
        assert job.window is not None
        first, last = job.window
        why = "the window passed"
        while (now := self._home.clock.utc() or 0.0) < last:
            if now >= first:
                try:
                    self._gate.check_free(module, job)
                    self._gate.check_now(module, job)
                    info = await self._gate.info(module)
                    release = await self._gate.release(module, info, job.wanted)
                    self._gate.check_now(module, job)  # another may have begun meanwhile
                except FirmwareError as error:
                    if error.reason not in {Reason.NOT_NOW, Reason.BUSY, Reason.MODULE, Reason.UNREACHABLE}:
                        raise
                    why = error.detail
                else:
                    self.jobs.enter(
                        job,
                        JobState.DOWNLOADING,
                        release=release,
                        installed=info.current.version,
                        faults=self._gate.faults(job.module),
                    )
                    return
            await asyncio.sleep(min(WINDOW_STEP_S, max(0.1, first - now if now < first else last - now)))
        raise FirmwareError(Reason.NOT_NOW, f"it did not begin in its window: {why}")

    async def _be_sure(self, module: RegisteredModule, job: FirmwareJob) -> None:
        """Look at the home again; what a hub that has just started does not know yet is waited for."""
        deadline = self._home.clock.monotonic() + KNOWN_WITHIN_S
        while True:
            try:
                self._gate.check_now(module, job)
            except UnknownYetError:
                if self._home.clock.monotonic() > deadline:
                    raise
                await asyncio.sleep(STEP_S)
            else:
                return

    async def _fetch(self, job: FirmwareJob) -> Path:
        def tell(percent: int) -> None:
            if job.state is JobState.DOWNLOADING:
                self.jobs.progress(job.id, percent)

        async with self._downloading:
            return await download(job.release, self._source.targets_url, self._images, progress=tell)

    async def _return(self, job: FirmwareJob, work: Installation) -> None:
        if await work.go_back(self._settings.back_s):
            await work.refresh()
            self.jobs.enter(job, JobState.ROLLED_BACK)
        else:
            self.jobs.enter(
                job, JobState.FAILED, detail=f"{job.detail}; and it did not return to {job.installed}"
            )

    def _went_wrong(self, job: FirmwareJob, error: FirmwareError) -> None:
        if job.state in ENDED:
            return
        returns = job.committed and job.state is not JobState.RETURNING
        state = JobState.RETURNING if returns else JobState.FAILED
        self.jobs.enter(job, state, reason=error.reason.value, detail=error.detail)
        if error.reason is Reason.UNTRUSTED:
            self._gate.learned(error)

    def _forget_images(self) -> None:
        forget_images(self._images, {job.release.sha256 for job in self.jobs if job.active})
