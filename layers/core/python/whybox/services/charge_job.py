"""Charge a job exactly once, whatever door it came through and however often it is delivered.

validate ─▶ reserve ─▶ create, claim ─▶ compute ─▶ store ─▶ finish ─▶ commit
                                            └─failure─▶ finish ─▶ refund
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from whybox.domain.jobs.jobs import Job
from whybox.errors import ReservationLostError
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
