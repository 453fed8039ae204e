"""Merge the chunks of a large job into its result: the same bytes that one function would have made."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from io import BytesIO

import numpy as np

from whybox.domain.jobs.batch_inputs import Attempt, part_name
from whybox.domain.jobs.jobs import Job
from whybox.domain.jobs.object_keys import result_key
from whybox.errors import (
    ComputationError,
    DependencyUnavailableError,
    InputError,
    LeaseLostError,
    ObjectNotFoundError,
)
from whybox.job_ports import JobStore, ObjectStore
from whybox.ports import Clock, UsageLedger
from whybox.services.charge_job import forgo_unit, settle_job
from whybox.services.deliver_result import deliver_result, publish_result
from whybox.services.end_attempt import end_attempt
from whybox.services.explain_blocks import AttributedBlock, block_of, count_blocks
from whybox.services.finish_explanation import finish_explanation
from whybox.services.hold_attempt import find_attempt, fit_attempt, renew_attempt
from whybox.services.hold_job import Worker, describe_actual
from whybox.services.render_result import render_result


def merge_chunks(
    attempt: Attempt,
    *,
    jobs: JobStore,
    objects: ObjectStore,
    usage: UsageLedger,
    clock: Clock,
    worker: Worker,
) -> Job:
    """Bring a job whose blocks are all stored to its end, and return it as it is then.

    Raises
    ------
    JobNotFoundError
        The job was deleted.
    BackingServiceError
        A block or a service is not there; the same task may work later.

    """
    job = find_attempt(attempt, jobs=jobs)
    if job is None:
        return _settled(jobs.read(attempt.tenant, attempt.job_id), objects=objects, usage=usage, clock=clock)
    try:
        job = renew_attempt(job, jobs=jobs, clock=clock)
        if job.is_cancel_requested:
            return end_attempt(job, {}, jobs=jobs, objects=objects, usage=usage, clock=clock)
        fitted = fit_attempt(job, objects=objects)
        result = finish_explanation(
            fitted, _stored_blocks(job, count_blocks(fitted.prepared), objects=objects)
        )
        return deliver_result(
            job,
            render_result(result, route="batch", function=worker.function),
            actual=describe_actual(job, worker=worker, clock=clock),
            jobs=jobs,
            objects=objects,
            usage=usage,
            clock=clock,
        )
    except LeaseLostError:
        forgo_unit(job, jobs=jobs, usage=usage)
        return jobs.read(attempt.tenant, attempt.job_id)
    except (InputError, ComputationError) as error:
        with suppress(LeaseLostError):
            problem = worker.describe(error)
            return end_attempt(job, problem, jobs=jobs, objects=objects, usage=usage, clock=clock)
        return jobs.read(attempt.tenant, attempt.job_id)


def _settled(job: Job, *, objects: ObjectStore, usage: UsageLedger, clock: Clock) -> Job:
    """Do again what follows the end of a job: this task may have ended it, and been ended itself then."""
    if job.status == "done":
        settle_job(job, usage=usage, clock=clock)
        if job.door == "s3":
            publish_result(job, objects=objects)
    return job


def _stored_blocks(job: Job, n_blocks: int, *, objects: ObjectStore) -> Iterator[AttributedBlock]:
    for block in range(n_blocks):
        key = result_key(job.tenant, job.job_id, fence=job.fence, name=part_name(block))
        try:
            content = objects.get(key)
        except ObjectNotFoundError as error:  # not the caller's table: one of our own files
            raise DependencyUnavailableError("store of blocks") from error
        with np.load(BytesIO(content), allow_pickle=False) as arrays:
            yield block_of(dict(arrays))
