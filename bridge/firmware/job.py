"""An update of one module: what is done, how far it is, what came of it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Final

from bridge.firmware.release import Release


class JobState(StrEnum):
    """What an update is doing. Each state is on the disk before anything of it is done."""

    WAITING = "waiting"
    """For its window."""
    DOWNLOADING = "downloading"
    WRITING = "writing"
    """Into the slot that does not run."""
    STARTING = "starting"
    """The module restarts into the new firmware; from here on it cannot be cancelled."""
    OBSERVING = "observing"
    """The module runs the new firmware and shows whether it is well."""
    CONFIRMING = "confirming"
    """It is well, and is told to keep it."""
    RETURNING = "returning"
    """It is not, and goes back to what it ran before."""
    DONE = "done"
    ROLLED_BACK = "rolled-back"
    """The module runs what it ran before."""
    FAILED = "failed"
    CANCELLED = "cancelled"


ENDED: Final = frozenset({JobState.DONE, JobState.ROLLED_BACK, JobState.FAILED, JobState.CANCELLED})
_BEFORE_COMMIT: Final = frozenset({JobState.WAITING, JobState.DOWNLOADING, JobState.WRITING})


@dataclass(frozen=True, slots=True, kw_only=True)
class FirmwareJob:
    """One update. Times are UTC in seconds since 1970."""

    id: str
    module: str
    """Its key."""
    release: Release
    installed: str
    """What the module ran before."""
    wanted: str | None
    """The version that was asked for; None for the newest."""
    by: str
    """Who asked, such as `user/anna`."""
    state: JobState
    created: float
    changed: float
    """When it entered its state."""
    window: tuple[float, float] | None = None
    """Between which times it may begin."""
    committed: bool = False
    """Whether the module was told to start the new firmware."""
    faults: tuple[str, ...] = ()
    """What was wrong with the module before."""
    reason: str = ""
    """A `Reason`; empty while nothing went wrong."""
    detail: str = ""
    """Why it is in its state, for a person."""
    progress: int | None = None
    """Percent of the download or of the writing; not stored."""

    @property
    def active(self) -> bool:
        """Whether there is something to be done."""
        return self.state not in ENDED

    @property
    def cancellable(self) -> bool:
        """Whether it can be cancelled."""
        return self.state in _BEFORE_COMMIT

    def to_json(self) -> bytes:
        """Return it as it is stored."""
        values = asdict(self)
        del values["progress"]
        return json.dumps(values, separators=(",", ":")).encode()

    @classmethod
    def from_json(cls, data: bytes) -> FirmwareJob:
        """Read a stored one. Raise ValueError, KeyError or TypeError."""
        values = json.loads(data)
        window = values["window"]
        return cls(
            **{
                **values,
                "release": Release.from_values(values["release"]),
                "state": JobState(values["state"]),
                "window": None if window is None else (window[0], window[1]),
                "faults": tuple(values["faults"]),
            }
        )


@dataclass(frozen=True, slots=True)
class FirmwareChanged:
    """An update began, went on, or ended."""

    job: FirmwareJob
