"""Cancel a job, at once if it waits, at its next block of rows if it runs, and give back what it reserved."""

from __future__ import annotations

from whybox.domain.jobs.jobs import Job
from whybox.domain.jobs.object_keys import is_id
from whybox.errors import JobNotFoundError
from whybox.job_ports import JobStore
from whybox.ports import Clock, UsageLedger
from whybox.services.charge_job import job_receipt


def cancel_job(tenant: str, job_id: str, *, jobs: JobStore, usage: UsageLedger, clock: Clock) -> Job:
    """Ask for the end of a job and return it; one that is over stays as it is.

    Raises
    ------
    JobNotFoundError
        There is no such job of this tenant.

    """
    if not is_id(job_id):
        raise JobNotFoundError
    job = jobs.request_cancel(tenant, job_id, now=clock.now())
    if job.status in ("cancelled", "failed"):  # again, where the last call's refund was lost
        usage.refund(tenant, receipt_id=job_receipt(job_id))
    return job
