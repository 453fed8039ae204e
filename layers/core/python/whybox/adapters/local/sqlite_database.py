"""A SQLite file with a versioned schema, opened when first used: what the local ports keep their rows in."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

BUSY_TIMEOUT_SECONDS: Final = 10.0
"""Longer than any queue of our transactions (each takes under a millisecond), shorter than a request."""

BUSY_PAUSE_SECONDS: Final = 0.001
"""Between two attempts at what SQLite does not wait for by itself."""


class SchemaTooNewError(sqlite3.DatabaseError):
    """The file was written by a newer whybox."""


class SqliteDatabase:
    """One connection per process, shared by its threads behind a lock; processes queue in SQLite itself.

    ``migrations[i]`` takes a file from schema version ``i`` to ``i + 1``; the version stands in
    ``PRAGMA user_version``. WAL with ``synchronous=NORMAL`` survives a killed process without loss; only a
    power cut can lose the last transactions, never corrupt the file.
    """

    def __init__(self, path: Path, *, migrations: tuple[str, ...]) -> None:
        self._path = path
        self._migrations = migrations
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._owner = 0

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Hold the write lock of the whole file; commit at the end, roll back on any error."""
        with self._lock:
            connection = self._open()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def _open(self) -> sqlite3.Connection:
        """Return this process's connection; one that came through a fork corrupts (howtocorrupt.html)."""
        if self._connection is None or self._owner != os.getpid():
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            connection = sqlite3.connect(
                self._path, timeout=BUSY_TIMEOUT_SECONDS, isolation_level=None, check_same_thread=False
            )
            try:
                _write_ahead(connection)
                connection.execute("PRAGMA synchronous = NORMAL")
                self._migrate(connection)
            except BaseException:
                connection.close()
                raise
            weakref.finalize(self, _close_own, connection, os.getpid())
            self._connection, self._owner = connection, os.getpid()
        return self._connection

    def _migrate(self, connection: sqlite3.Connection) -> None:
        version = self._version(connection)
        if version > len(self._migrations):
            raise SchemaTooNewError(f"{self._path.name} has schema {version}, newer than this whybox knows")
        if version == len(self._migrations):
            return
        connection.execute("BEGIN IMMEDIATE")
        try:
            for migration in self._migrations[self._version(connection) :]:
                for statement in filter(str.strip, migration.split(";")):
                    connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {len(self._migrations)}")
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise

    @staticmethod
    def _version(connection: sqlite3.Connection) -> int:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Switch the file to write-ahead logging, waiting for others that do so in the same moment.

    The switch takes the exclusive lock while it holds a shared one. Two that meet there would wait for each
    other, so SQLite refuses one at once, without the time-out that every other statement has.
    """
    deadline = time.monotonic() + BUSY_TIMEOUT_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
            if not busy or time.monotonic() > deadline:
                raise
            time.sleep(BUSY_PAUSE_SECONDS)
        else:
            return


def _close_own(connection: sqlite3.Connection, owner: int) -> None:
    """Close a connection in the process that opened it, and never in a child that was forked from it."""
    if os.getpid() == owner:
        connection.close()
