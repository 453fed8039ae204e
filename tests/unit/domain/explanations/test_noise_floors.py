"""The noise floor separates columns that carry something from those that carry nothing."""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import LogisticRegression

from whybox.domain.explanations.noise_floors import estimate_noise_floor
from whybox.domain.explanations.permutation_importances import permute_columns


def floor_of(drops, *, seed=0):
    return estimate_noise_floor(drops.sum(axis=1), drops, seed=seed)


def test_columns_that_carry_nothing_pass_the_floor_in_one_table_of_twenty():
    generator = np.random.default_rng(0)
    passed = 0
    for table in range(200):
        drops = generator.normal(size=(12, 150)) * generator.uniform(0.2, 2.0, size=(12, 1))
        passed += drops.sum(axis=1).max() > floor_of(drops, seed=table)

    assert 2 <= passed <= 20  # 10 expected; a fair coin of 5 % stays here in 99.8 % of all cases


def test_a_strong_column_does_not_raise_the_floor_for_the_weak_ones():
    generator = np.random.default_rng(1)
    weak = generator.normal(scale=0.01, size=(8, 200))
    strong = generator.normal(loc=1.0, scale=5.0, size=(1, 200))

    alone = floor_of(weak)
    together = floor_of(np.vstack([weak, strong]))

    assert together < 1.2 * alone


def test_the_floor_is_zero_when_nothing_changes_a_score():
    assert floor_of(np.zeros((4, 30))) == 0.0


def test_equal_columns_have_the_floor_of_one():
    drops = np.random.default_rng(2).normal(size=(1, 100))

    one, many = floor_of(drops), floor_of(np.repeat(drops, 5, axis=0))

    np.testing.assert_allclose(one, many, rtol=0.1)


def test_noise_columns_of_a_fitted_model_stay_below_and_the_signal_stands_above():
    n_above = 0
    for seed in range(20):
        generator = np.random.default_rng(seed)
        X = generator.normal(size=(400, 6))
        y = (X[:, 0] + 0.5 * generator.normal(size=400) > 0).astype(int)
        model = LogisticRegression(C=1e6).fit(X[:60], y[:60])

        found = permute_columns(model, X[60:], y[60:], scoring="log_loss", n_repeats=5, seed=seed)

        assert found.importances_mean[0] > found.noise_floor
        n_above += np.any(found.importances_mean[1:] > found.noise_floor)

    # The model was fitted to 60 rows only: its noise columns do harm, which is a negative importance.
    assert n_above <= 3
