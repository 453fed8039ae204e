"""Explain a chunk of a large job: the blocks of it that nobody has stored yet, one by one."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from io import BytesIO
from typing import Final

import numpy as np

from whybox.domain.jobs.batch_inputs import PART_PREFIX, Attempt, part_name
from whybox.domain.jobs.jobs import Job, Progress
from whybox.domain.jobs.object_keys import result_key, result_prefix
from whybox.errors import ComputationError, InputError, LeaseLostError, OutOfTimeError
from whybox.job_ports import JobStore, ObjectStore
from whybox.ports import Clock, UsageLedger
from whybox.services.end_attempt import end_attempt
from whybox.services.explain_blocks import BLOCK_ROWS, AttributedBlock, explain_block
from whybox.services.hold_attempt import find_attempt, fit_attempt, renew_attempt
from whybox.services.hold_job import Worker
from whybox.services.run_job import SAFETY_SECONDS

PART_TYPE: Final = "application/octet-stream"


def explain_chunk(
    attempt: Attempt,
    blocks: Iterable[int],
    *,
    jobs: JobStore,
    objects: ObjectStore,
    usage: UsageLedger,
    clock: Clock,
    worker: Worker,
) -> int:
    """Store those blocks of an attempt that are missing, and return how many of them were.

    None is missing where the attempt is over. What would stop it again the next time ends the job.

    Raises
    ------
    OutOfTimeError
        The function is about to be ended; the same chunk goes on from what is stored.
    BackingServiceError
        The same chunk may work later.

    """
    job = find_attempt(attempt, jobs=jobs)
    if job is None:
        return 0
    end = partial(end_attempt, jobs=jobs, objects=objects, usage=usage, clock=clock)
    stored = _stored_parts(job, objects=objects)
    n_stored = 0
    try:
        if missing := [block for block in blocks if part_name(block) not in stored]:
            fitted = fit_attempt(job, objects=objects)
            n_rows = len(fitted.prepared.rows)
        for block in missing:
            job = renew_attempt(job, jobs=jobs, clock=clock)
            if job.is_cancel_requested:
                end(job, {})
                break
            _check_time(worker, 0)
            explained = explain_block(
                fitted, block, on_rows=partial(_check_time, worker), n_threads=worker.n_threads
            )
            _store(job, explained, objects=objects)
            n_stored += 1
            n_done = min(n_rows, len(_stored_parts(job, objects=objects)) * BLOCK_ROWS)
            renew_attempt(job, jobs=jobs, clock=clock, progress=Progress(n_done, n_rows))
    except LeaseLostError:
        return n_stored
    except (InputError, ComputationError) as error:
        with suppress(LeaseLostError):
            end(job, worker.describe(error))
    return n_stored


def _check_time(worker: Worker, _n_rows: int) -> None:
    """Raise OutOfTimeError while there is time to say so."""
    if worker.remaining_seconds() < SAFETY_SECONDS:
        raise OutOfTimeError


def _stored_parts(job: Job, *, objects: ObjectStore) -> frozenset[str]:
    prefix = result_prefix(job.tenant, job.job_id, fence=job.fence)
    return frozenset(it.key.rpartition("/")[2] for it in objects.list(f"{prefix}/{PART_PREFIX}"))


def _store(job: Job, block: AttributedBlock, *, objects: ObjectStore) -> None:
    content = BytesIO()
    np.savez(content, allow_pickle=False, **block.as_arrays())
    key = result_key(job.tenant, job.job_id, fence=job.fence, name=part_name(block.index))
    objects.put(key, content.getvalue(), content_type=PART_TYPE)
