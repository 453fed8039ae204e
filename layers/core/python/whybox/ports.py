"""What the services need from outside, as small Protocols; each method states its promise and its error."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Identity:
    """Who calls, proved by a verified token; ``tenant`` is sha256(issuer|subject) and names every stored thing."""

    tenant: str
    issuer: str
    subject: str
    scopes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Usage:
    """A tenant's count of charged requests in one calendar month (UTC)."""

    limit: int
    used: int
    period: str  # "2026-11"
    resets_at: datetime

    @property
    def remaining(self) -> int:
        """Requests left this month, never negative (a plan may shrink below what was used)."""
        return max(0, self.limit - self.used)


@dataclass(frozen=True, slots=True)
class StoredReply:
    """An HTTP answer kept for an Idempotency-Key, to be sent again byte for byte."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


class Clock(Protocol):
    """The server's clock."""

    def now(self) -> datetime:
        """Return the time now, aware, in UTC."""
        ...


class UsageLedger(Protocol):
    """Counts charged requests exactly: one receipt row and one month counter, changed together or not at all."""

    def reserve(self, tenant: str, *, receipt_id: str, lease_seconds: float, now: datetime) -> Usage:
        """Charge one unit under ``receipt_id`` in the month of ``now``; a receipt already held is not charged twice.

        Raises QuotaExceededError when the month is full, QuotaUnavailableError when the store fails
        (then nothing may be computed).
        """
        ...

    def commit(self, tenant: str, *, receipt_id: str) -> None:
        """Make the reservation final: the work was delivered. Idempotent."""
        ...

    def refund(self, tenant: str, *, receipt_id: str) -> bool:
        """Take a reservation back, once, in the month it was made; False if there was nothing to take back.

        A refunded receipt may be reserved again. A committed one is never refunded.
        """
        ...

    def refund_abandoned(self, *, now: datetime) -> int:
        """Refund every reservation whose lease is over and that was never committed; return how many."""
        ...

    def read(self, tenant: str, *, now: datetime) -> Usage:
        """Return the tenant's usage in the month of ``now``; raises QuotaUnavailableError."""
        ...


class ReplyStore(Protocol):
    """Remembers the first outcome of an Idempotency-Key, per tenant and route, for at least 24 hours."""

    def begin(
        self, tenant: str, *, route: str, key: str, fingerprint: str, lease_seconds: float, now: datetime
    ) -> StoredReply | None:
        """Claim the key, or return the reply already stored under it.

        Raises IdempotencyKeyReusedError for another request body under the same key and
        IdempotencyInProgressError while the first request still runs.
        """
        ...

    def complete(self, tenant: str, *, route: str, key: str, reply: StoredReply, now: datetime) -> None:
        """Store the outcome; from now on ``begin`` returns it."""
        ...

    def abandon(self, tenant: str, *, route: str, key: str) -> None:
        """Give the claim up without an outcome (the request was refused or failed): the key is free again."""
        ...
