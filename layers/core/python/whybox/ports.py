"""What the services need from outside, as small Protocols; each method states its promise and its error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol


@dataclass(frozen=True, slots=True)
class Identity:
    """Who calls, proved by a token; ``tenant`` is sha256(issuer|subject) and names every stored thing."""

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


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """A key and the one algorithm it verifies: the key decides the algorithm, never the token's header.

    ``material`` is the secret's bytes, or a public key as the cryptography package has it.
    """

    algorithm: Literal["HS256", "RS256", "ES256"]
    material: Any = field(repr=False)


class TokenKeys(Protocol):
    """The keys a token may be signed with."""

    def find(self, kid: str | None) -> VerificationKey | None:
        """Return the key a token names (None: it names none), or None where that key is not one of ours.

        Raises KeysUnavailableError when nobody can say: the keys are elsewhere and could not be fetched.
        """
        ...


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is stored of a long-lived key: for whom it speaks, until when, and of its text only a digest."""

    key_id: str
    tenant: str
    issuer: str
    subject: str
    name: str
    scopes: frozenset[str]
    digest: str = field(repr=False)
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None


class KeyStore(Protocol):
    """The API keys given out; every method raises DependencyUnavailableError when the store fails."""

    def add(self, key: ApiKey) -> None:
        """Store a new key; one whose id is taken is not stored (DependencyUnavailableError: try again)."""
        ...

    def find(self, key_id: str) -> ApiKey | None:
        """Return the key of an id, revoked and expired ones too; what ``revoke`` wrote is seen at once."""
        ...

    def of_tenant(self, tenant: str | None) -> Sequence[ApiKey]:
        """Return the keys of a tenant, or with None of all, in the order they were made."""
        ...

    def revoke(self, key_id: str, *, now: datetime) -> bool:
        """Revoke a key for good; the first time stands. False if there is none of this id."""
        ...


class TenantStore(Protocol):
    """Who is shut out; every method raises DependencyUnavailableError when the store fails."""

    def is_disabled(self, tenant: str) -> bool:
        """Whether the tenant is shut out; what ``disable`` and ``enable`` wrote is seen at once."""
        ...

    def disable(self, tenant: str) -> None:
        """Shut the tenant out, known or not. Idempotent."""
        ...

    def enable(self, tenant: str) -> None:
        """Let the tenant in again. Idempotent."""
        ...


@dataclass(frozen=True, slots=True)
class Accounts:
    """What a caller's proof is held against on every request, beside the keys of tokens."""

    keys: KeyStore
    tenants: TenantStore


class Clock(Protocol):
    """The server's clock."""

    def now(self) -> datetime:
        """Return the time now, aware, in UTC."""
        ...


RECEIPT_RETENTION = timedelta(days=45)
"""How long after the end of its month a receipt counts; later, its id is charged anew."""

REPLY_RETENTION = timedelta(days=31 + 45 + 1)
"""How long a reply is kept: longer than any receipt, so that no key is computed again for an old charge."""


class UsageLedger(Protocol):
    """Counts charged requests exactly: a receipt row and a month counter, changed together or not at all."""

    def reserve(self, tenant: str, *, receipt_id: str, lease_seconds: float, now: datetime) -> Usage:
        """Charge one unit under ``receipt_id`` in the month of ``now``; a receipt held already costs nothing.

        Raises QuotaExceededError when the month is full, QuotaUnavailableError when the store fails
        (then nothing may be computed).
        """
        ...

    def commit(self, tenant: str, *, receipt_id: str) -> None:
        """Make the reservation final: the work is about to be delivered. Idempotent.

        Raises ReservationLostError when nothing is reserved under ``receipt_id`` (it was refunded): then the
        work may not be delivered uncharged; QuotaUnavailableError when the store fails.
        """
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


class PlanStore(Protocol):
    """What a tenant may use; the ledger reads it at every reservation, and no token can say otherwise."""

    def change_plan(self, tenant: str, *, monthly_limit: int) -> None:
        """Give the tenant a limit of its own, at once and without touching what is used.

        Raises QuotaUnavailableError.
        """
        ...


class ReplyStore(Protocol):
    """Remembers the first outcome of an Idempotency-Key, per tenant and route, for ``REPLY_RETENTION``."""

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
