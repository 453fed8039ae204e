"""Estimate what a job takes, and choose the function that should do it; free of charge.

prepared ──▶ sizes ─┬─▶ cost model, by blocks ─┐
raw bytes ─▶ guess ─┘   reading and rendering ─┴─▶ seconds, megabytes ─▶ light | heavy | batch
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, Literal

import numpy as np

from whybox.domain.costs import JobSize, estimate_cost
from whybox.domain.costs.job_sizes import Explain, measure_job
from whybox.domain.jobs.explanation_requests import ExplanationRequest, Method
from whybox.domain.models.encodings import ONE_HOT_LIMIT
from whybox.domain.models.intervals import N_FOLDS
from whybox.domain.models.specs import DrawnSplit, ModelSpec
from whybox.errors import InputError, JobTooLargeError
from whybox.services.explain_blocks import BLOCK_ROWS, count_blocks
from whybox.services.prepare_explanation import PreparedExplanation, check_request, kind_of_model
from whybox.services.render_result import CSV_CELLS

Route = Literal["light", "heavy", "batch"]

LIGHT_SECONDS: Final = 4.0
"""The estimate up to which a request is answered at once: an HTTP API gives up after 30 seconds, a function
behind it should be done in 25, and the most that a long job of the grid took was 5.6 times its estimate."""

BATCH_SECONDS: Final = 300.0
"""The estimate beyond which the work is shared out over many functions."""

HEAVY_SECONDS: Final = 800.0
"""The estimate beyond which what cannot be shared out does not end in the 900 seconds a function may take."""

MEMORY_MARGIN: Final = 0.65
"""Share of a function's memory that an estimate may take: nine of ten jobs need at most 1.5 times theirs."""

MAX_RESULT_VALUES: Final = 30_000_000
"""Attributions of one result; the function that gathers them holds each five times at worst: 1.2 GB."""

LIGHT_TABLE_BYTES: Final = 16 * 1024 * 1024
"""A larger table is not even read by a function that answers requests: it takes seconds of its time."""

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
    """What a job takes on one core, reading and rendering included, and where it goes.

    Threads are not counted: not every way works in them, so that the seconds stay what it takes at most.
    """

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
    sizes = _measure(prepared)
    if sizes.n_values > MAX_RESULT_VALUES:
        reason = "its attributions are too many for one result"
        raise JobTooLargeError(reason, limit=MAX_RESULT_VALUES, actual=sizes.n_values)
    seconds, longest, memory_mb = _estimate(sizes)
    heaviest_mb = round(limits.heavy_memory_mb * MEMORY_MARGIN)
    if memory_mb > heaviest_mb:
        reason = "it needs more megabytes of memory than may be planned with"
        raise JobTooLargeError(reason, limit=heaviest_mb, actual=round(memory_mb))
    if longest > HEAVY_SECONDS:
        reason = "it takes more seconds than a function may, and cannot be shared out"
        raise JobTooLargeError(reason, limit=round(HEAVY_SECONDS), actual=round(longest))
    is_light = seconds <= LIGHT_SECONDS and memory_mb <= limits.light_memory_mb * MEMORY_MARGIN
    is_shared = seconds > BATCH_SECONDS and sizes.n_blocks > 1
    route: Route = "light" if is_light else "batch" if is_shared else "heavy"
    return JobEstimate(round(seconds, 3), round(memory_mb, 1), route)


def guess_job(data: bytes, request: ExplanationRequest) -> JobEstimate:
    """Return what a job takes of a table that is too large to be read here: from its lines and its header.

    It goes to the function with more memory, which reads the table and knows better.

    Raises
    ------
    InputError
        The request names a model or an option that there is not, whatever the table holds.

    """
    seconds, _, memory_mb = _estimate(_guess(data, request))
    return JobEstimate(round(seconds, 3), round(memory_mb, 1), "heavy")


@dataclass(frozen=True, slots=True)
class _Sizes:
    """What an estimate follows from: the job as the cost model knows it, and what is read and written."""

    job: JobSize
    n_cells: int
    n_values: int
    n_blocks: int


def measure_explanation(prepared: PreparedExplanation) -> JobSize:
    """Return the size of a job as the cost model knows it."""
    task = prepared.task
    return _size_job(
        prepared.request,
        measure_job(
            prepared.spec,
            n_train=len(task.train),
            n_rows=len(prepared.rows),
            n_columns=_count_encoded(prepared),
            n_classes=len(task.classes),
            explain=_EXPLAIN[prepared.request.method],
        ),
    )


