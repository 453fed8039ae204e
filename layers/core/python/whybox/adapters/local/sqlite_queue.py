"""A queue and its dead letters in a SQLite file, which delivers as SQS does."""

from __future__ import annotations

import secrets
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from whybox.adapters.local.sqlite_database import SqliteDatabase
from whybox.errors import DependencyUnavailableError
from whybox.job_ports import MAX_MESSAGE_BYTES, Message
from whybox.ports import Clock

MIGRATIONS: Final = (
    """
    CREATE TABLE messages (
        message_id TEXT PRIMARY KEY,
        queue TEXT NOT NULL,
        body TEXT NOT NULL,
        visible_at REAL NOT NULL,
        receipt TEXT,
        n_receives INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX visibles ON messages (queue, visible_at)
    """,
    """
    ALTER TABLE messages ADD COLUMN sent_at REAL NOT NULL DEFAULT 0;
    ALTER TABLE messages ADD COLUMN first_received_at REAL
    """,
)

MAX_VISIBILITY_SECONDS: Final = 43_200
"""SQS allows no more. A message hidden for longer was hidden by a clock that has been set back since."""


@dataclass(frozen=True, slots=True)
class Delivery(Message):
    """A message, and what SQS says about it beside."""

    sent_at: datetime
    first_received_at: datetime


class SqliteQueue:
    """WorkQueue on SQLite; queues of one file move their dead letters to one another.

    Nothing gets too old here, unlike on SQS: a laptop may be closed for weeks.
    """

    def __init__(
        self,
        path: Path,
        name: str,
        *,
        clock: Clock,
        dead_letters: str | None = None,
        max_receives: int = 5,
    ) -> None:
        self._database = SqliteDatabase(path, migrations=MIGRATIONS)
        self._name = name
        self._clock = clock
        self._dead_letters = dead_letters
        self._max_receives = max_receives

    def send(self, body: str) -> None:
        """Add a message; see the port."""
        if len(body.encode()) > MAX_MESSAGE_BYTES:
            raise ValueError("a message is larger than a queue takes")
        with self._transaction() as connection:
            connection.execute(
                "INSERT INTO messages VALUES (?1, ?2, ?3, ?4, NULL, 0, ?4, NULL)",
                (str(uuid.uuid4()), self._name, body, self._now()),
            )

    def receive(self, *, max_messages: int, visibility_seconds: int) -> tuple[Delivery, ...]:
        """Return messages that nobody else is given for so long; see the port."""
        now = self._now()
        with self._transaction() as connection:
            connection.execute(
                "UPDATE messages SET visible_at = ?1 WHERE visible_at > ?1 + ?2",
                (now, MAX_VISIBILITY_SECONDS),
            )
            if self._dead_letters is not None:
                connection.execute(
                    "UPDATE messages SET queue = ?, receipt = NULL, n_receives = 0, first_received_at = NULL"
                    " WHERE queue = ? AND visible_at <= ? AND n_receives >= ?",
                    (self._dead_letters, self._name, now, self._max_receives),
                )
            rows = connection.execute(
                "SELECT message_id, body, n_receives, sent_at, first_received_at FROM messages"
                " WHERE queue = ? AND visible_at <= ? ORDER BY visible_at LIMIT ?",
                (self._name, now, max_messages),
            ).fetchall()
            deliveries = tuple(_delivery(*row, now=now) for row in rows)
            connection.executemany(
                "UPDATE messages SET visible_at = ?, receipt = ?, n_receives = ?, first_received_at = ?"
                " WHERE message_id = ?",
                [
                    (
                        now + visibility_seconds,
                        it.receipt,
                        it.n_receives,
                        it.first_received_at.timestamp(),
                        it.message_id,
                    )
                    for it in deliveries
                ],
            )
        return deliveries

    def delete(self, message: Message) -> None:
        """Delete the message, if it was not delivered again meanwhile; see the port."""
        with self._transaction() as connection:
            connection.execute("DELETE FROM messages WHERE receipt = ?", (message.receipt,))

    def change_visibility(self, message: Message, *, seconds: int) -> None:
        """Let this delivery last so many seconds from now; see the port."""
        with self._transaction() as connection:
            connection.execute(
                "UPDATE messages SET visible_at = ? WHERE receipt = ?",
                (self._now() + seconds, message.receipt),
            )

    def take_back(self, message: Message) -> None:
        """Undo a delivery whose receiver was ended before it was done: it counts for nothing."""
        with self._transaction() as connection:
            connection.execute(
                "UPDATE messages SET visible_at = ?, n_receives = n_receives - 1 WHERE receipt = ?",
                (self._now(), message.receipt),
            )

    def show_all(self) -> int:
        """Let every message be received at once, for a moment when no receiver can be at work; how many."""
        with self._transaction() as connection:
            return connection.execute(
                "UPDATE messages SET visible_at = ?1 WHERE queue = ?2 AND visible_at > ?1",
                (self._now(), self._name),
            ).rowcount

    def _now(self) -> float:
        return self._clock.now().timestamp()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        try:
            with self._database.transaction() as connection:
                yield connection
        except (sqlite3.Error, OSError) as error:
            raise DependencyUnavailableError("work queue") from error


def _delivery(
    message_id: str,
    body: str,
    n_receives: int,
    sent_at: float,
    first_received_at: float | None,
    *,
    now: float,
) -> Delivery:
    return Delivery(
        message_id,
        f"{message_id}.{secrets.token_hex(8)}",
        body,
        n_receives + 1,
        sent_at=datetime.fromtimestamp(sent_at, UTC),
        first_received_at=datetime.fromtimestamp(first_received_at or now, UTC),
    )
