"""Scorings: how good a batch of predictions is, and how much of that each row contributes.

Every scoring is oriented so that more is better (a loss is negated), and is computed for many versions of the
same test rows at once. The contributions are what a sampling error over rows is estimated from.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from whybox.errors import ScoreUndefinedError, ScoringUnknownError

__all__ = ["Need", "Scoring", "choose_scoring", "list_scorings"]

Floats = NDArray[np.float64]
Need = Literal["codes", "probability", "target"]
Score = Callable[[NDArray[Any], NDArray[Any]], tuple[Floats, Floats]]


@dataclass(frozen=True, slots=True)
class Scoring:
    """One way to judge predictions.

    ``score(y, predictions)`` takes y (n,) and predictions (k, n) of codes or targets, or (k, n, n_classes)
    of probabilities; it returns the (k,) scores and the (k, n) contributions. When the rows of two batches
    differ by chance only, the squares of the contributions' differences add up to the variance of the
    difference of the scores. They add up to that difference itself (for RMSE to first order), but for areas
    under the curve, where members and others both count all pairs: there to twice the difference.
    """

    name: str
    needs: Need
    unit: str
    is_loss: bool
    score: Score


def _accuracy(y: NDArray[Any], predictions: NDArray[Any]) -> tuple[Floats, Floats]:
    hits = predictions == y
    return hits.mean(axis=1), hits / len(y)


def _balanced_accuracy(y: NDArray[Any], predictions: NDArray[Any]) -> tuple[Floats, Floats]:
    counts = np.bincount(y)
    n_present = np.count_nonzero(counts)
    parts = (predictions == y) / (counts[y] * n_present)
    return parts.sum(axis=1), parts


def _log_loss(y: NDArray[Any], predictions: NDArray[Any]) -> tuple[Floats, Floats]:
    chosen = predictions[:, np.arange(len(y)), y]
    # The clipping scikit-learn uses: a probability of 0 costs 36 nats, not infinitely many.
    smallest = np.finfo(chosen.dtype).eps
    parts = np.log(np.clip(chosen, smallest, 1.0 - smallest)) / len(y)
    return parts.sum(axis=1), parts


def _roc_auc(y: NDArray[Any], predictions: NDArray[Any]) -> tuple[Floats, Floats]:
    """Average one-versus-rest areas; contributions are the structural components of doi:10.2307/2531595."""
    n_classes = predictions.shape[2]
    if np.count_nonzero(np.bincount(y, minlength=n_classes)) < n_classes:
        raise ScoreUndefinedError("roc_auc", reason="at least one class is absent from them")
    judged = [1] if n_classes == 2 else list(range(n_classes))
    scores = np.zeros(len(predictions))
    parts = np.zeros(predictions.shape[:2])
    for label in judged:
        is_member = y == label
        for k, column in enumerate(predictions[:, :, label]):
            member_share = _share_below(column[~is_member], column[is_member])
            other_share = _share_below(-column[is_member], -column[~is_member])
            scores[k] += member_share.mean() / len(judged)
            parts[k, is_member] += member_share / (len(judged) * member_share.size)
            parts[k, ~is_member] += other_share / (len(judged) * other_share.size)
    return scores, parts


def _share_below(reference: Floats, values: Floats) -> Floats:
    """Return for each value the share of ``reference`` below it, ties counted half."""
    ordered = np.sort(reference)
    below = np.searchsorted(ordered, values, side="left") + np.searchsorted(ordered, values, side="right")
    return np.asarray(below / (2.0 * len(reference)), dtype=np.float64)


def _r2(y: NDArray[Any], predictions: NDArray[Any]) -> tuple[Floats, Floats]:
    squares = (y - predictions) ** 2
    total = float(np.sum((y - y.mean()) ** 2))
    if len(y) < 2 or total == 0.0:
        raise ScoreUndefinedError("r2", reason="their target does not vary")
    return 1.0 - squares.sum(axis=1) / total, -squares / total


def _mae(y: NDArray[Any], predictions: NDArray[Any]) -> tuple[Floats, Floats]:
    absolute = np.abs(y - predictions)
    return -absolute.mean(axis=1), -absolute / len(y)


def _mse(y: NDArray[Any], predictions: NDArray[Any]) -> tuple[Floats, Floats]:
    squares = (y - predictions) ** 2
    return -squares.mean(axis=1), -squares / len(y)


def _rmse(y: NDArray[Any], predictions: NDArray[Any]) -> tuple[Floats, Floats]:
    squares = (y - predictions) ** 2
    roots = np.sqrt(squares.mean(axis=1))
    # d sqrt(m) = dm / (2 sqrt(m)), taken at the mean of the batch so that differences add up.
    scale = max(2.0 * float(roots.mean()), np.finfo(np.float64).tiny)
    return -roots, -squares / (len(y) * scale)


_SCORINGS = (
    Scoring("accuracy", "codes", "accuracy", is_loss=False, score=_accuracy),
    Scoring("balanced_accuracy", "codes", "balanced accuracy", is_loss=False, score=_balanced_accuracy),
    Scoring("log_loss", "probability", "nats", is_loss=True, score=_log_loss),
    Scoring("roc_auc", "probability", "area under the ROC curve", is_loss=False, score=_roc_auc),
    Scoring("r2", "target", "R²", is_loss=False, score=_r2),
    Scoring("mae", "target", "target", is_loss=True, score=_mae),
    Scoring("mse", "target", "target squared", is_loss=True, score=_mse),
    Scoring("rmse", "target", "target", is_loss=True, score=_rmse),
)


def list_scorings(*, is_classifier: bool) -> tuple[str, ...]:
    """Return the names that fit a task, its default first."""
    return tuple(scoring.name for scoring in _SCORINGS if (scoring.needs != "target") == is_classifier)


def choose_scoring(name: str | None, *, is_classifier: bool) -> Scoring:
    """Find a scoring by name; None takes accuracy for classes and R² for numbers, as scikit-learn does.

    Raises
    ------
    ScoringUnknownError : no scoring of that name fits the task

    """
    known = list_scorings(is_classifier=is_classifier)
    wanted = known[0] if name is None else name
    if wanted not in known:
        raise ScoringUnknownError(wanted, known=known)
    return next(scoring for scoring in _SCORINGS if scoring.name == wanted)
