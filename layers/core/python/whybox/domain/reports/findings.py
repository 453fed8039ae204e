"""A result document read back as arrays: the one reading that the report and the terminal show.

result document ──read_findings──▶ Findings ─┬─▶ ranking        one number and one error per column
                                             ├─▶ attributions   rows x columns x outputs, if there are any
                                             └─▶ predictions, metrics, warnings, receipt
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from whybox.errors import ResultDocumentError

__all__ = ["Findings", "Ranking", "RowAttributions", "read_findings"]

NORMAL_95 = 1.959964
"""Standard errors in half of a 95 % interval over many rows."""

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """How much each column matters, and how sure that is.

    Attributes
    ----------
    importance, error : (p,), the number and one standard error of it (0 where the document holds none)
    by_output : (p, n_outputs), the same per class; one output for regression and for permutation
    order : (p,) columns, the largest importance first; ties keep the order of the table
    noise_floor : importance that the luckiest column carrying nothing reaches; None where the method has none
    """

    importance: Floats
    error: Floats
    by_output: Floats
    order: Integers
    noise_floor: float | None

    @property
    def n_above_noise(self) -> int:
        """Columns that stand out of the noise; all that matter at all where there is no noise floor."""
        return int(np.count_nonzero(self.importance > (self.noise_floor or 0.0)))


@dataclass(frozen=True, slots=True, eq=False)
class RowAttributions:
    """Attributions of the explained rows.

    Attributes
    ----------
    values, std_error : (n, p, n_outputs), in the unit of the findings; the error is 0 where exact
    base_values : (n, n_outputs), repeated where all rows share one
    rows : (n,) position of each explained row among the test rows
    stated_residual : the additivity residual that came with the document, None if none did
    feature_values : n rows of p cells as the caller sent them; empty where the document holds none
    """

    values: Floats
    std_error: Floats
    base_values: Floats
    rows: Integers
    stated_residual: float | None
    feature_values: Sequence[Sequence[Any]]

    @property
    def answers(self) -> Floats:
        """What base values and attributions add up to: (n, n_outputs)."""
        return np.asarray(self.base_values + self.values.sum(axis=1), dtype=np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class Findings:
    """Everything a page says about one result.

    ``classes`` is empty for regression; ``outputs`` names what the attributions move, one name per output.
    A document may hold a sample of the test rows: then ``test_places`` are their places among all
    ``n_test_rows``, and ``confusion`` counts all of them by true and predicted class.
    """

    method: str
    algorithm: str
    unit: str
    scoring: str
    feature_names: tuple[str, ...]
    classes: tuple[str, ...]
    outputs: tuple[str, ...]
    ranking: Ranking
    attributions: RowAttributions | None
    y_true: tuple[Any, ...]
    y_pred: tuple[Any, ...]
    scores: Floats | None
    intervals: Floats | None
    metrics: Mapping[str, Any]
    background: Mapping[str, Any]
    warnings: tuple[Mapping[str, Any], ...]
    receipt: Mapping[str, Any]
    n_test_rows: int
    test_places: Sequence[int]
    confusion: Sequence[Sequence[int]] | None

    @property
    def is_classification(self) -> bool:
        """Whether the model answers with classes."""
        return bool(self.classes)

    @property
    def shown_output(self) -> int:
        """The output a single picture shows: the second of two, as the field's plots do, else the first."""
        return 1 if len(self.outputs) == 2 else 0


def read_findings(document: Mapping[str, Any]) -> Findings:
    """Read a result document.

    Raises
    ------
    ResultDocumentError : a part is absent or does not fit the others

    """
    explanation = _part(document, "explanation")
    predictions = _part(document, "predictions")
    names = tuple(str(name) for name in explanation.get("feature_names", ()))
    if not names:
        raise ResultDocumentError("explanation.feature_names", reason="is absent")
    is_permutation = explanation.get("method") == "permutation"
    attributions = None if is_permutation else _read_attributions(explanation, n_columns=len(names))
    classes = tuple(str(label) for label in predictions.get("classes") or ())
    y_true = tuple(predictions.get("y_true") or ())
    return Findings(
        method=str(explanation.get("method", "")),
        algorithm=str(explanation.get("algorithm", "")),
        unit=str(explanation.get("unit", "")),
        scoring=str(explanation.get("scoring") or ""),
        feature_names=names,
        classes=classes,
        outputs=_name_outputs(classes, attributions),
        ranking=_rank(explanation, attributions, n_columns=len(names)),
        attributions=attributions,
        y_true=y_true,
        y_pred=tuple(predictions.get("y_pred") or ()),
        scores=_optional_array(predictions.get("proba")),
        intervals=_read_intervals(predictions),
        metrics=_part(document, "metrics", is_required=False),
        background=_part(explanation, "background", is_required=False),
        warnings=tuple(document.get("warnings") or ()),
        receipt=_part(document, "receipt", is_required=False),
        n_test_rows=int(predictions.get("n_rows") or len(y_true)),
        test_places=predictions.get("places") or range(len(y_true)),
        confusion=predictions.get("confusion"),
    )


def _part(document: Mapping[str, Any], name: str, *, is_required: bool = True) -> Mapping[str, Any]:
    part = document.get(name)
    if isinstance(part, Mapping):
        return part
    if is_required:
        raise ResultDocumentError(name, reason="is absent")
    return {}


