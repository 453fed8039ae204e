"""Interactions against their definition over all coalitions, written out again and independently here."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from math import factorial

import numpy as np
import pytest
from scipy import stats
from sklearn.ensemble import ExtraTreesRegressor, GradientBoostingRegressor, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsRegressor
from sklearn.tree import DecisionTreeRegressor

from whybox.domain.explanations.interactions import fill_matrices, find_pairs, rank_interactions
from whybox.domain.explanations.model_views import view_model
from whybox.errors import ExplanationCheckError, InteractionsUnavailableError


def coalition_answers(predict, rows, background, weights):
    """Return {coalition: mean answers (n, n_outputs)} with the coalition's columns taken from each row."""
    n_columns = rows.shape[1]
    answers = {}
    for size in range(n_columns + 1):
        for coalition in combinations(range(n_columns), size):
            hybrids = np.repeat(background[None], len(rows), axis=0)
            hybrids[:, :, list(coalition)] = rows[:, None, list(coalition)]
            given = predict(hybrids.reshape(-1, n_columns)).reshape(*hybrids.shape[:2], -1)
            answers[frozenset(coalition)] = np.einsum("m,nmo->no", weights, given)
    return answers


def matrices_by_definition(predict, rows, background, weights=None):
    """Return (n, p, p, n_outputs): interactions off the diagonal, attributions less interactions on it."""
    shares = np.full(len(background), 1.0) if weights is None else weights
    value = coalition_answers(predict, rows, background, shares / shares.sum())
    p = rows.shape[1]
    found = np.zeros((len(rows), p, p, value[frozenset()].shape[1]))
    for i, j in combinations(range(p), 2):
        for size in range(p - 1):
            worth = factorial(size) * factorial(p - size - 2) / (2 * factorial(p - 1))
            for chosen in combinations(sorted(set(range(p)) - {i, j}), size):
                S = frozenset(chosen)
                found[:, i, j] += worth * (value[S | {i, j}] - value[S | {i}] - value[S | {j}] + value[S])
        found[:, j, i] = found[:, i, j]
    for i in range(p):
        attribution = np.zeros_like(found[:, i, i])
        for size in range(p):
            worth = factorial(size) * factorial(p - size - 1) / factorial(p)
            for chosen in combinations(sorted(set(range(p)) - {i}), size):
                S = frozenset(chosen)
                attribution += worth * (value[S | {i}] - value[S])
        found[:, i, i] = attribution - found[:, i].sum(axis=1)
    return found


def interaction_matrices(view, rows, background, **options):
    """Return our matrices with the attributions by definition on top."""
    attributions = matrices_by_definition(view.predict, rows, background, options.get("weights")).sum(axis=2)
    return fill_matrices(find_pairs(view, rows, background, **options), attributions)


def values_of(found):
    """Return all blocks as one: (n_pairs, n, n_outputs)."""
    return np.concatenate([values for _, values in found.blocks], axis=1)


@pytest.fixture
def table():
    X = np.random.default_rng(3).normal(size=(90, 5))
    X[:, 3] = X[:, 0] + 0.1 * X[:, 3]
    X[:, 4] = np.round(X[:, 4])
    return X, X[:, 0] * X[:, 1] + np.sin(2 * X[:, 2]) * X[:, 4] + 0.2 * X[:, 3]


@pytest.mark.parametrize(
    "model",
    [
        GradientBoostingRegressor(n_estimators=12, max_depth=4, random_state=0),
        ExtraTreesRegressor(n_estimators=5, random_state=0),
    ],
    ids=["boosted", "deep extra trees"],
)
@pytest.mark.parametrize("n_background", [1, 7, 60], ids=str)
def test_interactions_of_tree_sums_equal_the_definition(table, model, n_background):
    X, y = table
    view = view_model(model.fit(X, y))
    rows, background = X[:6], X[20 : 20 + n_background]

    found = interaction_matrices(view, rows, background)

    expected = matrices_by_definition(view.predict, rows, background)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9 * np.abs(y).max())
    assert find_pairs(view, rows, background).algorithm == "interventional_tree_interactions"


def test_a_table_and_comparisons_give_the_same_interactions(table):
    """Few rows are compared, many are looked up: the same rows must come out the same among many."""
    X, y = table
    view = view_model(GradientBoostingRegressor(n_estimators=8, max_depth=5, random_state=0).fit(X, y))
    many = np.tile(X, (30, 1))

    of_few, of_many = (values_of(find_pairs(view, rows, X[:40])) for rows in (X[:2], many))

    np.testing.assert_allclose(of_few, of_many[:, :2], rtol=0, atol=1e-12)


