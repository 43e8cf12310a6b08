"""A SQLite file of the store: opening it, migrating it, and what to do when it cannot be used.

Nothing here is tried twice. A change that failed has changed nothing; whoever holds what was to be written
keeps it and comes back later.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bridge.state_file import set_aside, sync_path

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_log = logging.getLogger(__name__)

PATIENCE: Final = 5.0
"""Seconds to wait for another program that has locked the file."""
_DAMAGE: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


class StoreError(Exception):
    """The store cannot do what was asked; the message is for a person."""


class UnwritableError(StoreError):
    """Nothing can be written or opened now; later it may be possible."""


class DamagedError(StoreError):
    """The file was damaged and has been set aside; the next change goes to a new one."""

    def __init__(self, path: Path, reason: str, aside: Path) -> None:
        super().__init__(
            f"{path} is damaged ({reason}); it was set aside as {aside.name} and a new one begun"
        )
        self.path = path
        self.aside = aside


class DamagedReadError(StoreError):
    """The file is damaged where it was read."""


class UnknownMetricError(StoreError):
    """There is no history of that module or metric."""


class NewerFileError(UnwritableError):
    """A newer version of the hub wrote the file; it is left alone."""


@dataclass(frozen=True, slots=True)
class FileKind:
    """What a file of the store is."""

    application_id: int
    migrations: tuple[tuple[str, ...], ...]
    """What leads from each schema version to the next: entry n makes version n + 1. Only added to."""
    pragmas: tuple[str, ...]
    """How every connection that writes is set up."""


class Database:
    """One SQLite file, opened when it is first needed. Belongs to one thread."""

    def __init__(self, path: Path, kind: FileKind) -> None:
        self.path = path
        self.opened = 0
        """How often the file was opened: whoever remembers something of it has to look again."""
        self.changes = 0
        """How often it was changed or replaced; counted after each change, and read from any thread."""
        self._kind = kind
        self._connection: sqlite3.Connection | None = None
        self._inode = 0

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Change the file: all that the body does is stored or, if it raises, nothing. Raise StoreError."""
        with self._judged():
            connection = self._opened()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
                self.changes += 1
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")  # a full disk may have ended the transaction already
                raise

    @contextlib.contextmanager
    def connection(self) -> Iterator[sqlite3.Connection]:
        """Give the connection, outside any transaction. Raise StoreError."""
        with self._judged():
            yield self._opened()

    def examine(self) -> None:
        """Read the whole file and set it aside if it is damaged. Raise StoreError; it may take a while."""
        with self._judged():
            verdict = self._opened().execute("PRAGMA quick_check(1)").fetchone()[0]
        if verdict != "ok":
            self._replace(verdict)

    def close(self) -> None:
        """Close the file; it is opened again when it is needed."""
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None

    def _opened(self) -> sqlite3.Connection:
        if self._connection is not None and self._vanished():
            _log.error("%s was deleted while the hub was running; a new one is started", self.path)
            self.close()
        if self._connection is None:
            self._connection = _open(self.path, self._kind)
            self._inode = self.path.stat().st_ino
            self.opened += 1
            self.changes += 1
        return self._connection

    def _vanished(self) -> bool:
        try:
            return self.path.stat().st_ino != self._inode
        except OSError:
            return True

    @contextlib.contextmanager
    def _judged(self) -> Iterator[None]:
        """Turn the errors of SQLite and of the file system into ours; set a damaged file aside."""
        try:
            yield
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            if is_damage(error) or self._says_read_only_and_is_not(error):
                self._replace(str(error))
            if _code(error) == sqlite3.SQLITE_FULL:
                raise UnwritableError(f"no room left for {self.path}: free some disk space") from error
            # The next attempt begins with a fresh view of the file.
            self.close()
            raise UnwritableError(f"cannot use {self.path}: {error}") from error
        except OSError as error:
            self.close()
            raise UnwritableError(f"cannot use {self.path}: {error.strerror}") from error

    def _says_read_only_and_is_not(self, error: Exception) -> bool:
        """Whether the file's header forbids writing, as one flipped bit does."""
        code = getattr(error, "sqlite_errorcode", None)
        return code == sqlite3.SQLITE_READONLY and os.access(self.path, os.W_OK)

    def _replace(self, reason: str) -> None:
        """Set the damaged file aside. Raise DamagedError, or UnwritableError when that is impossible."""
        self.close()
        try:
            aside = set_aside(self.path)
        except OSError as error:
            raise UnwritableError(
                f"{self.path} is damaged ({reason}) and cannot be set aside: {error.strerror}"
            ) from error
        self.changes += 1
        raise DamagedError(self.path, reason, aside)


def open_to_read(path: Path, kind: FileKind) -> sqlite3.Connection:
    """Open a file to read it, from any thread but from one at a time. Raise sqlite3.Error, StoreError.

    One that is not there yet, or is just being made, is empty.
    """
    if not path.exists():
        return in_memory(kind)
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None, check_same_thread=False
    )
    try:
        connection.execute("PRAGMA cache_size = -512")
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version == len(kind.migrations):
            return connection
    except BaseException:
        connection.close()
        raise
    connection.close()
    if version == 0:
        return in_memory(kind)
    raise StoreError(f"{path} has schema {version}, this ores-bridge reads {len(kind.migrations)}")


def is_damage(error: Exception) -> bool:
    """Tell whether an error that came out of SQLite means that the file is damaged."""
    # Text that is none ends in the Python side of SQLite, with these two.
    return (
        _code(error) in _DAMAGE
        or isinstance(error, UnicodeDecodeError)
        or str(error).startswith("Could not decode to UTF-8")
    )


def _code(error: Exception) -> int:
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF


def _open(path: Path, kind: FileKind) -> sqlite3.Connection:
    """Open or create a file. Raise sqlite3.Error, OSError, NewerFileError."""
    fresh = not path.exists()
    if fresh:
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600))
    connection = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None)
    try:
        _set_up(connection, kind)
        _migrate(connection, path, kind)
    except BaseException:
        connection.close()
        raise
    if fresh:
        sync_path(path.parent)
    return connection


def _set_up(connection: sqlite3.Connection, kind: FileKind) -> None:
    try:
        for pragma in kind.pragmas:
            connection.execute(f"PRAGMA {pragma}")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_ERROR:  # such as: unsupported file format
            error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise


def _migrate(connection: sqlite3.Connection, path: Path, kind: FileKind) -> None:
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    if application not in (0, kind.application_id):
        raise _damage("it belongs to another program")
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > len(kind.migrations):
        raise NewerFileError(
            f"{path} was written by a newer ores-bridge (schema {version}, known here: "
            f"{len(kind.migrations)}): update ores-bridge, or move the file away"
        )
    for number, statements in enumerate(kind.migrations[version:], version + 1):
        connection.execute("BEGIN IMMEDIATE")
        try:
            for statement in statements:
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {kind.application_id}")
            connection.execute(f"PRAGMA user_version = {number}")
            connection.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            raise
    with contextlib.closing(in_memory(kind)) as fresh:
        if not _schema(fresh) <= _schema(connection):
            raise _damage("its tables are not as they were made")


def _damage(reason: str) -> sqlite3.DatabaseError:
    error = sqlite3.DatabaseError(reason)
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return error


def in_memory(kind: FileKind) -> sqlite3.Connection:
    """Return an empty file of a kind that is in memory; any thread may use it."""
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    for statements in kind.migrations:
        for statement in statements:
            connection.execute(statement)
    return connection


def _schema(connection: sqlite3.Connection) -> set[tuple[str, str]]:
    return set(connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"))
