"""Fail a job that nothing could bring to an end: it is marked failed, then its unit is given back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from whybox.domain.jobs.jobs import Job
from whybox.domain.jobs.s3_records import DroppedTable
from whybox.errors import JobBusyError, JobNotFoundError
from whybox.job_ports import JobStore, ObjectStore
from whybox.ports import Clock, UsageLedger
from whybox.services.charge_job import job_receipt, settle_job
from whybox.services.deliver_result import publish_result
from whybox.services.end_attempt import end_attempt
from whybox.services.refuse_table import refuse_table
from whybox.services.trace_table import trace_table

FAIL_SECONDS: Final = 60.0


def fail_job(
    tenant: str,
    job_id: str,
    problem: Mapping[str, Any],
    *,
    jobs: JobStore,
    objects: ObjectStore,
    usage: UsageLedger,
    clock: Clock,
    fence: int | None = None,
) -> Job | None:
    """End a job, unless it has ended already, and return it; None where there is no such job.

    With ``fence`` only that attempt is ended: its own execution says so. Without, the attempts are over when
    the lease of the last one is.

    Raises
    ------
    JobBusyError
        A worker is at the job: its dead letter is to stay.

    """
    try:
        job = jobs.read(tenant, job_id)
    except JobNotFoundError:
        return None
    if fence is not None and not job.is_final and (job.status != "running" or job.fence != fence):
        return job  # another attempt is at it, or will be
    if not job.is_final:
        if fence is None:
            job = _claim(job, jobs=jobs, clock=clock)
        return end_attempt(job, problem, jobs=jobs, objects=objects, usage=usage, clock=clock)
    if job.status == "done":
        settle_job(job, usage=usage, clock=clock)
    else:
        usage.refund(tenant, receipt_id=job_receipt(job_id))
    if job.door == "s3":
        publish_result(job, objects=objects)
    return job


def fail_table(
    table: DroppedTable,
    problem: Mapping[str, Any],
    *,
    jobs: JobStore,
    objects: ObjectStore,
    usage: UsageLedger,
    clock: Clock,
) -> Job | None:
    """End the job that a dropped table has become, or one that stands for it where it never became one."""
    traced = trace_table(table, objects=objects)
    if traced.job_id is None:
        return refuse_table(traced, problem, jobs=jobs, objects=objects, usage=usage, clock=clock)
    job = fail_job(table.tenant, traced.job_id, problem, jobs=jobs, objects=objects, usage=usage, clock=clock)
    if job is not None:
        publish_result(job, objects=objects)
    return job


def _claim(job: Job, *, jobs: JobStore, clock: Clock) -> Job:
    claim = jobs.claim(job.tenant, job.job_id, lease_seconds=FAIL_SECONDS, now=clock.now(), is_attempt=False)
    if not claim.is_won:
        raise JobBusyError
    return claim.job
