"""Exact interventional values against the definition, for every family and every kind of column."""

from __future__ import annotations

import numpy as np
import pytest
import shap
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import ExtraTreesRegressor, RandomForestClassifier, RandomForestRegressor
from sklearn.tree import DecisionTreeRegressor

from whybox.domain.explanations.interventional_trees import (
    coalition_weights,
    explain_interventional,
    pair_up,
    tabulate,
)
from whybox.domain.explanations.leaf_paths import trace_leaves
from whybox.domain.explanations.leaf_tables import look_up
from whybox.domain.explanations.tree_readers import read_trees

from .definition import shapley_by_definition
from .tree_models import CASES, DUPLICATE, MISSING_VALUES, ORIGINAL, UNUSED, fit_case, fit_comb, make_table

EXACT = 1e-9


def explain(model, rows, background, *, groups=None, weights=None):
    """Return our values of the margins, and the ensemble's own margins as a function."""
    trees = read_trees(model)
    players = np.arange(trees.n_columns) if groups is None else np.asarray(groups)
    paths = trace_leaves(trees, players, n_players=players.max() + 1)
    return explain_interventional(paths, rows, background, weights=weights), trees.margins


@pytest.mark.parametrize(("name", "n_classes"), CASES)
def test_values_equal_the_definition_of_the_shapley_value(name, n_classes):
    model, rows, background = fit_case(name, n_classes)

    values, margins = explain(model, rows, background)

    np.testing.assert_allclose(values, shapley_by_definition(margins, rows, background), atol=EXACT)


@pytest.mark.parametrize(("name", "n_classes"), [case for case in CASES if case[0] in MISSING_VALUES])
def test_missing_cells_are_explained_by_the_definition_too(name, n_classes):
    model, rows, background = fit_case(name, n_classes, missing=True)
    assert np.isnan(rows).any()
    assert np.isnan(background).any()

    values, margins = explain(model, rows, background)

    np.testing.assert_allclose(values, shapley_by_definition(margins, rows, background), atol=EXACT)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_values_of_a_forest_equal_the_definition_on_the_librarys_own_answers(n_classes):
    model, rows, background = fit_case("forest", n_classes)

    values, _ = explain(model, rows, background)

    expected = shapley_by_definition(model.predict_proba, rows, background)
    np.testing.assert_allclose(values, expected, atol=EXACT)


@pytest.mark.parametrize(("name", "n_classes"), CASES)
def test_columns_in_groups_are_explained_as_one_player(name, n_classes):
    model, rows, background = fit_case(name, n_classes)
    groups = [0, 1, 0, 2, 1, 0]

    values, margins = explain(model, rows, background, groups=groups)

    expected = shapley_by_definition(margins, rows, background, groups=groups)
    np.testing.assert_allclose(values, expected, atol=EXACT)


def test_background_rows_count_by_their_weight():
    model, rows, background = fit_case("forest", 3)
    weights = np.array([5.0, 1.0, 0.0, 2.0, 2.0, 0.5, 3.0])

    values, margins = explain(model, rows, background, weights=weights)

    expected = shapley_by_definition(margins, rows, background, weights=weights)
    np.testing.assert_allclose(values, expected, atol=EXACT)


@pytest.mark.parametrize(("name", "n_classes"), CASES)
def test_a_column_no_tree_tests_gets_exactly_zero(name, n_classes):
    model, rows, background = fit_case(name, n_classes)

    values, _ = explain(model, rows, background)

    assert np.all(values[:, UNUSED] == 0.0)


def test_columns_that_swap_roles_swap_their_values():
    X, y = make_table()
    model = DecisionTreeRegressor(max_depth=5, random_state=0).fit(X, y)
    swap = np.array([ORIGINAL, 1, 2, 3, 4, DUPLICATE])
    swap[[ORIGINAL, DUPLICATE]] = swap[[DUPLICATE, ORIGINAL]]
    swapped = DecisionTreeRegressor(max_depth=5, random_state=0).fit(X, y)
    swapped.tree_.feature[:] = np.where(swapped.tree_.feature >= 0, swap[swapped.tree_.feature], -2)

    values, _ = explain(model, X[:9], X[100:120])
    others, _ = explain(swapped, X[:9][:, swap], X[100:120][:, swap])

    np.testing.assert_allclose(others[:, swap], values, atol=1e-12)


def test_a_row_that_is_the_whole_background_gets_nothing():
    model, rows, _ = fit_case("forest", 3)

    values, _ = explain(model, rows[:1], rows[:1])

    assert np.all(values == 0.0)


@pytest.mark.parametrize("seed", range(4))
def test_tables_and_pairs_are_two_ways_to_the_same_additions(seed):
    generator = np.random.default_rng(seed)
    k = 3 + 2 * seed
    rows = generator.integers(0, 1 << k, size=(6, 40)).astype(np.uint16)
    background = generator.integers(0, 1 << k, size=(6, 30)).astype(np.uint16)
    rows[:, ::4] |= np.uint16((1 << k) - 2)
    counts = generator.random(30)

    by_table = look_up(tabulate(background, counts, k=k))(rows)
    by_pairs = pair_up(background, counts, k=k)(rows)

    assert np.any(by_table != 0.0)
    np.testing.assert_allclose(by_pairs, by_table, atol=1e-12)


