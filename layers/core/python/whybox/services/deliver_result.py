"""Deliver a computed result: files under the fence, then the fenced end of the job, then the charge."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from whybox.domain.jobs.jobs import Job, Outcome
from whybox.domain.jobs.object_keys import published_key, result_key, result_prefix
from whybox.errors import LeaseLostError
from whybox.job_ports import JobStore, ObjectStore
from whybox.ports import Clock, UsageLedger
from whybox.services.charge_job import (
    LIGHT_LEASE_SECONDS,
    forgo_unit,
    job_receipt,
    reserve_job,
    settle_job,
)

PROBLEM_FILE: Final = "problem.json"
PROBLEM_TYPE: Final = "application/problem+json"


@dataclass(frozen=True, slots=True)
class RenderedFile:
    """One file of a result."""

    content: bytes
    content_type: str


def deliver_result(
    job: Job,
    files: Mapping[str, RenderedFile],
    *,
    actual: Mapping[str, Any],
    jobs: JobStore,
    objects: ObjectStore,
    usage: UsageLedger,
    clock: Clock,
) -> Job:
    """Store the files of the attempt that holds the job, end the job as done, charge it, publish it.

    The unit is reserved once more before the end: what is done is certain to be charged.

    Raises
    ------
    LeaseLostError
        Another attempt counts; what was stored is never served.
    QuotaExceededError
        The reservation was given back, and the month is full; the job goes on to be failed.
    BackingServiceError
        The next delivery goes on from what is stored.

    """
    for name, file in files.items():
        key = result_key(job.tenant, job.job_id, fence=job.fence, name=name)
        objects.put(key, file.content, content_type=file.content_type)
    reserve_job(job.job_id, tenant=job.tenant, lease_seconds=LIGHT_LEASE_SECONDS, usage=usage, clock=clock)
    outcome = Outcome(
        "done",
        result_key=result_prefix(job.tenant, job.job_id, fence=job.fence),
        actual={**actual, "files": list(files)},
    )
    try:
        done = jobs.finish(job.tenant, job.job_id, fence=job.fence, outcome=outcome, now=clock.now())
    except LeaseLostError:
        forgo_unit(job, jobs=jobs, usage=usage)
        raise
    settle_job(done, usage=usage, clock=clock)
    if done.door == "s3":
        publish_result(done, objects=objects)
    return done


def fail_attempt(
    job: Job, problem: Mapping[str, Any], *, jobs: JobStore, usage: UsageLedger, clock: Clock
) -> Job:
    """End the job as failed, and only then give back what was reserved for it; raises LeaseLostError."""
    outcome = Outcome("failed", problem=problem)
    failed = jobs.finish(job.tenant, job.job_id, fence=job.fence, outcome=outcome, now=clock.now())
    usage.refund(job.tenant, receipt_id=job_receipt(job.job_id))
    return failed


def publish_result(job: Job, *, objects: ObjectStore) -> None:
    """Put what became of a job where whoever dropped its table in looks for it; repeatable.

    Of a job that is not over, or was cancelled, there is nothing to see.

    Raises
    ------
    ObjectNotFoundError
        The result was deleted when its time was over.

    """
    if job.status == "failed":
        content = json.dumps(dict(job.problem or {}), ensure_ascii=False, separators=(",", ":")).encode()
        key = published_key(job.tenant, job.job_id, name=PROBLEM_FILE)
        objects.put(key, content, content_type=PROBLEM_TYPE)
    if job.status != "done" or job.result_key is None:
        return
    for name in (job.actual or {}).get("files", ()):
        kept = objects.head(f"{job.result_key}/{name}")
        content = objects.get(kept.key, version=kept.version)
        key = published_key(job.tenant, job.job_id, name=name)
        objects.put(key, content, content_type=kept.content_type)
