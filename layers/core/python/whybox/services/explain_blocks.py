"""Fit once and explain block by block: the same bytes whoever computes which block.

prepared ──fit_explanation──▶ FittedExplanation ──explain_block──▶ AttributedBlock, one per BLOCK_ROWS rows
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from whybox.domain.explanations import attribute_rows
from whybox.domain.explanations.attributions import additivity_residual, round_errors
from whybox.domain.explanations.backgrounds import Background, sample_background
from whybox.domain.explanations.checks import ANSWER_TOLERANCE, largest_number
from whybox.domain.models.catalogue import fit_model
from whybox.domain.models.fitted_models import FittedModel, Float64s
from whybox.domain.models.specs import TaskKind, Unit
from whybox.domain.tasks import Int64s
from whybox.errors import ExplanationCheckError, ResultDocumentError
from whybox.services.prepare_explanation import PreparedExplanation

BLOCK_ROWS: Final = 8_192
"""Rows explained at once: a few seconds of work for most models, and megabytes of values."""

NATURAL_UNITS: Final[Mapping[TaskKind, Unit]] = {"classification": "probability", "regression": "target"}
"""The unit that predictions are told in."""

OnRows = Callable[[int], None]
"""Told how many of the explained rows are done; what it raises ends the work."""


@dataclass(frozen=True, slots=True, eq=False)
class FittedExplanation:
    """A fitted model, and its predictions of all test rows in their natural unit, (n_test, n_outputs).

    ``background`` are the training rows that attributions are measured against, None where there are none.
    """

    prepared: PreparedExplanation
    model: FittedModel
    outputs: Float64s
    background: Background | None
    seconds: float

    @property
    def n_blocks(self) -> int:
        """Blocks of rows; 0 where none are attributed."""
        return count_blocks(self.prepared)

    def answers(self, rows: Int64s) -> Float64s:
        """Return what attributions of test rows (positions) add up to, in their unit, (n, n_outputs)."""
        unit, task = self.prepared.unit, self.prepared.task
        if unit == NATURAL_UNITS[task.kind]:
            return self.outputs[rows]
        return self.model.predict_units(task.X[task.test[rows]], unit)


@dataclass(frozen=True, slots=True, eq=False)
class AttributedBlock:
    """Attributions (n, n_players, n_outputs) of block ``index``; no ``std_error`` where each is exact.

    Errors have ``ERROR_DIGITS`` significant digits.
    """

    index: int
    values: Float64s
    std_error: Float64s | None
    base_values: Float64s
    algorithm: str
    engine: str

    def as_arrays(self) -> dict[str, NDArray[Any]]:
        """Return what ``block_of`` makes the block of again, to be kept without pickle."""
        arrays: dict[str, NDArray[Any]] = {
            "index": np.array(self.index),
            "values": self.values,
            "base_values": self.base_values,
            "algorithm": np.array(self.algorithm),
            "engine": np.array(self.engine),
        }
        return arrays if self.std_error is None else arrays | {"std_error": self.std_error}


def block_of(arrays: Mapping[str, NDArray[Any]]) -> AttributedBlock:
    """Return the block that was kept as arrays."""
    return AttributedBlock(
        index=int(arrays["index"]),
        values=np.asarray(arrays["values"], dtype=np.float64),
        std_error=np.asarray(arrays["std_error"], dtype=np.float64) if "std_error" in arrays else None,
        base_values=np.asarray(arrays["base_values"], dtype=np.float64),
        algorithm=str(arrays["algorithm"]),
        engine=str(arrays["engine"]),
    )


def count_blocks(prepared: PreparedExplanation) -> int:
    """Return the blocks of an explanation; 0 where it attributes nothing to rows."""
    return -(-len(prepared.rows) // BLOCK_ROWS) if prepared.request.method == "shap" else 0


def fit_explanation(prepared: PreparedExplanation) -> FittedExplanation:
    """Fit the model on one core and predict the test rows; the same bytes in every process.

    Raises
    ------
    FitFailedError
        The rows do not carry what was asked for.

    """
    started = perf_counter()
    task = prepared.task
    model = fit_model(prepared.spec, task)
    outputs = model.predict_units(task.X[task.test], NATURAL_UNITS[task.kind])
    background = _draw_background(prepared) if prepared.request.method == "shap" else None
    return FittedExplanation(
        prepared, model, outputs, background, seconds=prepared.seconds + perf_counter() - started
    )


def _draw_background(prepared: PreparedExplanation) -> Background:
    task, request = prepared.task, prepared.request
    return sample_background(
        task.X[task.train],
        task.y[task.train],
        kind=task.kind,
        size=request.n_background,
        seed=request.seed,
        row_ids=task.train,
    )


def explain_block(
    fitted: FittedExplanation, index: int, *, on_rows: OnRows | None = None, n_threads: int = 1
) -> AttributedBlock:
    """Attribute the rows of one block, the same bytes in any number of threads.

    ``on_rows`` counts from the first row of the first block, and is called from this thread.

    Raises
    ------
    ComputationError
        The attributions failed their own check.

    """
    prepared = fitted.prepared
    request, task = prepared.request, prepared.task
    start = index * BLOCK_ROWS
    rows = prepared.rows[start : start + BLOCK_ROWS]
    background = fitted.background
    if background is None:
        raise ResultDocumentError("explanation", reason="has no rows to attribute")
    budget = request.budget_seconds
    answers = fitted.answers(rows)
    found = attribute_rows(
        fitted.model,
        task.X[task.test[rows]],
        background=background.rows,
        weights=background.weights,
        unit=prepared.unit,
        seed=block_seed(request.seed, index),
        groups=prepared.players if prepared.has_groups else None,
        budget_seconds=None if budget is None else budget * len(rows) / len(prepared.rows),
        answers=answers,
        n_threads=n_threads,
        on_rows=None if on_rows is None else lambda n_done: on_rows(start + n_done),
    )
    check_sums(found.values, found.base_values, answers)
    # One layout in memory: the last bit of a mean depends on the order in which its numbers are added up.
    values = np.ascontiguousarray(found.values)
    std_error = round_errors(np.ascontiguousarray(found.std_error)) if found.std_error.any() else None
    return AttributedBlock(index, values, std_error, found.base_values, found.algorithm, found.engine)


def block_seed(seed: int, index: int) -> int:
    """Return the seed of a block: the request's own for the first, so that a single block changes nothing."""
    return seed if index == 0 else int(np.random.SeedSequence([seed, index]).generate_state(1)[0])


def check_sums(values: Float64s, base_values: Float64s, answers: Float64s) -> float:
    """Return the largest gap between sums and answers; raises ExplanationCheckError if it is no rounding."""
    residual = additivity_residual(values, base_values, answers)
    tolerance = ANSWER_TOLERANCE * largest_number(answers, base_values, values)
    if residual > tolerance:
        raise ExplanationCheckError("additivity to the predictions", found=residual, tolerance=tolerance)
    return residual
