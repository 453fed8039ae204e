"""Answer a request once per Idempotency-Key, free of charge: what it charges, if anything, is its own affair.

lookup ──stored reply──▶ respond
   └────claimed──▶ work ─▶ store ─▶ respond
                     └──failure──▶ free the key
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from whybox.errors import BackingServiceError
from whybox.ports import Clock, ReplyStore, StoredReply


@dataclass(frozen=True, slots=True)
class KeyedRequest:
    """What the reply store knows a request by; ``fingerprint`` covers all that the answer depends on."""

    tenant: str
    route: str
    fingerprint: str
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True)
class KeyedReply:
    """A reply to send, and whether it was given before."""

    reply: StoredReply
    is_replay: bool


def answer_once(
    request: KeyedRequest,
    work: Callable[[], StoredReply],
    *,
    replies: ReplyStore,
    clock: Clock,
    lease_seconds: float,
) -> KeyedReply:
    """Do the work, or repeat the reply stored under the request's key.

    The work must be safe to do again: a process that ends between it and the store leaves nothing of it
    behind. ``lease_seconds`` must be longer than the function may run. Any error leaves the key free; it is
    raised on.
    """
    key = request.idempotency_key
    if key is None:
        return KeyedReply(work(), is_replay=False)
    stored = replies.begin(
        request.tenant,
        route=request.route,
        key=key,
        fingerprint=request.fingerprint,
        lease_seconds=lease_seconds,
        now=clock.now(),
    )
    if stored is not None:
        return KeyedReply(stored, is_replay=True)
    try:
        reply = work()
        replies.complete(request.tenant, route=request.route, key=key, reply=reply, now=clock.now())
    except BaseException:
        with suppress(BackingServiceError):  # the claim then ends with its lease
            replies.abandon(request.tenant, route=request.route, key=key)
        raise
    return KeyedReply(reply, is_replay=False)
