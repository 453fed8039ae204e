"""Run a job that was queued, wherever it came from: claim, compute by blocks, store, finish, commit.

Every step may be the last of this process; whoever gets the next delivery goes on from what is stored.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

from whybox.domain.jobs.jobs import Job
from whybox.job_ports import BatchStarter, JobStore, ObjectStore
from whybox.ports import Clock, UsageLedger
from whybox.services.hold_job import Worker

CLAIM_SECONDS: Final = 120.0
"""How long a silent worker is waited for."""

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
) -> JobEnd:
    """Bring a job to its end; afterwards its message can be deleted.

    Raises
    ------
    JobBusyError, LeaseLostError
        Another worker has it: the message is to stay.
    BackingServiceError
        It was given back, for the next delivery.

    """
    raise NotImplementedError


def job_message(job: Job) -> dict[str, Any]:
    """Return the message that stands for a job in a queue."""
    return {"v": 1, "tenant": job.tenant, "job_id": job.job_id}
