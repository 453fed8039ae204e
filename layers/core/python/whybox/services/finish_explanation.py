"""Finish an explanation: fit, have every block explained, score the model, gather it all as arrays.

FittedExplanation, AttributedBlock ... ──finish_explanation──▶ ExplanationResult
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np

from whybox.domain.explanations.backgrounds import Background
from whybox.domain.explanations.permutation_importances import PermutationImportance, permute_columns
from whybox.domain.models.fitted_models import Float64s
from whybox.domain.models.intervals import PredictionIntervals, prediction_intervals
from whybox.domain.models.metrics import classification_report, regression_scores
from whybox.errors import ResultDocumentError
from whybox.services.explain_blocks import (
    BLOCK_ROWS,
    AttributedBlock,
    FittedExplanation,
    OnRows,
    check_sums,
    count_blocks,
    explain_block,
    fit_explanation,
)
from whybox.services.prepare_explanation import PreparedExplanation


@dataclass(frozen=True, slots=True, eq=False)
class AttributedRows:
    """All attributions, in the order of the explained rows.

    ``answers`` (n, n_outputs) are the predictions in the unit, which base values and values add up to.
    """

    values: Float64s
    std_error: Float64s | None
    base_values: Float64s
    answers: Float64s
    algorithm: str
    engine: str
    additivity_residual: float
    background: Background


@dataclass(frozen=True, slots=True, eq=False)
class ExplanationResult:
    """All numbers of a result, as arrays; ``seconds`` is how long this process took for them."""

    fitted: FittedExplanation
    metrics: Mapping[str, Any]
    intervals: PredictionIntervals | None
    attributed: AttributedRows | None
    permuted: PermutationImportance | None
    seconds: float

    @property
    def prepared(self) -> PreparedExplanation:
        """What the result is of."""
        return self.fitted.prepared


def compute_explanation(
    prepared: PreparedExplanation, *, on_rows: OnRows | None = None, n_threads: int = 1
) -> ExplanationResult:
    """Fit, explain every block, finish; raises as these do, and what ``on_rows`` raises."""
    fitted = fit_explanation(prepared)
    if on_rows is not None:
        on_rows(0)
    blocks = (
        explain_block(fitted, index, on_rows=on_rows, n_threads=n_threads)
        for index in range(count_blocks(prepared))
    )
    return finish_explanation(fitted, blocks, on_rows=on_rows)


def finish_explanation(
    fitted: FittedExplanation, blocks: Iterable[AttributedBlock], *, on_rows: OnRows | None = None
) -> ExplanationResult:
    """Score the model and gather all blocks, which come in order; a permutation importance has none.

    Of the latter ``on_rows`` is told the share of the columns that is done, in rows.

    Raises
    ------
    IntervalLevelError
        The training rows are too few for the level.
    ComputationError
        A number failed its own check, or a block is not there.

    """
    started = perf_counter()
    prepared = fitted.prepared
    method = prepared.request.method
    metrics, intervals = _score(fitted)
    attributed = _gather(fitted, blocks) if method == "shap" else None
    permuted = _permute(fitted, on_rows) if method == "permutation" else None
    seconds = fitted.seconds + perf_counter() - started
    return ExplanationResult(fitted, metrics, intervals, attributed, permuted, seconds)


def _score(fitted: FittedExplanation) -> tuple[dict[str, Any], PredictionIntervals | None]:
    """Return scores of the test rows, and intervals around their predictions where they were asked for."""
    prepared, outputs = fitted.prepared, fitted.outputs
    task, level = prepared.task, prepared.request.interval_level
    y = task.y[task.test]
    if task.kind == "classification":
        return dict(
            classification_report(y.astype(np.int64), outputs.argmax(axis=1), classes=task.classes)
        ), None
    values = outputs[:, 0]
    intervals = (
        None if level is None else prediction_intervals(fitted.model, task, predictions=values, level=level)
    )
    return dict(regression_scores(y.astype(np.float64), values)), intervals


def _gather(fitted: FittedExplanation, blocks: Iterable[AttributedBlock]) -> AttributedRows:
    """Lay the blocks into whole arrays, one after the other, so that no two copies of all are held."""
    prepared = fitted.prepared
    n_rows = len(prepared.rows)
    values = std_error = None
    base_values, algorithms, engines, expected = np.empty(0), [], [], 0
    for block in blocks:
        place = slice(block.index * BLOCK_ROWS, block.index * BLOCK_ROWS + len(block.values))
        if block.index != expected:
            raise ResultDocumentError("explanation.values", reason="lacks a block of rows")
        if values is None:
            values, base_values = np.empty((n_rows, *block.values.shape[1:])), block.base_values
        values[place] = block.values
        if block.std_error is not None:
            std_error = np.zeros_like(values) if std_error is None else std_error
            std_error[place] = block.std_error
        algorithms.append(block.algorithm)
        engines.append(block.engine)
        expected += 1
    if values is None or fitted.background is None or expected != count_blocks(prepared):
        raise ResultDocumentError("explanation.values", reason="lacks a block of rows")
    answers = fitted.answers(prepared.rows)
    return AttributedRows(
        values=values,
        std_error=std_error,
        base_values=base_values,
        answers=answers,
        algorithm=", ".join(dict.fromkeys(algorithms)),
        engine=", ".join(dict.fromkeys(engines)),
        additivity_residual=check_sums(values, base_values, answers),
        background=fitted.background,
    )


def _permute(fitted: FittedExplanation, on_rows: OnRows | None) -> PermutationImportance:
    prepared, task = fitted.prepared, fitted.prepared.task
    request = prepared.request

    def tell(share: float) -> None:
        if on_rows is not None:
            on_rows(int(share * len(prepared.rows)))

    return permute_columns(
        fitted.model,
        task.X[task.test[prepared.rows]],
        task.y[task.test[prepared.rows]],
        n_repeats=request.n_repeats,
        seed=request.seed,
        scoring=request.scoring,
        groups=prepared.members if prepared.has_groups else None,
        on_share=tell,
    )
