"""A control learnt from a pilot: smaller errors for near-additive models, the same truth for all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from whybox.domain.explanations.additive_controls import learn_control
from whybox.domain.explanations.coalition_games import PredictedGame
from whybox.domain.explanations.estimates import SamplingPlan
from whybox.domain.explanations.permutation_samplers import sample_game

from .definition import shapley_by_definition
from .small_tables import assert_within_errors, make_small_table

COLUMNS = np.arange(6)


def near_additive(X):
    return np.column_stack([np.exp(X[:, 0] / 2) - X[:, 1] ** 2 + 0.2 * X[:, 2] * X[:, 3], X[:, 0] > 0.5])


def crossed(X):
    return (X[:, [0]] * X[:, [1]] * X[:, [2]] > 0).astype(float)


def make_case(predict, *, n_rows=60, n_background=120):
    table, _ = make_small_table(n_rows=n_rows + n_background, seed=3)
    rows, background = table[:n_rows], table[n_rows:]
    shares = np.random.default_rng(0).dirichlet(np.full(n_background, 20.0))
    game = PredictedGame(predict, rows, background, COLUMNS)
    return game, rows, background, shares


def plan_pairs(game, n_pairs):
    return SamplingPlan(n_evaluations=n_pairs * 10 * len(game.predictions))


@pytest.mark.parametrize("predict", [near_additive, crossed])
def test_values_stay_within_their_errors_and_add_up(predict):
    game, rows, background, shares = make_case(predict)
    control = learn_control(game, background, COLUMNS, shares, n_pairs=40, seed=0)

    found = sample_game(game, shares, plan=plan_pairs(game, 40), seed=0, control=control)

    expected = shapley_by_definition(predict, rows[:5], background, weights=shares)
    assert_within_errors(first_rows(found, 5), expected)
    np.testing.assert_allclose(found.base_values + found.values.sum(axis=1), game.predictions, atol=1e-10)
    if control is not None:
        assert np.all(found.values[:, 4:] == 0.0)


def first_rows(found, n_rows):
    """Return the estimate of some rows only: the definition is slow."""
    return replace(found, values=found.values[:n_rows], std_error=found.std_error[:n_rows])


def test_the_error_of_a_near_additive_model_is_much_smaller():
    game, _, background, shares = make_case(near_additive)
    control = learn_control(game, background, COLUMNS, shares, n_pairs=40, seed=0)

    plain = sample_game(game, shares, plan=plan_pairs(game, 40), seed=0)
    helped = sample_game(game, shares, plan=plan_pairs(game, 40), seed=0, control=control)

    assert helped.std_error.mean() < 0.65 * plain.std_error.mean()


def test_missing_cells_are_a_step_of_their_own():
    def missing_counts(X):
        return np.where(np.isnan(X[:, [0]]), 3.0, X[:, [0]]) + np.nan_to_num(X[:, [1]])

    table, _ = make_small_table(n_rows=180, seed=3)
    table = np.where(np.random.default_rng(1).random(table.shape) < 0.3, np.nan, table)
    game = PredictedGame(missing_counts, table[:60], table[60:], COLUMNS)
    shares = np.full(120, 1 / 120)
    control = learn_control(game, table[60:], COLUMNS, shares, n_pairs=40, seed=0)

    plain = sample_game(game, shares, plan=plan_pairs(game, 40), seed=0)
    helped = sample_game(game, shares, plan=plan_pairs(game, 40), seed=0, control=control)

    assert helped.std_error.mean() < 0.5 * plain.std_error.mean()


@pytest.mark.parametrize(("n_rows", "n_pairs"), [(60, 10), (60, 120), (2, 30)])
def test_no_pilot_is_run_where_it_would_not_pay(n_rows, n_pairs):
    game, _, background, shares = make_case(near_additive, n_rows=n_rows)

    assert learn_control(game, background, COLUMNS, shares, n_pairs=n_pairs, seed=0) is None
