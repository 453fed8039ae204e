"""The jobs in a SQLite file: one row each, changed in one transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final

from whybox.adapters.job_changes import Change, JobChanges
from whybox.adapters.local.sqlite_database import SqliteDatabase
from whybox.domain.jobs.job_cursors import cursor_after, place_after, place_of
from whybox.domain.jobs.job_records import UnreadableRecordError, fields_of, job_of, time_text
from whybox.domain.jobs.jobs import Job
from whybox.errors import DependencyUnavailableError, JobNotFoundError
from whybox.job_ports import JOB_RETENTION, JobPage

MIGRATIONS: Final = (
    """
    CREATE TABLE jobs (
        tenant TEXT NOT NULL,
        job_id TEXT NOT NULL,
        place TEXT NOT NULL,
        due_at TEXT,
        fields TEXT NOT NULL,
        PRIMARY KEY (tenant, job_id)
    ) WITHOUT ROWID;
    CREATE UNIQUE INDEX places ON jobs (tenant, place);
    CREATE INDEX dues ON jobs (due_at) WHERE due_at IS NOT NULL
    """,
)


class SqliteJobs(JobChanges):
    """JobStore on SQLite."""

    def __init__(self, path: Path) -> None:
        self._database = SqliteDatabase(path, migrations=MIGRATIONS)

    def create(self, job: Job) -> Job:
        """Store a new job, or return the one that has the id already; see the port."""
        with self._transaction() as connection:
            connection.execute(
                "INSERT INTO jobs VALUES (?, ?, ?, ?, ?) ON CONFLICT (tenant, job_id) DO NOTHING",
                (job.tenant, job.job_id, place_of(job), _due(job), json.dumps(fields_of(job))),
            )
            return _read(connection, job.tenant, job.job_id)

    def read(self, tenant: str, job_id: str) -> Job:
        """Return the job as it is now; see the port."""
        with self._transaction() as connection:
            return _read(connection, tenant, job_id)

    def list(self, tenant: str, *, limit: int, cursor: str | None = None) -> JobPage:
        """Return up to ``limit`` of a tenant's jobs, latest first; see the port."""
        before = None if cursor is None else place_after(cursor, tenant=tenant)
        with self._transaction() as connection:
            rows = connection.execute(
                "SELECT fields FROM jobs WHERE tenant = ?1 AND (?2 IS NULL OR place < ?2)"
                " ORDER BY place DESC LIMIT ?3",
                (tenant, before, limit + 1),
            ).fetchall()
            jobs = tuple(job_of(tenant, json.loads(fields)) for (fields,) in rows[:limit])
        return JobPage(jobs, next_cursor=cursor_after(jobs[-1]) if len(rows) > limit else None)

    def find_overdue(self, *, now: datetime, limit: int) -> tuple[Job, ...]:
        """Return jobs whose worker went silent or that wait for too long; forget the oldest of all."""
        with self._transaction() as connection:
            connection.execute("DELETE FROM jobs WHERE place < ?", (time_text(now - JOB_RETENTION),))
            rows = connection.execute(
                "SELECT tenant, fields FROM jobs WHERE due_at < ? ORDER BY due_at LIMIT ?",
                (time_text(now), limit),
            ).fetchall()
            return tuple(job_of(tenant, json.loads(fields)) for tenant, fields in rows)

    def delete_all(self, tenant: str) -> int:
        """Delete every job of a tenant; see the port."""
        with self._transaction() as connection:
            return connection.execute("DELETE FROM jobs WHERE tenant = ?", (tenant,)).rowcount

    def _change(self, tenant: str, job_id: str, change: Change) -> Job:
        with self._transaction() as connection:
            before = _read(connection, tenant, job_id)
            after = change(before)
            if after != before:
                # What a newer release wrote beside our fields stays.
                connection.execute(
                    "UPDATE jobs SET due_at = ?, fields = json_patch(fields, ?)"
                    " WHERE tenant = ? AND job_id = ?",
                    (_due(after), json.dumps(_patch(before, after)), tenant, job_id),
                )
            return after

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        try:
            with self._database.transaction() as connection:
                yield connection
        except (sqlite3.Error, OSError, UnreadableRecordError) as error:
            raise DependencyUnavailableError("job store") from error


def _read(connection: sqlite3.Connection, tenant: str, job_id: str) -> Job:
    row = connection.execute(
        "SELECT fields FROM jobs WHERE tenant = ? AND job_id = ?", (tenant, job_id)
    ).fetchone()
    if row is None:
        raise JobNotFoundError
    return job_of(tenant, json.loads(row[0]))


def _patch(before: Job, after: Job) -> dict[str, object]:
    """Return the fields of ``after``, and null for those that only ``before`` had (RFC 7396)."""
    return dict.fromkeys(fields_of(before)) | fields_of(after)


def _due(job: Job) -> str | None:
    return None if job.due_at is None else time_text(job.due_at)
