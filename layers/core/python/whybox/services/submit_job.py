"""Submit a job through an HTTP door: computed here if it is small, else queued; the same job is found again.

lookup ─done─────────────▶ the stored result, not charged again
  ├─queued, running─────▶ that job
  └─none, or it failed──▶ prepare ─▶ estimate ─light─▶ reserve ─▶ claim ─▶ compute ─▶ the result
                                         └─heavy─▶ reserve ─▶ create ─▶ send ─▶ the job
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final

from whybox.domain.jobs.explanation_requests import ExplanationRequest
from whybox.domain.jobs.job_documents import PinnedTable, canonical, document_of, job_id_of
from whybox.domain.jobs.job_messages import write_message
from whybox.domain.jobs.jobs import Job, new_job
from whybox.errors import (
    BackingServiceError,
    DependencyUnavailableError,
    JobCancelledError,
    JobNotFoundError,
    JobTooLargeError,
    LeaseLostError,
    ObjectNotFoundError,
    OutOfTimeError,
)
from whybox.job_ports import JobStore, ObjectStore, WorkQueue
from whybox.ports import Clock, Usage, UsageLedger
from whybox.services.charge_job import (
    JOB_LEASE,
    LIGHT_LEASE_SECONDS,
    job_receipt,
    reserve_job,
    settle_job,
)
from whybox.services.deliver_result import deliver_result
from whybox.services.end_attempt import end_attempt
from whybox.services.estimate_job import (
    DEFAULT_LIMITS,
    LIGHT_TABLE_BYTES,
    JobEstimate,
    Limits,
    estimate_job,
    guess_job,
)
from whybox.services.finish_explanation import compute_explanation
from whybox.services.hold_job import CLAIM_SECONDS, JobHold, Worker, describe_actual, hold_job
from whybox.services.prepare_explanation import PreparedExplanation, prepare_explanation
from whybox.services.render_result import render_result

RESULT_FILE: Final = "result.json"
IN_VAIN: Final = frozenset({"failed", "cancelled"})

MAX_DOCUMENT_BYTES: Final = 256 * 1024
"""Of a request with all its words; a job's record, which holds it, may have 400 KB."""

SAFETY_SECONDS: Final = 4.0
"""At less time left, a request is answered with a job instead of a result."""


@dataclass(frozen=True, slots=True)
class Preference:
    """How the caller wants to be answered (RFC 7240).

    ``is_async`` asks for a job at once, whatever its size; ``wait_seconds`` is for the router, which waits.
    """

    is_async: bool = False
    wait_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Submission:
    """A job and, where it is done, its result document as JSON bytes.

    ``usage`` is None where this call reserved and charged nothing.
    """

    job: Job
    result: bytes | None
    usage: Usage | None


def submit_job(
    request: ExplanationRequest,
    table: PinnedTable,
    *,
    tenant: str,
    prefer: Preference,
    jobs: JobStore,
    objects: ObjectStore,
    usage: UsageLedger,
    explain_queue: WorkQueue,
    clock: Clock,
    worker: Worker,
    limits: Limits = DEFAULT_LIMITS,
    answer: str | None = None,
) -> Submission:
    """Return the job of a request and a table, with its result where it is done.

    ``answer`` names the endpoint whose shape the caller expects of the result.

    Raises
    ------
    InputError
        The request does not fit the table; nothing was charged.
    QuotaExceededError, QuotaUnavailableError
        Nothing was computed.
    JobCancelledError
        It was cancelled by another request meanwhile.
    ComputationError, BackingServiceError
        The work failed; what was reserved is given back.

    """
    document = document_of(request, table.pin, answer=answer)
    n_bytes = len(canonical(document))
    if n_bytes > MAX_DOCUMENT_BYTES:
        raise JobTooLargeError(
            "its names and rows take too much space", limit=MAX_DOCUMENT_BYTES, actual=n_bytes
        )
    desk = _Desk(tenant, jobs, objects, usage, explain_queue, clock, worker)
    known, job_id = desk.find(document, table.pin.sha256)
    if known is not None:
        return known
    prepared, estimate = _plan(table.data, request, limits)
    if prefer.is_async and estimate.route == "light":
        estimate = replace(estimate, route="heavy")
    if estimate.route != "light":
        prepared = None
    job = new_job(
        tenant,
        job_id,
        door="queue" if prepared is None else "http",
        document=document,
        now=clock.now(),
        estimate=estimate.as_document(),
    )
    return desk.enqueue(job) if prepared is None else desk.compute(job, prepared)


def _plan(
    data: bytes, request: ExplanationRequest, limits: Limits
) -> tuple[PreparedExplanation | None, JobEstimate]:
    """Return what a job takes, and the table made ready for it where reading that does not take too long."""
    if len(data) > LIGHT_TABLE_BYTES:
        return None, guess_job(data, request)
    prepared = prepare_explanation(data, request)
    return prepared, estimate_job(prepared, limits=limits)


