"""The HTTP API on this machine, as an ASGI application: route, authorize, call the function, answer.

    request ─▶ header size ─▶ route ─▶ declared size ─▶ authorizer ─▶ body ─▶ event ─▶ function ─▶ answer
                   431     │ 404, 405       413             401        413            502, 503, 504
                           └▶ /bucket/: a signed link, answered by the bucket itself

It differs from a live HTTP API where that one is unkind, and in nothing a function can see:

- every refusal is a problem document with a request id; a live gateway says ``{"message": ...}``
- a bad token is a 401 (there: 403)
- without a $default route, a path with other methods is a 405 (there: 404), HEAD is answered by the GET
  route, and OPTIONS lists the path's methods
- a function's process is ended when the gateway stops waiting for it; there it would run on for nobody
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from whybox.errors import (
    BodyTooLargeError,
    FunctionError,
    FunctionFailedError,
    HeadersTooLargeError,
    MethodNotAllowedError,
    NotFoundError,
    RequestMalformedError,
    WhyboxError,
)
from whybox.http.problems import problem_answer
from whybox.local.answers import FileBody, HttpAnswer, read_http_answer
from whybox.local.authorizers import Authorizers
from whybox.local.bodies import ClientGoneError, Message, Receive, RequestBody
from whybox.local.buckets import PIECE_BYTES, Bucket
from whybox.local.events import (
    Arrival,
    HttpRequest,
    count_event_bytes,
    event_payload,
    is_text,
    request_event,
)
from whybox.local.malformed_requests import check_framing, origin_form
from whybox.local.payloads import Payload
from whybox.local.refunds import LostCalls
from whybox.local.routes import RouteMatch, RouteTable
from whybox.local.templates import Stack
from whybox.local.workers import Workers
from whybox.ports import Clock

logger = logging.getLogger(__name__)

MAX_EVENT_BYTES = 6 * 1024 * 1024
"""What a synchronous Lambda call may carry: the event as JSON. An HTTP API's own 10 MB lie beyond it."""

MAX_HEADER_BYTES = 10_240
"""Request line and header values together, as an HTTP API counts them."""

# A method may be any word a client makes up.
_LOGGED_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"})

Send = Callable[[Message], Awaitable[None]]


