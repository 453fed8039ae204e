"""The API keys in a SQLite file: of each key who it speaks for, and a digest to know it by."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from whybox.adapters.local.sqlite_database import SqliteDatabase
from whybox.errors import DependencyUnavailableError
from whybox.ports import ApiKey

MIGRATIONS: Final = (
    """
    CREATE TABLE keys (
        key_id TEXT PRIMARY KEY,
        tenant TEXT NOT NULL,
        issuer TEXT NOT NULL,
        subject TEXT NOT NULL,
        name TEXT NOT NULL,
        scopes TEXT NOT NULL,
        digest TEXT NOT NULL,
        created_at TEXT NOT NULL,
        expires_at TEXT NOT NULL,
        revoked_at TEXT
    ) WITHOUT ROWID;
    CREATE INDEX owners ON keys (tenant)
    """,
)


class SqliteKeys:
    """KeyStore on SQLite."""

    def __init__(self, path: Path) -> None:
        self._database = SqliteDatabase(path, migrations=MIGRATIONS)

    def add(self, key: ApiKey) -> None:
        """Store a new key; see the port."""
        row = (
            key.key_id,
            key.tenant,
            key.issuer,
            key.subject,
            key.name,
            " ".join(sorted(key.scopes)),
            key.digest,
            _text(key.created_at),
            _text(key.expires_at),
            None if key.revoked_at is None else _text(key.revoked_at),
        )
        with self._transaction() as connection:
            connection.execute("INSERT INTO keys VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)

    def find(self, key_id: str) -> ApiKey | None:
        """Return the key of an id; see the port."""
        with self._transaction() as connection:
            row = connection.execute("SELECT * FROM keys WHERE key_id = ?", (key_id,)).fetchone()
        return None if row is None else _key(row)

    def of_tenant(self, tenant: str | None) -> Sequence[ApiKey]:
        """Return the keys of a tenant, or all; see the port."""
        with self._transaction() as connection:
            rows = connection.execute(
                "SELECT * FROM keys WHERE tenant = coalesce(?, tenant) ORDER BY created_at, key_id", (tenant,)
            ).fetchall()
        return tuple(map(_key, rows))

    def revoke(self, key_id: str, *, now: datetime) -> bool:
        """Revoke a key for good; see the port."""
        with self._transaction() as connection:
            revoked = connection.execute(
                "UPDATE keys SET revoked_at = coalesce(revoked_at, ?) WHERE key_id = ?", (_text(now), key_id)
            )
            return revoked.rowcount > 0

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        try:
            with self._database.transaction() as connection:
                yield connection
        except (sqlite3.Error, OSError) as error:
            raise DependencyUnavailableError("store of API keys") from error


def _key(row: tuple[str, ...]) -> ApiKey:
    key_id, tenant, issuer, subject, name, scopes, digest, created_at, expires_at, revoked_at = row
    return ApiKey(
        key_id=key_id,
        tenant=tenant,
        issuer=issuer,
        subject=subject,
        name=name,
        scopes=frozenset(scopes.split()),
        digest=digest,
        created_at=datetime.fromisoformat(created_at),
        expires_at=datetime.fromisoformat(expires_at),
        revoked_at=None if revoked_at is None else datetime.fromisoformat(revoked_at),
    )


def _text(moment: datetime) -> str:
    """Write a moment in UTC, so that the order of texts is the order of moments."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
