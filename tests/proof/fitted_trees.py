"""Small models fitted by each library on a table drawn from a seed, read into the flat layout."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import lightgbm
import numpy as np
import xgboost
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier, RandomForestRegressor
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from tests.proof.generated_trees import Drawn, Floats

from whybox.domain.explanations.tree_layouts import TreeEnsemble
from whybox.domain.explanations.tree_readers import read_trees

N_COLUMNS, N_TRAIN = 5, 60
CATEGORY_COLUMNS = (3, 4)

Predict = Callable[[Floats], Any]


def fit(seed: int) -> tuple[Drawn, Predict] | None:
    """Return the case of a seed and the library's own margins; None for a model the reader does not read."""
    rng = np.random.default_rng([seed, 7])
    X = rng.integers(-30, 31, size=(N_TRAIN + 6, N_COLUMNS)) / 10.0
    X[:, CATEGORY_COLUMNS] = rng.integers(0, 5, size=(len(X), len(CATEGORY_COLUMNS)))
    signal = X[:, 0] - X[:, 1] * (X[:, 3] > 2) + 0.3 * rng.normal(size=len(X))
    if rng.random() < 0.6:
        X[rng.random(X.shape) < 0.15] = np.nan
    n_classes = int(rng.choice([0, 2, 3]))
    y = signal
    if n_classes:
        y = np.searchsorted(np.quantile(signal, np.arange(1, n_classes) / n_classes), signal)
    fitter = [_fit_xgboost, _fit_lightgbm, _fit_sklearn][seed % 3]
    model, predict = fitter(X[:N_TRAIN], y[:N_TRAIN], n_classes, rng)
    trees = read_trees(model)
    if trees is None:
        return None
    n_players = int(rng.integers(2, N_COLUMNS + 1))
    players = rng.permutation(np.arange(N_COLUMNS) % n_players)
    weights = rng.integers(1, 4, size=4).astype(np.float64)
    rows = X[N_TRAIN : N_TRAIN + 2]
    return Drawn(trees, players, n_players, rows, X[N_TRAIN + 2 :], weights), predict


def _fit_xgboost(X: Floats, y: Any, n_classes: int, rng: np.random.Generator) -> tuple[Any, Predict]:
    kinds = ["c" if column in CATEGORY_COLUMNS else "q" for column in range(N_COLUMNS)]

    def wrap(Z: Floats, label: Any = None) -> Any:
        return xgboost.DMatrix(Z, label, feature_types=kinds, enable_categorical=True, nthread=1)

    objective = {0: "reg:squarederror", 2: "binary:logistic", 3: "multi:softprob"}[n_classes]
    parameters = {
        "objective": objective,
        "max_depth": int(rng.integers(1, 6)),
        "nthread": 1,
        "max_cat_to_onehot": int(rng.choice([1, 10])),
    }
    if n_classes == 3:
        parameters["num_class"] = 3
    booster = xgboost.train(parameters, wrap(X, y), 3)
    return booster, lambda Z: booster.predict(wrap(Z), output_margin=True)


def _fit_lightgbm(X: Floats, y: Any, n_classes: int, rng: np.random.Generator) -> tuple[Any, Predict]:
    objective = {0: "regression", 2: "binary", 3: "multiclass"}[n_classes]
    parameters = {"objective": objective, "num_leaves": int(rng.integers(2, 12)), "min_data_in_leaf": 3}
    parameters |= {"verbosity": -1, "num_threads": 1, "min_data_per_group": 3, "cat_smooth": 1}
    parameters |= {"zero_as_missing": bool(rng.random() < 0.3)}
    if n_classes == 3:
        parameters["num_class"] = 3
    data = lightgbm.Dataset(
        X, y, categorical_feature=list(CATEGORY_COLUMNS), params={"verbosity": -1, "num_threads": 1}
    )
    booster = lightgbm.train(parameters, data, 3)
    return booster, lambda Z: booster.predict(Z, raw_score=True)


def _fit_sklearn(X: Floats, y: Any, n_classes: int, rng: np.random.Generator) -> tuple[Any, Predict]:
    seed = int(rng.integers(1000))
    if n_classes:
        kinds = (DecisionTreeClassifier, RandomForestClassifier, ExtraTreesClassifier)
    else:
        kinds = (DecisionTreeRegressor, RandomForestRegressor, DecisionTreeRegressor)
    kind = kinds[int(rng.integers(3))]
    size = {} if kind.__name__.startswith("Decision") else {"n_estimators": 3}
    model = kind(random_state=seed, max_depth=int(rng.integers(1, 9)), **size).fit(X, y)
    return model, model.predict_proba if n_classes else model.predict


def margins_agree(trees: TreeEnsemble, predict: Predict, rows: Floats, own: Floats) -> bool:
    """Tell whether our margins are the library's, to the rounding of its float32 sums."""
    theirs = np.asarray(predict(rows), dtype=np.float64).reshape(len(rows), -1)
    return bool(np.abs(own - theirs).max() <= 1e-5 * max(1.0, np.abs(theirs).max()))
