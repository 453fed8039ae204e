"""Charge a request exactly once for work that is delivered, and not at all otherwise.

    lookup ──stored reply──────────────────────────▶ settle ─▶ respond
       └────claimed──▶ reserve ─▶ compute ─▶ store ─▶ commit ─▶ respond
                                     └──failure──▶ refund, then free the key

Validation is over before the first step: what can be refused is refused free of charge.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from whybox.errors import BackingServiceError, ReservationLostError
from whybox.ports import Clock, ReplyStore, StoredReply, Usage, UsageLedger


@dataclass(frozen=True, slots=True)
class ChargeableRequest:
    """What the ledger and the reply store know a request by.

    ``fingerprint`` covers all that the answer depends on; ``request_id`` is the gateway's, new for each call.
    """

    tenant: str
    route: str
    request_id: str
    fingerprint: str
    idempotency_key: str | None = None

    @property
    def receipt_id(self) -> str:
        """The unit this request is charged under: the same one whenever the Idempotency-Key is."""
        if self.idempotency_key is None:
            return digest("request", self.request_id)
        return digest("key", self.tenant, self.route, self.idempotency_key)


@dataclass(frozen=True, slots=True)
class ChargedReply:
    """A reply to send, and the usage after it was charged."""

    reply: StoredReply
    usage: Usage
    is_replay: bool


def charge_request(
    request: ChargeableRequest,
    compute: Callable[[], StoredReply],
    *,
    usage: UsageLedger,
    replies: ReplyStore,
    clock: Clock,
    lease_seconds: float,
) -> ChargedReply:
    """Run ``compute`` under a reservation, or repeat the reply stored under the request's key.

    ``lease_seconds`` must be longer than the function may run. Any error leaves the unit refunded and the key
    free; it is raised on.
    """
    charge = _Charge(request, usage=usage, clock=clock, lease_seconds=lease_seconds)
    if request.idempotency_key is None:
        charged, reply = charge.run(compute)
        return ChargedReply(reply, charged, is_replay=False)
    key, route = request.idempotency_key, request.route
    stored = replies.begin(
        request.tenant,
        route=route,
        key=key,
        fingerprint=request.fingerprint,
        lease_seconds=lease_seconds,
        now=clock.now(),
    )
    if stored is not None:
        return ChargedReply(stored, charge.settle(), is_replay=True)

    def compute_and_store() -> StoredReply:
        reply = compute()
        replies.complete(request.tenant, route=route, key=key, reply=reply, now=clock.now())
        return reply

    try:
        charged, reply = charge.run(compute_and_store)
    except BaseException:
        with suppress(BackingServiceError):  # the claim then ends with its lease
            replies.abandon(request.tenant, route=route, key=key)
        raise
    return ChargedReply(reply, charged, is_replay=False)


def digest(*parts: str) -> str:
    """Return one name for an ordered list of texts; no two lists share one."""
    return hashlib.sha256("".join(f"{len(part)}:{part}" for part in parts).encode("utf-8")).hexdigest()


class _Charge:
    """The unit of one request."""

    def __init__(
        self, request: ChargeableRequest, *, usage: UsageLedger, clock: Clock, lease_seconds: float
    ) -> None:
        self._request = request
        self._usage = usage
        self._clock = clock
        self._lease_seconds = lease_seconds

    def run(self, work: Callable[[], StoredReply]) -> tuple[Usage, StoredReply]:
        """Reserve, work, commit; refund if the work fails."""
        charged = self._reserve()
        try:
            reply = work()
        except BaseException:
            with suppress(BackingServiceError):  # the sweep refunds it when the lease is over
                self._usage.refund(self._request.tenant, receipt_id=self._request.receipt_id)
            raise
        try:
            self._commit()
        except ReservationLostError:
            charged = self.settle()
        return charged, reply

    def settle(self) -> Usage:
        """Make sure that a reply about to be sent is charged: a crash may have had its unit refunded."""
        charged = self._reserve()
        self._commit()
        return charged

    def _reserve(self) -> Usage:
        return self._usage.reserve(
            self._request.tenant,
            receipt_id=self._request.receipt_id,
            lease_seconds=self._lease_seconds,
            now=self._clock.now(),
        )

    def _commit(self) -> None:
        self._usage.commit(self._request.tenant, receipt_id=self._request.receipt_id)
