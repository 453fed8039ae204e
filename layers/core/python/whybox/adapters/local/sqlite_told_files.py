"""Which files of the bucket were told of already, in a SQLite file: a restart tells of none twice."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from whybox.adapters.local.sqlite_database import SqliteDatabase
from whybox.errors import DependencyUnavailableError

MIGRATIONS: Final = (
    """
    CREATE TABLE announced (
        key TEXT PRIMARY KEY,
        version TEXT NOT NULL
    ) WITHOUT ROWID
    """,
)


class SqliteToldFiles:
    """The latest version of each key that was told of."""

    def __init__(self, path: Path) -> None:
        self._database = SqliteDatabase(path, migrations=MIGRATIONS)

    def read(self) -> dict[str, str]:
        """Return the versions by their keys."""
        with self._transaction() as connection:
            return dict(connection.execute("SELECT key, version FROM announced").fetchall())

    def note(self, key: str, version: str) -> None:
        """This version was told of."""
        with self._transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO announced VALUES (?, ?)", (key, version))

    def forget(self, key: str) -> None:
        """The file is gone: should the very same one come back, it is told of again."""
        with self._transaction() as connection:
            connection.execute("DELETE FROM announced WHERE key = ?", (key,))

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        try:
            with self._database.transaction() as connection:
                yield connection
        except (sqlite3.Error, OSError) as error:
            raise DependencyUnavailableError("notification store") from error
