"""What an update has to pass before it begins: the module, the home, the repository, the roll-out."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bridge.firmware.job import JobState
from bridge.firmware.matching import choose
from bridge.firmware.preflight import check_preflight
from bridge.firmware.refusal import FirmwareAlert, FirmwareError, Reason
from bridge.firmware.rollout import check_rollout
from hw.firmware import firmware_target
from hw.module import ModuleError, ModuleKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.access.audit import AuditTrail
    from bridge.firmware.job import FirmwareJob
    from bridge.firmware.jobs import FirmwareJobs
    from bridge.firmware.release import Release
    from bridge.firmware.repository import FirmwareRepository
    from bridge.home import Home
    from bridge.registry import RegisteredModule
    from hw.firmware import FirmwareInfo

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RepositoryStatus:
    """What was learned of the repository when it was last asked.

    :ivar alert: what was wrong, None when all was well
    :ivar checked: UTC in seconds since 1970, None if it was not asked since the hub started
    """

    url: str
    alert: Reason | None = None
    detail: str = ""
    checked: float | None = None


class Gate:
    """Lets updates pass or refuses them.

    :ivar repository: how it was last
    """

    def __init__(
        self,
        home: Home,
        jobs: FirmwareJobs,
        source: FirmwareRepository,
        percent: Callable[[], float],
        audit: Callable[[], AuditTrail],
    ) -> None:
        """Know what is looked at.

        :param percent: returns the share of the home's modules that a release reaches at most
        :param audit: returns where alerts are noted
        """
        self._home = home
        self._jobs = jobs
        self._source = source
        self._percent = percent
        self._audit = audit
        self.repository = RepositoryStatus(source.url)

    async def info(self, module: RegisteredModule) -> FirmwareInfo:
        """Return what a module says of its firmware. Raise FirmwareError NO_TRANSPORT, NOT_NOW, MODULE."""
        if not module.record.capabilities.firmware:
            raise FirmwareError(
                Reason.NO_TRANSPORT,
                f"{module.record.name} takes no firmware from the hub",
                f"Update it with the tool of its maker, {module.record.identity.vendor or 'unknown'}.",
            )
        target = firmware_target(module.device)
        if target is None:
            raise FirmwareError(
                Reason.NOT_NOW, f"{module.record.name} was not found yet", "Bring it back first."
            )
        try:
            return await target.info()
        except ModuleError as error:
            raise FirmwareError(Reason.MODULE, str(error), "Bring the module back first.") from error

    async def release(self, module: RegisteredModule, info: FirmwareInfo, version: str | None) -> Release:
        """Return the release for a module, its turn having come. Raise FirmwareError."""
        try:
            releases = await self._source.releases()
        except FirmwareError as error:
            self.learned(error)
            raise
        self.repository = RepositoryStatus(self._source.url, checked=self._home.clock.utc())
        self._home.bus.publish(FirmwareAlert(None, ""))
        release = choose(releases, info.hardware, info.current.version, version)
        check_rollout(release, module.key, self._percent(), self._jobs)
        return release

    def check_free(self, module: RegisteredModule, job: FirmwareJob | None = None) -> None:
        """Make sure that no update of a module is under way but that one. Raise FirmwareError BUSY."""
        last = self._jobs.of(module.key)
        if last is not None and last.active and (job is None or last.id != job.id):
            raise FirmwareError(
                Reason.BUSY,
                f"the module is being updated already: job {last.id}",
                "Wait for it, or cancel it.",
            )

    def check_now(self, module: RegisteredModule, job: FirmwareJob | None = None) -> None:
        """Make sure that the home is in a state for an update. Raise FirmwareError NOT_NOW, BUSY.

        :param job: the update, once it is one
        """
        check_preflight(module, self._home)
        if module.record.kind is not ModuleKind.BATTERY:
            return
        for other in self._jobs:
            same = job is not None and other.id == job.id
            if same or not other.active or other.state is JobState.WAITING:
                continue
            if self._is_battery(other.module):
                raise FirmwareError(
                    Reason.BUSY,
                    f"another battery is being updated: {other.module}",
                    "Wait until that update has ended: one battery at a time.",
                )

    def faults(self, key: str) -> tuple[str, ...]:
        """Return the codes of what is wrong with a module now."""
        return tuple(sorted({fault.code for fault in self._home.faults.active(key)}))

    def learned(self, error: FirmwareError) -> None:
        """Keep what is wrong with the repository; whoever looks after the home is told of an attack."""
        self.repository = RepositoryStatus(
            self._source.url, error.reason, error.detail, self._home.clock.utc()
        )
        if error.reason in {Reason.FROZEN, Reason.UNTRUSTED}:
            _log.warning("%s: %s", error.reason, error.detail)
            self._audit().audit("hub", f"alert {error.reason}", self._source.url, {"reason": error.detail})
            self._home.bus.publish(FirmwareAlert(error.reason, error.detail))

    def _is_battery(self, key: str) -> bool:
        registry = self._home.registry
        return key in registry and registry[key].record.kind is ModuleKind.BATTERY