def test_a_row_gets_the_same_values_alone_and_among_many():
    """Alone its deep leaves are compared pair by pair, among many they are tabulated and cut into blocks."""
    X, y = make_table(n_rows=400)
    model = ExtraTreesRegressor(n_estimators=5, random_state=0).fit(X, y)
    many = np.random.default_rng(0).permuted(np.tile(X, (10, 1)), axis=0)

    among_many, margins = explain(model, many, X[200:230])
    alone = np.concatenate(
        [explain(model, many[place : place + 1], X[200:230])[0] for place in (0, 777, 3999)]
    )

    np.testing.assert_allclose(among_many[[0, 777, 3999]], alone, atol=EXACT)
    sums = among_many.sum(axis=1) + margins(X[200:230]).mean(axis=0)
    np.testing.assert_allclose(sums, margins(many), atol=EXACT)


def test_the_weights_of_a_leaf_are_those_of_orders_of_its_players():
    plus, minus = coalition_weights(3)

    # All of U = {one player}, V = {two}: first of three in one order of three.
    assert plus[1, 2] == pytest.approx(1 / 3)
    assert minus[1, 2] == pytest.approx(1 / 6)
    assert plus[3, 0] == pytest.approx(1 / 3)
    assert minus[0, 3] == pytest.approx(1 / 3)
    assert plus[3, 3] == minus[3, 3] == 0.0


def test_decimals_are_compared_as_the_model_compares_them():
    """A midpoint of decimals is no float32: narrowing the threshold sends rows on it to the other side."""
    X = np.array([[24.7], [24.7000007], [24.8], [3.1]])
    model = DecisionTreeRegressor(random_state=0).fit(X, [0.0, 1.0, 2.0, 3.0])
    generator = np.random.default_rng(0)
    X2 = generator.integers(0, 60, size=(300, 4)) / 10
    forest = RandomForestRegressor(n_estimators=20, random_state=0).fit(X2, X2[:, 0] * X2[:, 1] + X2[:, 2])
    cuts = np.concatenate([tree.tree_.threshold[tree.tree_.feature == 0] for tree in forest.estimators_])
    rows = X2[:8].copy()
    rows[:, 0] = cuts[:8]

    for fitted, asked, reference in ((model, X, X), (forest, rows, X2[:12])):
        values, _ = explain(fitted, asked, reference)
        expected = shapley_by_definition(fitted.predict, asked, reference)
        np.testing.assert_allclose(values, expected, atol=EXACT)


@pytest.mark.parametrize(("seed", "off_by"), [(40, 0.06), (98, 0.19), (148, 0.29)])
def test_on_decimals_of_one_digit_ours_is_the_definition_where_shap_is_not(seed, off_by):
    """A threshold between two decimals can be a decimal itself: shap narrows it and passes its own check."""
    generator = np.random.default_rng(seed)
    X = generator.normal(20, 5, size=(60, 4)).round(1)
    y = 1.0 * (X[:, 0] > 20) + (X[:, 1] > 20) * (X[:, 2] > 20)
    model = DecisionTreeRegressor(random_state=0).fit(X, y)
    expected = shapley_by_definition(model.predict, X[10:30], X[:10])

    values, _ = explain(model, X[10:30], X[:10])
    theirs = shap.TreeExplainer(model, X[:10]).shap_values(X[10:30], check_additivity=True)

    np.testing.assert_allclose(values, expected, atol=EXACT)
    assert np.abs(theirs - expected[:, :, 0]).max() > off_by


def test_shap_agrees_where_narrowing_thresholds_cannot_matter():
    table = load_breast_cancer()
    generator = np.random.default_rng(0)
    # Whole even numbers: every threshold is an odd number or a multiple of a half, and a float32.
    X = generator.integers(0, 50, size=table.data.shape) * 2.0 + 40.0 * table.target[:, None]
    model = RandomForestClassifier(n_estimators=20, random_state=0).fit(X, table.target)

    values, _ = explain(model, X[:30], X[100:160])

    expected = shap.TreeExplainer(model, X[100:160]).shap_values(X[:30])
    np.testing.assert_allclose(values, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "n_classes"), [("xgboost", 2), ("xgboost", 0), ("lightgbm", 2), ("gradient boosting", 2)]
)
def test_shap_agrees_on_the_margins_of_boosted_trees(name, n_classes):
    model, _, _ = fit_case(name, n_classes)
    generator = np.random.default_rng(0)
    # Quarters between the one-digit decimals of training: never on a threshold, and exact in float32.
    rows, background = (np.round(generator.normal(20, 5, size=(n, 6))) + 0.25 for n in (30, 40))

    values, margins = explain(model, rows, background)

    explainer = shap.TreeExplainer(model, background, feature_perturbation="interventional")
    expected = explainer.shap_values(rows, check_additivity=False)
    scale = np.abs(margins(rows)).max()
    np.testing.assert_allclose(values[:, :, 0], expected, atol=1e-6 * scale)


@pytest.mark.parametrize("n_columns", [10, 18, 34, 61])
def test_shap_agrees_on_paths_through_many_columns(n_columns):
    model = fit_comb(n_columns)
    generator = np.random.default_rng(0)
    rows, background = (generator.random((n, n_columns)).round() for n in (30, 20))
    # Ones first and few zeros: rows that pair with the background in the deepest leaves.
    rows[:15], background[:10] = (generator.random((n, n_columns)) < 0.9 for n in (15, 10))

    values, _ = explain(model, rows, background)

    expected = shap.TreeExplainer(model, background).shap_values(rows)
    np.testing.assert_allclose(values[:, :, 0], expected, atol=1e-9 * np.abs(expected).max())
