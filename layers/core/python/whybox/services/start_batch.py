"""Start on a dropped table: take it once, explain it here if it is small, else send it on.

trace ─job──────────────────────────────────────────────────▶ go on with that job
  └─none─▶ read, pin, prepare ─fits─▶ create, mark ─small─▶ run it here
                   │                       └────────large─▶ send it to the heavy function
                   └─refused─▶ a job that failed, with its problem; nothing is charged
"""

from __future__ import annotations

from typing import Final

from whybox.domain.jobs.job_messages import write_message
from whybox.domain.jobs.jobs import Job
from whybox.domain.jobs.s3_records import DroppedTable
from whybox.errors import JobBusyError, RequestError
from whybox.job_ports import BatchStarter, JobStore, ObjectStore, WorkQueue
from whybox.ports import Clock, TenantStore, UsageLedger
from whybox.services.check_tenant import check_tenant
from whybox.services.deliver_result import publish_result
from whybox.services.estimate_job import MEMORY_MARGIN, Limits
from whybox.services.hold_job import Worker
from whybox.services.refuse_table import refuse_table
from whybox.services.run_job import run_job
from whybox.services.take_table import ReadRequest, take_table
from whybox.services.trace_table import trace_table

SMALL_SECONDS: Final = 120.0
"""What the function that is told of tables does itself; far from the 900 seconds it may take."""


def start_batch(
    table: DroppedTable,
    *,
    read_request: ReadRequest,
    jobs: JobStore,
    objects: ObjectStore,
    usage: UsageLedger,
    tenants: TenantStore,
    explain_queue: WorkQueue,
    batches: BatchStarter,
    clock: Clock,
    worker: Worker,
    limits: Limits,
) -> Job:
    """Bring a dropped table as far as this function does; told of it again, go on with the same job.

    Raises
    ------
    JobBusyError, LeaseLostError
        Another worker has it: the message is to stay.
    BackingServiceError
        The next delivery goes on from what is stored.

    """
    traced = trace_table(table, objects=objects)
    try:
        check_tenant(table.tenant, tenants=tenants)
        if traced.job_id is not None:
            job = jobs.read(table.tenant, traced.job_id)
        else:
            job = take_table(
                traced, read_request=read_request, jobs=jobs, objects=objects, clock=clock, limits=limits
            )
    except RequestError as error:
        problem = worker.describe(error)
        return refuse_table(traced, problem, jobs=jobs, objects=objects, usage=usage, clock=clock)
    if not (job.is_final or _is_small(job, limits)):
        return _send_on(job, explain_queue=explain_queue)
    end = run_job(
        job.tenant,
        job.job_id,
        jobs=jobs,
        objects=objects,
        usage=usage,
        batches=batches,
        clock=clock,
        worker=worker,
        limits=limits,
    )
    publish_result(end.job, objects=objects)  # it may have come by another door before
    return end.job


def _is_small(job: Job, limits: Limits) -> bool:
    """Whether this function has the time and the memory, which is that of one that answers requests."""
    estimate = job.estimate
    return (
        estimate is not None
        and estimate["seconds"] <= SMALL_SECONDS
        and estimate["memory_mb"] <= limits.light_memory_mb * MEMORY_MARGIN
    )


def _send_on(job: Job, *, explain_queue: WorkQueue) -> Job:
    """Hand a large job to the heavy function; what another door asked for is published when it is done."""
    if job.status == "queued":
        explain_queue.send(write_message(job))
    if job.door != "s3":
        raise JobBusyError
    return job
