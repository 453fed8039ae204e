"""Run one task that the state machine of batches calls the heavy function with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from whybox.domain.jobs.batch_inputs import attempt_of
from whybox.job_ports import JobStore, ObjectStore
from whybox.ports import Clock, UsageLedger
from whybox.services.explain_chunk import explain_chunk
from whybox.services.hold_job import Worker
from whybox.services.merge_chunks import merge_chunks


def run_task(
    task: Mapping[str, Any],
    *,
    jobs: JobStore,
    objects: ObjectStore,
    usage: UsageLedger,
    clock: Clock,
    worker: Worker,
) -> dict[str, Any]:
    """Return what the state machine is told: the blocks that were stored, or how the job is now."""
    attempt, name = attempt_of(task), task["task"]
    if name == "explain_chunk":
        blocks = range(*task["blocks"])
        n_blocks = explain_chunk(
            attempt, blocks, jobs=jobs, objects=objects, usage=usage, clock=clock, worker=worker
        )
        return {"n_blocks": n_blocks}
    if name == "merge_chunks":
        job = merge_chunks(attempt, jobs=jobs, objects=objects, usage=usage, clock=clock, worker=worker)
        return {"status": job.status}
    raise ValueError(f"no task of this name: {name!r}")
