"""A release of firmware, as the maker signed it: a TUF target with what `custom` says about it.

{"hwModel": ["acme-inv-2"], "version": "1.4.2", "minFw": "1.2.0",
 "rollout": {"percent": 20, "seed": "spring"}, "allowDowngrade": false}
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from bridge.firmware.version import FirmwareVersion

if TYPE_CHECKING:
    from collections.abc import Mapping

LARGEST_IMAGE: Final = 1 << 30
"""Octets."""
_SHA256: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Release:
    """One image and whom it is for."""

    path: str
    """Of the target in the repository."""
    url_path: str
    """Where the image is, below the repository's targets: with its hash where snapshots are consistent."""
    version: str
    hardware: tuple[str, ...]
    """Hardware models that it is made for."""
    length: int
    """Octets."""
    sha256: str
    """In hexadecimal digits."""
    minimum: str = ""
    """Firmware that a module must run at least to take it; empty for any."""
    percent: float = 100.0
    """Share of the modules that it is rolled out to by now."""
    seed: str = ""
    """What spreads the modules over the hundred buckets."""
    allow_downgrade: bool = False
    """Whether a module that runs a newer version may go back to it."""

    def values(self) -> dict[str, Any]:
        """Return it as it is stored."""
        return asdict(self)

    @classmethod
    def from_values(cls, values: dict[str, Any]) -> Release:
        """Read a stored one. Raise TypeError, KeyError."""
        return cls(**{**values, "hardware": tuple(values["hardware"])})


def parse_release(path: str, url_path: str, length: int, sha256: str, custom: object) -> Release:
    """Return what a target's signed metadata says. Raise ValueError for a target that is no release."""
    if not isinstance(custom, dict):
        raise ValueError("nothing is said about it")  # noqa: TRY004 - what a repository says is a value, not a bug
    models = custom.get("hwModel")
    names = [models] if isinstance(models, str) else models
    if not isinstance(names, list) or not names or not all(isinstance(name, str) and name for name in names):
        raise ValueError("hwModel names no hardware")
    if not 0 < length <= LARGEST_IMAGE:
        raise ValueError("the image is empty or beyond reason")
    if not _SHA256.fullmatch(sha256):
        raise ValueError("it has no SHA-256")
    minimum = _version(custom, "minFw") if "minFw" in custom else ""
    percent, seed = _rollout(custom.get("rollout", {}))
    allowed = custom.get("allowDowngrade", False)
    if not isinstance(allowed, bool):
        raise ValueError("allowDowngrade is true or false")  # noqa: TRY004 - the same
    return Release(
        path=path,
        url_path=url_path,
        version=_version(custom, "version"),
        hardware=tuple(names),
        length=length,
        sha256=sha256,
        minimum=minimum,
        percent=percent,
        seed=seed or path,
        allow_downgrade=allowed,
    )


def _version(custom: Mapping[str, Any], name: str) -> str:
    text = custom.get(name)
    if not isinstance(text, str):
        raise ValueError(f"{name} is missing")  # noqa: TRY004 - the same
    FirmwareVersion.parse(text)
    return text


def _rollout(values: object) -> tuple[float, str]:
    if not isinstance(values, dict):
        raise ValueError("rollout is an object")  # noqa: TRY004 - the same
    percent, seed = values.get("percent", 100), values.get("seed", "")
    if isinstance(percent, bool) or not isinstance(percent, int | float) or not 0 <= percent <= 100:
        raise ValueError("rollout.percent is 0 to 100")
    if not isinstance(seed, str):
        raise ValueError("rollout.seed is text")  # noqa: TRY004 - the same
    return float(percent), seed
