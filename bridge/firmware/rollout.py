"""How a release reaches one module after the other, and when it stops doing so."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from bridge.firmware.job import JobState
from bridge.firmware.refusal import FirmwareError, Reason

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.firmware.job import FirmwareJob
    from bridge.firmware.release import Release

BUCKETS: Final = 100
MOST_FAILURES: Final = 2
"""Modules that may fail before a release is halted, in a small home."""
MOST_FAILING: Final = 0.05
"""Share of the modules that may, in a large one."""


def bucket(device: str, seed: str) -> int:
    """Return the bucket of a module, 0 to 99: SHA-256 of `device|seed`, modulo 100.

    :param device: the module's key
    """
    digest = hashlib.sha256(f"{device}|{seed}".encode()).digest()
    return int.from_bytes(digest, "big") % BUCKETS


def check_rollout(release: Release, device: str, percent: float, jobs: Iterable[FirmwareJob]) -> None:
    """Make sure that a release is meant for a module by now.

    :param percent: the home's own limit to the share that the release says
    :param jobs: all there were, of which some may have failed with it
    :raises FirmwareError: HELD_BACK
    """
    reached = min(release.percent, percent)
    place = bucket(device, release.seed)
    if place >= reached:
        raise FirmwareError(
            Reason.HELD_BACK,
            f"{release.version} is rolled out to {reached:g} % by now; this module follows above {place} %",
        )
    tried = {job.module: job for job in jobs if job.release.sha256 == release.sha256 and job.committed}
    failed = sum(job.state in {JobState.ROLLED_BACK, JobState.FAILED} for job in tried.values())
    if failed >= max(MOST_FAILURES, MOST_FAILING * len(tried)):
        raise FirmwareError(
            Reason.HELD_BACK,
            f"{release.version} was halted: {failed} of {len(tried)} modules did badly with it",
            "Wait for a release that puts it right.",
        )
