"""Answers that can be repeated under an Idempotency-Key, on their way out."""

from __future__ import annotations

from typing import Final

from fastapi import Request
from fastapi.responses import Response

from whybox.http.answers import GUARD_HEADERS
from whybox.services.answer_once import KeyedReply

LEASE_SECONDS: Final = 60.0
"""Twice what a function behind an HTTP API may run: whoever outlives it was ended."""


def as_response(request: Request, keyed: KeyedReply) -> Response:
    """Return a stored or new reply as an answer; a stored one says so, here and in the log."""
    request.state.is_replay = keyed.is_replay
    headers = {**GUARD_HEADERS, **dict(keyed.reply.headers)}
    if keyed.is_replay:
        headers["idempotency-replayed"] = "true"
    return Response(keyed.reply.body, keyed.reply.status, headers)
