"""Bury a dead letter: the job it stands for is ended, whichever queue the letter was in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from whybox.domain.jobs.job_messages import UnreadableMessageError, read_message
from whybox.domain.jobs.jobs import Job
from whybox.domain.jobs.s3_records import read_notification
from whybox.job_ports import JobStore, ObjectStore
from whybox.ports import Clock, UsageLedger
from whybox.services.fail_job import fail_job, fail_table


def bury_letter(
    body: str,
    problem: Mapping[str, Any],
    *,
    jobs: JobStore,
    objects: ObjectStore,
    usage: UsageLedger,
    clock: Clock,
) -> tuple[Job, ...]:
    """Return the jobs that a letter stands for, as they ended.

    Raises
    ------
    UnreadableNotificationError
        The letter stands for nothing.
    JobBusyError
        A worker is at a job of it: the letter is to stay.

    """
    try:
        message = read_message(body)
    except UnreadableMessageError:
        tables = read_notification(body).tables
        ended = [
            fail_table(table, problem, jobs=jobs, objects=objects, usage=usage, clock=clock)
            for table in tables
        ]
    else:
        ended = [
            fail_job(
                message.tenant,
                message.job_id,
                problem,
                jobs=jobs,
                objects=objects,
                usage=usage,
                clock=clock,
            )
        ]
    return tuple(job for job in ended if job is not None)
