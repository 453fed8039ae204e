"""End an attempt without a result: cancelled where the owner asked for that, else failed; then refund."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from whybox.domain.jobs.jobs import Job, Outcome
from whybox.job_ports import JobStore, ObjectStore
from whybox.ports import Clock, UsageLedger
from whybox.services.charge_job import job_receipt
from whybox.services.deliver_result import fail_attempt, publish_result


def end_attempt(
    job: Job,
    problem: Mapping[str, Any],
    *,
    jobs: JobStore,
    objects: ObjectStore,
    usage: UsageLedger,
    clock: Clock,
) -> Job:
    """End the job that this attempt holds, and tell whoever dropped its table in; raises LeaseLostError."""
    if job.is_cancel_requested:
        job = jobs.finish(
            job.tenant, job.job_id, fence=job.fence, outcome=Outcome("cancelled"), now=clock.now()
        )
        usage.refund(job.tenant, receipt_id=job_receipt(job.job_id))
    else:
        job = fail_attempt(job, problem, jobs=jobs, usage=usage, clock=clock)
    if job.door == "s3":
        publish_result(job, objects=objects)
    return job
