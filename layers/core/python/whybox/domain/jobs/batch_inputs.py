"""What the state machine of batches is started with: one job, its blocks of rows shared out into chunks."""

from __future__ import annotations

import json
import math
from itertools import pairwise
from typing import Final

from whybox.domain.jobs.jobs import Job

CHUNK_SECONDS: Final = 120.0
"""Work in one chunk: many times what comes on top in each (the table is read and the model fitted again), and
far from the 900 seconds its function may take."""

MAX_CHUNKS: Final = 1_000
"""The list of chunks and what they answer stay far below the 256 KiB that pass between two states."""


def execution_name(job: Job) -> str:
    """Return the name of one attempt's execution; the same attempt, asked for twice, is one."""
    return f"{job.job_id}-{job.fence}"


def plan_chunks(n_blocks: int, *, seconds: float) -> tuple[tuple[int, int], ...]:
    """Return first and end of each chunk's blocks, for work that takes so many seconds in all."""
    if n_blocks < 1:
        return ()
    n_chunks = min(max(1, math.ceil(seconds / CHUNK_SECONDS)), n_blocks, MAX_CHUNKS)
    edges = [number * n_blocks // n_chunks for number in range(n_chunks + 1)]
    return tuple(pairwise(edges))


def batch_input(job: Job, *, n_blocks: int, seconds: float) -> str:
    """Return the input of the execution that explains a claimed job."""
    chunks = plan_chunks(n_blocks, seconds=seconds)
    return json.dumps(
        {"tenant": job.tenant, "job_id": job.job_id, "fence": job.fence, "chunks": chunks},
        separators=(",", ":"),
    )
