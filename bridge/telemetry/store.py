"""Writing to `telemetry.db`: what the one thread that may change the file can do to it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

from bridge.telemetry.blocks import SECONDS
from bridge.telemetry.catalog import Catalog
from bridge.telemetry.database import Database
from bridge.telemetry.samples import framed_quarters, quarter
from bridge.telemetry.schema import TELEMETRY

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence
    from datetime import tzinfo
    from pathlib import Path

    from bridge.telemetry.frames import Frame

_FRAME: Final = "INSERT OR REPLACE INTO frame (ts, device, schema, data) VALUES (?, ?, ?, ?)"


class Store:
    """The file, what is known of its contents, and the changes that others build on.

    Belongs to one thread. Everything raises StoreError when it cannot be done, and has then changed nothing.
    """

    def __init__(self, path: Path, zone: tzinfo) -> None:
        self.zone = zone
        """Where the home's days begin and end."""
        self.catalog = Catalog()
        self.touched: set[int] = set()
        """Quarters that frames were written to; whoever compacts one takes it out first."""
        self.database = Database(path, TELEMETRY)
        self._opening = 0

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Change the file: all that the body does is stored or, if it raises, nothing."""
        try:
            with self.database.transaction() as connection:
                self._know_again()
                yield connection
        except BaseException:
            self.catalog.forget()
            raise

    @contextlib.contextmanager
    def connection(self) -> Iterator[sqlite3.Connection]:
        """Give the connection, to read."""
        with self.database.connection() as connection:
            self._know_again()
            yield connection

    def examine(self) -> None:
        """Read the whole file and set it aside if it is damaged; it may take a while."""
        self.database.examine()

    def commit(self, frames: Sequence[Frame], *, probe: bool = False) -> None:
        """Store frames; of two of one module and second the later one stays.

        :param probe: try to write even when there is nothing to store
        """
        if not frames and not probe:
            return
        numbers: dict[tuple[str, int], tuple[int, int]] = {}
        with self.transaction() as connection:
            if probe:
                connection.execute("INSERT OR REPLACE INTO meta (key, value) VALUES ('probe', random())")
            for frame in frames:
                known = numbers.get((frame.module, id(frame.layout)))
                if known is None:
                    device = self.catalog.device(connection, frame.module)
                    known = device, self.catalog.layout(connection, device, frame.layout)
                    numbers[frame.module, id(frame.layout)] = known
                connection.execute(_FRAME, (frame.time, *known, frame.data))
        self.touched.update(quarter(frame.time) for frame in frames)

    def quarters(self) -> list[int]:
        """Return the quarters of an hour that there are frames of, the oldest first."""
        with self.connection() as connection:
            return framed_quarters(connection)

    def devices(self, start: int) -> list[int]:
        """Return the numbers of the devices that there are frames of in a quarter."""
        with self.connection() as connection:
            rows = connection.execute(
                "SELECT DISTINCT device FROM frame WHERE ts >= ? AND ts < ? ORDER BY device",
                (start, start + SECONDS),
            ).fetchall()
        return [device for (device,) in rows]

    def noted(self, key: str) -> object:
        """Return a value of the file's own notes, or None."""
        with self.connection() as connection:
            row = connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return None if row is None else row[0]

    def note(self, key: str, value: object) -> None:
        """Write down a value in the file's own notes."""
        with self.transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", (key, value))

    def _know_again(self) -> None:
        """Forget the numbers of a file that was replaced."""
        if self._opening != self.database.opened:
            self._opening = self.database.opened
            self.catalog.forget()

    def close(self) -> None:
        """Close the file."""
        self.catalog.forget()
        self.database.close()
