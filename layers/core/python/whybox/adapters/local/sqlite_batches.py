"""The batches to run on this machine, in a SQLite file: asked for once, then open until they are ended."""

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
    CREATE TABLE batches (
        number INTEGER PRIMARY KEY,
        job_id TEXT NOT NULL UNIQUE,
        payload TEXT NOT NULL,
        is_open INTEGER NOT NULL
    );
    CREATE INDEX open_batches ON batches (number) WHERE is_open
    """,
)


class SqliteBatches:
    """BatchStarter on SQLite, and the list that the local runner works through."""

    def __init__(self, path: Path) -> None:
        self._database = SqliteDatabase(path, migrations=MIGRATIONS)

    def start(self, job_id: str, *, payload: str) -> None:
        """Ask for the batch of a job, once; see the port."""
        with self._transaction() as connection:
            connection.execute(
                "INSERT INTO batches (job_id, payload, is_open) VALUES (?, ?, 1)"
                " ON CONFLICT (job_id) DO NOTHING",
                (job_id, payload),
            )

    def open_batches(self) -> tuple[tuple[str, str], ...]:
        """Return job id and payload of every batch that has not ended, the first one first."""
        with self._transaction() as connection:
            rows = connection.execute("SELECT job_id, payload FROM batches WHERE is_open ORDER BY number")
            return tuple((job_id, payload) for job_id, payload in rows)

    def end(self, job_id: str) -> None:
        """Take a batch off the list for good, however it ended; its id stays taken."""
        with self._transaction() as connection:
            connection.execute("UPDATE batches SET is_open = 0 WHERE job_id = ?", (job_id,))

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        try:
            with self._database.transaction() as connection:
                yield connection
        except (sqlite3.Error, OSError) as error:
            raise DependencyUnavailableError("batch service") from error
