"""Why firmware is not updated, now or at all."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """The kinds of reasons."""

    OFF = "firmware-off"
    """The hub has no repository."""
    NO_TRANSPORT = "firmware-no-transport"
    """The module cannot be updated through the hub."""
    FROZEN = "firmware-frozen"
    """The repository's signatures have expired: somebody may be keeping newer ones away."""
    UNTRUSTED = "firmware-untrusted"
    """The repository's metadata, or an image, is not what its owner signed, or older than before."""
    UNREACHABLE = "firmware-repository-unreachable"
    """The repository does not answer."""
    NO_RELEASE = "firmware-no-release"
    """There is no release that fits the module and is newer than what it runs."""
    DOWNGRADE = "firmware-downgrade"
    """The release is older than what the module runs, and its maker did not allow that."""
    HELD_BACK = "firmware-held-back"
    """The release is not rolled out to this module yet, or its roll-out was halted."""
    NOT_NOW = "firmware-not-now"
    """The state of the home or of the module forbids it."""
    BUSY = "firmware-busy"
    """Another update is under way."""
    UNKNOWN_JOB = "unknown-firmware-job"
    """There is no such job."""
    COMMITTED = "firmware-committed"
    """The module is starting the new firmware, or the job has ended."""
    MODULE = "firmware-module"
    """The module refused the image, or did not answer."""
    UNWELL = "firmware-unwell"
    """The module did not do well with the new firmware."""


class FirmwareError(Exception):
    """An update is refused, or has failed; nothing else was changed.

    :ivar remedy: what to do about it, for a person; empty where the reason says it
    """

    def __init__(self, reason: Reason, detail: str, remedy: str = "") -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class FirmwareAlert:
    """The repository cannot be trusted any more, its signatures have expired, or all is well with it.

    :ivar reason: FROZEN or UNTRUSTED; None when its metadata was verified
    """

    reason: Reason | None
    detail: str


class UnknownYetError(FirmwareError):
    """What has to be known before an update goes on is not known yet, as just after a start of the hub."""
