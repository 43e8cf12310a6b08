"""Which release a module can take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.firmware.refusal import FirmwareError, Reason
from bridge.firmware.version import FirmwareVersion

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.firmware.release import Release


def choose(releases: Iterable[Release], hardware: str, installed: str, wanted: str | None = None) -> Release:
    """Return the newest release for a module, or the one that is wanted.

    It is made for the module's hardware, newer than what is installed, and what is installed is not below its
    minimum. An older one is taken only when it is wanted by its version and its signed metadata allows it.

    :param hardware: the module's hardware model
    :param installed: what it runs
    :param wanted: a version, None for the newest
    :raises FirmwareError: NO_RELEASE, DOWNGRADE
    """
    running = _running(installed)
    fitting = [release for release in releases if hardware in release.hardware]
    if not fitting:
        raise FirmwareError(Reason.NO_RELEASE, f"the repository has nothing for the hardware {hardware!r}")
    if wanted is not None:
        return _wanted(fitting, running, installed, wanted)
    newer = [release for release in fitting if FirmwareVersion.parse(release.version) > running]
    if not newer:
        raise FirmwareError(Reason.NO_RELEASE, f"{installed} is the newest for the hardware {hardware!r}")
    possible = [release for release in newer if _is_enough(release, running)]
    if not possible:
        least = min((release.minimum for release in newer), key=FirmwareVersion.parse)
        raise FirmwareError(Reason.NO_RELEASE, f"what is newer needs {least} at least, not {installed}")
    return max(possible, key=lambda release: FirmwareVersion.parse(release.version))


def _wanted(fitting: list[Release], running: FirmwareVersion, installed: str, wanted: str) -> Release:
    try:
        version = FirmwareVersion.parse(wanted)
    except ValueError as error:
        raise FirmwareError(Reason.NO_RELEASE, str(error)) from error
    found = next((each for each in fitting if FirmwareVersion.parse(each.version) == version), None)
    if found is None:
        there = ", ".join(sorted(release.version for release in fitting)[:10])
        raise FirmwareError(Reason.NO_RELEASE, f"there is no {wanted} for it; there are {there}")
    if version == running:
        raise FirmwareError(Reason.NO_RELEASE, f"the module runs {installed} already")
    if version < running and not found.allow_downgrade:
        raise FirmwareError(Reason.DOWNGRADE, f"{wanted} is older than {installed}, which the module runs")
    if not _is_enough(found, running):
        raise FirmwareError(Reason.NO_RELEASE, f"{wanted} needs {found.minimum} at least, not {installed}")
    return found


def _running(installed: str) -> FirmwareVersion:
    try:
        return FirmwareVersion.parse(installed)
    except ValueError as error:
        raise FirmwareError(
            Reason.NO_RELEASE,
            f"what the module runs cannot be compared: {error}",
            "Update it by its maker's tool.",
        ) from error


def _is_enough(release: Release, running: FirmwareVersion) -> bool:
    return not release.minimum or running >= FirmwareVersion.parse(release.minimum)
