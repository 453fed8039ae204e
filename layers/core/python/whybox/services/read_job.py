"""Read what is known of a job; free of charge."""

from __future__ import annotations

from whybox.domain.jobs.jobs import Job
from whybox.domain.jobs.object_keys import is_id
from whybox.errors import JobNotFoundError
from whybox.job_ports import JobStore


def read_job(tenant: str, job_id: str, *, jobs: JobStore) -> Job:
    """Return the job as it is now; a text that is no id of ours is one that nobody has.

    Raises
    ------
    JobNotFoundError
        There is no such job of this tenant.

    """
    if not is_id(job_id):
        raise JobNotFoundError
    return jobs.read(tenant, job_id)
