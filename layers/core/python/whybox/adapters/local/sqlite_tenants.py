"""Which tenants are shut out, in a SQLite file: a row for each of them and none for the others."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from whybox.adapters.local.sqlite_database import SqliteDatabase
from whybox.errors import DependencyUnavailableError

MIGRATIONS: Final = ("CREATE TABLE disabled_tenants (tenant TEXT PRIMARY KEY) WITHOUT ROWID",)


class SqliteTenants:
    """TenantStore on SQLite."""

    def __init__(self, path: Path) -> None:
        self._database = SqliteDatabase(path, migrations=MIGRATIONS)

    def is_disabled(self, tenant: str) -> bool:
        """Whether the tenant is shut out; see the port."""
        with self._transaction() as connection:
            row = connection.execute("SELECT 1 FROM disabled_tenants WHERE tenant = ?", (tenant,)).fetchone()
        return row is not None

    def disable(self, tenant: str) -> None:
        """Shut the tenant out; see the port."""
        with self._transaction() as connection:
            connection.execute("INSERT OR IGNORE INTO disabled_tenants VALUES (?)", (tenant,))

    def enable(self, tenant: str) -> None:
        """Let the tenant in again; see the port."""
        with self._transaction() as connection:
            connection.execute("DELETE FROM disabled_tenants WHERE tenant = ?", (tenant,))

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        try:
            with self._database.transaction() as connection:
                yield connection
        except (sqlite3.Error, OSError) as error:
            raise DependencyUnavailableError("store of tenants") from error