def _read_attributions(explanation: Mapping[str, Any], *, n_columns: int) -> RowAttributions:
    values = np.asarray(explanation.get("values", ()), dtype=np.float64)
    values = values[:, :, None] if values.ndim == 2 else values
    if values.ndim != 3 or values.shape[1] != n_columns or not values.size:
        raise ResultDocumentError("explanation.values", reason=f"is not rows x {n_columns} columns x outputs")
    if not np.isfinite(values).all():
        raise ResultDocumentError("explanation.values", reason="holds a value that is not a number")
    n_rows, _, n_outputs = values.shape
    base = np.asarray(explanation.get("base_values", 0.0), dtype=np.float64)
    # [n_outputs], one number, or one entry per row where the base value differs by row.
    base = base[:, None] if base.ndim == 1 and n_outputs == 1 and base.shape == (n_rows,) else base
    std_error = np.asarray(explanation.get("std_error", 0.0), dtype=np.float64)
    std_error = std_error[:, :, None] if std_error.ndim == 2 else std_error
    try:
        base = np.broadcast_to(base, (n_rows, n_outputs))
        std_error = np.broadcast_to(std_error, values.shape)
    except ValueError:
        raise ResultDocumentError(
            "explanation.base_values", reason="does not fit explanation.values"
        ) from None
    residual = explanation.get("additivity_residual")
    return RowAttributions(
        values=values,
        std_error=std_error,
        base_values=base,
        rows=np.asarray(explanation.get("rows") or range(n_rows), dtype=np.int64),
        stated_residual=None if residual is None else float(residual),
        feature_values=explanation.get("feature_values") or (),
    )


def _name_outputs(classes: tuple[str, ...], attributions: RowAttributions | None) -> tuple[str, ...]:
    """Return what each output moves: a class, or the prediction of a regression."""
    n_outputs = max(1, len(classes)) if attributions is None else attributions.values.shape[2]
    if n_outputs == len(classes):
        return classes
    if n_outputs == 1:
        # The one log-odds of two classes are those of the second.
        return classes[-1:] or ("prediction",)
    raise ResultDocumentError(
        "explanation.values", reason=f"has {n_outputs} outputs for {len(classes)} classes"
    )


def _rank(explanation: Mapping[str, Any], attributions: RowAttributions | None, *, n_columns: int) -> Ranking:
    """Rank by whatever the document has of all rows that were explained."""
    if attributions is None:
        return _rank_shuffles(explanation, n_columns=n_columns)
    stated = explanation.get("global_importance")
    if "n_rows" in explanation and isinstance(stated, Mapping):
        return _rank_stated(stated, n_columns=n_columns, n_outputs=attributions.values.shape[2])
    return _rank_attributions(attributions)


def _rank_stated(stated: Mapping[str, Any], *, n_columns: int, n_outputs: int) -> Ranking:
    """Rank by the importances that a document with a sample of the rows states of all of them."""
    by_output = np.asarray(stated.get("mean_abs", ()), dtype=np.float64)
    if by_output.shape != (n_columns, n_outputs):
        raise ResultDocumentError("explanation.global_importance", reason="does not fit explanation.values")
    interval = stated.get("interval")
    error = np.zeros(n_columns)
    if isinstance(interval, Mapping):
        ends = [np.asarray(interval[end], dtype=np.float64).mean(axis=1) for end in ("low", "high")]
        error = (ends[1] - ends[0]) / (2 * NORMAL_95)
    return _ranking(by_output.mean(axis=1), error, by_output=by_output, noise_floor=None)


def _rank_attributions(attributions: RowAttributions) -> Ranking:
    """Rank by the mean absolute attribution; its error is that of a mean over the explained rows.

    The spread over rows already holds what sampling adds to each value, so the two are not added up.
    """
    sizes = np.abs(attributions.values)
    over_outputs = sizes.mean(axis=2)
    n_rows = len(sizes)
    error = over_outputs.std(axis=0, ddof=1) / np.sqrt(n_rows) if n_rows > 1 else np.zeros(sizes.shape[1])
    return _ranking(over_outputs.mean(axis=0), error, by_output=sizes.mean(axis=0), noise_floor=None)


def _rank_shuffles(explanation: Mapping[str, Any], *, n_columns: int) -> Ranking:
    """Rank by the mean loss of score; its error is that of a mean over the repeated shuffles."""
    mean = np.asarray(explanation.get("importances_mean", ()), dtype=np.float64)
    if mean.shape != (n_columns,):
        raise ResultDocumentError("explanation.importances_mean", reason=f"is not {n_columns} numbers")
    repeats = np.asarray(explanation.get("importances", ()), dtype=np.float64)
    n_repeats = repeats.shape[1] if repeats.ndim == 2 else int(explanation.get("n_repeats") or 0)
    deviation = np.asarray(explanation.get("importances_std", np.zeros(n_columns)), dtype=np.float64)
    # The deviation is scikit-learn's, with divisor n_repeats: n - 1 makes it the standard error of the mean.
    error = deviation / np.sqrt(n_repeats - 1) if n_repeats > 1 else np.zeros(n_columns)
    floor = explanation.get("noise_floor")
    return _ranking(mean, error, by_output=mean[:, None], noise_floor=None if floor is None else float(floor))


def _ranking(importance: Floats, error: Floats, *, by_output: Floats, noise_floor: float | None) -> Ranking:
    if not np.isfinite(importance).all():
        raise ResultDocumentError("explanation", reason="holds an importance that is not a number")
    order = np.argsort(-importance, kind="stable").astype(np.int64)
    return Ranking(importance, error, by_output=by_output, order=order, noise_floor=noise_floor)


def _read_intervals(predictions: Mapping[str, Any]) -> Floats | None:
    low, high = predictions.get("pi_lower"), predictions.get("pi_upper")
    return None if low is None or high is None else np.column_stack([low, high]).astype(np.float64)


def _optional_array(numbers: Any) -> Floats | None:
    return None if numbers is None else np.asarray(numbers, dtype=np.float64)
