"""The replies kept for Idempotency-Key in a SQLite file: claimed, then stored, in time forgotten."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final

from whybox.adapters.local.sqlite_database import SqliteDatabase
from whybox.errors import IdempotencyInProgressError, IdempotencyKeyReusedError, RepliesUnavailableError
from whybox.ports import REPLY_RETENTION, StoredReply

MIGRATIONS: Final = (
    """
    CREATE TABLE replies (
        tenant TEXT NOT NULL,
        route TEXT NOT NULL,
        key TEXT NOT NULL,
        fingerprint TEXT NOT NULL,
        ends_at REAL NOT NULL,
        status INTEGER,
        headers TEXT,
        body BLOB,
        PRIMARY KEY (tenant, route, key)
    );
    CREATE INDEX endings ON replies (ends_at)
    """,
)
"""``ends_at`` is the end of the lease while ``status`` is NULL (claimed), of the retention afterwards."""


class SqliteReplies:
    """ReplyStore on SQLite."""

    def __init__(self, path: Path) -> None:
        self._database = SqliteDatabase(path, migrations=MIGRATIONS)

    def begin(
        self, tenant: str, *, route: str, key: str, fingerprint: str, lease_seconds: float, now: datetime
    ) -> StoredReply | None:
        """Claim the key, or return the reply stored under it; see the port."""
        moment = now.timestamp()
        with self._transaction() as connection:
            connection.execute("DELETE FROM replies WHERE ends_at < ?", (moment,))
            row = connection.execute(
                "SELECT fingerprint, status, headers, body FROM replies"
                " WHERE tenant = ? AND route = ? AND key = ?",
                (tenant, route, key),
            ).fetchone()
            if row is None:
                connection.execute(
                    "INSERT INTO replies VALUES (?, ?, ?, ?, ?, NULL, NULL, NULL)",
                    (tenant, route, key, fingerprint, moment + lease_seconds),
                )
                return None
        first_fingerprint, status, headers, body = row
        if first_fingerprint != fingerprint:
            raise IdempotencyKeyReusedError
        if status is None:
            raise IdempotencyInProgressError
        return StoredReply(
            status=status,
            headers=tuple((name, value) for name, value in json.loads(headers)),
            body=bytes(body),
        )

    def complete(self, tenant: str, *, route: str, key: str, reply: StoredReply, now: datetime) -> None:
        """Store the outcome of a claim; the first outcome stands."""
        with self._transaction() as connection:
            connection.execute(
                "UPDATE replies SET status = ?, headers = ?, body = ?, ends_at = ?"
                " WHERE tenant = ? AND route = ? AND key = ? AND status IS NULL",
                (
                    reply.status,
                    json.dumps(reply.headers),
                    reply.body,
                    (now + REPLY_RETENTION).timestamp(),
                    tenant,
                    route,
                    key,
                ),
            )

    def abandon(self, tenant: str, *, route: str, key: str) -> None:
        """Free a claimed key; an outcome already stored stays."""
        with self._transaction() as connection:
            connection.execute(
                "DELETE FROM replies WHERE tenant = ? AND route = ? AND key = ? AND status IS NULL",
                (tenant, route, key),
            )

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        try:
            with self._database.transaction() as connection:
                yield connection
        except (sqlite3.Error, OSError) as error:
            raise RepliesUnavailableError from error