class Gateway:
    """An ASGI application that serves a stack's routes with its workers."""

    def __init__(
        self,
        stack: Stack,
        workers: Workers,
        *,
        clock: Clock,
        lost_calls: LostCalls,
        bucket: Bucket,
        token_source: str | None = None,
    ) -> None:
        self._routes = RouteTable(stack.routes)
        self._workers = workers
        self._authorizers = Authorizers(workers)
        self._clock = clock
        self._lost_calls = lost_calls
        self._bucket = bucket
        self._token_source = token_source

    async def close(self) -> None:
        """Stop looking after lost calls, after the last answer was sent."""
        await self._lost_calls.close()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request; a client that leaves early gets none."""
        started = time.perf_counter()
        arrival = Arrival(request_id=str(uuid.uuid4()), received_at=self._clock.now())
        request = _read_request(scope)
        body = RequestBody(request, receive)
        try:
            answer = await self._answer(request, body, arrival)
        except ClientGoneError:
            return
        except WhyboxError as error:
            answer = self._refusal(error, arrival)
        except Exception as error:
            logger.exception("request %s", arrival.request_id)
            answer = self._refusal(error, arrival)
        milliseconds = 1000 * (time.perf_counter() - started)
        logger.info(
            "%s %s %d %.0f ms %s",
            request.method if request.method in _LOGGED_METHODS else "other",
            request.raw_path,
            answer.status,
            milliseconds,
            arrival.request_id,
        )
        await _send_answer(answer, arrival, body, send=send)

    async def _answer(self, request: HttpRequest, body: RequestBody, arrival: Arrival) -> HttpAnswer:
        _check_header_size(request)
        check_framing(request)
        if self._bucket.is_asked(request):
            return await self._bucket.answer(request, body)
        path = request.raw_path
        match = self._routes.find(request.method, path) or self._routes.default()
        if match is None and request.method == "HEAD":
            request = replace(request, method="GET")
            match = self._routes.find("GET", path)
        if match is None:
            methods = self._routes.methods(path)
            if not methods:
                raise NotFoundError
            if request.method != "OPTIONS":
                raise MethodNotAllowedError(methods)
            return HttpAnswer(204, (("allow", ", ".join(methods)),), b"")
        return await self._call(request, match, body=body, arrival=arrival)

    async def _call(
        self, request: HttpRequest, match: RouteMatch, *, body: RequestBody, arrival: Arrival
    ) -> HttpAnswer:
        body.refuse_beyond(_body_limit(request, MAX_EVENT_BYTES))
        context = await self._authorizers.context(request, match, arrival=arrival)
        event = request_event(request, match, arrival=arrival, authorizer_context=context)
        payload = await _complete_event(event, request, body)
        function = match.route.function
        answer = await self._workers.call(
            function, payload, request_id=arrival.request_id, timeout_seconds=match.route.timeout_seconds
        )
        return read_http_answer(answer, function=function)

    def _refusal(self, error: Exception, arrival: Arrival) -> HttpAnswer:
        if isinstance(error, FunctionError):
            cause = error.cause if isinstance(error, FunctionFailedError) else error.detail
            logger.error("function %s, request %s: %s", error.function, arrival.request_id, cause)
            self._lost_calls.note()
        status, headers, body = problem_answer(
            error, request_id=arrival.request_id, token_source=self._token_source
        )
        if isinstance(error, RequestMalformedError):
            headers["connection"] = "close"  # where this request ended is not certain
        return HttpAnswer(status, tuple(headers.items()), body)


async def _complete_event(event: dict[str, Any], request: HttpRequest, body: RequestBody) -> Payload:
    """Read the body and return the event with it; raises BodyTooLargeError beyond what fits."""
    room = MAX_EVENT_BYTES - len(Payload.of({**event, "body": ""}).head)
    content = await body.read(_body_limit(request, room))
    payload = event_payload(event, content, content_type=request.header("content-type"))
    n_bytes = count_event_bytes(payload, limit=MAX_EVENT_BYTES)
    if n_bytes > MAX_EVENT_BYTES:  # text with so many quotes and line ends that their escapes do not fit
        raise BodyTooLargeError(limit=MAX_EVENT_BYTES, actual=n_bytes)
    return payload


def _body_limit(request: HttpRequest, room: int) -> int:
    """Return how many bytes of body fit into so many bytes of an event: base64 writes three as four."""
    return room if is_text(request.header("content-type")) else room // 4 * 3


def _read_request(scope: Message) -> HttpRequest:
    client, server = scope.get("client"), scope.get("server")
    return HttpRequest(
        method=scope["method"],
        raw_path=origin_form(scope["raw_path"].decode("latin-1")),
        query_string=scope["query_string"].decode("latin-1"),
        headers=tuple(
            (name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in scope["headers"]
        ),
        http_version=scope["http_version"],
        source_ip=client[0] if client else "127.0.0.1",
        port=server[1] if server else 80,
    )


def _check_header_size(request: HttpRequest) -> None:
    request_line = f"{request.method} {request.raw_path}?{request.query_string} HTTP/{request.http_version}"
    actual = len(request_line) + sum(len(value) for _, value in request.headers)
    if actual > MAX_HEADER_BYTES:
        raise HeadersTooLargeError(limit=MAX_HEADER_BYTES, actual=actual)


async def _send_answer(answer: HttpAnswer, arrival: Arrival, body: RequestBody, *, send: Send) -> None:
    headers = [*answer.headers, ("content-length", str(answer.n_bytes))]
    if not any(name == "x-request-id" for name, _ in headers):
        headers.append(("x-request-id", arrival.request_id))
    if not body.is_complete:
        headers.append(("connection", "close"))
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    await send({"type": "http.response.start", "status": answer.status, "headers": raw})
    if isinstance(answer.body, FileBody):
        await _send_file(answer.body, send)
    await send(
        {
            "type": "http.response.body",
            "body": answer.body if isinstance(answer.body, bytes) else b"",
            "more_body": not body.is_complete,
        }
    )
    if not body.is_complete:
        await body.drain()
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _send_file(body: FileBody, send: Send) -> None:
    n_left = body.n_bytes
    with body.file as file:
        while piece := await asyncio.to_thread(file.read, min(PIECE_BYTES, n_left)):
            n_left -= len(piece)
            await send({"type": "http.response.body", "body": piece, "more_body": True})
