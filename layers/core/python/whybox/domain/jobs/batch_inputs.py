"""What the state machine of batches is started with: one job, its blocks of rows shared out into chunks."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from whybox.domain.jobs.jobs import Job

CHUNK_SECONDS: Final = 120.0
"""Work in one chunk: many times what comes on top in each (the table is read and the model fitted again), and
far from the 900 seconds its function may take."""

MAX_CHUNKS: Final = 1_000
"""The list of chunks and what they answer stay far below the 256 KiB that pass between two states."""


BATCH_LEASE_SECONDS: Final = 3_600.0
"""How long an execution is waited for whose chunks say nothing: they may have to wait for a free function."""

PART_PREFIX: Final = "part-"


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


@dataclass(frozen=True, slots=True)
class Attempt:
    """The attempt at a job that an execution is for."""

    tenant: str
    job_id: str
    fence: int


def attempt_of(task: Mapping[str, Any]) -> Attempt:
    """Return the attempt that a task of the state machine belongs to."""
    return Attempt(tenant=str(task["tenant"]), job_id=str(task["job_id"]), fence=int(task["fence"]))


def part_name(block: int) -> str:
    """Return the name of the file that holds one block of an attempt."""
    return f"{PART_PREFIX}{block:05d}.npz"
