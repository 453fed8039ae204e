"""Wait for a job that others work on, no longer than a caller would."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from whybox.domain.jobs.jobs import Job
from whybox.job_ports import JobStore

POLL_SECONDS: Final = 0.5


def await_job(
    job: Job, *, wait_seconds: float, jobs: JobStore, pause: Callable[[float], None] = time.sleep
) -> Job:
    """Return the job when it has ended, or as it is after ``wait_seconds`` of pauses."""
    waited = 0.0
    while not job.is_final and waited < wait_seconds:
        step = min(POLL_SECONDS, wait_seconds - waited)
        pause(step)
        waited += step
        job = jobs.read(job.tenant, job.job_id)
    return job
