"""Sweep: what was lost on its way is sent again, what nobody works on any more is given back or ended.

reservations whose lease is over          ─▶ refunded
jobs that wait for too long, or whose     ─▶ sent again; ended where the owner asked for that, or after
worker has been silent for hours, or died    too many attempts
in a request
dropped tables that are no job            ─▶ told of again
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Final

from whybox.domain.jobs.job_messages import write_message
from whybox.domain.jobs.jobs import Job
from whybox.domain.jobs.s3_records import FOLDER, DroppedTable, table_of, write_notification
from whybox.domain.jobs.taken_tables import mark_in, mark_of, taken_prefix
from whybox.errors import LeaseLostError
from whybox.job_ports import JobStore, ObjectStore, WorkQueue
from whybox.ports import Clock, UsageLedger
from whybox.services.end_attempt import end_attempt

PATIENCE: Final = timedelta(minutes=10)
"""How long the news of a table may take: S3 usually needs seconds."""

SILENCE: Final = timedelta(hours=2)
"""How long the queue itself is waited for when a worker went silent: it delivers again after 90 minutes."""

MAX_ATTEMPTS: Final = 5
"""As often as the queue delivers a message."""

MAX_SENT: Final = 200
"""Of each kind in one sweep; the next one goes on."""

CLAIM_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Sweep:
    """What one sweep did."""

    n_refunded: int
    n_sent: int
    n_ended: int
    n_told: int


def sweep_jobs(
    problem: Mapping[str, Any],
    *,
    jobs: JobStore,
    objects: ObjectStore,
    usage: UsageLedger,
    explain_queue: WorkQueue,
    batch_queue: WorkQueue,
    clock: Clock,
) -> Sweep:
    """Find what was lost, and put it back on its way; ``problem`` is that of a job that is given up.

    Raises
    ------
    BackingServiceError
        The next sweep goes on.

    """
    n_refunded = usage.refund_abandoned(now=clock.now())
    n_told = 0
    for table in islice(_untold(objects, before=clock.now() - PATIENCE), MAX_SENT):
        batch_queue.send(write_notification(table))
        n_told += 1
    n_sent = n_ended = 0
    for job in _unattended(jobs, clock=clock):
        if job.is_cancel_requested or job.attempts >= MAX_ATTEMPTS:
            with suppress(LeaseLostError):
                end_attempt(job, problem, jobs=jobs, objects=objects, usage=usage, clock=clock)
                n_ended += 1
        else:
            with suppress(LeaseLostError):
                explain_queue.send(write_message(_released(job, jobs=jobs, clock=clock)))
                n_sent += 1
    return Sweep(n_refunded=n_refunded, n_sent=n_sent, n_ended=n_ended, n_told=n_told)


def _unattended(jobs: JobStore, *, clock: Clock) -> Iterator[Job]:
    """Yield overdue jobs, each held by this sweep."""
    now = clock.now()
    for job in jobs.find_overdue(now=now, limit=MAX_SENT):
        is_silent = job.due_at is None or job.due_at <= now - SILENCE
        if job.status == "running" and _has_message(job) and not is_silent:
            continue
        claim = jobs.claim(
            job.tenant, job.job_id, lease_seconds=CLAIM_SECONDS, now=clock.now(), is_attempt=False
        )
        if claim.is_won:
            yield claim.job


def _has_message(job: Job) -> bool:
    """Return whether the queue will deliver the job again; of a request's first attempt it knows nothing."""
    return job.door != "http" or job.attempts > 1


def _released(job: Job, *, jobs: JobStore, clock: Clock) -> Job:
    """Let anybody claim the job, and let the next sweep leave it alone for a while."""
    return jobs.release(job.tenant, job.job_id, fence=job.fence, now=clock.now())


def _untold(objects: ObjectStore, *, before: datetime) -> Iterator[DroppedTable]:
    """Yield dropped tables of which nothing is kept, some time after they were stored."""
    tenant, marks = "", frozenset[str]()
    for listed in objects.list(FOLDER):
        table = table_of(listed.key)
        if table is None or listed.stored_at >= before:
            continue
        if table.tenant != tenant:
            tenant = table.tenant
            marks = frozenset(mark_in(it.key) for it in objects.list(taken_prefix(tenant)))
        if mark_of(listed.key, stored_at=listed.stored_at, n_bytes=listed.n_bytes) not in marks:
            yield table
