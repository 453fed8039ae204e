"""The application of one function: its routes, and around them the same strictness for all functions.

event ─▶ AnswerEveryRequest ─▶ FastAPI ─▶ authenticate ─▶ parameters ─▶ endpoint
             │ request id, rate headers, one log line
             └ any error ─▶ application/problem+json
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any, Final

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from fastapi.telemetry import TelemetryConfig
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from whybox import __version__
from whybox.errors import (
    AuthenticationError,
    BackingServiceError,
    MethodNotAllowedError,
    NotFoundError,
    WhyboxError,
)
from whybox.http.acceptable_types import refuse_unacceptable
from whybox.http.gateway_events import request_id
from whybox.http.identities import tenant_of_request
from whybox.http.job_access import JobAccess
from whybox.http.openapi_words import EVERYWHERE, problem_responses
from whybox.http.parameters import parameter_error
from whybox.http.problems import problem_answer, problem_of
from whybox.http.rate_headers import rate_headers
from whybox.ports import Accounts, Clock, ReplyStore, Usage, UsageLedger
from whybox.services.verify_token import TokenKey

NO_TELEMETRY: Final[TelemetryConfig] = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "operation_spans": False,
    "auto_configure": False,
}
"""FastAPI's own would send queries and the messages of exceptions wherever the environment says."""

LOGGED_METHODS: Final = frozenset({"GET", "HEAD", "POST", "DELETE", "OPTIONS"})

MethodsOfPath = Callable[[str], Sequence[str]]

logger = logging.getLogger(__name__)

DESCRIPTION = (
    "Send a table, get a fitted model's predictions and how much each column matters: permutation importance "
    "and SHAP values, with their unit, base value and error, and the proof that they add up."
)


def create_app(
    *routers: APIRouter,
    clock: Clock,
    token_key: TokenKey | None = None,
    accounts: Accounts | None = None,
    usage: UsageLedger | None = None,
    replies: ReplyStore | None = None,
    job_access: JobAccess | None = None,
    methods_of_path: MethodsOfPath | None = None,
) -> FastAPI:
    """Return the application of the routers, with the ports they need; it serves no page of FastAPI's own.

    ``methods_of_path`` knows the methods of paths beyond these routers, for the function that answers what no
    other does.
    """
    app = FastAPI(
        title="whybox",
        version=__version__,
        description=DESCRIPTION,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
        telemetry=NO_TELEMETRY,
        dependencies=[Depends(refuse_unacceptable)],
        responses=problem_responses(*EVERYWHERE),
    )
    app.state.clock = clock
    app.state.token_key = token_key
    app.state.accounts = accounts
    app.state.usage = usage
    app.state.replies = replies
    app.state.job_access = job_access
    app.state.methods_of_path = methods_of_path
    # Endpoints and dependencies are coroutines even where they wait for nothing: a function has one request
    # at a time, and FastAPI hands every plain function to a thread, 0.2 ms each.
    for router in routers:
        app.include_router(router)
    app.add_exception_handler(WhyboxError, _answer_error)
    app.add_exception_handler(RequestValidationError, _answer_error)
    app.add_exception_handler(HTTPException, _answer_error)
    app.add_middleware(AnswerEveryRequest, clock=clock, usage=usage)
    return app


async def _answer_error(request: Request, error: Exception) -> Response:
    """Answer an error FastAPI or an endpoint raised."""
    clock: Clock = request.app.state.clock
    raised = _as_ours(request, error)
    _note(request.scope, raised)
    key: TokenKey | None = request.app.state.token_key
    status, headers, body = problem_answer(
        raised,
        request_id=request.state.request_id,
        now=clock.now(),
        token_source=None if key is None else key.token_source,
    )
    return Response(body, status, headers)


def _as_ours(request: Request, error: Exception) -> Exception:
    """Return our own error for one of the framework's."""
    if isinstance(error, RequestValidationError):
        return parameter_error(request, error)
    if isinstance(error, HTTPException) and error.status_code in {404, 405}:
        methods_of_path: MethodsOfPath | None = request.app.state.methods_of_path
        if methods_of_path is not None:
            allowed = methods_of_path(request.url.path)
        else:
            allowed = (error.headers or {}).get("Allow", "").replace(" ", "").split(",")
        methods = sorted(filter(None, allowed))
        return MethodNotAllowedError(methods) if methods else NotFoundError()
    return error


class AnswerEveryRequest:
    """The outermost layer: whatever happens inside, one catalogued answer and one log line come out."""

    def __init__(self, app: ASGIApp, *, clock: Clock, usage: UsageLedger | None) -> None:
        self._app = app
        self._clock = clock
        self._usage = usage

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = perf_counter()
        state = scope.setdefault("state", {})
        state["request_id"] = request_id(scope.get("aws.event"), scope.get("aws.context"))
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                self._add_headers(MutableHeaders(scope=message), state)
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        except Exception as error:  # noqa: BLE001 - the last resort: no error may leave without an answer
            _note(scope, error)
            now = self._clock.now()
            code, headers, body = problem_answer(error, request_id=state["request_id"], now=now)
            await Response(body, code, headers)(scope, receive, send_with_headers)
        _log_request(scope, status=status, seconds=perf_counter() - started)

    def _add_headers(self, headers: MutableHeaders, state: dict[str, Any]) -> None:
        headers["x-request-id"] = state["request_id"]
        tenant = tenant_of_request(state)
        if tenant is None:
            return
        usage = state.get("usage") or self._read_usage(tenant)
        if usage is not None:
            headers.update(rate_headers(usage, now=self._clock.now()))

    def _read_usage(self, tenant: str) -> Usage | None:
        """Return the usage for the headers of an answer that charged nothing; without a ledger, none."""
        if self._usage is None:
            return None
        try:
            return self._usage.read(tenant, now=self._clock.now())
        except BackingServiceError:
            return None


def _note(scope: Scope, error: Exception) -> None:
    """Keep an error's code and place for the log line; its message may hold a caller's cell."""
    state = scope["state"]
    state["problem"] = problem_of(error).code
    if isinstance(error, AuthenticationError):
        state["cause"] = error.cause
    if problem_of(error).status >= 500:
        state["trace"] = trace_of(error)


def trace_of(error: BaseException) -> list[str]:
    """Return the chain of error classes with their innermost places, without any message."""
    lines: list[str] = []
    current: BaseException | None = error
    while current is not None and len(lines) < 8:
        frames: Sequence[traceback.FrameSummary] = traceback.extract_tb(current.__traceback__)[-4:]
        places = " > ".join(f"{Path(frame.filename).stem}.{frame.name}:{frame.lineno}" for frame in frames)
        lines.append(f"{type(current).__module__}.{type(current).__qualname__} at {places}")
        current = current.__cause__ or current.__context__
    return lines


def _log_request(scope: Scope, *, status: int, seconds: float) -> None:
    """Write one line of facts of our own making: a route, but no path, query, header, name or cell."""
    state = scope["state"]
    facts = {
        "method": scope["method"] if scope["method"] in LOGGED_METHODS else "other",
        "route": getattr(scope.get("route"), "path", None),
        "status": status,
        "milliseconds": round(1000 * seconds, 1),
        "api_request_id": state["request_id"],
        "tenant": tenant_of_request(state),
        **{name: state[name] for name in ("problem", "cause", "trace", "is_replay") if name in state},
    }
    logger.log(logging.ERROR if status >= 500 else logging.INFO, "answered", extra=facts)
