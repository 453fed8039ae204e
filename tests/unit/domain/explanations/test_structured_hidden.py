"""Linear models and trees behind hidden columns: exact parts, small errors, the same truth as by asking."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from whybox.domain.explanations.coalition_games import PredictedGame
from whybox.domain.explanations.estimates import SamplingPlan
from whybox.domain.explanations.permutation_samplers import sample_game
from whybox.domain.explanations.quadratic_controls import QuadraticControl, fit_quadratic
from whybox.domain.explanations.sampled import attribute_sampled
from whybox.domain.explanations.split_trees import split_leaves
from whybox.domain.explanations.structured_linear import attribute_linear_behind_hidden
from whybox.domain.explanations.structured_trees import attribute_trees_behind_hidden

from .definition import shapley_by_definition
from .small_tables import assert_within_errors, make_small_table, view_fitted

SHARES = np.arange(1.0, 10.0) / 45.0
LITTLE = SamplingPlan(n_evaluations=1)
TREES = [("RandomForestClassifier", 2), ("RandomForestClassifier", 3), ("ExtraTreesRegressor", 0)]


def relative(found, expected):
    return np.abs(found - expected).mean() / np.abs(expected).mean()


@pytest.mark.parametrize(
    ("name", "n_classes", "n_layers", "unit"),
    [
        ("Ridge", 0, 1, None),
        ("ElasticNet", 0, 1, None),
        ("RidgeCV", 0, 3, None),
        ("LogisticRegression", 3, 1, "margin"),
    ],
)
def test_a_linear_model_behind_hidden_columns_errs_as_much_as_it_says(name, n_classes, n_layers, unit):
    view, rows, background = view_fitted(name, n_classes=n_classes, n_layers=n_layers, unit=unit)
    expected = shapley_by_definition(view.predict, rows, background, weights=SHARES)
    squares, stated = [], []
    for seed in range(25):
        found = attribute_linear_behind_hidden(view, rows, background, SHARES, plan=LITTLE, seed=seed)
        squares.append(np.mean((found.values - expected) ** 2))
        stated.append(np.mean(found.std_error**2))
        total = found.base_values + found.values.sum(axis=1)
        np.testing.assert_allclose(total, view.predict(rows), atol=1e-10)

    assert found.algorithm == "exact_linear_with_sampled_hidden"
    assert 0.5 < np.mean(squares) / np.mean(stated) < 1.7
    np.testing.assert_allclose(found.base_values, SHARES @ view.predict(background), atol=1e-10)


def test_a_linear_model_behind_hidden_columns_is_exact_where_that_is_cheap():
    view, rows, background = view_fitted("Ridge")

    found = attribute_sampled(view, rows, background, SHARES, seed=0)

    expected = shapley_by_definition(view.predict, rows, background, weights=SHARES)
    assert found.is_exact
    np.testing.assert_allclose(found.values, expected, atol=1e-10)


def test_groups_of_columns_share_what_hidden_columns_add():
    view, rows, background = view_fitted("Ridge")
    groups = np.array([0, 1, 2, 0, 1, 2])

    found = attribute_linear_behind_hidden(view, rows, background, SHARES, plan=LITTLE, seed=0, groups=groups)

    expected = shapley_by_definition(view.predict, rows, background, weights=SHARES, groups=groups)
    assert_within_errors(found, expected)


@pytest.mark.parametrize("weights", [np.full(40, 1 / 40), np.arange(1, 41) / 820])
def test_a_control_makes_the_error_smaller_and_leaves_the_truth(weights):
    table, _ = make_small_table(n_rows=52, seed=4)
    rows, background = table[:12], table[12:]

    def curved(X):
        return (np.exp(0.3 * X[:, :1]) + X[:, [0]] * X[:, [1]] - np.tanh(X[:, [2]] + X[:, [3]])) ** 1

    game = PredictedGame(curved, rows, background, np.arange(6))
    gradient, curvature = fit_quadratic(table.T, curved(table)[:, 0])
    control = QuadraticControl(
        gradient,
        curvature,
        rows=rows,
        background=background,
        weights=weights,
        players=np.arange(6),
        n_players=6,
    )
    plan = SamplingPlan(n_evaluations=12 * 10 * 12)

    plain = sample_game(game, weights, plan=plan, seed=0)
    helped = sample_game(game, weights, plan=plan, seed=0, control=control)

    expected = shapley_by_definition(curved, rows, background, weights=weights)
    assert_within_errors(helped, expected)
    np.testing.assert_allclose(helped.base_values + helped.values.sum(axis=1), curved(rows), atol=1e-12)
    assert helped.std_error.mean() < 0.6 * plain.std_error.mean()


def test_a_quadratic_function_is_its_own_control():
    generator = np.random.default_rng(0)
    A, g = generator.normal(size=(4, 4)), generator.normal(size=4)
    A = A + A.T
    rows, background = generator.normal(size=(3, 4)), generator.normal(size=(11, 4))
    shares = generator.dirichlet(np.ones(11))

    def quadratic(X):
        return (X @ g + 0.5 * np.einsum("ni,ij,nj->n", X, A, X))[:, None]

    control = QuadraticControl(
        g,
        A,
        rows=rows,
        background=background,
        weights=shares,
        players=np.array([0, 1, 0, 2]),
        n_players=3,
    )

    expected = shapley_by_definition(
        quadratic, rows, background, weights=shares, groups=np.array([0, 1, 0, 2])
    )
    np.testing.assert_allclose(control.values, expected, atol=1e-12)
    np.testing.assert_allclose(control.background_outputs, quadratic(background), atol=1e-12)


@pytest.mark.parametrize(("name", "n_classes"), TREES)
def test_trees_behind_hidden_columns_are_within_their_errors(name, n_classes):
    view, rows, background = view_fitted(name, n_classes=n_classes)

    found = attribute_trees_behind_hidden(
        view, rows, background, SHARES, plan=SamplingPlan(target_error=0.05), seed=0
    )

    expected = shapley_by_definition(view.predict, rows, background, weights=SHARES)
    assert found.algorithm == "exact_leaves_with_sampled_hidden"
    assert relative(found.values, expected) < 0.1
    assert_within_errors(found, expected)
    np.testing.assert_allclose(found.base_values + found.values.sum(axis=1), view.predict(rows), atol=1e-10)


def test_a_forest_that_tests_no_hidden_column_is_not_sampled_at_all():
    view, rows, background = view_fitted("RandomForestClassifier", n_classes=2)
    own, _ = split_leaves(view.hidden.trees, view.hidden.n_own)
    blind = replace(view, hidden=replace(view.hidden, trees=own))

    found = attribute_trees_behind_hidden(blind, rows, background, SHARES, plan=LITTLE, seed=0)

    def predict(X):
        return own.predict(view.hidden.hidden.transform(view.encode(X)))

    expected = shapley_by_definition(predict, rows, background, weights=SHARES)
    assert not found.std_error.any()
    np.testing.assert_allclose(found.values[..., 1], expected[..., 1], atol=1e-10)


def test_boosted_trees_behind_hidden_columns_are_explained_by_their_answers():
    view, rows, background = view_fitted("HistGradientBoostingClassifier", n_classes=2)

    found = attribute_sampled(view, rows, background, SHARES, seed=0)

    expected = shapley_by_definition(view.predict, rows, background, weights=SHARES)
    assert found.is_exact
    np.testing.assert_allclose(found.values, expected, atol=1e-9)
