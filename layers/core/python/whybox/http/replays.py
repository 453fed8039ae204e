"""Answers that can be repeated under an Idempotency-Key, on their way out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from fastapi import Request
from fastapi.responses import Response

from whybox.http.answers import GUARD_HEADERS
from whybox.ports import StoredReply
from whybox.services.answer_once import KeyedRequest, answer_once

LEASE_SECONDS: Final = 60.0
"""Twice what a function behind an HTTP API may run: whoever outlives it was ended."""


def as_response(request: Request, reply: StoredReply, *, is_replay: bool) -> Response:
    """Return a stored or new reply as an answer; a stored one says so, here and in the log."""
    request.state.is_replay = is_replay
    headers = {**GUARD_HEADERS, **dict(reply.headers)}
    if is_replay:
        headers["idempotency-replayed"] = "true"
    return Response(reply.body, reply.status, headers)


def answer_keyed(request: Request, keyed: KeyedRequest, work: Callable[[], StoredReply]) -> Response:
    """Answer a request that charges nothing itself, once per key."""
    state = request.app.state
    found = answer_once(keyed, work, replies=state.replies, clock=state.clock, lease_seconds=LEASE_SECONDS)
    return as_response(request, found.reply, is_replay=found.is_replay)
