"""Asking a route's authorizer about a request, and remembering its answers for as long as the template says.

One difference to a live HTTP API, whose own answers cannot be shaped: to a request without a token it says
401 ``{"message":"Unauthorized"}``, to one with a bad token 403 ``{"message":"Forbidden"}``. Here both get the
one 401 problem document that the application behind it gives too.
"""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from whybox.errors import AuthenticationError
from whybox.local.answers import Decision, read_decision
from whybox.local.events import Arrival, HttpRequest, authorizer_event
from whybox.local.payloads import Payload
from whybox.local.routes import RouteMatch
from whybox.local.templates import Authorizer
from whybox.local.workers import Workers

_MAX_REMEMBERED = 1000


class Authorizers:
    """The gateway's side of authorization; fails closed."""

    def __init__(self, workers: Workers) -> None:
        self._workers = workers
        self._remembered: OrderedDict[tuple[str, bytes], tuple[float, Decision]] = OrderedDict()

    async def context(
        self, request: HttpRequest, match: RouteMatch, *, arrival: Arrival
    ) -> Mapping[str, Any] | None:
        """Return what the authorizer says about the caller, None where the route has no authorizer.

        Raises AuthenticationError for a missing identity source and for a refusal, FunctionError where the
        authorizer gives no clear answer.
        """
        authorizer = match.route.authorizer
        if authorizer is None:
            return None
        identity = tuple(request.header(name) or "" for name in authorizer.identity_sources)
        if not all(identity):
            raise AuthenticationError("an identity source is missing")
        # Only a digest is kept: a token has no business in memory for longer than its request.
        key = (authorizer.name, hashlib.sha256("\0".join(identity).encode("utf-8", "replace")).digest())
        decision = self._recall(key)
        if decision is None:
            decision = await self._ask(
                authorizer, authorizer_event(request, match, arrival=arrival, identity=identity)
            )
            self._remember(key, decision, authorizer.cache_seconds)
        if not decision.is_authorized:
            raise AuthenticationError("the authorizer refused")
        return decision.context

    async def _ask(self, authorizer: Authorizer, event: dict[str, Any]) -> Decision:
        request_id = event["requestContext"]["requestId"]
        answer = await self._workers.call(authorizer.function, Payload.of(event), request_id=request_id)
        return read_decision(answer, function=authorizer.function)

    def _recall(self, key: tuple[str, bytes]) -> Decision | None:
        ends_at, decision = self._remembered.get(key, (0.0, None))
        return decision if time.monotonic() < ends_at else None

    def _remember(self, key: tuple[str, bytes], decision: Decision, seconds: int) -> None:
        if seconds <= 0:
            return
        self._remembered[key] = (time.monotonic() + seconds, decision)
        self._remembered.move_to_end(key)
        if len(self._remembered) > _MAX_REMEMBERED:
            self._remembered.popitem(last=False)
