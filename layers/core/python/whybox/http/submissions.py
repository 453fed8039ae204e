"""From a request and its table to an answer: submitted, waited for, told as 200, 202 or the job's problem."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from fastapi import Request
from fastapi.responses import Response

from whybox.domain.jobs.explanation_requests import ExplanationRequest
from whybox.domain.jobs.job_documents import PinnedTable
from whybox.domain.jobs.jobs import Job
from whybox.errors import ResultMissingError, ResultTooLargeError
from whybox.http.answers import JSON, refuse_large, render_json
from whybox.http.job_access import JobAccess, lambda_context
from whybox.http.job_answers import job_links, job_path, retry_headers
from whybox.http.job_workers import worker_of
from whybox.http.problems import MEDIA_TYPE
from whybox.http.replays import answer_keyed
from whybox.ports import StoredReply
from whybox.services.answer_once import KeyedRequest
from whybox.services.await_job import await_job
from whybox.services.estimate_job import DEFAULT_LIMITS, Limits
from whybox.services.hold_job import Worker
from whybox.services.read_result import read_result
from whybox.services.submit_job import Preference, Submission, submit_job

REPLY_SECONDS: Final = 3.0
"""What reading and sending a result takes after a wait."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """What one request wants: by whom, of which table, through which function."""

    tenant: str
    explanation: ExplanationRequest
    pin_table: Callable[[], PinnedTable]
    prefer: Preference
    function: str


def submit_once(request: Request, keyed: KeyedRequest, asked: Submitted) -> Response:
    """Submit a job, once per Idempotency-Key, and answer; raises as ``submit_job`` does.

    A job that failed while the caller waited is answered with its problem, as if it had been computed here.
    """
    return answer_keyed(request, keyed, lambda: _submit(request, asked))


def _submit(request: Request, asked: Submitted) -> StoredReply:
    access: JobAccess = request.app.state.job_access
    state, ports = request.app.state, access.ports
    worker = worker_of(
        lambda_context(request),
        function=asked.function,
        request_id=request.state.request_id,
        n_threads=access.n_threads,
    )
    submission = submit_job(
        asked.explanation,
        asked.pin_table(),
        tenant=asked.tenant,
        prefer=asked.prefer,
        jobs=ports.jobs,
        objects=ports.objects,
        usage=state.usage,
        explain_queue=ports.explain_queue,
        clock=state.clock,
        worker=worker,
        limits=limits_of(request),
    )
    if submission.usage is not None:
        request.state.usage = submission.usage
    applied = ["respond-async"] if asked.prefer.is_async and submission.result is None else []
    if asked.prefer.wait_seconds is not None and not submission.job.is_final:
        applied.append(f"wait={asked.prefer.wait_seconds:g}")
        submission = _wait(submission, asked, worker, access)
    return _reply(submission, applied, request_id=request.state.request_id)


def limits_of(request: Request) -> Limits:
    """Return the memory of this function and of those behind the queues."""
    access: JobAccess = request.app.state.job_access
    own = getattr(lambda_context(request), "memory_limit_in_mb", None)
    light = DEFAULT_LIMITS.light_memory_mb if own is None else int(own)
    return Limits(light_memory_mb=light, heavy_memory_mb=access.heavy_memory_mb)


def _wait(submission: Submission, asked: Submitted, worker: Worker, access: JobAccess) -> Submission:
    """Wait as long as the caller would and this function can, and fetch the result if there is one then."""
    seconds = min(asked.prefer.wait_seconds or 0, worker.remaining_seconds() - REPLY_SECONDS)
    job = await_job(submission.job, wait_seconds=seconds, jobs=access.ports.jobs)
    result = None
    if job.status == "done":
        found = read_result(job.tenant, job.job_id, jobs=access.ports.jobs, objects=access.ports.objects)
        result = found.content
    return Submission(job, result, submission.usage)


def _reply(submission: Submission, applied: list[str], *, request_id: str) -> StoredReply:
    job = submission.job
    headers = {"location": job_path(job.job_id)}
    if applied:
        headers["preference-applied"] = ", ".join(applied)
    if job.status == "done":
        return _as_reply(HTTPStatus.OK, headers, _done_body(job, submission.result))
    if job.status == "failed" and job.problem is not None:
        headers["content-type"] = MEDIA_TYPE
        document = {**job.problem, "instance": request_id}
        return _as_reply(int(job.problem["status"]), headers, render_json(document))
    if job.is_final:
        raise ResultMissingError
    queued = {
        "job_id": job.job_id,
        "status": job.status,
        "estimate": None if job.estimate is None else dict(job.estimate),
        "links": job_links(job),
    }
    return _as_reply(HTTPStatus.ACCEPTED, headers | retry_headers(job), render_json(queued))


def _as_reply(status: int, headers: dict[str, str], body: bytes) -> StoredReply:
    return StoredReply(status, tuple(({"content-type": JSON} | headers).items()), body)


def _done_body(job: Job, result: bytes | None) -> bytes:
    """Return the document of a job that is done, its result's bytes as they are; without one too large."""
    head: dict[str, Any] = {"job_id": job.job_id, "status": job.status}
    tail = b'"links":' + json.dumps(job_links(job), separators=(",", ":")).encode() + b"}"
    opening = json.dumps(head, separators=(",", ":")).encode()[:-1] + b","
    if result is not None:
        body = opening + b'"result":' + result + b"," + tail
        try:
            refuse_large(body)
        except ResultTooLargeError:
            return opening + tail
        return body
    return opening + tail
