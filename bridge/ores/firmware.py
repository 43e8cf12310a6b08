"""The firmware commands of a module's Module cluster, passed on to the hub's updates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.firmware.job import JobState
from bridge.firmware.refusal import FirmwareError, Reason
from bridge.registry import UnknownModuleError
from bridge.state import StateError
from clusters.ores.module import UpdateStateEnum
from matter_node.status import Status, StatusError

if TYPE_CHECKING:
    from bridge.firmware.job import FirmwareJob
    from bridge.firmware.service import FirmwareService

_STATES: Final = {
    JobState.WAITING: UpdateStateEnum.IDLE,
    JobState.DOWNLOADING: UpdateStateEnum.DOWNLOADING,
    JobState.WRITING: UpdateStateEnum.APPLYING,
    JobState.STARTING: UpdateStateEnum.APPLYING,
    JobState.OBSERVING: UpdateStateEnum.VERIFYING,
    JobState.CONFIRMING: UpdateStateEnum.VERIFYING,
    JobState.RETURNING: UpdateStateEnum.VERIFYING,
    JobState.DONE: UpdateStateEnum.IDLE,
    JobState.ROLLED_BACK: UpdateStateEnum.FAILED,
    JobState.FAILED: UpdateStateEnum.FAILED,
    JobState.CANCELLED: UpdateStateEnum.IDLE,
}
_NOT_FOUND: Final = frozenset({Reason.NO_RELEASE, Reason.DOWNGRADE})
"""Why there is no such version for the module."""


def update_state(job: FirmwareJob) -> UpdateStateEnum:
    """Return what the cluster shows of a job."""
    return _STATES[job.state]


class FirmwareCommand:
    """What apps ask for (`FirmwareUpdater`)."""

    def __init__(self, key: str, service: FirmwareService) -> None:
        self._key = key
        self._service = service

    async def start_firmware_update(self, version: str | None, *, fabric_index: int) -> None:
        """Begin an update, in the name of an app.

        :raises StatusError: NOT_FOUND: there is no such release for the module; BUSY: another update is under
            way; INVALID_IN_STATE: it is refused; FAILURE: it cannot be kept
        """
        try:
            await self._service.update(self._key, f"fabric-{fabric_index}", version=version)
        except FirmwareError as error:
            status = Status.INVALID_IN_STATE
            if error.reason in _NOT_FOUND:
                status = Status.NOT_FOUND
            elif error.reason is Reason.BUSY:
                status = Status.BUSY
            raise StatusError(status, error.detail) from error
        except UnknownModuleError as error:
            raise StatusError(Status.NOT_FOUND, str(error)) from error
        except StateError as error:
            raise StatusError(Status.FAILURE, str(error)) from error

    def fabric_removed(self, fabric_index: int) -> None:
        """Let updates go on that the fabric's apps began: half an update serves nobody."""
