"""Jobs: permutation importance against scikit-learn's own, whose numbers ours must be."""

from __future__ import annotations

from typing import Any

import numpy as np
import xgboost
from sklearn.ensemble import RandomForestClassifier
from sklearn.inspection import permutation_importance
from sklearn.linear_model import Ridge
from tests.benchmarks.datasets import Split, breast_cancer, friedman, wide_table
from tests.benchmarks.measure import Answer, Bar, Contestant, Effort, Job, Reference

from whybox.domain.explanations.permutation_importances import permute_columns

OURS, PEER = "whybox permute_columns", "sklearn permutation_importance"
IDENTICAL = 1e-12


def permuted_forest(effort: Effort) -> Job:
    """RandomForestClassifier."""
    split = breast_cancer()
    model = RandomForestClassifier(random_state=0).fit(split.X_train, split.y_train)
    return _job("RandomForest, 171 rows x 30 columns", model, split.X_test, split.y_test, bar=20)


def permuted_xgboost(effort: Effort) -> Job:
    """An xgboost classifier."""
    split = breast_cancer()
    model = xgboost.XGBClassifier(n_estimators=100, learning_rate=0.1, max_depth=3, n_jobs=1)
    model.fit(split.X_train, split.y_train)
    return _job("xgboost, 171 rows x 30 columns", model, split.X_test, split.y_test)


def permuted_ridge(effort: Effort) -> Job:
    """A linear regression."""
    split: Split = friedman()
    model = Ridge().fit(split.X_train, split.y_train)
    return _job("Ridge, 152 rows x 13 columns", model, split.X_test, split.y_test)


def permuted_large(effort: Effort) -> Job:
    """A boosted regression on a larger table, where the model's own predict is the limit."""
    X, y = wide_table(25_000, 50)
    model = xgboost.XGBRegressor(n_estimators=100, learning_rate=0.1, max_depth=6, n_jobs=1)
    model.fit(X[:5000], y[:5000])
    n_rows = effort.choose(20_000, 2000)
    return _job(
        f"xgboost, {n_rows:,} rows x 50 columns", model, X[5000 : 5000 + n_rows], y[5000 : 5000 + n_rows]
    )


def _job(what: str, model: Any, X: Any, y: Any, *, bar: float | None = None) -> Job:
    def ours() -> Answer:
        return Answer(permute_columns(model, X, y, n_repeats=10, seed=42).importances)

    def theirs() -> Answer:
        found = permutation_importance(model, X, y, n_repeats=10, random_state=42, n_jobs=1)
        return Answer(np.asarray(found.importances))

    expected = theirs().values
    promise = f"permutation importance, {what}: ≥ {bar}x scikit-learn, identical numbers"
    bars = [] if bar is None else [Bar(promise, OURS, PEER, ratio=bar, largest_error=IDENTICAL)]
    return Job(
        title=f"Permutation importance, {what}, 10 repeats",
        contestants=[Contestant(OURS, ours), Contestant(PEER, theirs)],
        reference=Reference(expected, "scikit-learn's own importances, all repeats", what="columns"),
        bars=bars,
    )
