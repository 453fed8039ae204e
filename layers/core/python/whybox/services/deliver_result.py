"""Deliver a computed result: files under the fence, then the fenced end of the job, then the charge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from whybox.domain.jobs.jobs import Job
from whybox.job_ports import JobStore, ObjectStore
from whybox.ports import Clock, UsageLedger


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

    Raises
    ------
    LeaseLostError
        Another attempt counts; what was stored is never served.
    BackingServiceError
        The next delivery goes on from what is stored.

    """
    raise NotImplementedError


def fail_attempt(
    job: Job, problem: Mapping[str, Any], *, jobs: JobStore, usage: UsageLedger, clock: Clock
) -> Job:
    """End the job as failed, and only then give back what was reserved for it; raises LeaseLostError."""
    raise NotImplementedError


def publish_result(job: Job, *, objects: ObjectStore) -> None:
    """Put the files of a job that is over where whoever dropped the table in looks for them; repeatable."""
    raise NotImplementedError
