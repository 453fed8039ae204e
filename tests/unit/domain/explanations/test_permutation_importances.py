"""Permutation importance: scikit-learn's numbers, and what its numbers leave out."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import t as student
from sklearn.datasets import make_classification, make_friedman1
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression, Ridge
from xgboost import XGBClassifier

from whybox.domain.explanations import permutation_importances
from whybox.domain.explanations.permutation_importances import permute_columns
from whybox.errors import ScoringUnknownError

MODELS = {
    "forest": RandomForestClassifier(25, random_state=0),
    "xgboost": XGBClassifier(n_estimators=20, max_depth=3, n_jobs=1),
    "logistic regression": LogisticRegression(max_iter=2000),
    "ridge": Ridge(),
    "forest of numbers": RandomForestRegressor(15, random_state=0),
}
SCIKIT_LEARN_NAMES = {
    "balanced_accuracy": "balanced_accuracy",
    "log_loss": "neg_log_loss",
    "roc_auc": "roc_auc",
    "mae": "neg_mean_absolute_error",
    "mse": "neg_mean_squared_error",
    "rmse": "neg_root_mean_squared_error",
}


def make_case(name):
    if name in ("ridge", "forest of numbers"):
        X, y = make_friedman1(220, 8, noise=1.0, random_state=0)
    else:
        X, y = make_classification(220, 8, n_informative=4, n_redundant=2, flip_y=0.1, random_state=0)
    return MODELS[name].fit(X[:150], y[:150]), X[150:], y[150:]


@pytest.mark.parametrize("name", [name for name in MODELS if name != "ridge"])
def test_the_default_numbers_are_scikit_learns_bit_for_bit(name):
    model, X, y = make_case(name)
    expected = permutation_importance(model, X, y, n_repeats=10, random_state=42)

    found = permute_columns(model, X, y)

    np.testing.assert_array_equal(found.importances, expected.importances)
    np.testing.assert_array_equal(found.importances_mean, expected.importances_mean)
    np.testing.assert_array_equal(found.importances_std, expected.importances_std)


def test_a_linear_models_numbers_differ_by_rounding_at_most():
    # BLAS adds the last rows of a batch in another order than the others, so a batch is not bit-identical.
    model, X, y = make_case("ridge")
    expected = permutation_importance(model, X, y, n_repeats=10, random_state=42)

    found = permute_columns(model, X, y)

    np.testing.assert_allclose(found.importances, expected.importances, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("scoring", SCIKIT_LEARN_NAMES)
def test_every_other_scoring_gives_scikit_learns_numbers_too(scoring):
    model, X, y = make_case("ridge" if scoring in ("mae", "mse", "rmse") else "logistic regression")
    name = SCIKIT_LEARN_NAMES[scoring]
    expected = permutation_importance(model, X, y, scoring=name, n_repeats=4, random_state=7)

    found = permute_columns(model, X, y, scoring=scoring, n_repeats=4, seed=7)

    np.testing.assert_allclose(found.importances, expected.importances, atol=1e-12)


def test_labels_may_be_words():
    _, X, y = make_case("forest")
    words = np.array(["no", "yes"])
    renamed = RandomForestClassifier(25, random_state=0).fit(X, words[y])
    expected = permutation_importance(renamed, X, words[y], n_repeats=10, random_state=42)

    found = permute_columns(renamed, X, words[y])

    np.testing.assert_array_equal(found.importances, expected.importances)


def test_small_blocks_do_not_change_a_number(monkeypatch):
    model, X, y = make_case("forest")
    whole = permute_columns(model, X, y)

    monkeypatch.setattr(permutation_importances, "BLOCK_CELLS", 1)

    np.testing.assert_array_equal(permute_columns(model, X, y).importances, whole.importances)


def test_a_column_the_model_ignores_has_importance_zero_and_loses_no_sign():
    generator = np.random.default_rng(0)
    X = generator.normal(size=(200, 3))
    model = Ridge().fit(X * [1.0, 1.0, 0.0], X[:, 0] - X[:, 1])

    found = permute_columns(model, X, X[:, 0] - X[:, 1])

    assert np.all(found.importances[2] == 0.0)
    assert np.all(found.importances_mean[:2] > found.noise_floor)


def test_two_copies_share_their_importance_alone_and_show_it_as_a_group():
    generator = np.random.default_rng(1)
    base = generator.normal(size=(300, 2))
    X = np.column_stack([base[:, 0], base[:, 0], base[:, 1]])
    y = 2 * base[:, 0] + 0.5 * base[:, 1]
    model = Ridge(alpha=1e-3).fit(X, y)

    alone = permute_columns(model, X, y)
    together = permute_columns(model, X, y, groups={"copies": [0, 1], "other": [2]})

    assert together.names == ("copies", "other")
    assert together.importances_mean[0] > 1.7 * alone.importances_mean[:2].sum()
    np.testing.assert_array_equal(together.importances[1], alone.importances[2])


def test_the_interval_is_students_over_the_repeats():
    model, X, y = make_case("ridge")

    found = permute_columns(model, X, y, n_repeats=6)

    expected = student.interval(
        0.95, 5, loc=found.importances_mean, scale=found.importances.std(axis=1, ddof=1) / np.sqrt(6)
    )
    np.testing.assert_allclose(found.interval, expected, rtol=1e-9)


def test_one_repeat_has_no_interval():
    model, X, y = make_case("ridge")

    low, high = permute_columns(model, X, y, n_repeats=1).interval

    assert np.isnan(low).all()
    assert np.isnan(high).all()


def test_missing_cells_are_dealt_like_any_other():
    _, X, y = make_case("forest")
    holed = np.where(np.random.default_rng(0).random(X.shape) < 0.2, np.nan, X)
    model = RandomForestClassifier(10, random_state=0).fit(holed, y)
    expected = permutation_importance(model, holed, y, n_repeats=10, random_state=42)

    found = permute_columns(model, holed, y)

    np.testing.assert_array_equal(found.importances, expected.importances)


def test_an_unknown_scoring_is_refused():
    model, X, y = make_case("ridge")

    with pytest.raises(ScoringUnknownError, match="r2"):
        permute_columns(model, X, y, scoring="accuracy")
