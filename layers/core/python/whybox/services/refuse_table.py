"""Refuse a dropped table: a job that has failed before it began tells its owner why; nothing is charged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from whybox.domain.jobs.jobs import Job, new_job
from whybox.domain.jobs.taken_tables import unread_job_id
from whybox.errors import JobBusyError
from whybox.job_ports import JobStore, ObjectStore
from whybox.ports import Clock, UsageLedger
from whybox.services.deliver_result import fail_attempt, publish_result
from whybox.services.trace_table import TracedTable, mark_taken

REFUSAL_SECONDS: Final = 60.0


def refuse_table(
    traced: TracedTable,
    problem: Mapping[str, Any],
    *,
    jobs: JobStore,
    objects: ObjectStore,
    usage: UsageLedger,
    clock: Clock,
) -> Job:
    """End a dropped table as a job that failed, and put the problem where its owner looks for the result.

    Raises
    ------
    JobBusyError
        Another worker is refusing it.

    """
    tenant, key = traced.table.tenant, traced.table.key
    job_id = unread_job_id(tenant, key, version=traced.version)
    source = {"key": key, "version": traced.version}
    job = jobs.create(new_job(tenant, job_id, door="s3", document={"source": source}, now=clock.now()))
    if not job.is_final:
        claim = jobs.claim(tenant, job_id, lease_seconds=REFUSAL_SECONDS, now=clock.now())
        if not claim.is_won and not claim.job.is_final:
            raise JobBusyError
        job = claim.job
        if claim.is_won:
            job = fail_attempt(job, problem, jobs=jobs, usage=usage, clock=clock)
    publish_result(job, objects=objects)
    mark_taken(traced, job_id, objects=objects)
    return job
