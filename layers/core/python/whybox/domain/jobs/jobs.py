"""One explanation to compute: its state, and the only ways in which the state may change.

    queued ──claim──▶ running ──finish──▶ done | failed | cancelled
      ▲ │                │ │                    (final)
      │ │            release or the lease ends
      └─┼────────────────┘ └──claim──▶ running, with the next fence
        └──request_cancel──▶ cancelled

Each change is a pure function from a job to a job, safe to apply twice: a store applies it in one
transaction, or against the revision it was computed from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from whybox.errors import LeaseLostError

Status = Literal["queued", "running", "done", "failed", "cancelled"]
FinalStatus = Literal["done", "failed", "cancelled"]
Door = Literal["http", "queue", "s3"]

FINAL: Final = frozenset({"done", "failed", "cancelled"})

QUEUE_PATIENCE: Final = timedelta(minutes=15)
"""A job that waits longer may have lost its message; sending another one does no harm."""


@dataclass(frozen=True, slots=True)
class Job:
    """What is known about a job; ``document`` is the request and never changes."""

    tenant: str
    job_id: str
    door: Door
    document: Mapping[str, Any]
    created_at: datetime
    due_at: datetime | None  # when somebody should look after it: the lease is over, or it waits for too long
    status: Status = "queued"
    started_at: datetime | None = None  # by its first worker
    finished_at: datetime | None = None
    fence: int = 0  # one more with each claim; only the holder of the latest may change the job
    claim_id: str | None = None
    attempts: int = 0
    rows_done: int = 0
    rows_total: int | None = None
    is_cancel_requested: bool = False
    estimate: Mapping[str, Any] | None = None
    actual: Mapping[str, Any] | None = None
    problem: Mapping[str, Any] | None = None
    result_key: str | None = None

    @property
    def is_final(self) -> bool:
        """Whether nothing changes any more."""
        return self.status in FINAL


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a job ended: done with the key of its result, or failed or cancelled with the problem."""

    status: FinalStatus
    result_key: str | None = None
    actual: Mapping[str, Any] | None = None
    problem: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a running job is."""

    rows_done: int
    rows_total: int


def new_job(
    tenant: str,
    job_id: str,
    *,
    door: Door,
    document: Mapping[str, Any],
    now: datetime,
    estimate: Mapping[str, Any] | None = None,
) -> Job:
    """Return a job that waits to be claimed."""
    return Job(tenant, job_id, door, document, now, now + QUEUE_PATIENCE, estimate=estimate)


def claimed(job: Job, *, claim_id: str, until: datetime, now: datetime, is_attempt: bool) -> Job:
    """Give the job to a worker, if it waits or its worker's lease is over; else leave it as it is."""
    if job.is_final or (job.status == "running" and job.due_at is not None and job.due_at > now):
        return job
    return replace(
        job,
        status="running",
        started_at=job.started_at or now,
        due_at=until,
        fence=job.fence + 1,
        claim_id=claim_id,
        attempts=job.attempts + is_attempt,
    )


def renewed(job: Job, *, fence: int, until: datetime, progress: Progress | None) -> Job:
    """Give the worker more time, from now on: a lease that a wrong clock made too long becomes right.

    Raises
    ------
    LeaseLostError
        Another worker has the job, or it is over.

    """
    _require_held(job, fence)
    if progress is None:
        return replace(job, due_at=until)
    return replace(job, due_at=until, rows_done=progress.rows_done, rows_total=progress.rows_total)


def released(job: Job, *, fence: int, now: datetime) -> Job:
    """Put the job back among those that wait, for any worker; raises LeaseLostError."""
    if job.fence == fence and job.status == "queued":
        return job  # this very change, its answer lost
    _require_held(job, fence)
    return replace(job, status="queued", due_at=now + QUEUE_PATIENCE)


def finished(job: Job, *, fence: int, outcome: Outcome, now: datetime) -> Job:
    """End the job; the first end stands, and only the latest worker can bring it about.

    Raises
    ------
    LeaseLostError
        Another worker has the job, or it ended otherwise.

    """
    ends_alike = job.status == outcome.status and job.result_key == outcome.result_key
    if job.fence == fence and job.is_final and ends_alike:
        return job  # this very change, its answer lost
    _require_held(job, fence)
    return replace(
        job,
        status=outcome.status,
        finished_at=now,
        due_at=None,
        result_key=outcome.result_key,
        actual=outcome.actual,
        problem=outcome.problem,
    )


def cancel_requested(job: Job, *, now: datetime) -> Job:
    """Cancel a job that waits; tell the worker of one that runs; leave one that is over."""
    if job.is_final or (job.status == "running" and job.is_cancel_requested):
        return job
    if job.status == "running":
        return replace(job, is_cancel_requested=True)
    return replace(job, status="cancelled", is_cancel_requested=True, finished_at=now, due_at=None)


def _require_held(job: Job, fence: int) -> None:
    if job.status != "running" or job.fence != fence:
        raise LeaseLostError
