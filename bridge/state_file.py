"""The state file's life outside the running hub: schema, health check, backup copy, restoring."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import sqlite3
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

_log = logging.getLogger(__name__)

APPLICATION_ID: Final = 0x4F524553  # "ORES"

MIGRATIONS: Final = (("CREATE TABLE kv (key TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID",),)
"""What leads from each schema version to the next: entry n makes version n + 1. Entries are added only."""


class StateError(OSError):
    """The state file failed; nothing of the change that met it was stored."""


class StateFullError(StateError):
    """There is no room for the change."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            errno.ENOSPC,
            f"no room left for {path}: nothing was changed; free some disk space and try again",
        )


class _NewerError(Exception):
    """The file was written by a newer version of the hub."""


def open_database(path: Path) -> sqlite3.Connection:
    """Return a connection to a healthy, current state file at `path`, creating it if it is absent.

    A damaged file is set aside as `NAME.damaged-TIME` and replaced by the last good copy, or by an empty
    state when there is none. Raise StateError when neither can be opened, or when a newer hub wrote the file.
    """
    try:
        return _open_healthy(path)
    except _NewerError as error:
        raise StateError(str(error)) from error
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode != sqlite3.SQLITE_ERROR:
            raise StateError(f"cannot open {path}: {error}") from error
        aside = set_aside(path)
        _log.error("%s is damaged (%s); it was set aside as %s", path, error, aside.name)
    copy = backup_path(path)
    if copy.exists():
        try:
            _open_healthy(copy).close()
            _replace(copy, path)
            connection = _open_healthy(path)
        except (_NewerError, sqlite3.Error, OSError) as error:
            _log.error("the backup copy %s is no good either (%s)", copy.name, error)
            set_aside(path)
        else:
            written = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(copy.stat().st_mtime))
            _log.error(
                "restored the copy of %s; what changed after it is lost. If an app no longer finds the hub, "
                "remove the hub there and pair it again",
                written,
            )
            return connection
    _log.error("starting with an empty state: the hub must be paired again in every app")
    return _open_healthy(path)


class ReadOnlyStorage:
    """The state of a hub that does not run, to look at. Raise StateError when it cannot be read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._connection = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None
            )
            self._connection.execute("SELECT count(*) FROM kv").fetchone()
        except sqlite3.Error as error:
            raise StateError(f"cannot read {path}: {error}") from error

    def get(self, key: str) -> bytes | None:
        """Return the value of `key`, or None."""
        row = self._connection.execute("SELECT value FROM kv WHERE key = ?", (key,)).fetchone()
        return None if row is None else row[0]

    def scan(self, prefix: str) -> list[tuple[str, bytes]]:
        """Return all (key, value) whose key starts with `prefix`, in key order."""
        rows = self._connection.execute("SELECT key, value FROM kv ORDER BY key").fetchall()
        return [(key, value) for key, value in rows if key.startswith(prefix)]


def backup_path(path: Path) -> Path:
    """Where the last good copy of the state file `path` is kept."""
    return path.with_name(path.name + ".backup")


def save_copy(path: Path) -> None:
    """Renew the last good copy of `path`; a failure is logged, and the older copy stays."""
    new = path.with_name(path.name + ".backup.new")
    try:
        new.unlink(missing_ok=True)
        os.close(os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
        with (
            contextlib.closing(sqlite3.connect(path)) as source,
            contextlib.closing(sqlite3.connect(new)) as target,
        ):
            source.backup(target)
            # The copy is one file: it has no log of its own that could get lost.
            target.execute("PRAGMA journal_mode = DELETE")
            _check(target)
        sync_path(new)
        new.replace(backup_path(path))
        sync_path(path.parent)
    except (sqlite3.Error, OSError) as error:
        _log.warning("cannot renew the backup copy of %s: %s", path, error)


def _open_healthy(path: Path) -> sqlite3.Connection:
    """Open, check and migrate `path`. Raise sqlite3.DatabaseError when it is damaged, _NewerError."""
    fresh = not path.exists()
    if fresh:
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600))
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        _check(connection)
        _migrate(connection, path)
    except UnicodeDecodeError as error:
        connection.close()
        # What SQLite's Python side makes of an error message that quotes a damaged file.
        raise sqlite3.DatabaseError(f"it holds text that is none: {error}") from error
    except BaseException:
        connection.close()
        raise
    if fresh:
        sync_path(path.parent)
    return connection


def _check(connection: sqlite3.Connection) -> None:
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    if application not in (0, APPLICATION_ID):
        raise sqlite3.DatabaseError("it belongs to another program")
    verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if verdict != "ok":
        raise sqlite3.DatabaseError(verdict)


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > len(MIGRATIONS):
        raise _NewerError(
            f"{path} was written by a newer ores-bridge (schema {version}, known here: {len(MIGRATIONS)}): "
            "update ores-bridge, or choose another --data-dir"
        )
    if version:
        # Raises when the table is not what its version says.
        connection.execute("SELECT key, value FROM kv LIMIT 1").fetchone()
        if version < len(MIGRATIONS):
            save_copy(path)
    for number, statements in enumerate(MIGRATIONS[version:], version + 1):
        connection.execute("BEGIN IMMEDIATE")
        try:
            for statement in statements:
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {number}")
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")


def set_aside(path: Path) -> Path:
    """Rename a damaged SQLite file and what belongs to it to `NAME.damaged-TIME`; return its new path."""
    stamp = time.strftime("%Y%m%dT%H%M%S")
    aside = path.with_name(f"{path.name}.damaged-{stamp}")
    serial = 1
    while aside.exists():
        serial += 1
        aside = path.with_name(f"{path.name}.damaged-{stamp}-{serial}")
    for suffix in ("", "-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(aside.with_name(aside.name + suffix))
    return aside


def _replace(copy: Path, path: Path) -> None:
    """Put a copy of `copy` in the place of `path`; `copy` stays for the next time."""
    new = path.with_name(path.name + ".restored")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(copy.read_bytes())
    sync_path(new)
    new.replace(path)
    sync_path(path.parent)


def sync_path(path: Path) -> None:
    """Wait until a file, or the names in a directory, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
