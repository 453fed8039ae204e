"""Sampled values: unbiased, additive to rounding, with errors that mean what they say."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from whybox.domain.explanations.coalition_games import PredictedGame
from whybox.domain.explanations.estimates import SamplingPlan
from whybox.domain.explanations.exact_coalitions import attribute_all_coalitions
from whybox.domain.explanations.permutation_samplers import sample_game
from whybox.domain.explanations.quantiles import student_quantile
from whybox.domain.explanations.sampled import attribute_game, attribute_sampled

from .definition import shapley_by_definition
from .small_tables import assert_within_errors, make_small_table, view_small

SHARES = np.arange(1.0, 10.0) / 45.0
NINTH = np.full(9, 1.0 / 9.0)


def curved(X):
    """Return two outputs with interactions of every order; columns 4 and 5 are not used."""
    inner = np.tanh(X[:, 0] * X[:, 1] + X[:, 2]) * np.exp(0.3 * X[:, 3])
    return np.column_stack([inner + X[:, 0], inner > 0.2]).astype(float)


def make_game(predict, rows, background, groups=None):
    columns = np.arange(rows.shape[1]) if groups is None else groups
    return PredictedGame(predict, rows, background, columns)


def make_pairs_plan(game, n_pairs):
    walked = 2 * (game.n_players - 1) * len(game.predictions)
    return SamplingPlan(n_evaluations=n_pairs * walked)


def make_rows(n_background=9):
    table, _ = make_small_table(n_rows=4 + n_background, seed=2)
    return table[:4], table[4:]


@pytest.mark.parametrize("weights", [NINTH, SHARES])
def test_all_coalitions_give_the_definition(weights):
    rows, background = make_rows()

    found = attribute_all_coalitions(make_game(curved, rows, background), weights)

    expected = shapley_by_definition(curved, rows, background, weights=weights)
    np.testing.assert_allclose(found.values, expected, atol=1e-12)
    assert found.is_exact


def test_few_players_are_explained_exactly_and_the_result_says_so():
    view, rows, background = view_small(KNeighborsClassifier(), n_classes=3)

    found = attribute_sampled(view, rows, background, SHARES, seed=0)

    expected = shapley_by_definition(view.predict, rows, background, weights=SHARES)
    np.testing.assert_allclose(found.values, expected, atol=1e-12)
    assert found.algorithm == "exact_coalitions"
    assert not found.std_error.any()


@pytest.mark.parametrize("n_pairs", [4, 20, 200])
@pytest.mark.parametrize("weights", [NINTH, SHARES])
def test_sampled_values_lie_within_their_errors_of_the_definition(weights, n_pairs):
    rows, background = make_rows()
    game = make_game(curved, rows, background)

    found = sample_game(game, weights, plan=make_pairs_plan(game, n_pairs), seed=3)

    expected = shapley_by_definition(curved, rows, background, weights=weights)
    assert_within_errors(found, expected)
    assert found.degrees_of_freedom > 0


@pytest.mark.parametrize("n_background", [1, 3, 60])
@pytest.mark.parametrize("n_pairs", [1, 7, 25, 130])
def test_values_add_up_whatever_the_sample(n_background, n_pairs):
    rows, background = make_rows(n_background)
    weights = np.random.default_rng(0).dirichlet(np.ones(n_background))
    game = make_game(curved, rows, background)

    found = sample_game(game, weights, plan=make_pairs_plan(game, n_pairs), seed=1)

    total = found.base_values + found.values.sum(axis=1)
    np.testing.assert_allclose(total, curved(rows), atol=1e-12)
    np.testing.assert_allclose(found.base_values, weights @ curved(background), atol=1e-12)


def test_values_add_up_when_one_background_row_alone_has_another_answer():
    rows, background = make_rows(200)

    def rare(X):
        return (X[:, :1] > background[:, 0].max() - 1e-9).astype(float) + X[:, 1:2] * 0.0

    game = make_game(rare, np.vstack([rows, background[:2] + 5.0]), background)
    weights = np.full(200, 0.005)

    found = sample_game(game, weights, plan=make_pairs_plan(game, 12), seed=0)

    np.testing.assert_allclose(found.base_values + found.values.sum(axis=1), game.predictions, atol=1e-12)
    assert np.all(found.values[:, 1:] == 0.0)


@pytest.mark.parametrize("n_background", [9, 60])
def test_a_column_the_model_does_not_use_gets_exactly_zero(n_background):
    rows, background = make_rows(n_background)
    game = make_game(curved, rows, background)
    weights = np.full(n_background, 1.0 / n_background)

    found = sample_game(game, weights, plan=make_pairs_plan(game, 10), seed=2)

    assert np.all(found.values[:, 4:] == 0.0)
    assert np.all(found.std_error[:, 4:] == 0.0)
    assert np.all(found.values[:, :4, 0] != 0.0)


def test_a_cell_that_equals_every_background_cell_gets_exactly_zero():
    rows, background = make_rows()
    background[:, 2] = rows[1, 2]
    game = make_game(curved, rows, background)

    found = sample_game(game, NINTH, plan=make_pairs_plan(game, 20), seed=0)

    assert np.all(found.values[1, 2] == 0.0)
    assert np.all(found.values[0, 2] != 0.0)


def test_copies_of_a_column_get_equal_values_within_their_errors():
    rows, background = make_rows()
    rows, background = (np.column_stack([part[:, :4], part[:, 0]]) for part in (rows, background))

    def symmetric(X):
        return np.tanh(X[:, [0]] + X[:, [4]]) * X[:, [1]] + X[:, [2]]

    game = make_game(symmetric, rows, background)
    exact = attribute_all_coalitions(game, NINTH)
    found = sample_game(game, NINTH, plan=make_pairs_plan(game, 400), seed=0)

    np.testing.assert_allclose(exact.values[:, 0], exact.values[:, 4], atol=1e-12)
    error = np.hypot(found.std_error[:, 0], found.std_error[:, 4])
    assert np.all(np.abs(found.values[:, 0] - found.values[:, 4]) <= 4 * error)


def test_missing_cells_are_explained():
    X, y = make_small_table(n_classes=2)
    holed = np.where(np.random.default_rng(0).random(X.shape) < 0.3, np.nan, X)
    model = RandomForestClassifier(10, random_state=0).fit(holed, y)
    rows, background = holed[:5], holed[20:29]
    game = make_game(model.predict_proba, rows, background)

    exact = attribute_all_coalitions(game, NINTH)
    sampled = sample_game(game, NINTH, plan=make_pairs_plan(game, 60), seed=0)

    expected = shapley_by_definition(model.predict_proba, rows, background)
    np.testing.assert_allclose(exact.values, expected, atol=1e-12)
    assert_within_errors(sampled, expected)


def test_grouped_columns_are_one_player():
    rows, background = make_rows()
    groups = np.array([0, 1, 0, 2, 2, 1])
    game = make_game(curved, rows, background, groups)

    exact = attribute_all_coalitions(game, NINTH)
    sampled = sample_game(game, NINTH, plan=make_pairs_plan(game, 100), seed=0)

    expected = shapley_by_definition(curved, rows, background, groups=groups)
    np.testing.assert_allclose(exact.values, expected, atol=1e-12)
    assert_within_errors(sampled, expected)


def test_one_player_gets_the_whole_difference():
    rows, background = make_rows()
    game = make_game(curved, rows, background, np.zeros(6, dtype=np.int64))

    found = attribute_game(game, background, np.zeros(6, dtype=np.int64), SHARES, plan=SamplingPlan(), seed=0)

    np.testing.assert_allclose(found.values[:, 0], curved(rows) - SHARES @ curved(background), atol=1e-12)


@pytest.mark.parametrize(("n_background", "n_pairs"), [(9, 9), (60, 8), (60, 18)])
def test_intervals_cover_the_truth_as_often_as_they_say(n_background, n_pairs):
    rows, background = make_rows(n_background)
    game = make_game(curved, rows, background)
    weights = np.full(n_background, 1.0 / n_background)
    truth = attribute_all_coalitions(game, weights).values[:, :4]
    plan, covered = make_pairs_plan(game, n_pairs), []
    for seed in range(40):
        found = sample_game(game, weights, plan=plan, seed=seed)
        half = student_quantile(0.975, degrees_of_freedom=found.degrees_of_freedom) * found.std_error[:, :4]
        covered.append(np.abs(found.values[:, :4] - truth) <= half)

    assert 0.92 <= np.mean(covered) <= 0.985


def test_the_least_work_on_a_single_row_still_knows_its_error():
    rows, background = make_rows(90)
    game = make_game(lambda X: (X[:, :1] > 1.0) * 1.0 + 0.1 * (X[:, 1:2] > 0.0), rows[:1], background)
    weights = np.full(90, 1.0 / 90.0)
    truth = attribute_all_coalitions(game, weights).values[:, :2]
    covered = []
    for seed in range(60):
        found = sample_game(game, weights, plan=SamplingPlan(n_evaluations=0), seed=seed)
        half = student_quantile(0.975, degrees_of_freedom=found.degrees_of_freedom) * found.std_error[:, :2]
        covered.append(np.abs(found.values[:, :2] - truth) <= half)

    assert np.mean(covered) >= 0.9


def test_the_mean_over_seeds_is_the_truth():
    rows, background = make_rows(60)
    game = make_game(curved, rows, background)
    weights = np.full(60, 1.0 / 60.0)
    truth = attribute_all_coalitions(game, weights).values
    plan = make_pairs_plan(game, 16)

    values = np.array([sample_game(game, weights, plan=plan, seed=seed).values for seed in range(60)])

    error = values.std(axis=0, ddof=1) / np.sqrt(60)
    assert np.all(np.abs(values.mean(axis=0) - truth) <= 4.5 * error + 1e-12)


def test_a_target_is_reached_or_the_work_is_used_up():
    rows, background = make_rows(60)
    game = make_game(curved, rows, background)
    weights = np.full(60, 1.0 / 60.0)
    first = make_pairs_plan(game, 8).n_evaluations

    def error_of(**plan):
        found = sample_game(game, weights, plan=SamplingPlan(n_evaluations=first, **plan), seed=0)
        return found.std_error.mean() / np.abs(found.values).mean(), found.n_evaluations

    loose, loose_work = error_of()
    tight, tight_work = error_of(target_error=0.06)
    stopped, stopped_work = error_of(target_error=1e-9, max_rounds=3)

    assert tight <= 0.06 < loose
    assert loose_work == first < tight_work
    assert stopped > 1e-9
    assert stopped_work <= 3 * first


def test_the_same_seed_gives_the_same_bytes_and_another_seed_other_values():
    rows, background = make_rows()
    game = make_game(curved, rows, background)

    first, again, other = (
        sample_game(game, NINTH, plan=make_pairs_plan(game, 20), seed=seed).values for seed in (5, 5, 6)
    )

    assert first.tobytes() == again.tobytes()
    assert not np.array_equal(first, other)


def test_cells_that_do_not_change_are_not_asked_for_again():
    X = np.random.default_rng(0).integers(0, 2, size=(40, 6)).astype(float)
    asked = []

    def predict(part):
        asked.append(len(part))
        return part.sum(axis=1, keepdims=True)

    game = make_game(predict, X[:4], X[4:])
    asked.clear()
    sample_game(game, np.full(36, 1 / 36), plan=make_pairs_plan(game, 36), seed=0)

    n_steps = 4 * 72 * 2 * 5
    assert sum(asked) < 0.6 * n_steps


def test_a_model_without_a_structure_is_explained_by_its_answers():
    view, rows, background = view_small(KNeighborsRegressor(weights="distance"))

    found = attribute_sampled(view, rows, background, SHARES, plan=SamplingPlan(n_evaluations=2000), seed=0)

    expected = shapley_by_definition(view.predict, rows, background, weights=SHARES)
    assert found.algorithm == "antithetic_permutations"
    assert_within_errors(found, expected)
