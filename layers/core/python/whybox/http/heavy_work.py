"""What the function with more memory is asked for: jobs from its queue, and tasks of the state machine.

message ─▶ run_job
task ─┬─ explain_chunk ─▶ explain_chunk ─▶ {"n_blocks"}
      └─ merge_chunks  ─▶ merge_chunks  ─▶ {"status"}
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Protocol

from whybox.domain.jobs.batch_inputs import attempt_of
from whybox.domain.jobs.job_messages import read_message
from whybox.errors import JobNotFoundError, UnsupportedEventError
from whybox.job_ports import BatchStarter, JobStore, ObjectStore
from whybox.ports import Clock, UsageLedger
from whybox.services.estimate_job import Limits
from whybox.services.explain_chunk import explain_chunk
from whybox.services.hold_job import Worker
from whybox.services.merge_chunks import merge_chunks
from whybox.services.run_job import run_job

logger = logging.getLogger(__name__)


class HeavyPorts(Protocol):
    """The ports of the function that works on jobs."""

    @property
    def clock(self) -> Clock:
        """The server's clock."""

    @property
    def usage(self) -> UsageLedger:
        """What tenants have used."""

    @property
    def jobs(self) -> JobStore:
        """The state of every job."""

    @property
    def objects(self) -> ObjectStore:
        """Tables and results."""

    @property
    def batches(self) -> BatchStarter:
        """The large way through a batch."""


def work_on_job(body: str, *, ports: HeavyPorts, worker: Worker, limits: Limits) -> None:
    """Bring the job that a message stands for to its end; one that was deleted needs no more work.

    Raises
    ------
    UnreadableMessageError
        The message is not one that this service sends.
    BackingServiceError
        The message is to come back.

    """
    message = read_message(body)
    try:
        end = run_job(
            message.tenant,
            message.job_id,
            jobs=ports.jobs,
            objects=ports.objects,
            usage=ports.usage,
            batches=ports.batches,
            clock=ports.clock,
            worker=worker,
            limits=limits,
        )
    except JobNotFoundError:
        logger.info("job %s is gone", message.job_id)
    else:
        logger.info("job %s: %s", end.job.job_id, end.end)


def work_on_task(task: Mapping[str, Any], *, ports: HeavyPorts, worker: Worker) -> dict[str, Any]:
    """Carry out a task of a batch and return what the state machine goes on with.

    Raises
    ------
    UnsupportedEventError
        There is no such task.
    BackingServiceError
        The task is to be tried again.

    """
    name, attempt = task["task"], attempt_of(task)
    stores: dict[str, Any] = {
        "jobs": ports.jobs,
        "objects": ports.objects,
        "usage": ports.usage,
        "clock": ports.clock,
    }
    if name == "explain_chunk":
        first, end = task["blocks"]
        return {"n_blocks": explain_chunk(attempt, range(first, end), worker=worker, **stores)}
    if name == "merge_chunks":
        return {"status": merge_chunks(attempt, worker=worker, **stores).status}
    raise UnsupportedEventError
