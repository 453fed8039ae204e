"""Permutation importance: what the score loses when a column's values are dealt to other rows.

shuffles (scikit-learn's own) ──▶ one batch of all columns x repeats ──▶ predict ──▶ scores ──▶ losses
                                                                                  └─▶ rows ──▶ noise floor
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from whybox.domain.explanations.dealt_linear_models import DealtLinear, read_dealt_linear
from whybox.domain.explanations.dealt_trees import DealtTrees, read_dealt_trees
from whybox.domain.explanations.kernel_libraries import Engine
from whybox.domain.explanations.noise_floors import estimate_noise_floor
from whybox.domain.explanations.quantiles import student_quantile
from whybox.domain.explanations.scorings import Scoring, choose_scoring

__all__ = ["PermutationImportance", "permute_columns"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

BLOCK_CELLS = 4_000_000
"""Cells of one predicted batch: 32 MB, and still a batch of 51,300 rows x 30 columns in one call."""

INTERVAL_LEVEL = 0.95

SAME_ANSWER = 1e-9
"""Of the largest answer of a linear model: what rounding may change, with hundreds of columns."""


@dataclass(frozen=True, slots=True)
class PermutationImportance:
    """Importances of columns, or of groups of columns that were dealt together.

    Attributes
    ----------
    importances : (p, n_repeats) loss of score per shuffle; positive: the model needs the column
    importances_mean, importances_std : (p,), the standard deviation over repeats with divisor n_repeats
    scoring, unit : the score that was lost and what it is counted in
    baseline_score : score of the untouched rows (a loss is negated)
    interval : (low, high), each (p,): 95 % Student interval of the mean over infinitely many shuffles of
        these test rows by this fitted model. It holds the luck of shuffling only, not of the test rows;
        NaN with a single repeat.
    noise_floor : importance the luckiest of the columns that carry nothing reaches in one table of twenty,
        from the sampling error over test rows (see ``noise_floors``); 0 where no column changes a score
    names : the groups, in row order; empty when every column stands for itself

    """

    importances: Floats
    importances_mean: Floats
    importances_std: Floats
    scoring: str
    unit: str
    baseline_score: float
    interval: tuple[Floats, Floats]
    noise_floor: float
    names: tuple[str, ...] = ()


def permute_columns(
    model: Any,
    X: ArrayLike,
    y: ArrayLike,
    *,
    n_repeats: int = 10,
    seed: int = 42,
    scoring: str | None = None,
    groups: Mapping[str, Sequence[int]] | None = None,
    on_share: Callable[[float], None] | None = None,
    engine: Engine = "auto",
) -> PermutationImportance:
    """Measure how much of the score each column carries.

    The shuffles are those of ``sklearn.inspection.permutation_importance(..., random_state=seed)``: same
    seed, same numbers, bit for bit where the model predicts a row without regard to its neighbours in the
    batch (trees do; BLAS may change the last bit of a linear model's). The columns are predicted in a few
    large batches instead of p x n_repeats small ones. Importance after Breiman 2001,
    doi:10.1023/A:1010933404324.

    Parameters
    ----------
    model : a whybox FittedModel, or a scikit-learn style estimator
    X : (n, p) float64, test rows of user columns; NaN is a missing cell
    y : (n,) class codes of a FittedModel, labels of an estimator, or target values
    n_repeats : shuffles per column
    seed : seed of the shuffles and of the noise floor
    scoring : a name of ``scorings.list_scorings``; None takes accuracy or R²
    groups : name -> columns dealt together by one shuffle, so that correlated columns cannot stand in for
        each other; None takes every column alone
    on_share : told after each batch which share of the columns is done; what it raises ends the work
    engine : "auto" takes the compiled kernel where there is one, "numpy" never; the numbers are the same

    Raises
    ------
    ScoringUnknownError : no such scoring for this task
    ScoreUndefinedError : the scoring cannot judge these rows

    Notes
    -----
    Cost: one prediction of n x n_repeats x p rows, in blocks of ``BLOCK_CELLS`` cells; of forests and boosted
    trees in the kernel, and of linear models, only what a dealt column can change.

    """
    rows = np.ascontiguousarray(X, dtype=np.float64)
    judge = _judge(model, np.asarray(y), scoring)
    members = [[column] for column in range(rows.shape[1])] if groups is None else list(groups.values())
    deals = deal_rows(len(rows), n_repeats=n_repeats, seed=seed)
    answers = judge.answer(rows[None])
    baseline, baseline_parts = judge.score(answers)
    dealt = _open_dealt(model, rows, judge, answers, engine=engine)
    importances = np.empty((len(members), n_repeats))
    drops = np.empty((len(members), len(rows)))
    step = max(1, BLOCK_CELLS // max(1, rows.size * n_repeats))
    for start in range(0, len(members), step):
        block = members[start : start + step]
        if dealt is not None:
            answers = judge.decide(dealt.outputs(block, deals).reshape(-1, len(rows), dealt.n_outputs))
        else:
            answers = judge.answer(_deal_block(rows, block, deals))
        scores, parts = judge.score(answers)
        importances[start : start + step] = baseline[0] - scores.reshape(len(block), n_repeats)
        dealt_parts = parts.reshape(len(block), n_repeats, len(rows)).mean(axis=1)
        drops[start : start + step] = baseline_parts[0] - dealt_parts
        if on_share is not None:
            on_share(min(1.0, (start + step) / len(members)))
    return _summarise(
        importances,
        drops,
        scoring=judge.scoring,
        baseline=float(baseline[0]),
        seed=seed,
        names=() if groups is None else tuple(groups),
    )


def deal_rows(n_rows: int, *, n_repeats: int, seed: int) -> Integers:
    """Return (n_repeats, n_rows) row numbers: whose cell each row receives, as scikit-learn deals them.

    There, a seed drawn from the caller's generator starts each column afresh, so all columns share their
    deals; one index array is shuffled over and over, and each repeat deals the already dealt column again.
    """
    column_seed = np.random.RandomState(seed).randint(np.iinfo(np.int32).max + 1)
    generator = np.random.RandomState(column_seed)
    index = np.arange(n_rows)
    held = index.copy()
    deals = np.empty((n_repeats, n_rows), dtype=np.int64)
    for repeat in range(n_repeats):
        generator.shuffle(index)
        held = held[index]
        deals[repeat] = held
    return deals


def _deal_block(rows: Floats, block: Sequence[Sequence[int]], deals: Integers) -> Floats:
    """Return (groups x repeats, n, p): the rows, with one group's cells dealt in each version."""
    versions = np.tile(rows, (len(block) * len(deals), 1, 1)).reshape(len(block), len(deals), *rows.shape)
    for position, columns in enumerate(block):
        for column in columns:
            versions[position, :, :, column] = rows[deals, column]
    return versions.reshape(-1, *rows.shape)


@dataclass(frozen=True, slots=True)
class _Judge:
    """A model and the truth: answers for versions of the test rows, and scores of the answers."""

    scoring: Scoring
    predict: Callable[[Floats], NDArray[Any]]
    y: NDArray[Any]

    def answer(self, versions: Floats) -> NDArray[Any]:
        """Return answers (k, n) or (k, n, C) of versions (k, n, p)."""
        n_versions, n_rows, n_columns = versions.shape
        answers = self.predict(versions.reshape(-1, n_columns))
        if answers.dtype == np.float32:
            answers = answers.astype(np.float64)
        return answers.reshape(n_versions, n_rows, *answers.shape[1:])

    def decide(self, outputs: Floats) -> NDArray[Any]:
        """Return what ``answer`` does from outputs (k, n, o): probabilities of classes, or one target."""
        if self.scoring.needs == "target":
            return outputs[:, :, 0]
        return outputs if self.scoring.needs == "probability" else outputs.argmax(axis=2)

    def score(self, answers: NDArray[Any]) -> tuple[Floats, Floats]:
        """Return (k,) scores and (k, n) contributions."""
        return self.scoring.score(self.y, answers)


def _open_dealt(
    model: Any, rows: Floats, judge: _Judge, answers: NDArray[Any], *, engine: Engine
) -> DealtTrees | DealtLinear | None:
    """Return the model on these rows, None where it does not give its own answers.

    Those of trees have to be the same to the bit: a threshold may lie in between. Those of a linear model
    are the same up to rounding.
    """
    linear = read_dealt_linear(model, rows)
    dealt = read_dealt_trees(model, rows, engine=engine) if linear is None else linear
    if dealt is None:
        return None
    own = judge.decide(dealt.outputs([[]], np.arange(len(rows))[None]).reshape(1, len(rows), dealt.n_outputs))
    largest = np.abs(answers).max() if linear is not None else 0.0
    return dealt if np.allclose(own, answers, rtol=0.0, atol=SAME_ANSWER * largest) else None


def _judge(model: Any, y: NDArray[Any], scoring: str | None) -> _Judge:
    """Pair the scoring with the answer of the model it needs, and bring classes to codes."""
    if hasattr(model, "predict_units"):
        chosen = choose_scoring(scoring, is_classifier=model.kind == "classification")
        if chosen.needs == "probability":
            return _Judge(chosen, lambda rows: np.asarray(model.predict_units(rows, "probability")), y)
        return _Judge(chosen, model.predict, y)
    classes = getattr(model, "classes_", None)
    chosen = choose_scoring(scoring, is_classifier=classes is not None)
    if classes is None:
        return _Judge(chosen, lambda rows: np.asarray(model.predict(rows)).reshape(len(rows)), y)
    codes = np.searchsorted(classes, y)
    if chosen.needs == "probability":
        return _Judge(chosen, model.predict_proba, codes)
    return _Judge(chosen, lambda rows: np.searchsorted(classes, model.predict(rows)), codes)


def _summarise(
    importances: Floats,
    drops: Floats,
    *,
    scoring: Scoring,
    baseline: float,
    seed: int,
    names: tuple[str, ...],
) -> PermutationImportance:
    mean = np.mean(importances, axis=1)
    n_repeats = importances.shape[1]
    half = np.full(len(mean), np.nan)
    if n_repeats > 1:
        error = np.std(importances, axis=1, ddof=1) / np.sqrt(n_repeats)
        half = student_quantile(0.5 + INTERVAL_LEVEL / 2, degrees_of_freedom=n_repeats - 1) * error
    return PermutationImportance(
        importances=importances,
        importances_mean=mean,
        importances_std=np.std(importances, axis=1),
        scoring=scoring.name,
        unit=scoring.unit,
        baseline_score=baseline,
        interval=(mean - half, mean + half),
        noise_floor=estimate_noise_floor(mean, drops, seed=seed),
        names=names,
    )