@dataclass(frozen=True, slots=True)
class _Desk:
    """One submission, and the ports it works with."""

    tenant: str
    jobs: JobStore
    objects: ObjectStore
    usage: UsageLedger
    explain_queue: WorkQueue
    clock: Clock
    worker: Worker

    def find(self, document: dict[str, Any], data_sha256: str) -> tuple[Submission | None, str]:
        """Return the attempt at the job that counts, if there is one, and its id; else the next attempt's id.

        Attempts are numbered without a gap. The first that did not end in vain is found by doubling, then by
        halving.
        """

        def name(attempt: int) -> str:
            return job_id_of(self.tenant, document, data_sha256, attempt=attempt)

        last_over, attempt = -1, 0
        while self._is_over(name(attempt)):
            last_over, attempt = attempt, 2 * attempt + 1
        while attempt - last_over > 1:
            middle = (last_over + attempt) // 2
            if self._is_over(name(middle)):
                last_over = middle
            else:
                attempt = middle
        while (job := self._read(name(attempt))) is not None:
            if (known := self._answer(job)) is not None:
                return known, job.job_id
            attempt += 1
        return None, name(attempt)

    def _is_over(self, job_id: str) -> bool:
        job = self._read(job_id)
        return job is not None and job.status in IN_VAIN

    def _read(self, job_id: str) -> Job | None:
        try:
            return self.jobs.read(self.tenant, job_id)
        except JobNotFoundError:
            return None

    def _answer(self, job: Job) -> Submission | None:
        """Return a job that was submitted before; None where nothing can come of it any more."""
        if job.status in IN_VAIN:
            return None
        if job.status != "done":
            return Submission(job, None, None)
        settle_job(job, usage=self.usage, clock=self.clock)
        try:
            return Submission(job, self.objects.get(f"{job.result_key}/{RESULT_FILE}"), None)
        except ObjectNotFoundError:
            return None

    def enqueue(self, job: Job) -> Submission:
        """Reserve, create and send; a message that cannot be sent now is sent by the sweep."""
        charged = self._reserve(job, JOB_LEASE.total_seconds())
        job = self._create(job)
        with suppress(DependencyUnavailableError):
            self.explain_queue.send(write_message(job))
        return Submission(job, None, charged)

    def compute(self, job: Job, prepared: PreparedExplanation) -> Submission:
        """Reserve, claim and compute; a job that takes longer than it should goes to the queue."""
        charged = self._reserve(job, LIGHT_LEASE_SECONDS)
        job = self._create(job)
        claim = self.jobs.claim(job.tenant, job.job_id, lease_seconds=CLAIM_SECONDS, now=self.clock.now())
        if not claim.is_won:  # the same request at the same time
            return Submission(claim.job, None, charged)
        job = claim.job
        try:
            with hold_job(
                job, jobs=self.jobs, clock=self.clock, worker=self.worker, safety_seconds=SAFETY_SECONDS
            ) as hold:
                done, result = self._work(job, prepared, hold)
        except LeaseLostError:
            return Submission(self.jobs.read(job.tenant, job.job_id), None, charged)
        except OutOfTimeError:
            return self.enqueue(
                self.jobs.release(job.tenant, job.job_id, fence=job.fence, now=self.clock.now())
            )
        except BaseException as error:
            job = replace(job, is_cancel_requested=isinstance(error, JobCancelledError))
            with suppress(BackingServiceError):  # else the sweep finds it
                self._end(job, self.worker.describe(error))
            raise
        return Submission(done, result, charged)

    def _work(self, job: Job, prepared: PreparedExplanation, hold: JobHold) -> tuple[Job, bytes]:
        hold.n_rows = len(prepared.rows)
        result = compute_explanation(prepared, on_rows=hold.on_rows, n_threads=self.worker.n_threads)
        files = render_result(result, route="light", function=self.worker.function)
        done = deliver_result(
            job,
            files,
            actual=describe_actual(job, worker=self.worker, clock=self.clock),
            jobs=self.jobs,
            objects=self.objects,
            usage=self.usage,
            clock=self.clock,
        )
        return done, files[RESULT_FILE].content

    def _end(self, job: Job, problem: Mapping[str, Any]) -> None:
        end_attempt(job, problem, jobs=self.jobs, objects=self.objects, usage=self.usage, clock=self.clock)

    def _reserve(self, job: Job, lease_seconds: float) -> Usage:
        return reserve_job(
            job.job_id, tenant=job.tenant, lease_seconds=lease_seconds, usage=self.usage, clock=self.clock
        )

    def _create(self, job: Job) -> Job:
        """Store the job; where that fails, nothing stays reserved."""
        try:
            return self.jobs.create(job)
        except BaseException:
            with suppress(BackingServiceError):
                self.usage.refund(job.tenant, receipt_id=job_receipt(job.job_id))
            raise
