"""Hold an attempt of a large job: many functions work on it at once, under the one lease of its execution."""

from __future__ import annotations

from whybox.domain.jobs.batch_inputs import BATCH_LEASE_SECONDS, Attempt
from whybox.domain.jobs.job_documents import pin_of, request_of
from whybox.domain.jobs.jobs import Job, Progress
from whybox.errors import JobNotFoundError
from whybox.job_ports import JobStore, ObjectStore
from whybox.ports import Clock
from whybox.services.explain_blocks import FittedExplanation, fit_explanation
from whybox.services.fetch_table import fetch_table
from whybox.services.prepare_explanation import prepare_explanation


def find_attempt(attempt: Attempt, *, jobs: JobStore) -> Job | None:
    """Return the job while this attempt holds it; None where it is over, or another attempt has it."""
    try:
        job = jobs.read(attempt.tenant, attempt.job_id)
    except JobNotFoundError:
        return None
    return job if job.status == "running" and job.fence == attempt.fence else None


def renew_attempt(job: Job, *, jobs: JobStore, clock: Clock, progress: Progress | None = None) -> Job:
    """Say that the execution is alive, and how far it is; raises LeaseLostError."""
    return jobs.renew(
        job.tenant,
        job.job_id,
        fence=job.fence,
        lease_seconds=BATCH_LEASE_SECONDS,
        now=clock.now(),
        progress=progress,
    )


def fit_attempt(job: Job, *, objects: ObjectStore) -> FittedExplanation:
    """Return the fitted model of a job, the same bytes in every function; raises as its steps do."""
    data = fetch_table(pin_of(job.document), objects=objects)
    return fit_explanation(prepare_explanation(data, request_of(job.document)))
