"""Small tables with the properties that break explainers, and one small model of every tree family."""

from __future__ import annotations

from functools import cache

import lightgbm
import numpy as np
import xgboost
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    BaggingRegressor,
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from whybox.domain.explanations.tree_layouts import ColumnRules, TreeEnsemble

N_COLUMNS = 6
UNUSED, ORIGINAL, DUPLICATE, CORRELATED = 4, 0, 5, 1

SMALL = {"n_estimators": 7, "random_state": 0}
LIGHT = SMALL | {"num_leaves": 8, "min_child_samples": 5, "verbose": -1, "n_jobs": 1}

CLASSIFIERS = {
    "tree": lambda: DecisionTreeClassifier(random_state=0),
    "forest": lambda: RandomForestClassifier(**SMALL),
    "extra trees": lambda: ExtraTreesClassifier(**SMALL, max_depth=6),
    "bagging": lambda: BaggingClassifier(DecisionTreeClassifier(max_depth=4), max_features=0.7, **SMALL),
    "ada boost": lambda: AdaBoostClassifier(DecisionTreeClassifier(max_depth=2), **SMALL),
    "gradient boosting": lambda: GradientBoostingClassifier(**SMALL),
    "histogram boosting": lambda: HistGradientBoostingClassifier(
        max_iter=7, min_samples_leaf=5, random_state=0
    ),
    "xgboost": lambda: xgboost.XGBClassifier(**SMALL, max_depth=4, n_jobs=1),
    "xgboost forest": lambda: xgboost.XGBClassifier(
        n_estimators=1, num_parallel_tree=7, subsample=0.6, max_depth=4, n_jobs=1, random_state=0
    ),
    "lightgbm": lambda: lightgbm.LGBMClassifier(**LIGHT),
}
REGRESSORS = {
    "tree": lambda: DecisionTreeRegressor(random_state=0, max_depth=6),
    "forest": lambda: RandomForestRegressor(**SMALL),
    "extra trees": lambda: ExtraTreesRegressor(**SMALL, max_depth=6),
    "bagging": lambda: BaggingRegressor(DecisionTreeRegressor(max_depth=4), max_features=0.7, **SMALL),
    "gradient boosting": lambda: GradientBoostingRegressor(**SMALL),
    "histogram boosting": lambda: HistGradientBoostingRegressor(
        max_iter=7, min_samples_leaf=5, random_state=0
    ),
    "histogram boosting, poisson": lambda: HistGradientBoostingRegressor(
        loss="poisson", max_iter=7, min_samples_leaf=5, random_state=0
    ),
    "xgboost": lambda: xgboost.XGBRegressor(**SMALL, max_depth=4, n_jobs=1),
    "xgboost, poisson": lambda: xgboost.XGBRegressor(**SMALL, objective="count:poisson", n_jobs=1),
    "lightgbm": lambda: lightgbm.LGBMRegressor(**LIGHT),
    "lightgbm, bagged": lambda: lightgbm.LGBMRegressor(
        **LIGHT, boosting_type="rf", subsample=0.6, subsample_freq=1
    ),
}
MISSING_VALUES = {"tree", "forest", "extra trees", "histogram boosting", "xgboost", "lightgbm"}
FLOAT32_LIBRARIES = {"xgboost", "xgboost forest", "xgboost, poisson"}

CASES = [
    *((name, n_classes) for name in CLASSIFIERS for n_classes in (2, 3)),
    *((name, 0) for name in REGRESSORS),
]


@cache
def make_table(*, n_rows: int = 160, n_classes: int = 0, missing: bool = False, seed: int = 0):
    """Return X (n, 6) of decimals with one digit, and y: classes, or a positive target without classes.

    Column 1 follows column 0, column 4 is constant (no model can use it), column 5 repeats column 0.
    """
    generator = np.random.default_rng(seed)
    X = generator.normal(20.0, 5.0, size=(n_rows, N_COLUMNS)).round(1)
    X[:, CORRELATED] = (X[:, ORIGINAL] + generator.normal(0.0, 1.0, n_rows)).round(1)
    X[:, UNUSED] = 24.7
    X[:, DUPLICATE] = X[:, ORIGINAL]
    signal = X[:, 0] + np.where(X[:, 2] > 20.0, X[:, 3], -X[:, 3]) / 2.0 + generator.normal(0.0, 1.0, n_rows)
    if missing:
        holes = generator.random(X.shape) < 0.15
        holes[:, UNUSED] = False
        X = np.where(holes, np.nan, X)
    if n_classes == 0:
        return X, np.abs(signal)
    edges = np.quantile(signal, np.linspace(0, 1, n_classes + 1)[1:-1])
    return X, np.searchsorted(edges, signal)


@cache
def fit_case(name: str, n_classes: int, *, missing: bool = False):
    """Return a fitted model of a family, rows to explain (5, 6) and background rows (7, 6)."""
    X, y = make_table(n_classes=n_classes, missing=missing)
    model = (CLASSIFIERS if n_classes else REGRESSORS)[name]().fit(X, y)
    fresh, _ = make_table(n_rows=12, missing=missing, seed=1)
    return model, fresh[:5], fresh[5:]


def fit_comb(n_columns: int):
    """Return a tree that splits off one column of zeros and ones after the other, some forty of them."""
    X = np.tri(n_columns + 1, n_columns)
    return DecisionTreeRegressor(random_state=0).fit(X, 2.0 ** (2 * np.arange(n_columns + 1) - n_columns))


def hang_comb(n_columns):
    """Return a tree by hand: split j sends ones of column j on to split j + 1, zeros to a leaf."""
    n_nodes = 2 * n_columns + 1
    inner = np.arange(n_columns)
    left, right, feature = (np.full(n_nodes, -1) for _ in range(3))
    left[inner], right[inner], feature[inner] = n_columns + inner, inner + 1, inner
    right[n_columns - 1] = n_nodes - 1
    return TreeEnsemble(
        n_columns=n_columns,
        roots=np.zeros(1, dtype=np.int64),
        left=left,
        right=right,
        feature=feature,
        threshold=np.full(n_nodes, 0.5),
        missing_left=np.zeros(n_nodes, dtype=bool),
        cover=np.ones(n_nodes),
        values=np.where(np.arange(n_nodes) < n_columns, 0, np.arange(n_nodes) - n_columns + 1.0)[:, None],
        base=np.zeros(1),
        link="identity",
        rules=ColumnRules.plain(n_columns, narrow=False),
    )
