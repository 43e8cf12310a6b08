"""What a feed said, on the disk: it survives a restart, and nobody else can read it."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from bridge.feeds.series import Series, SeriesError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

VERSION: Final = 1
_MOST_BYTES: Final = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of a feed. Times are UTC, seconds since 1970, 0 for never.

    :ivar mark: of the source that said it
    :ivar came: when it last said something
    :ivar tried: when it was last asked
    :ivar seen: what it wants to be told when it is asked again
    """

    mark: str = ""
    came: float = 0.0
    tried: float = 0.0
    rows: Mapping[str, Series] = field(default_factory=dict)
    seen: Mapping[str, str] = field(default_factory=dict)


class Cache:
    """One file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> Kept:
        """Return what is kept; nothing when that cannot be read."""
        try:
            if self._path.stat().st_size > _MOST_BYTES:
                return Kept()
            found = json.loads(self._path.read_bytes())
            if found["version"] != VERSION:
                return Kept()
            return Kept(
                str(found["mark"]),
                float(found["came"]),
                float(found["tried"]),
                {name: Series.from_plain(rows) for name, rows in found["rows"].items()},
                dict(found["seen"]),
            )
        except (OSError, SeriesError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            # What is lost with it comes again from where it came.
            return Kept()

    def write(self, kept: Kept) -> None:
        """Put something in the place of what is kept. Raise OSError; then what was kept still is."""
        found = {
            "version": VERSION,
            "mark": kept.mark,
            "came": kept.came,
            "tried": kept.tried,
            "rows": {name: series.plain() for name, series in kept.rows.items()},
            "seen": dict(kept.seen),
        }
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        beside = self._path.with_suffix(".new")
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            json.dump(found, file, separators=(",", ":"))
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self._path)
