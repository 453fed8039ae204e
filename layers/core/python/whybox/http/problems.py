"""Error answers: application/problem+json (RFC 9457) from any error, without a web framework."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import Any, Final

from whybox.errors import (
    BackingServiceError,
    ComputationError,
    Fault,
    MethodNotAllowedError,
    QuotaExceededError,
    RequestError,
    WaitError,
    WhyboxError,
)
from whybox.http.problem_catalogue import CATALOGUE, Problem

__all__ = ["CATALOGUE", "MEDIA_TYPE", "Problem", "problem_answer", "problem_of"]

MEDIA_TYPE: Final = "application/problem+json"
MAX_ERRORS: Final = 20
MAX_DETAIL_LENGTH: Final = 1000

Answer = tuple[int, dict[str, str], bytes]


def problem_of(error: BaseException | str) -> Problem:
    """Return the catalogue entry of an error or a code; ``internal`` for what was not raised on purpose."""
    code = error if isinstance(error, str) else getattr(error, "code", None)
    return CATALOGUE.get(code if isinstance(code, str) else "internal", CATALOGUE["internal"])


def problem_document(
    error: BaseException | str, *, request_id: str | None = None, token_source: str | None = None
) -> dict[str, Any]:
    """Return what an answer or a job's record tells about an error or a catalogue code.

    ``token_source`` is the identity provider that tokens come from, None where the service makes its own.

    It never holds what the caller sent, nor anything of an error we did not write ourselves. ``type`` is a
    reference with a full path, so that it resolves against the host that was asked.
    """
    problem = problem_of(error)
    document: dict[str, Any] = {
        "type": f"/problems/{problem.code}",
        "title": problem.title,
        "status": problem.status,
        "detail": _detail(error, problem, token_source),
    }
    if request_id is not None:
        document["instance"] = request_id
    return document | _facts(error) if isinstance(error, WhyboxError) else document


def problem_answer(
    error: BaseException | str,
    *,
    request_id: str,
    now: datetime | None = None,
    headers: dict[str, str] | None = None,
    token_source: str | None = None,
) -> Answer:
    """Return status, headers and body that tell the caller about an error; see ``problem_document``."""
    problem = problem_of(error)
    document = problem_document(error, request_id=request_id, token_source=token_source)
    answer_headers = {
        "content-type": MEDIA_TYPE,
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        "x-request-id": request_id,
        **(headers or {}),
        **_own_headers(error, problem, now),
    }
    body = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return problem.status, answer_headers, body.encode("utf-8", "replace")


def _detail(error: BaseException | str, problem: Problem, token_source: str | None) -> str:
    """Return our own sentence; for a token, a setting or an accident the same one whatever the cause."""
    if problem.status == 401 and token_source is not None:
        return (
            f"{problem.meaning} Get a new access token from {token_source}, or ask the operator of the "
            "service for an API key, and send it as: Authorization: Bearer TOKEN."
        )
    if problem.status == 401:
        return f"{problem.meaning} {problem.remedy}"
    if isinstance(error, RequestError | ComputationError | BackingServiceError):
        return error.detail[:MAX_DETAIL_LENGTH]
    return problem.meaning


def _facts(error: WhyboxError) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    if isinstance(error, QuotaExceededError):
        facts |= {"used": error.used, "period": error.period, "resets_at": error.resets_at.isoformat()}
    if error.limit is not None:
        facts["limit"] = error.limit
    if error.actual is not None:
        facts["actual"] = error.actual
    if error.faults:
        facts["errors"] = [_fault(fault) for fault in error.faults[:MAX_ERRORS]]
        facts["errors_total"] = max(error.n_faults, len(error.faults))
    return facts


def _fault(fault: Fault) -> dict[str, Any]:
    parts = {
        "row": fault.row,
        "column": fault.column,
        "pointer": fault.pointer,
        "code": fault.code,
        "detail": fault.detail,
    }
    return {name: part for name, part in parts.items() if part is not None}


def _own_headers(error: BaseException | str, problem: Problem, now: datetime | None) -> dict[str, str]:
    """Return the headers a status asks for: RFC 6750 (401), RFC 9110 (405 Allow, Retry-After)."""
    if problem.status == 401:
        return {"www-authenticate": 'Bearer error="invalid_token"'}
    if problem.code == "insufficient-scope":
        return {"www-authenticate": 'Bearer error="insufficient_scope"'}
    if isinstance(error, MethodNotAllowedError):
        return {"allow": ", ".join(error.allowed)}
    if isinstance(error, QuotaExceededError):
        return {"retry-after": str(seconds_until(error.resets_at, now=now or datetime.now(UTC)))}
    if isinstance(error, BackingServiceError | WaitError):
        return {"retry-after": str(error.retry_after_seconds)}
    return {}


def seconds_until(moment: datetime, *, now: datetime) -> int:
    """Return whole seconds from ``now`` to a moment, rounded up, at least one."""
    return max(1, math.ceil((moment - now).total_seconds()))
