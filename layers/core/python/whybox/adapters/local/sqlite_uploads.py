"""The announced uploads in a SQLite file: one row each, added only while few of a tenant's are open."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from whybox.adapters.local.sqlite_database import SqliteDatabase
from whybox.domain.jobs.job_records import UnreadableRecordError
from whybox.domain.jobs.upload_records import fields_of, upload_of
from whybox.domain.jobs.uploads import UPLOAD_RETENTION, Announcement, Arrival, with_arrival
from whybox.errors import DependencyUnavailableError, TooManyPendingUploadsError, UploadNotFoundError

MIGRATIONS: Final = (
    """
    CREATE TABLE uploads (
        tenant TEXT NOT NULL,
        upload_id TEXT NOT NULL,
        created_at REAL NOT NULL,
        pending_until REAL,
        fields TEXT NOT NULL,
        PRIMARY KEY (tenant, upload_id)
    ) WITHOUT ROWID;
    CREATE INDEX pendings ON uploads (tenant, pending_until) WHERE pending_until IS NOT NULL;
    CREATE INDEX ages ON uploads (created_at)
    """,
)


class SqliteUploads:
    """UploadStore on SQLite."""

    def __init__(self, path: Path) -> None:
        self._database = SqliteDatabase(path, migrations=MIGRATIONS)

    def add(self, announcement: Announcement, *, max_pending: int) -> None:
        """Store a new announcement while few links are open, and forget the oldest of all; see the port."""
        now = announcement.created_at.timestamp()
        with self._transaction() as connection:
            connection.execute(
                "DELETE FROM uploads WHERE created_at < ?", (now - UPLOAD_RETENTION.total_seconds(),)
            )
            n_pending, first_end = connection.execute(
                "SELECT count(*), min(pending_until) FROM uploads"
                " WHERE tenant = ? AND pending_until > ? AND upload_id <> ?",
                (announcement.tenant, now, announcement.upload_id),
            ).fetchone()
            if n_pending >= max_pending:
                wait = math.ceil(first_end - now)
                raise TooManyPendingUploadsError(limit=max_pending, retry_after_seconds=wait)
            connection.execute(
                "INSERT INTO uploads VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (
                    announcement.tenant,
                    announcement.upload_id,
                    now,
                    announcement.expires_at.timestamp(),
                    json.dumps(fields_of(announcement)),
                ),
            )

    def read(self, tenant: str, upload_id: str) -> Announcement:
        """Return the announcement as it is now; see the port."""
        with self._transaction() as connection:
            return _read(connection, tenant, upload_id)

    def mark_received(self, tenant: str, upload_id: str, arrival: Arrival) -> Announcement:
        """Remember what arrived first; see the port."""
        with self._transaction() as connection:
            announcement = with_arrival(_read(connection, tenant, upload_id), arrival)
            connection.execute(
                "UPDATE uploads SET pending_until = NULL, fields = ? WHERE tenant = ? AND upload_id = ?",
                (json.dumps(fields_of(announcement)), tenant, upload_id),
            )
            return announcement

    def delete_all(self, tenant: str) -> int:
        """Forget every upload of a tenant; see the port."""
        with self._transaction() as connection:
            return connection.execute("DELETE FROM uploads WHERE tenant = ?", (tenant,)).rowcount

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        try:
            with self._database.transaction() as connection:
                yield connection
        except (sqlite3.Error, OSError, UnreadableRecordError) as error:
            raise DependencyUnavailableError("upload store") from error


def _read(connection: sqlite3.Connection, tenant: str, upload_id: str) -> Announcement:
    row = connection.execute(
        "SELECT fields FROM uploads WHERE tenant = ? AND upload_id = ?", (tenant, upload_id)
    ).fetchone()
    if row is None:
        raise UploadNotFoundError
    return upload_of(tenant, json.loads(row[0]))
