"""Path-dependent values against their definition on the trees' own nodes, and against every library's own."""

from __future__ import annotations

import lightgbm
import numpy as np
import pytest
import shap
import xgboost
from sklearn.ensemble import RandomForestClassifier
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from whybox.domain.explanations.leaf_paths import trace_leaves
from whybox.domain.explanations.path_dependent_trees import explain_path_dependent, path_dependent_base
from whybox.domain.explanations.tree_readers import read_trees

from .definition import path_dependent_by_definition
from .tree_models import CASES, UNUSED, fit_case, make_table

EXACT = 1e-9


def explain(model, rows):
    """Return our values, base and margins."""
    trees = read_trees(model)
    paths = trace_leaves(trees, np.arange(trees.n_columns))
    return explain_path_dependent(paths, rows), path_dependent_base(paths), trees.margins(rows)


@pytest.mark.parametrize(("kind", "n_classes"), [(DecisionTreeClassifier, 3), (DecisionTreeRegressor, 0)])
def test_values_equal_the_definition_on_the_trees_own_nodes(kind, n_classes):
    X, y = make_table(n_classes=n_classes)
    model = kind(max_depth=6, random_state=0).fit(X, y)
    rows, _ = make_table(n_rows=4, seed=2)

    values, _, _ = explain(model, rows)

    np.testing.assert_allclose(values, path_dependent_by_definition(model, rows, n_players=6), atol=EXACT)


@pytest.mark.parametrize(("name", "n_classes"), CASES)
def test_values_and_base_add_up_to_the_margins(name, n_classes):
    model, rows, _ = fit_case(name, n_classes)

    values, base, margins = explain(model, rows)

    np.testing.assert_allclose(base + values.sum(axis=1), margins, rtol=1e-12, atol=1e-12)
    assert np.all(values[:, UNUSED] == 0.0)


def test_shap_agrees_on_a_forest():
    X, y = make_table(n_classes=3)
    model = RandomForestClassifier(n_estimators=10, random_state=0).fit(X, y)
    # A quarter off the one-digit decimals: never on a threshold, whatever it is narrowed to.
    rows = np.round(X[:40]) + 0.25

    values, base, _ = explain(model, rows)

    explainer = shap.TreeExplainer(model, feature_perturbation="tree_path_dependent")
    np.testing.assert_allclose(values, explainer.shap_values(rows), atol=1e-9)
    np.testing.assert_allclose(base, explainer.expected_value, atol=1e-9)


@pytest.mark.parametrize("missing", [False, True])
def test_xgboost_agrees_to_float32(missing):
    X, y = make_table(n_rows=400, missing=missing)
    booster = xgboost.train({"max_depth": 6, "nthread": 1}, xgboost.DMatrix(X, y), 20)

    values, base, margins = explain(booster, X)

    expected = booster.predict(xgboost.DMatrix(X), pred_contribs=True)
    scale = np.abs(margins).max()
    np.testing.assert_allclose(
        np.column_stack([values[:, :, 0], np.full(len(X), base)]), expected, atol=2e-6 * scale
    )


@pytest.mark.parametrize("missing", [False, True])
def test_lightgbm_agrees(missing):
    X, y = make_table(n_rows=400, missing=missing)
    settings = {"verbosity": -1, "num_leaves": 20, "min_data_in_leaf": 3, "num_threads": 1}
    booster = lightgbm.train(settings, lightgbm.Dataset(X, y, params={"verbosity": -1}), 20)

    values, base, _ = explain(booster, X)

    expected = booster.predict(X, pred_contrib=True)
    np.testing.assert_allclose(
        np.column_stack([values[:, :, 0], np.full(len(X), base)]), expected, atol=EXACT
    )


def test_a_row_gets_the_same_values_alone_and_among_many():
    X, y = make_table(n_rows=400)
    model = DecisionTreeRegressor(random_state=0).fit(X, y)

    among_many, _, _ = explain(model, X)
    alone, _, _ = explain(model, X[7:8])

    np.testing.assert_allclose(among_many[7:8], alone, atol=1e-12)
