"""Prediction intervals of a regression, from models that never saw the rows their errors are measured on.

CV+ (Barber, Candes, Ramdas and Tibshirani 2021, doi:10.1214/20-AOS1965): the training rows are cut into K
folds; mu_k is the model fitted without fold k, and R_i = |y_i - mu_k(i)(x_i)| the error on row i by the model
that did not see it. For a share a = 1 - level/100 and n training rows the interval at x is

    lower = the floor(a (n + 1))-th smallest of  mu_k(i)(x) - R_i
    upper = the ceil((1 - a) (n + 1))-th smallest of  mu_k(i)(x) + R_i

For exchangeable rows it covers at least about 1 - 2a of new targets whatever the model is, 1 - a in practice.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from whybox.domain.models.catalogue import fit_model
from whybox.domain.models.fitted_models import FittedModel
from whybox.domain.models.parameter_ranges import Real
from whybox.domain.models.ridge_folds import leave_ridge_folds_out
from whybox.domain.tasks import Task
from whybox.errors import IntervalLevelError

LEVELS = Real(50, 99.9)  # percent
DEFAULT_LEVEL = 95.0
N_FOLDS = 5  # the fewest for which the folds' models see most rows; each costs a fit
MOST_PAIRS = 200_000_000  # training rows times test rows up to which every pair is looked at: two seconds
BLOCK_PAIRS = 4_000_000  # pairs held at once: 32 MB
RANK_ROUNDING = 1e-9  # 0.9 * 20 may come out a hair above 18; a rank must not jump for that

Float64s = NDArray[np.float64]
Int64s = NDArray[np.int64]
Method = Literal["cv+", "out-of-fold"]


@dataclass(frozen=True, slots=True, eq=False)
class PredictionIntervals:
    """Lower and upper ends, float64 (n_test,) in the target's unit, of the task's test rows.

    ``level`` is in percent. ``method`` is "cv+", or "out-of-fold" for tables too large for it: then every
    interval is the prediction plus and minus one quantile of R.
    """

    lower: Float64s
    upper: Float64s
    level: float
    method: Method
    n_folds: int

    def coverage(self, y: Float64s) -> float:
        """Return the percentage of targets (n_test,) inside their interval."""
        return float(100 * np.mean((self.lower <= y) & (y <= self.upper)))


def prediction_intervals(
    model: FittedModel, task: Task, *, predictions: Float64s, level: float = DEFAULT_LEVEL
) -> PredictionIntervals:
    """Return intervals for a regression task's test rows.

    Parameters
    ----------
    model : the task's fitted model; it stays as it is, others are fitted by its spec without a fold each
    predictions : float64 (n_test,), its predictions; an interval is widened to hold its own, if need be
    level : percent of new targets to cover, 50 to 99.9

    Raises
    ------
    ParameterInvalidError : level out of range
    IntervalLevelError : n training rows are too few, ceil((1 - a)(n + 1)) > n: the interval would be infinite
    """
    n_rows = len(task.train)
    rank = find_rank(level, n_rows=n_rows)
    folds = draw_folds(n_rows, n_folds=min(N_FOLDS, n_rows), seed=model.spec.seed)
    errors, centres = _leave_ridge_folds_out(model, task, folds) or _leave_folds_out(model, task, folds)
    method: Method = "cv+" if n_rows * len(task.test) <= MOST_PAIRS else "out-of-fold"
    if method == "cv+":
        upper = _order_statistic(centres, errors, folds, rank)
        lower = -_order_statistic(-centres, errors, folds, rank)
    else:
        half_width = np.partition(errors, rank - 1)[rank - 1]
        lower, upper = predictions - half_width, predictions + half_width
    return PredictionIntervals(
        lower=np.minimum(lower, predictions),
        upper=np.maximum(upper, predictions),
        level=float(level),
        method=method,
        n_folds=int(np.max(folds)) + 1,
    )


def find_rank(level: float, *, n_rows: int) -> int:
    """Return ceil((1 - a)(n + 1)), the rank of the error that bounds a level (percent) for n training rows.

    Raises ParameterInvalidError or IntervalLevelError as ``prediction_intervals`` does, but before any fit.
    """
    LEVELS.check("level", level)
    rank = math.ceil(level / 100 * (n_rows + 1) - RANK_ROUNDING)
    if rank > n_rows:
        largest = math.floor(1000 * n_rows / (n_rows + 1)) / 10
        raise IntervalLevelError(level=level, n_rows=n_rows, largest=largest)
    return rank


def draw_folds(n_rows: int, *, n_folds: int, seed: int) -> Int64s:
    """Return a fold number 0..n_folds-1 for each row, int64 (n_rows,), sizes equal to one row."""
    folds = np.arange(n_rows) % n_folds
    return np.random.default_rng(seed).permutation(folds)


def _leave_ridge_folds_out(model: FittedModel, task: Task, folds: Int64s) -> tuple[Float64s, Float64s] | None:
    """Return what ``_leave_folds_out`` does for a ridge regression, ten times faster; None for others.

    The folds share the model's penalty and its hidden features, which are learnt from the columns alone.
    """
    if model.spec.name not in {"Ridge", "RidgeCV"} or not model.spec.parameters.get("fit_intercept", True):
        return None
    alpha = float(model.estimator.alpha_ if model.spec.name == "RidgeCV" else model.estimator.alpha)
    if alpha <= 0:
        return None
    F = model.features(np.concatenate([task.X[task.train], task.X[task.test]]))
    y = task.y[task.train].astype(np.float64)
    n_rows = len(y)
    out_of_fold, on_test = leave_ridge_folds_out(F[:n_rows], y, F_test=F[n_rows:], folds=folds, alpha=alpha)
    return np.abs(y - out_of_fold), on_test


def _leave_folds_out(model: FittedModel, task: Task, folds: Int64s) -> tuple[Float64s, Float64s]:
    """Return R (n_train,), and the predictions of each fold's model for the test rows, (n_folds, n_test)."""
    errors = np.empty(len(folds))
    centres = np.empty((int(np.max(folds)) + 1, len(task.test)))
    for fold, centre in enumerate(centres):
        is_out = folds == fold
        refitted = fit_model(model.spec, task, rows=task.train[~is_out])
        out = task.train[is_out]
        predictions = refitted.predict(task.X[np.concatenate([out, task.test])])
        errors[is_out] = np.abs(task.y[out] - predictions[: len(out)])
        centre[:] = predictions[len(out) :]
    return errors, centres


def _order_statistic(centres: Float64s, errors: Float64s, folds: Int64s, rank: int) -> Float64s:
    """Return for each test row the rank-th smallest of centre + error over the training rows, (n_test,).

    Cost n_train * n_test. Rows of a fold share its centre, so that only the largest errors of each fold can
    be among the n - rank + 1 largest of all.
    """
    n_test, n_above = centres.shape[1], len(errors) - rank + 1
    order = np.lexsort((-errors, folds))
    first = np.searchsorted(folds[order], folds[order])
    kept = order[np.arange(len(order)) - first < n_above]
    found = np.empty(n_test)
    n_block = max(1, BLOCK_PAIRS // len(kept))
    for start in range(0, n_test, n_block):
        sums = centres[folds[kept], start : start + n_block] + errors[kept, None]
        found[start : start + n_block] = np.partition(sums, len(kept) - n_above, axis=0)[len(kept) - n_above]
    return found