def _size_job(request: ExplanationRequest, size: JobSize) -> JobSize:
    return replace(
        size,
        unit=request.unit,
        n_background=min(request.n_background, size.n_train),
        n_repeats=request.n_repeats,
        n_refits=0 if request.interval_level is None else N_FOLDS,
    )


def _measure(prepared: PreparedExplanation) -> _Sizes:
    job = measure_explanation(prepared)
    n_players = len(prepared.player_names) if prepared.request.method == "shap" else 0
    return _Sizes(
        job,
        n_cells=int(prepared.task.X.size),
        n_values=job.n_rows * n_players * job.n_outputs,
        n_blocks=count_blocks(prepared),
    )


def _guess(data: bytes, request: ExplanationRequest) -> _Sizes:
    """Return the sizes that a table's lines and its header let expect; of classes there are two."""
    header = data[: max(0, data.find(b"\n"))]
    n_columns = max(1, header.count(request.dialect.delimiter.encode()))
    n_rows = max(2, data.count(b"\n") - 1)
    drawn = request.split if isinstance(request.split, DrawnSplit) else DrawnSplit()
    n_test = max(1, round(n_rows * drawn.test_size))
    spec = _guess_model(request)
    job = _size_job(
        request,
        measure_job(
            spec,
            n_train=n_rows - n_test,
            n_rows=n_test if request.rows is None else len(request.rows),
            n_columns=n_columns,
            n_classes=2 if spec.kind == "classification" else 0,
            explain=_EXPLAIN[request.method],
        ),
    )
    n_values = job.n_rows * n_columns * job.n_outputs if request.method == "shap" else 0
    n_blocks = -(-job.n_rows // BLOCK_ROWS) if request.method == "shap" else 0
    return _Sizes(job, n_cells=n_rows * n_columns, n_values=n_values, n_blocks=n_blocks)


def _guess_model(request: ExplanationRequest) -> ModelSpec:
    """Return the model, of the first kind of task that the request can be for; raises InputError."""
    kind = request.kind or kind_of_model(request.model)
    if kind is not None:
        return check_request(request, kind)
    with suppress(InputError):
        return check_request(request, "classification")
    return check_request(request, "regression")


def _estimate(sizes: _Sizes) -> tuple[float, float, float]:
    """Return the seconds of all work, the seconds of what cannot be shared out, and the megabytes."""
    job, n_blocks = sizes.job, sizes.n_blocks
    block = estimate_cost(replace(job, n_rows=min(job.n_rows, BLOCK_ROWS)) if n_blocks else job)
    around = _estimate_files(sizes)
    reading_mb = LIBRARIES_MB + READ_BYTES_PER_CELL * sizes.n_cells / 1e6
    memory_mb = max(block.memory_mb, reading_mb) + RESULT_BYTES_PER_VALUE * sizes.n_values / 1e6
    if n_blocks < 2:
        return around + block.seconds, around + block.seconds, memory_mb
    # Every block is an explanation of its own.
    rest = estimate_cost(replace(job, n_rows=job.n_rows - (n_blocks - 1) * BLOCK_ROWS))
    explaining = (n_blocks - 1) * (block.seconds - block.fit_seconds) + rest.seconds - rest.fit_seconds
    return around + block.fit_seconds + explaining, around + block.seconds, memory_mb


def _estimate_files(sizes: _Sizes) -> float:
    """Return seconds to read the table and to write the result."""
    n_written = sizes.n_values + 5 * sizes.job.n_rows * sizes.job.n_outputs
    csv = CSV_SECONDS_PER_CELL * n_written if n_written <= CSV_CELLS else 0.0
    return READ_SECONDS_PER_CELL * sizes.n_cells + PARQUET_SECONDS_PER_CELL * n_written + csv


def _count_encoded(prepared: PreparedExplanation) -> int:
    """Return the columns the estimator sees: one per word where words are few."""
    task = prepared.task
    n_columns = len(task.feature_names)
    for column in task.categories:
        codes = task.X[task.train, column]
        n_words = len(np.unique(codes[~np.isnan(codes)]))
        n_columns += n_words - 1 if n_words <= ONE_HOT_LIMIT else 0
    return n_columns
