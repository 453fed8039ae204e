"""Estimate what a job takes, and choose the function that should do it; free of charge.

prepared ─▶ JobSize of one block ─▶ cost model ─┐
table, result ─▶ reading and rendering ─────────┴─▶ seconds, megabytes ─▶ light | heavy | batch
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Final, Literal

import numpy as np

from whybox.domain.costs import CostEstimate, JobSize, estimate_cost
from whybox.domain.costs.job_sizes import Explain, measure_job
from whybox.domain.jobs.explanation_requests import Method
from whybox.domain.models.encodings import ONE_HOT_LIMIT
from whybox.domain.models.intervals import N_FOLDS
from whybox.errors import JobTooLargeError
from whybox.services.explain_blocks import BLOCK_ROWS, count_blocks
from whybox.services.prepare_explanation import PreparedExplanation
from whybox.services.render_result import CSV_CELLS

Route = Literal["light", "heavy", "batch"]

LIGHT_SECONDS: Final = 10.0
"""The estimate up to which a request is answered at once: an HTTP API gives up after 30 seconds, a function
behind it should be done in 25, and of twenty jobs one takes 1.6 times its estimate or more."""

BATCH_SECONDS: Final = 300.0
"""The estimate beyond which the work is shared out over many functions."""

HEAVY_SECONDS: Final = 800.0
"""The estimate beyond which what cannot be shared out does not end in the 900 seconds a function may take."""

MEMORY_MARGIN: Final = 0.65
"""Share of a function's memory that an estimate may take: nine of ten jobs need at most 1.5 times theirs."""

MAX_RESULT_VALUES: Final = 30_000_000
"""Attributions of one result; the function that gathers them holds each five times at worst: 1.2 GB."""

# Measured on tables of 60 MB (200,000 x 30), on the machine of the cost model.
READ_SECONDS_PER_CELL: Final = 8e-7
READ_BYTES_PER_CELL: Final = 60
CSV_SECONDS_PER_CELL: Final = 7e-7
PARQUET_SECONDS_PER_CELL: Final = 1.5e-7
RESULT_BYTES_PER_VALUE: Final = 40
LIBRARIES_MB: Final = 180

_EXPLAIN: Final[dict[Method | None, Explain]] = {"shap": "exact", "permutation": "permutation", None: "none"}


@dataclass(frozen=True, slots=True)
class Limits:
    """What the functions have, in megabytes."""

    light_memory_mb: int = 1769
    heavy_memory_mb: int = 3008


DEFAULT_LIMITS: Final = Limits()


@dataclass(frozen=True, slots=True)
class JobEstimate:
    """What a job takes on one core, reading and rendering included, and where it goes."""

    seconds: float
    memory_mb: float
    route: Route

    def as_document(self) -> dict[str, Any]:
        """Return what a caller is told."""
        return asdict(self)


def estimate_job(prepared: PreparedExplanation, *, limits: Limits = DEFAULT_LIMITS) -> JobEstimate:
    """Return seconds, memory and the route of a job.

    Raises
    ------
    JobTooLargeError
        No function could finish it.

    """
    n_values = _count_values(prepared)
    if n_values > MAX_RESULT_VALUES:
        reason = "its attributions are too many for one result"
        raise JobTooLargeError(reason, limit=MAX_RESULT_VALUES, actual=n_values)
    size, n_blocks = measure_explanation(prepared), count_blocks(prepared)
    block = estimate_cost(replace(size, n_rows=min(size.n_rows, BLOCK_ROWS)) if n_blocks else size)
    around = _estimate_files(prepared, n_values)
    seconds = around + _estimate_seconds(size, block, n_blocks)
    memory_mb = (
        max(block.memory_mb, LIBRARIES_MB + READ_BYTES_PER_CELL * _count_cells(prepared) / 1e6)
        + RESULT_BYTES_PER_VALUE * n_values / 1e6
    )
    heaviest_mb = round(limits.heavy_memory_mb * MEMORY_MARGIN)
    if memory_mb > heaviest_mb:
        reason = "it needs more megabytes of memory than may be planned with"
        raise JobTooLargeError(reason, limit=heaviest_mb, actual=round(memory_mb))
    longest = around + block.seconds if n_blocks > 1 else seconds
    if longest > HEAVY_SECONDS:
        reason = "it takes more seconds than a function may, and cannot be shared out"
        raise JobTooLargeError(reason, limit=round(HEAVY_SECONDS), actual=round(longest))
    is_light = seconds <= LIGHT_SECONDS and memory_mb <= limits.light_memory_mb * MEMORY_MARGIN
    route: Route = "light" if is_light else "heavy" if seconds <= BATCH_SECONDS or n_blocks < 2 else "batch"
    return JobEstimate(round(seconds, 3), round(memory_mb, 1), route)


def measure_explanation(prepared: PreparedExplanation) -> JobSize:
    """Return the size of a job as the cost model knows it."""
    task, request = prepared.task, prepared.request
    size = measure_job(
        prepared.spec,
        n_train=len(task.train),
        n_rows=len(prepared.rows),
        n_columns=_count_encoded(prepared),
        n_classes=len(task.classes),
        explain=_EXPLAIN[request.method],
    )
    return replace(
        size,
        unit=prepared.unit,
        n_background=min(request.n_background, len(task.train)),
        n_repeats=request.n_repeats,
        n_refits=0 if request.interval_level is None else N_FOLDS,
    )


def _estimate_seconds(size: JobSize, block: CostEstimate, n_blocks: int) -> float:
    """Return seconds of fit and explanation; every block is an explanation of its own."""
    if n_blocks < 2:
        return block.seconds
    rest = estimate_cost(replace(size, n_rows=size.n_rows - (n_blocks - 1) * BLOCK_ROWS))
    explaining = (n_blocks - 1) * (block.seconds - block.fit_seconds) + rest.seconds - rest.fit_seconds
    return block.fit_seconds + explaining


def _estimate_files(prepared: PreparedExplanation, n_values: int) -> float:
    """Return seconds to read the table and to write the result."""
    n_written = n_values + 5 * len(prepared.rows) * max(1, len(prepared.task.classes))
    csv = CSV_SECONDS_PER_CELL * n_written if n_written <= CSV_CELLS else 0.0
    return READ_SECONDS_PER_CELL * _count_cells(prepared) + PARQUET_SECONDS_PER_CELL * n_written + csv


def _count_cells(prepared: PreparedExplanation) -> int:
    return int(prepared.task.X.size)


def _count_values(prepared: PreparedExplanation) -> int:
    """Return the attributions of the result."""
    if prepared.request.method != "shap":
        return 0
    return len(prepared.rows) * len(prepared.player_names) * max(1, len(prepared.task.classes))


def _count_encoded(prepared: PreparedExplanation) -> int:
    """Return the columns the estimator sees: one per word where words are few."""
    task = prepared.task
    n_columns = len(task.feature_names)
    for column in task.categories:
        codes = task.X[task.train, column]
        n_words = len(np.unique(codes[~np.isnan(codes)]))
        n_columns += n_words - 1 if n_words <= ONE_HOT_LIMIT else 0
    return n_columns
