"""Run a job that was queued, wherever it came from: claim, compute by blocks, store, finish, commit.

Every step may be the last of this process; whoever gets the next delivery goes on from what is stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from whybox.domain.jobs.batch_inputs import BATCH_LEASE_SECONDS, batch_input, execution_name
from whybox.domain.jobs.job_documents import pin_of, request_of
from whybox.domain.jobs.jobs import Job
from whybox.errors import (
    BackingServiceError,
    ComputationError,
    JobBusyError,
    JobCancelledError,
    LeaseLostError,
    RequestError,
)
from whybox.job_ports import BatchStarter, JobStore, ObjectStore
from whybox.ports import Clock, UsageLedger
from whybox.services.charge_job import JOB_LEASE, forgo_unit, job_receipt, reserve_job, settle_job
from whybox.services.deliver_result import deliver_result, publish_result
from whybox.services.end_attempt import end_attempt
from whybox.services.estimate_job import Limits, estimate_job
from whybox.services.explain_blocks import count_blocks
from whybox.services.fetch_table import fetch_table
from whybox.services.finish_explanation import compute_explanation
from whybox.services.hold_job import CLAIM_SECONDS, JobHold, Worker, describe_actual, hold_job
from whybox.services.prepare_explanation import PreparedExplanation, prepare_explanation
from whybox.services.render_result import render_result

SAFETY_SECONDS: Final = 10.0
"""At less time left, a worker gives the job back."""

End = Literal["done", "failed", "cancelled", "started"]


@dataclass(frozen=True, slots=True)
class JobEnd:
    """How this delivery ended: with the job's end, or with its batch started."""

    end: End
    job: Job


def run_job(
    tenant: str,
    job_id: str,
    *,
    jobs: JobStore,
    objects: ObjectStore,
    usage: UsageLedger,
    batches: BatchStarter,
    clock: Clock,
    worker: Worker,
    limits: Limits | None = None,
) -> JobEnd:
    """Bring a job to its end; afterwards its message can be deleted.

    Raises
    ------
    JobNotFoundError
        There is no such job any more: its message can be deleted, too.
    JobBusyError, LeaseLostError
        Another worker has it: the message is to stay.
    BackingServiceError
        It was given back, for the next delivery.

    """
    run = _Run(jobs, objects, usage, batches, clock, worker, limits or Limits())
    job = jobs.read(tenant, job_id)
    if job.is_final:
        return run.settle(job)
    claim = jobs.claim(tenant, job_id, lease_seconds=CLAIM_SECONDS, now=clock.now())
    if claim.is_won:
        try:
            return run.attempt(claim.job)
        except LeaseLostError:
            forgo_unit(claim.job, jobs=jobs, usage=usage)
            raise
    if claim.job.is_final:
        return run.settle(claim.job)
    raise JobBusyError


@dataclass(frozen=True, slots=True)
class _Run:
    """One delivery, and the ports it works with."""

    jobs: JobStore
    objects: ObjectStore
    usage: UsageLedger
    batches: BatchStarter
    clock: Clock
    worker: Worker
    limits: Limits

    def settle(self, job: Job) -> JobEnd:
        """Do again what follows the end of a job: its worker may have been ended right after."""
        if job.status == "done":
            settle_job(job, usage=self.usage, clock=self.clock)
        else:
            self.usage.refund(job.tenant, receipt_id=job_receipt(job.job_id))
        if job.door == "s3":
            publish_result(job, objects=self.objects)
        return _end(job)

    def attempt(self, job: Job) -> JobEnd:
        """Work on a claimed job, and give it back or end it whatever happens."""
        try:
            with hold_job(
                job, jobs=self.jobs, clock=self.clock, worker=self.worker, safety_seconds=SAFETY_SECONDS
            ) as hold:
                return self._work(job, hold)
        except LeaseLostError:
            raise  # nothing of this attempt counts any more, and nothing of another's is touched
        except JobCancelledError:
            return self._give_up(replace(job, is_cancel_requested=True), {})
        except (RequestError, ComputationError) as error:  # the next attempt would end alike
            return self._give_up(job, self.worker.describe(error))
        except BaseException:
            with suppress(BackingServiceError):
                self.jobs.release(job.tenant, job.job_id, fence=job.fence, now=self.clock.now())
            raise

    def _work(self, job: Job, hold: JobHold) -> JobEnd:
        if job.is_cancel_requested:
            raise JobCancelledError
        reserve_job(
            job.job_id,
            tenant=job.tenant,
            lease_seconds=JOB_LEASE.total_seconds(),
            usage=self.usage,
            clock=self.clock,
        )
        # The bytes of the table are not held while it is explained.
        prepared = prepare_explanation(
            fetch_table(pin_of(job.document), objects=self.objects), request_of(job.document)
        )
        estimate = self._estimate(job, prepared)
        if estimate["route"] == "batch" and count_blocks(prepared) > 1:
            return self._start_batch(job, count_blocks(prepared), seconds=estimate["seconds"])
        hold.begin(len(prepared.rows))
        result = compute_explanation(prepared, on_rows=hold.on_rows, n_threads=self.worker.n_threads)
        files = render_result(result, route="heavy", function=self.worker.function)
        del result
        done = deliver_result(
            job,
            files,
            actual=describe_actual(job, worker=self.worker, clock=self.clock),
            jobs=self.jobs,
            objects=self.objects,
            usage=self.usage,
            clock=self.clock,
        )
        return _end(done)

    def _estimate(self, job: Job, prepared: PreparedExplanation) -> Mapping[str, Any]:
        """Return what the job takes; a stored estimate of a large table was made without reading it."""
        if job.estimate is not None and job.estimate["route"] == "batch":
            return job.estimate
        return estimate_job(prepared, limits=self.limits).as_document()

    def _start_batch(self, job: Job, n_blocks: int, *, seconds: float) -> JobEnd:
        """Leave the claimed job to many functions; the lease is theirs from now on."""
        job = self.jobs.renew(
            job.tenant, job.job_id, fence=job.fence, lease_seconds=BATCH_LEASE_SECONDS, now=self.clock.now()
        )
        payload = batch_input(job, n_blocks=n_blocks, seconds=seconds)
        self.batches.start(execution_name(job), payload=payload)
        return JobEnd("started", job)

    def _give_up(self, job: Job, problem: Mapping[str, Any]) -> JobEnd:
        ended = end_attempt(
            job, problem, jobs=self.jobs, objects=self.objects, usage=self.usage, clock=self.clock
        )
        return _end(ended)


def _end(job: Job) -> JobEnd:
    ends: dict[str, End] = {"done": "done", "failed": "failed", "cancelled": "cancelled"}
    return JobEnd(ends[job.status], job)
