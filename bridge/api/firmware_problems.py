"""What can go wrong with firmware, as problems of the API."""

from __future__ import annotations

from typing import Final

from bridge.api.problems import Problem, ProblemType
from bridge.firmware.refusal import FirmwareError, Reason

_TYPES: Final = (
    ProblemType(
        Reason.OFF,
        409,
        "The hub updates no firmware.",
        "Its settings name no repository that firmware could come from.",
        "Set `url` and `root` in the settings' [firmware], and restart the hub.",
    ),
    ProblemType(
        Reason.NO_TRANSPORT,
        409,
        "The module takes no firmware from the hub.",
        "What is spoken with it has no way to write firmware into a slot and to return from it.",
        "Update it with its maker's own tool.",
    ),
    ProblemType(
        Reason.FROZEN,
        409,
        "The repository's signatures have expired.",
        "Its owner has not renewed them, or somebody keeps newer metadata away from the hub (freeze attack).",
        "Look whether the hub's clock is right, and ask the repository's owner; nothing is updated before.",
    ),
    ProblemType(
        Reason.UNTRUSTED,
        409,
        "What the repository offers cannot be trusted.",
        "Metadata or an image is not signed by the trusted keys, was changed, or is older than before.",
        "Do not override this: ask the repository's owner whether keys or files were changed.",
    ),
    ProblemType(
        Reason.UNREACHABLE,
        503,
        "The repository does not answer.",
        "It is down, the hub has no way to it, or it was too slow.",
        "Try again later; look at `url` in the settings' [firmware] if it lasts.",
    ),
    ProblemType(
        Reason.NO_RELEASE,
        409,
        "There is no release for the module.",
        "None is made for its hardware and newer than what it runs, or the wanted one does not fit.",
        "See `detail`; leave out `target` for the newest that fits.",
    ),
    ProblemType(
        Reason.DOWNGRADE,
        409,
        "The release is older than what the module runs.",
        "A module goes back only to a release whose signed metadata allows that: old ones have known holes.",
        "Stay with what it runs, or ask the maker for a release that allows it.",
    ),
    ProblemType(
        Reason.HELD_BACK,
        409,
        "The release does not reach this module yet.",
        "Releases are rolled out in stages, and halted when modules do badly with them.",
        "Wait: it follows when the maker raises the share.",
    ),
    ProblemType(
        Reason.NOT_NOW,
        409,
        "Firmware cannot be updated now.",
        "The home is an island or its grid unknown, the module is away, or the battery works or is low.",
        "See `detail`; try again when that is over, or give a `window`.",
    ),
    ProblemType(
        Reason.BUSY,
        409,
        "Another update is under way.",
        "A module takes one update at a time, and the batteries of a home one after the other.",
        "Wait for the one that `detail` names.",
    ),
    ProblemType(
        Reason.UNKNOWN_JOB,
        404,
        "There is no such firmware job.",
        "The id was never given, or the job ended long ago.",
        "See GET /device/firmware/update for the ones there are.",
    ),
    ProblemType(
        Reason.COMMITTED,
        409,
        "The update cannot be cancelled any more.",
        "The module was told to start the new firmware, or the job has ended.",
        "Wait for its end: if the module does badly, it returns to what it ran before.",
    ),
    ProblemType(
        Reason.MODULE,
        409,
        "The module does not take part.",
        "It does not answer, or refuses.",
        "See `detail`; bring the module back into the network.",
    ),
)
FIRMWARE_PROBLEMS: Final = {Reason(kind.slug): kind for kind in _TYPES}
"""The problem of each reason that a request can meet."""


def refused(error: FirmwareError) -> Problem:
    """Return a refusal as a problem."""
    return Problem(FIRMWARE_PROBLEMS[error.reason], error.detail, remedy=error.remedy)
