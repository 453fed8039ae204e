"""Submit a job through an HTTP door: computed here if it is small, else queued; the same job is found again.

lookup ─done─────────────▶ the stored result, not charged again
  ├─queued, running─────▶ that job
  └─none, or it failed──▶ prepare ─▶ estimate ─light─▶ reserve ─▶ claim ─▶ compute ─▶ the result
                                         └─heavy─▶ reserve ─▶ create ─▶ send ─▶ the job
"""

from __future__ import annotations

from dataclasses import dataclass

from whybox.domain.jobs.explanation_requests import ExplanationRequest
from whybox.domain.jobs.job_documents import PinnedTable
from whybox.domain.jobs.jobs import Job
from whybox.job_ports import JobStore, ObjectStore, WorkQueue
from whybox.ports import Clock, Usage, UsageLedger
from whybox.services.estimate_job import DEFAULT_LIMITS, Limits
from whybox.services.hold_job import Worker


@dataclass(frozen=True, slots=True)
class Preference:
    """How the caller wants to be answered (RFC 7240).

    ``is_async`` asks for a job at once, whatever its size; ``wait_seconds`` is for the router, which waits.
    """

    is_async: bool = False
    wait_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Submission:
    """A job and, where it is done, its result document as JSON bytes; ``usage`` is None where nothing was
    charged or reserved by this call.
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
    ComputationError, BackingServiceError
        The work failed; it was refunded.

    """
    raise NotImplementedError
