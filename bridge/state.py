"""`state.db`: everything the hub must not forget, as bytes by key in one SQLite file.

Two grades of durability (see `matter_node.storage`). A change is committed to the operating system before
`put` returns, so a killed process loses nothing; the write-ahead log is then sent to the disk after
`WRITE_BEHIND` seconds from a thread of its own, so the event loop never waits for a disk. `flush` waits for
the disk at once.

A commit costs about 10 us. SQLite itself runs with `synchronous=NORMAL`, which keeps the file whole through a
power cut; syncing the log from outside is what `synchronous=FULL` would do after every commit
(https://www.sqlite.org/wal.html section 3, "Performance considerations").
"""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from bridge.state_file import StateError, StateFullError, open_database, save_copy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["SqliteStorage", "StateError", "StateFullError"]

WRITE_BEHIND: Final = 0.05
"""Seconds from the first change of a burst to the sync of it: half of the 0.1 s that are promised."""
BACKUP_INTERVAL: Final = 600.0
"""Shortest time in seconds between two backup copies while the hub runs."""
_CHECKPOINT_BYTES: Final = 4 * 1024 * 1024

_log = logging.getLogger(__name__)

_PUT: Final = (
    "INSERT INTO kv (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
)
_SCAN: Final = "SELECT key, value FROM kv WHERE key >= ? AND key < ? ORDER BY key"
_LAST_CHARACTER: Final = "\U0010ffff"


class SqliteStorage:
    """`matter_node.storage.Storage` in one SQLite file. Belongs to the thread that made it.

    Every failure is a StateError (an OSError), and a failed change has changed nothing.
    """

    def __init__(self, path: Path) -> None:
        """Open or create `path`, restoring it from its backup copy when it is damaged. Raise StateError."""
        self._path = path
        self._connection = open_database(path)
        self._depth = 0
        self._backup_due = False
        with self._judged():
            # The log exists from the first change on; this makes it exist for the thread to sync.
            self._connection.execute("PRAGMA user_version = " + _user_version(self._connection))
        self._disk = _DiskWriter(path)
        self._disk.start()

    def get(self, key: str) -> bytes | None:
        """Return the value of `key`, or None."""
        with self._judged():
            row = self._connection.execute("SELECT value FROM kv WHERE key = ?", (key,)).fetchone()
        return None if row is None else row[0]

    def put(self, key: str, value: bytes) -> None:
        """Set `key` to `value`."""
        with self._judged():
            self._connection.execute(_PUT, (key, value))
        self._disk.wake()

    def delete(self, key: str) -> None:
        """Remove `key`; nothing happens if it is absent."""
        with self._judged():
            self._connection.execute("DELETE FROM kv WHERE key = ?", (key,))
        self._disk.wake()

    def scan(self, prefix: str) -> list[tuple[str, bytes]]:
        """Return all (key, value) whose key starts with `prefix`, in key order."""
        with self._judged():
            return self._connection.execute(_SCAN, (prefix, prefix + _LAST_CHARACTER)).fetchall()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Group the changes made inside: all of them are stored or, if the body raises, none.

        Transactions nest; an inner one that fails takes back its own changes only. The body must not await.
        """
        name = f"t{self._depth}"
        with self._judged():
            self._connection.execute(f"SAVEPOINT {name}" if self._depth else "BEGIN IMMEDIATE")
        self._depth += 1
        try:
            yield
        except BaseException:
            self._depth -= 1
            self._roll_back(name)
            raise
        self._depth -= 1
        try:
            with self._judged():
                self._connection.execute(f"RELEASE {name}" if self._depth else "COMMIT")
        except StateError:
            self._roll_back(name)
            raise
        self._disk.wake()

    def flush(self) -> None:
        """Wait until everything written so far is on the disk. Raise StateError when the disk failed."""
        self._disk.flush()

    def close(self) -> None:
        """Flush, renew the backup copy and close; harmless when closed already."""
        if self._disk.stopped:
            return
        try:
            self._disk.flush()
        finally:
            self._disk.stop()
            self._connection.close()
        save_copy(self._path)

    @contextmanager
    def _judged(self) -> Iterator[None]:
        """Turn SQLite's errors into ours."""
        try:
            yield
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_FULL:
                raise StateFullError(self._path) from error
            raise StateError(f"cannot use {self._path}: {error}") from error
        except sqlite3.IntegrityError as error:
            raise TypeError(f"the state holds bytes by text: {error}") from error
        except sqlite3.DatabaseError as error:
            raise StateError(
                f"{self._path} is damaged ({error}): restart the hub, it restores the last good copy"
            ) from error

    def _roll_back(self, name: str) -> None:
        # A full disk may have ended the whole transaction already.
        with contextlib.suppress(sqlite3.Error):
            if not self._connection.in_transaction:
                return
            if self._depth:
                self._connection.execute(f"ROLLBACK TO {name}")
                self._connection.execute(f"RELEASE {name}")
            else:
                self._connection.execute("ROLLBACK")


def _user_version(connection: sqlite3.Connection) -> str:
    return str(connection.execute("PRAGMA user_version").fetchone()[0])


class _DiskWriter(threading.Thread):
    """Brings the write-ahead log to the disk, folds it into the database, and renews the backup copy."""

    def __init__(self, path: Path) -> None:
        super().__init__(name="state-disk", daemon=True)
        self._path = path
        self._log_file = os.open(f"{path}-wal", os.O_RDWR | os.O_CLOEXEC)
        self._changed = threading.Event()
        self._sync_lock = threading.Lock()
        self._failure: OSError | None = None
        self._backup_at = time.monotonic() + BACKUP_INTERVAL
        self._ended = threading.Event()

    @property
    def stopped(self) -> bool:
        """Whether the thread was told to end."""
        return self._ended.is_set()

    def wake(self) -> None:
        """Say that something was committed."""
        if not self._changed.is_set():
            self._changed.set()

    def flush(self) -> None:
        """Sync the log now. A disk that failed once is never believed again."""
        self._changed.clear()
        self._sync()
        if self._failure is not None:
            raise StateError(
                f"the disk under {self._path} failed ({self._failure.strerror}): "
                "what was written may be lost; check the disk and restart the hub"
            ) from self._failure

    def stop(self) -> None:
        """End the thread."""
        self._ended.set()
        self._changed.set()
        self.join()
        os.close(self._log_file)

    def run(self) -> None:
        """Sync each burst of changes once, WRITE_BEHIND seconds after its first."""
        connection = sqlite3.connect(self._path, isolation_level=None)
        try:
            while not self.stopped:
                self._changed.wait()
                self._ended.wait(WRITE_BEHIND)
                self._changed.clear()
                self._sync()
                self._fold(connection)
                if time.monotonic() >= self._backup_at:
                    self._backup_at = time.monotonic() + BACKUP_INTERVAL
                    save_copy(self._path)
        finally:
            connection.close()

    def _sync(self) -> None:
        with self._sync_lock:
            try:
                os.fdatasync(self._log_file)
            except OSError as error:
                if self._failure is None:
                    _log.critical("the disk under %s failed: %s", self._path, error.strerror)
                self._failure = error

    def _fold(self, connection: sqlite3.Connection) -> None:
        """Checkpoint a long log here, where nobody waits, rather than in the middle of a commit."""
        if os.fstat(self._log_file).st_size < _CHECKPOINT_BYTES:
            return
        try:
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
        except sqlite3.Error as error:
            _log.warning("cannot fold the log into %s: %s", self._path, error)