def test_every_class_of_a_forest_has_its_own_interactions_that_cancel_over_classes(table):
    X, y = table
    classes = np.digitize(y, [-0.5, 0.5])
    view = view_model(RandomForestClassifier(n_estimators=6, random_state=0).fit(X, classes))

    found = interaction_matrices(view, X[:5], X[30:50])

    np.testing.assert_allclose(
        found, matrices_by_definition(view.predict, X[:5], X[30:50]), rtol=0, atol=1e-9
    )
    np.testing.assert_allclose(found.sum(axis=3), 0.0, atol=1e-12)


@pytest.mark.parametrize("n_met", [30, 12])
def test_a_leaf_with_more_conditions_than_a_table_holds_follows_the_closed_form(n_met):
    """A tree is 1 where all 30 columns are 1: the row has ``n_met`` of them, the background the others."""
    n = 30
    X = np.vstack([np.ones((1, n)), 1.0 - np.eye(n)])
    view = view_model(DecisionTreeRegressor(random_state=0).fit(X, np.arange(n + 1) == 0))
    row = np.where(np.arange(n) < n_met, 1.0, 0.0)[None]

    values = values_of(find_pairs(view, row, 1.0 - row))

    matrix = fill_matrices(find_pairs(view, row, 1.0 - row), np.zeros((1, n, 1)))[0, :, :, 0]
    assert len(values) == n * (n - 1) // 2
    n_rest = n - n_met
    orders = 2 * factorial(n - 1)
    both = factorial(n_met - 2) * factorial(n_rest) / orders
    np.testing.assert_allclose(matrix[0, 1:n_met], both, rtol=1e-12)
    if n_rest:
        each = factorial(n_met - 1) * factorial(n_rest - 1) / orders
        neither = factorial(n_met) * factorial(n_rest - 2) / orders
        np.testing.assert_allclose(matrix[0, n_met:], -each, rtol=1e-12)
        np.testing.assert_allclose(matrix[-1, n_met:-1], neither, rtol=1e-12)


def test_missing_values_and_a_weighted_background_are_followed(table):
    from xgboost import XGBRegressor

    X, y = table
    X = np.where(np.random.default_rng(0).random(X.shape) < 0.2, np.nan, X)
    view = view_model(XGBRegressor(n_estimators=10, max_depth=4, n_jobs=1, random_state=0).fit(X, y))
    weights = np.random.default_rng(1).random(25)

    found = interaction_matrices(view, X[:6], X[20:45], weights=weights)

    expected = matrices_by_definition(view.predict, X[:6], X[20:45], weights)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9)


def test_any_model_with_few_columns_is_answered_by_the_definition(table):
    X, y = table
    view = view_model(KNeighborsRegressor(n_neighbors=4).fit(X, y))

    found = interaction_matrices(view, X[:4], X[30:42])

    np.testing.assert_allclose(
        found, matrices_by_definition(view.predict, X[:4], X[30:42]), rtol=0, atol=1e-9
    )
    assert find_pairs(view, X[:4], X[30:42]).algorithm == "exact_coalitions"


def test_a_linear_classifier_has_no_interactions_in_log_odds_but_has_them_in_probability(table):
    X, y = table
    model = LogisticRegression().fit(X, y > 0)
    margin, probability = (view_model(model, unit=unit) for unit in ("margin", "probability"))

    assert len(find_pairs(margin, X[:4], X[30:42]).pairs) == 0
    found = interaction_matrices(probability, X[:4], X[30:42])
    expected = matrices_by_definition(probability.predict, X[:4], X[30:42])
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9)
    assert np.abs(found[:, 0, 3]).max() > 1e-5


def test_matrices_are_symmetric_and_their_rows_add_up_to_the_attributions(table):
    X, y = table
    view = view_model(ExtraTreesRegressor(n_estimators=4, random_state=0).fit(X, y))
    attributions = matrices_by_definition(view.predict, X[:5], X[40:60]).sum(axis=2)

    matrices = fill_matrices(find_pairs(view, X[:5], X[40:60]), attributions)

    np.testing.assert_array_equal(matrices, np.swapaxes(matrices, 1, 2))
    np.testing.assert_allclose(matrices.sum(axis=2), attributions, rtol=0, atol=1e-12)


