"""The updates that there are and were, on the disk."""

from __future__ import annotations

import dataclasses
import logging
import secrets
from typing import TYPE_CHECKING, Any, Final

from bridge.firmware.job import FirmwareChanged, FirmwareJob, JobState
from bridge.firmware.refusal import FirmwareError, Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bridge.access.audit import AuditTrail
    from bridge.events import EventBus
    from bridge.firmware.release import Release
    from matter_node.clock import Clock
    from matter_node.storage import Storage

KEPT: Final = 200
"""Ended jobs that are remembered."""
_PREFIX: Final = "firmware/"

_log = logging.getLogger(__name__)


class FirmwareJobs:
    """All jobs by id, the oldest first. What they say is on the disk before anybody hears of it."""

    def __init__(
        self, storage: Storage, bus: EventBus, clock: Clock, audit: Callable[[], AuditTrail]
    ) -> None:
        """Read what there is.

        :param audit: returns where every step is noted
        """
        self._storage = storage
        self._bus = bus
        self._clock = clock
        self._audit = audit
        self._jobs: dict[str, FirmwareJob] = {}
        for key, value in storage.scan(_PREFIX):
            try:
                job = FirmwareJob.from_json(value)
            except (ValueError, KeyError, TypeError) as error:
                _log.error("the firmware job %s cannot be read and is left alone: %r", key, error)
                continue
            self._jobs[job.id] = job

    def __iter__(self) -> Iterator[FirmwareJob]:
        return iter(tuple(self._jobs.values()))

    def __getitem__(self, id_: str) -> FirmwareJob:
        """Return a job. Raise FirmwareError UNKNOWN_JOB."""
        try:
            return self._jobs[id_]
        except KeyError:
            raise FirmwareError(Reason.UNKNOWN_JOB, f"there is no firmware job {id_!r}") from None

    def of(self, module: str) -> FirmwareJob | None:
        """Return the last job of a module."""
        return next((job for job in reversed(self._jobs.values()) if job.module == module), None)

    def create(
        self,
        module: str,
        release: Release,
        installed: str,
        by: str,
        *,
        wanted: str | None,
        window: tuple[float, float] | None,
        faults: tuple[str, ...],
    ) -> FirmwareJob:
        """Keep a new job. Raise StateError."""
        now = self._now
        # The time comes first, so that the state keeps them in their order.
        id_ = f"{int(now * 1000):011x}{secrets.token_hex(3)}"
        state = JobState.DOWNLOADING if window is None else JobState.WAITING
        job = FirmwareJob(
            id=id_,
            module=module,
            release=release,
            installed=installed,
            wanted=wanted,
            by=by,
            state=state,
            created=now,
            changed=now,
            window=window,
            faults=faults,
        )
        self._keep(job)
        self._forget_old()
        return job

    def enter(self, job: FirmwareJob, state: JobState, **values: Any) -> FirmwareJob:
        """Let a job enter another state, with other fields that change. Raise StateError."""
        committed = job.committed or state is JobState.STARTING
        changed = dataclasses.replace(
            job, state=state, changed=self._now, committed=committed, progress=None, **values
        )
        self._keep(changed)
        return changed

    def progress(self, id_: str, percent: int) -> None:
        """Say how far a job is; that is not stored."""
        job = self._jobs[id_]
        if job.progress != percent:
            self._jobs[id_] = changed = dataclasses.replace(job, progress=percent)
            self._bus.publish(FirmwareChanged(changed))

    def held_up(self, id_: str, why: str) -> None:
        """Say why a job does not go on now; that is not stored, for nothing can be."""
        self._jobs[id_] = changed = dataclasses.replace(self._jobs[id_], detail=why)
        self._bus.publish(FirmwareChanged(changed))

    def _keep(self, job: FirmwareJob) -> None:
        self._storage.put(_PREFIX + job.id, job.to_json())
        self._storage.flush()
        self._jobs[job.id] = job
        _log.info("firmware %s of %s: %s %s", job.release.version, job.module, job.state, job.detail)
        said = {"job": job.id, "version": job.release.version, "from": job.installed, "reason": job.detail}
        self._audit().audit(
            job.by, f"firmware {job.state}", job.module, {name: text for name, text in said.items() if text}
        )
        self._bus.publish(FirmwareChanged(job))

    def _forget_old(self) -> None:
        ended = [job.id for job in self if not job.active]
        for id_ in ended[: max(0, len(ended) - KEPT)]:
            self._storage.delete(_PREFIX + id_)
            del self._jobs[id_]

    @property
    def _now(self) -> float:
        return self._clock.utc() or 0.0
