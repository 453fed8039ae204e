"""Charge a job exactly once, whatever door it came through and however often it is delivered.

validate ─▶ reserve ─▶ create, claim ─▶ compute ─▶ store ─▶ finish ─▶ commit
                                            └─failure─▶ finish ─▶ refund
"""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Final

from whybox.domain.jobs.jobs import Job
from whybox.errors import BackingServiceError, JobNotFoundError, ReservationLostError
from whybox.job_ports import JobStore
from whybox.ports import Clock, Usage, UsageLedger
from whybox.services.charge_request import digest

LIGHT_LEASE_SECONDS: Final = 60.0
"""Twice what a function behind an HTTP API may run."""

JOB_LEASE: Final = timedelta(days=5)
"""Longer than a queue keeps a message."""


def job_receipt(job_id: str) -> str:
    """Return the unit a job is charged under."""
    return digest("job", job_id)


def reserve_job(job_id: str, *, tenant: str, lease_seconds: float, usage: UsageLedger, clock: Clock) -> Usage:
    """Reserve the unit of a job, or find it reserved; raises as ``UsageLedger.reserve`` does."""
    return usage.reserve(tenant, receipt_id=job_receipt(job_id), lease_seconds=lease_seconds, now=clock.now())


def forgo_unit(job: Job, *, jobs: JobStore, usage: UsageLedger) -> None:
    """Give back what an attempt that lost its job reserved anew, where the job had ended without a result.

    The attempt that counts is never touched: nothing follows such an end, and its unit is nobody's.
    """
    with suppress(BackingServiceError, JobNotFoundError):  # else the sweep does, when the lease is over
        if jobs.read(job.tenant, job.job_id).status in ("failed", "cancelled"):
            usage.refund(job.tenant, receipt_id=job_receipt(job.job_id))


def settle_job(job: Job, *, usage: UsageLedger, clock: Clock) -> None:
    """Make sure that a result about to be handed out is charged, though a crash may have refunded its unit.

    Long after its end a job is settled for good, and its receipt may be forgotten before the job is.
    """
    try:
        usage.commit(job.tenant, receipt_id=job_receipt(job.job_id))
    except ReservationLostError:
        if job.finished_at is not None and clock.now() - job.finished_at > JOB_LEASE:
            return
        reserve_job(
            job.job_id, tenant=job.tenant, lease_seconds=LIGHT_LEASE_SECONDS, usage=usage, clock=clock
        )
        usage.commit(job.tenant, receipt_id=job_receipt(job.job_id))
