"""Metrics of predictions on test rows, with the names and values that scikit-learn's users expect."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from whybox.domain.models.specs import Label

Int64s = NDArray[np.int64]
Float64s = NDArray[np.float64]
ClassReport = dict[str, float | dict[str, float]]

SMALLEST_DIVISOR = float(
    np.finfo(np.float64).eps
)  # a target of 0 makes a percentage error huge, not infinite
R2_OF_CONSTANT = 0.0  # of a constant target that is not predicted exactly


def classification_report(y_true: Int64s, y_pred: Int64s, *, classes: Sequence[Label]) -> ClassReport:
    """Return scikit-learn's ``classification_report(output_dict=True, zero_division=0)`` of class codes.

    Parameters
    ----------
    y_true, y_pred : int64 (n,), codes into ``classes``; n > 0

    Returns
    -------
    One entry per class that stands in either argument, in the order of ``classes`` and called ``str(label)``:
    precision, recall, f1-score and support; then accuracy, "macro avg" (their mean) and "weighted avg" (their
    mean by support). A ratio without denominator is 0.
    """
    n_classes = len(classes)
    confusion = np.bincount(y_true * n_classes + y_pred, minlength=n_classes**2).reshape(n_classes, n_classes)
    hits = np.diag(confusion).astype(np.float64)
    support, n_predicted = confusion.sum(axis=1), confusion.sum(axis=0)
    present = np.flatnonzero(support + n_predicted)
    columns = {
        "precision": _ratio(hits, n_predicted)[present],
        "recall": _ratio(hits, support)[present],
        "f1-score": _ratio(2 * hits, support + n_predicted)[present],
    }
    weights = support[present].astype(np.float64)
    report: ClassReport = {}
    for row, code in enumerate(present):
        scores = {name: float(values[row]) for name, values in columns.items()}
        report[str(classes[int(code)])] = {**scores, "support": float(weights[row])}
    n_rows = float(weights.sum())
    report["accuracy"] = float(hits.sum() / n_rows)
    macro = {name: float(values.mean()) for name, values in columns.items()}
    weighted = {name: float(values @ weights / n_rows) for name, values in columns.items()}
    report["macro avg"] = {**macro, "support": n_rows}
    report["weighted avg"] = {**weighted, "support": n_rows}
    return report


def regression_scores(y_true: Float64s, y_pred: Float64s) -> dict[str, float]:
    """Return the scores of a regression, targets and predictions float64 (n,), n > 0.

    R² has no unit, MSE the target's squared, MAPE is a fraction (0.1 is ten percent), the others are in the
    target's unit; ``support`` is n. R² of a constant target is 1 where it is predicted exactly, else 0. MAPE
    divides by at least 2.2e-16, so targets of 0 make it huge.
    """
    error = y_pred - y_true
    size = np.abs(error)
    residual = float(error @ error)
    spread = float(((y_true - y_true.mean()) ** 2).sum())
    r2 = 1 - residual / spread if spread else float(residual == 0) or R2_OF_CONSTANT
    mse = float((error**2).mean())
    return {
        "R² Score": float(r2),
        "MAE (Mean Absolute Error)": float(size.mean()),
        "MSE (Mean Squared Error)": mse,
        "RMSE (Root Mean Squared Error)": float(np.sqrt(mse)),
        "MAPE (Mean Absolute Percentage Error)": float(
            (size / np.maximum(np.abs(y_true), SMALLEST_DIVISOR)).mean()
        ),
        "Max Error": float(size.max()),
        "support": float(len(y_true)),
    }


def _ratio(numerator: Float64s, denominator: Int64s) -> Float64s:
    return np.divide(numerator, denominator, out=np.zeros(len(numerator)), where=denominator > 0)