def test_an_additive_model_of_stumps_has_exactly_no_interactions(table):
    X, y = table
    view = view_model(GradientBoostingRegressor(n_estimators=40, max_depth=1, random_state=0).fit(X, y))

    ranking = rank_interactions(view, X[:20], X[40:60])

    assert ranking.pairs.shape == (1, 0, 2)
    assert ranking.mean_abs.shape == (1, 0)


def test_a_column_no_tree_tests_interacts_with_nothing(table):
    X, y = table
    X = X.copy()
    X[:, 2] = 1.0
    view = view_model(ExtraTreesRegressor(n_estimators=4, random_state=0).fit(X, y))

    assert 2 not in find_pairs(view, X[:5], X[40:60]).pairs


def test_the_pair_that_makes_the_target_is_ranked_first_with_its_interval_over_rows(table):
    X, _ = table
    model = GradientBoostingRegressor(n_estimators=30, max_depth=3, random_state=0)
    view = view_model(model.fit(X, X[:, 1] * X[:, 2]))

    ranking = rank_interactions(view, X, X[::4], n_top=3)

    assert ranking.pairs.shape == (1, 3, 2)
    np.testing.assert_array_equal(ranking.pairs[0, 0], [1, 2])
    assert (np.diff(ranking.mean_abs) <= 0).all()
    sizes = np.abs(matrices_by_definition(view.predict, X, X[::4])[:, 1, 2, 0])
    low, high = stats.t.interval(0.95, len(X) - 1, loc=sizes.mean(), scale=stats.sem(sizes))
    np.testing.assert_allclose(
        [ranking.mean_abs[0, 0], ranking.low[0, 0], ranking.high[0, 0]], [sizes.mean(), low, high], rtol=1e-9
    )


def test_the_ranking_does_not_depend_on_how_rows_are_cut_into_blocks(table):
    X, y = table
    view = view_model(GradientBoostingRegressor(n_estimators=10, max_depth=3, random_state=0).fit(X, y))
    whole = values_of(find_pairs(view, X, X[:20]))

    parts = [values_of(find_pairs(view, X[start : start + 7], X[:20])) for start in range(0, len(X), 7)]

    np.testing.assert_allclose(np.concatenate(parts, axis=1), whole, rtol=0, atol=1e-12)


def test_columns_of_one_group_act_as_one_player(table):
    X, y = table
    model = GradientBoostingRegressor(n_estimators=10, max_depth=3, random_state=0).fit(X, y)
    groups = np.array([0, 1, 2, 0, 2])
    view = view_model(model)

    found = find_pairs(view, X[:4], X[20:40], groups=groups)

    by_coalitions = find_pairs(view.without_structure(), X[:4], X[20:40], groups=groups)
    assert by_coalitions.algorithm == "exact_coalitions"
    np.testing.assert_array_equal(found.pairs, by_coalitions.pairs)
    np.testing.assert_allclose(values_of(found), values_of(by_coalitions), rtol=0, atol=1e-9)


def test_a_single_row_has_no_interval(table):
    X, y = table
    view = view_model(GradientBoostingRegressor(n_estimators=5, random_state=0).fit(X, y))

    ranking = rank_interactions(view, X[:1], X[40:60])

    assert np.isnan(ranking.low).all()
    assert np.isfinite(ranking.mean_abs).all()


def test_a_model_without_an_exact_way_is_refused_before_any_work(table):
    X = np.random.default_rng(0).normal(size=(60, 24))
    view = view_model(KNeighborsRegressor().fit(X, X[:, 0]))

    with pytest.raises(InteractionsUnavailableError) as refused:
        rank_interactions(view, X[:10], X[:20])

    assert refused.value.n_players == 24


def test_a_structure_that_answers_unlike_its_model_is_not_used(table):
    X, y = table
    model = GradientBoostingRegressor(n_estimators=5, random_state=0)
    view = view_model(model.fit(X, y))
    other = replace(view, answer=lambda rows: 2.0 * view.answer(rows))

    found = find_pairs(other, X[:3], X[40:60])

    assert found.algorithm == "exact_coalitions"
    expected = matrices_by_definition(other.answer, X[:3], X[40:60])
    matrices = fill_matrices(found, expected.sum(axis=2))
    np.testing.assert_allclose(matrices, expected, rtol=0, atol=1e-9)


def test_values_that_are_not_finite_are_not_delivered(table):
    X, y = table
    view = view_model(KNeighborsRegressor().fit(X, y))
    broken = replace(view, predict=lambda rows: np.where(rows[:, :1] > 0, np.nan, view.predict(rows)))

    with pytest.raises(ExplanationCheckError):
        rank_interactions(replace(broken, answer=broken.predict), X[:3], X[40:60])
