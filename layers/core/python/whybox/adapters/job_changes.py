"""The changes of a job that every store makes alike; a store only says how one change is made safely."""

from __future__ import annotations

import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import datetime, timedelta

from whybox.domain.jobs.jobs import (
    Job,
    Outcome,
    Progress,
    cancel_requested,
    claimed,
    finished,
    released,
    renewed,
)
from whybox.job_ports import Claim

Change = Callable[[Job], Job]


class JobChanges(ABC):
    """The half of a JobStore that changes jobs."""

    @abstractmethod
    def _change(self, tenant: str, job_id: str, change: Change) -> Job:
        """Apply ``change`` to the job as it is, with nothing in between, and return the outcome.

        It may be applied several times, and only one of these counts. Raises JobNotFoundError and whatever
        ``change`` raises; then nothing is changed.
        """

    def claim(
        self, tenant: str, job_id: str, *, lease_seconds: float, now: datetime, is_attempt: bool = True
    ) -> Claim:
        """Give the job to this caller until the lease is over; see the port."""
        claim_id = uuid.uuid4().hex  # tells this claim, its answer lost, from another worker's
        until = now + timedelta(seconds=lease_seconds)

        def change(job: Job) -> Job:
            if job.claim_id == claim_id:
                return job
            return claimed(job, claim_id=claim_id, until=until, now=now, is_attempt=is_attempt)

        job = self._change(tenant, job_id, change)
        return Claim(job, is_won=job.claim_id == claim_id)

    def renew(
        self,
        tenant: str,
        job_id: str,
        *,
        fence: int,
        lease_seconds: float,
        now: datetime,
        progress: Progress | None = None,
    ) -> Job:
        """Extend the lease and tell how far the work is; see the port."""
        until = now + timedelta(seconds=lease_seconds)
        return self._change(
            tenant, job_id, lambda job: renewed(job, fence=fence, until=until, progress=progress)
        )

    def release(self, tenant: str, job_id: str, *, fence: int, now: datetime) -> Job:
        """Give the job back unfinished; see the port."""
        return self._change(tenant, job_id, lambda job: released(job, fence=fence, now=now))

    def finish(self, tenant: str, job_id: str, *, fence: int, outcome: Outcome, now: datetime) -> Job:
        """End the job for good; see the port."""
        return self._change(tenant, job_id, lambda job: finished(job, fence=fence, outcome=outcome, now=now))

    def request_cancel(self, tenant: str, job_id: str, *, now: datetime) -> Job:
        """Cancel a job that waits, ask the worker of one that runs; see the port."""
        return self._change(tenant, job_id, lambda job: cancel_requested(job, now=now))
