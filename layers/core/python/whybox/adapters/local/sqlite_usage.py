"""The usage ledger in a SQLite file: a receipt per charged request and a counter per tenant and month."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final

from whybox.adapters.local.sqlite_database import SqliteDatabase
from whybox.domain.calendar_months import CalendarMonth
from whybox.errors import QuotaExceededError, QuotaUnavailableError, ReservationLostError
from whybox.ports import RECEIPT_RETENTION, Usage

MIGRATIONS: Final = (
    """
    CREATE TABLE plans (
        tenant TEXT PRIMARY KEY,
        monthly_limit INTEGER NOT NULL CHECK (monthly_limit >= 0)
    ) WITHOUT ROWID;
    CREATE TABLE months (
        tenant TEXT NOT NULL,
        period TEXT NOT NULL,
        used INTEGER NOT NULL CHECK (used >= 0),
        PRIMARY KEY (tenant, period)
    ) WITHOUT ROWID;
    CREATE TABLE receipts (
        tenant TEXT NOT NULL,
        receipt_id TEXT NOT NULL,
        period TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('reserved', 'committed', 'refunded')),
        lease_ends_at REAL NOT NULL,
        PRIMARY KEY (tenant, receipt_id)
    ) WITHOUT ROWID;
    CREATE INDEX open_reservations ON receipts (lease_ends_at) WHERE state = 'reserved'
    """,
)


class SqliteUsage:
    """UsageLedger on SQLite: receipt and counter change in one BEGIN IMMEDIATE transaction or not at all."""

    def __init__(self, path: Path, *, default_limit: int) -> None:
        self._database = SqliteDatabase(path, migrations=MIGRATIONS)
        self._default_limit = default_limit

    def reserve(self, tenant: str, *, receipt_id: str, lease_seconds: float, now: datetime) -> Usage:
        """Charge one unit under ``receipt_id``, or find it charged already; see the port."""
        month = CalendarMonth.of(now)
        lease_ends_at = now.timestamp() + lease_seconds
        with self._transaction() as connection:
            held_since = CalendarMonth.of(now - RECEIPT_RETENTION).name
            if _is_held(connection, tenant, receipt_id, since=held_since):
                connection.execute(
                    "UPDATE receipts SET lease_ends_at = max(lease_ends_at, ?)"
                    " WHERE tenant = ? AND receipt_id = ?",
                    (lease_ends_at, tenant, receipt_id),
                )
                return self._usage(connection, tenant, month)
            before = self._usage(connection, tenant, month)
            if before.used >= before.limit:
                raise QuotaExceededError(
                    limit=before.limit, used=before.used, period=month.name, resets_at=month.ends_at
                )
            connection.execute(
                "INSERT INTO months VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET used = used + 1",
                (tenant, month.name),
            )
            connection.execute(
                "INSERT OR REPLACE INTO receipts VALUES (?, ?, ?, 'reserved', ?)",
                (tenant, receipt_id, month.name, lease_ends_at),
            )
            return self._usage(connection, tenant, month)

    def commit(self, tenant: str, *, receipt_id: str) -> None:
        """Make the reservation final; see the port."""
        with self._transaction() as connection:
            committed = connection.execute(
                "UPDATE receipts SET state = 'committed'"
                " WHERE tenant = ? AND receipt_id = ? AND state <> 'refunded'",
                (tenant, receipt_id),
            )
            if committed.rowcount == 0:
                raise ReservationLostError

    def refund(self, tenant: str, *, receipt_id: str) -> bool:
        """Take a reservation back in the month it was made; see the port."""
        with self._transaction() as connection:
            return _take_back(connection, tenant, receipt_id)

    def refund_abandoned(self, *, now: datetime) -> int:
        """Refund every reservation whose lease is over; see the port."""
        with self._transaction() as connection:
            abandoned = connection.execute(
                "SELECT tenant, receipt_id FROM receipts WHERE state = 'reserved' AND lease_ends_at < ?",
                (now.timestamp(),),
            ).fetchall()
            n_refunded = sum(_take_back(connection, tenant, receipt_id) for tenant, receipt_id in abandoned)
            expired = CalendarMonth.of(now - RECEIPT_RETENTION).name
            connection.execute("DELETE FROM receipts WHERE period < ?", (expired,))
            return n_refunded

    def read(self, tenant: str, *, now: datetime) -> Usage:
        """Return the tenant's usage in the month of ``now``; see the port."""
        with self._transaction() as connection:
            return self._usage(connection, tenant, CalendarMonth.of(now))

    def change_plan(self, tenant: str, *, monthly_limit: int) -> None:
        """Give the tenant a limit of its own, at once and without touching what is used."""
        with self._transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO plans VALUES (?, ?)", (tenant, monthly_limit))

    def _usage(self, connection: sqlite3.Connection, tenant: str, month: CalendarMonth) -> Usage:
        plan = connection.execute("SELECT monthly_limit FROM plans WHERE tenant = ?", (tenant,)).fetchone()
        counter = connection.execute(
            "SELECT used FROM months WHERE tenant = ? AND period = ?", (tenant, month.name)
        ).fetchone()
        return Usage(
            limit=self._default_limit if plan is None else plan[0],
            used=0 if counter is None else counter[0],
            period=month.name,
            resets_at=month.ends_at,
        )

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        try:
            with self._database.transaction() as connection:
                yield connection
        except (sqlite3.Error, OSError) as error:
            raise QuotaUnavailableError from error


def _is_held(connection: sqlite3.Connection, tenant: str, receipt_id: str, *, since: str) -> bool:
    held = connection.execute(
        "SELECT 1 FROM receipts WHERE tenant = ? AND receipt_id = ? AND state <> 'refunded' AND period >= ?",
        (tenant, receipt_id, since),
    )
    return held.fetchone() is not None


def _take_back(connection: sqlite3.Connection, tenant: str, receipt_id: str) -> bool:
    reserved = connection.execute(
        "UPDATE receipts SET state = 'refunded' WHERE tenant = ? AND receipt_id = ? AND state = 'reserved'"
        " RETURNING period",
        (tenant, receipt_id),
    ).fetchall()
    for (period,) in reserved:
        connection.execute(
            "UPDATE months SET used = used - 1 WHERE tenant = ? AND period = ?", (tenant, period)
        )
    return bool(reserved)
