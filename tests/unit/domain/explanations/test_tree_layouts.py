"""Every family's trees, read into the one layout, predict what their own library predicts."""

from __future__ import annotations

import lightgbm
import numpy as np
import pytest
import xgboost
from sklearn.ensemble import (
    AdaBoostRegressor,
    BaggingClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeRegressor

from whybox.domain.explanations.tree_layouts import find_leaves
from whybox.domain.explanations.tree_readers import read_trees

from .tree_models import CASES, CLASSIFIERS, FLOAT32_LIBRARIES, MISSING_VALUES, REGRESSORS, make_table

# xgboost adds float32 leaf values in float32; the others add float64 as we do.
FLOAT32, FLOAT64 = 2e-6, 1e-12


def own_answer(model, X):
    """Return the library's answer as a matrix."""
    ask = model.predict_proba if hasattr(model, "classes_") else model.predict
    return np.asarray(ask(X), dtype=np.float64).reshape(len(X), -1)


@pytest.mark.parametrize(("name", "n_classes"), CASES)
def test_the_layout_predicts_what_the_library_predicts(name, n_classes):
    X, y = make_table(n_rows=400, n_classes=n_classes)
    model = (CLASSIFIERS if n_classes else REGRESSORS)[name]().fit(X, y)

    expected = own_answer(model, X)

    tolerance = FLOAT32 if name in FLOAT32_LIBRARIES else FLOAT64
    np.testing.assert_allclose(read_trees(model).predict(X), expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(("name", "n_classes"), [case for case in CASES if case[0] in MISSING_VALUES])
def test_missing_values_go_where_the_library_sends_them(name, n_classes):
    X, y = make_table(n_rows=400, n_classes=n_classes, missing=True)
    model = (CLASSIFIERS if n_classes else REGRESSORS)[name]().fit(X, y)
    X = np.vstack([X, np.full((1, X.shape[1]), np.nan)])

    expected = own_answer(model, X)

    tolerance = FLOAT32 if name in FLOAT32_LIBRARIES else FLOAT64
    np.testing.assert_allclose(read_trees(model).predict(X), expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("library", ["forest", "xgboost", "lightgbm", "histogram boosting"])
def test_values_at_a_threshold_go_the_side_the_library_sends_them(library):
    X, y = make_table(n_rows=400, n_classes=2)
    model = CLASSIFIERS[library]().fit(X, y)
    trees = read_trees(model)
    column, cut = (array[trees.left >= 0] for array in (trees.feature, trees.threshold))
    probes = np.repeat(X[:1], len(cut) * 5, axis=0).reshape(len(cut), 5, -1)
    steps = (
        cut,
        np.nextafter(cut, -np.inf),
        np.nextafter(cut, np.inf),
        cut.astype(np.float32),
        cut * (1 + 1e-9),
    )
    for place, values in enumerate(steps):
        probes[np.arange(len(cut)), place, column] = values
    probes = probes.reshape(-1, X.shape[1])

    expected = own_answer(model, probes)

    np.testing.assert_allclose(trees.predict(probes), expected, atol=FLOAT32)


def category_table(*, missing):
    """Return 600 rows with two columns of category numbers, and a target that depends on sets of them."""
    generator = np.random.default_rng(3)
    X = generator.normal(size=(600, 4)).round(2)
    X[:, 1], X[:, 2] = generator.integers(0, 7, 600), generator.integers(0, 40, 600)
    y = X[:, 0] + 3 * np.isin(X[:, 1], [1, 4]) - 2 * (X[:, 2] % 3 == 0)
    if missing:
        X[generator.random(X.shape) < 0.1] = np.nan
    return X, y


def unseen_categories(X):
    """Return rows whose category numbers no split has seen: large, negative, not whole."""
    strange = X[:60].copy()
    strange[:20, 1], strange[20:40, 2], strange[40:, 2] = 77, -2, 3.7
    return strange


@pytest.mark.parametrize("missing", [False, True])
def test_category_splits_of_xgboost_are_those_of_xgboost(missing):
    X, y = category_table(missing=missing)
    options = {"feature_types": ["q", "c", "c", "q"], "enable_categorical": True}
    booster = xgboost.train({"max_depth": 5, "nthread": 1}, xgboost.DMatrix(X, y, **options), 10)
    trees = read_trees(booster)
    assert trees.rules.categories

    for rows in (X, unseen_categories(X)):
        expected = booster.predict(xgboost.DMatrix(rows, **options))
        np.testing.assert_allclose(trees.predict(rows)[:, 0], expected, rtol=FLOAT32, atol=FLOAT32)


@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize(
    "options", [{}, {"zero_as_missing": True}, {"use_missing": False}, {"boosting": "dart"}]
)
def test_category_and_missing_rules_of_lightgbm_are_those_of_lightgbm(missing, options):
    X, y = category_table(missing=missing)
    X[::4, 0] = 0.0
    settings = {
        "verbosity": -1,
        "min_data_per_group": 5,
        "max_cat_to_onehot": 1,
        "cat_smooth": 1.0,
        "num_threads": 1,
    }
    data = lightgbm.Dataset(X, y, categorical_feature=[1, 2], params={"verbosity": -1})
    booster = lightgbm.train(settings | options, data, 10)
    trees = read_trees(booster)
    assert trees.rules.categories

    for rows in (X, unseen_categories(X)):
        np.testing.assert_allclose(
            trees.predict(rows)[:, 0], booster.predict(rows), rtol=FLOAT64, atol=FLOAT64
        )


def test_dropout_weights_of_xgboost_are_kept():
    X, y = make_table(n_rows=300)
    settings = {"rate_drop": 0.5, "nthread": 1, "verbosity": 0}
    if tuple(map(int, xgboost.__version__.split(".")[:2])) < (3, 4):
        settings["booster"] = "dart"
    booster = xgboost.train(settings, xgboost.DMatrix(X, y), 12)

    expected = booster.predict(xgboost.DMatrix(X))

    np.testing.assert_allclose(read_trees(booster).predict(X)[:, 0], expected, rtol=FLOAT32)


def test_an_early_stopped_wrapper_answers_with_its_best_iteration():
    X, y = make_table(n_rows=300, n_classes=2)
    model = xgboost.XGBClassifier(n_estimators=60, learning_rate=1.0, early_stopping_rounds=2, n_jobs=1)
    model.fit(X[:200], y[:200], eval_set=[(X[200:], y[200:])], verbose=False)
    assert model.best_iteration < 58

    np.testing.assert_allclose(read_trees(model).predict(X), model.predict_proba(X), atol=FLOAT32)


def test_several_targets_of_a_forest_are_several_outputs():
    X, y = make_table()
    model = RandomForestRegressor(n_estimators=5, random_state=0).fit(X, np.column_stack([y, -2 * y]))

    np.testing.assert_allclose(read_trees(model).predict(X), model.predict(X), rtol=FLOAT64)


@pytest.mark.parametrize(
    ("model", "n_classes"),
    [
        (LogisticRegression(max_iter=5000), 2),
        (GradientBoostingClassifier(loss="exponential", n_estimators=3), 2),
        (GradientBoostingClassifier(init=LogisticRegression(max_iter=5000), n_estimators=3), 2),
        (BaggingClassifier(LogisticRegression(max_iter=5000), n_estimators=2), 2),
        (HistGradientBoostingClassifier(categorical_features=[4], max_iter=3), 2),
        (AdaBoostRegressor(DecisionTreeRegressor(max_depth=2), n_estimators=3), 0),
        (xgboost.XGBRegressor(booster="gblinear", n_estimators=3), 0),
        (xgboost.XGBRegressor(objective="reg:logistic", n_estimators=3), 0),
        (lightgbm.LGBMRegressor(linear_tree=True, n_estimators=3, verbose=-1), 0),
        (lightgbm.LGBMRegressor(reg_sqrt=True, n_estimators=3, verbose=-1), 0),
        (lightgbm.LGBMClassifier(sigmoid=2.0, n_estimators=3, verbose=-1), 2),
        (lightgbm.LGBMClassifier(objective="multiclassova", n_estimators=3, verbose=-1), 3),
    ],
    ids=lambda case: type(case).__name__,
)
@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning")
def test_what_is_not_a_sum_of_trees_is_refused(model, n_classes):
    X, y = make_table(n_classes=n_classes)
    y = y / y.max() if n_classes == 0 else y

    assert read_trees(model.fit(X, y)) is None


def test_vector_leaves_of_xgboost_are_refused():
    X, y = make_table()
    settings = {"multi_strategy": "multi_output_tree", "tree_method": "hist", "nthread": 1}
    booster = xgboost.train(settings, xgboost.DMatrix(X, np.column_stack([y, -y])), 3)

    assert read_trees(booster) is None


def test_a_tree_of_one_leaf_predicts_its_constant():
    X, y = make_table(n_classes=2)
    for model in (
        RandomForestClassifier(n_estimators=3, min_samples_split=10_000),
        lightgbm.LGBMClassifier(n_estimators=3, min_child_samples=10_000, verbose=-1),
        xgboost.XGBClassifier(n_estimators=3, gamma=1e9, n_jobs=1),
    ):
        trees = read_trees(model.fit(X, y))
        np.testing.assert_allclose(trees.predict(X), model.predict_proba(X), atol=FLOAT32)
        assert np.all(trees.left[find_leaves(trees, trees.prepare(X))] < 0)
