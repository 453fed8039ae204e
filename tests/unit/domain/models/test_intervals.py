"""Intervals are those of CV+ by its definition, hold their level, and never move a prediction."""

from __future__ import annotations

import math

import numpy as np
import pytest
import sklearn.linear_model

from whybox.domain.models.catalogue import choose_model, fit_model
from whybox.domain.models.intervals import draw_folds, find_rank, prediction_intervals
from whybox.domain.models.ridge_folds import leave_ridge_folds_out
from whybox.domain.tasks import Task
from whybox.errors import IntervalLevelError, ParameterInvalidError


def make_task(seed: int = 0, *, n_train: int = 60, n_test: int = 40, noise: float = 1.0) -> Task:
    generator = np.random.default_rng(seed)
    n_rows = n_train + n_test
    X = generator.normal(size=(n_rows, 3))
    y = X @ [1, -2, 0] + np.abs(X[:, 0]) + noise * generator.normal(size=n_rows)
    rows = np.arange(n_rows)
    return Task("regression", ("a", "b", "c"), X, {}, y, (), rows[:n_train], rows[n_train:], ())


def fit(
    task: Task,
    *,
    family: str = "sklearn",
    name: str | None = "RidgeCV",
    n_hidden_features: int = 0,
    **options,
):
    spec = choose_model(
        "regression", family=family, name=name, n_hidden_features=n_hidden_features, **options
    )
    model = fit_model(spec, task)
    return model, model.predict(task.X[task.test])


def cv_plus_by_definition(task: Task, model, level: float):
    """Barber et al. (2021), equation for CV+: sort the n values of each test row and take two of them."""
    folds = draw_folds(len(task.train), n_folds=5, seed=model.spec.seed)
    share, n = 1 - level / 100, len(task.train)
    upper_rank, lower_rank = math.ceil((1 - share) * (n + 1) - 1e-9), math.floor(share * (n + 1) + 1e-9)
    low, high = np.empty((len(task.test), n)), np.empty((len(task.test), n))
    for i, row in enumerate(task.train):
        refitted = fit_model(model.spec, task, rows=task.train[folds != folds[i]])
        error = abs(task.y[row] - refitted.predict(task.X[[row]])[0])
        centre = refitted.predict(task.X[task.test])
        low[:, i], high[:, i] = centre - error, centre + error
    return np.sort(low)[:, lower_rank - 1], np.sort(high)[:, upper_rank - 1]


@pytest.mark.parametrize("level", [50, 80, 95])
def test_intervals_are_cv_plus_by_its_definition(level):
    task = make_task(n_train=40, n_test=5)
    model, predictions = fit(task, name="LinearRegression")

    actual = prediction_intervals(model, task, predictions=predictions, level=level)

    lower, upper = cv_plus_by_definition(task, model, level)
    np.testing.assert_allclose(actual.lower, np.minimum(lower, predictions))
    np.testing.assert_allclose(actual.upper, np.maximum(upper, predictions))
    assert (actual.method, actual.level, actual.n_folds) == ("cv+", level, 5)


@pytest.mark.parametrize("alpha", [0.01, 1.0, 100.0])
@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_ridge_folds_are_the_fits_without_the_fold(alpha, offset):
    generator = np.random.default_rng(0)
    F, F_test = generator.normal(size=(50, 6)) + offset, generator.normal(size=(7, 6)) + offset
    y = F @ generator.normal(size=6) + generator.normal(size=50) + offset
    folds = draw_folds(50, n_folds=5, seed=0)

    out_of_fold, on_test = leave_ridge_folds_out(F, y, F_test=F_test, folds=folds, alpha=alpha)

    scale = np.abs(y).max()
    for fold in range(5):
        expected = sklearn.linear_model.Ridge(alpha=alpha).fit(F[folds != fold], y[folds != fold])
        np.testing.assert_allclose(
            out_of_fold[folds == fold], expected.predict(F[folds == fold]), atol=1e-9 * scale
        )
        np.testing.assert_allclose(on_test[fold], expected.predict(F_test), atol=1e-9 * scale)


def test_the_closed_form_for_ridge_is_close_to_refitting_everything():
    task = make_task(n_train=200)
    model, predictions = fit(task, name="Ridge", n_hidden_features=5)

    actual = prediction_intervals(model, task, predictions=predictions)

    lower, upper = cv_plus_by_definition(task, model, 95)
    width = (upper - lower).mean()
    assert np.abs(actual.lower - lower).max() < 0.1 * width
    assert np.abs(actual.upper - upper).max() < 0.1 * width


@pytest.mark.parametrize("level", [80, 95])
@pytest.mark.parametrize("name", ["RidgeCV", "DecisionTreeRegressor"])
def test_the_level_is_held_over_many_tables(name, level):
    """60 tables x 100 test rows: the mean coverage has a standard error under 1 %."""
    coverages = []
    for seed in range(60):
        task = make_task(seed, n_train=50, n_test=100)
        model, predictions = fit(task, name=name)
        intervals = prediction_intervals(model, task, predictions=predictions, level=level)
        coverages.append(intervals.coverage(task.y[task.test]))

    assert np.mean(coverages) > level - 2
    if name == "RidgeCV":  # the folds' models of an unstable one differ, which widens CV+ by design
        assert np.mean(coverages) < level + 4


@pytest.mark.parametrize(("family", "name"), [("sklearn", "RidgeCV"), ("xgboost", None)])
def test_every_interval_holds_its_prediction_and_higher_levels_hold_lower_ones(family, name):
    task = make_task(n_train=80)
    model, predictions = fit(task, family=family, name=name, n_hidden_features=2)

    narrow, wide = (
        prediction_intervals(model, task, predictions=predictions, level=level) for level in (60, 90)
    )

    assert (narrow.lower <= predictions).all()
    assert (predictions <= narrow.upper).all()
    assert (wide.lower <= narrow.lower).all()
    assert (narrow.upper <= wide.upper).all()
    np.testing.assert_array_equal(model.predict(task.X[task.test]), predictions)


def test_an_interval_is_widened_to_hold_a_prediction_outside_of_it():
    task = make_task()
    model, predictions = fit(task)
    inside = prediction_intervals(model, task, predictions=predictions)

    for shift in (-100, 100):
        widened = prediction_intervals(model, task, predictions=predictions + shift)
        np.testing.assert_array_equal(widened.lower, np.minimum(inside.lower, predictions + shift))
        np.testing.assert_array_equal(widened.upper, np.maximum(inside.upper, predictions + shift))


def test_the_same_seed_gives_the_same_intervals():
    task = make_task()
    model, predictions = fit(task, name="Lasso", seed=3)

    first, again = (prediction_intervals(model, task, predictions=predictions) for _ in range(2))

    np.testing.assert_array_equal(first.lower, again.lower)


def test_too_few_rows_for_the_level_are_refused_with_the_largest_level_they_allow():
    task = make_task(n_train=18)
    model, predictions = fit(task)

    with pytest.raises(IntervalLevelError) as caught:
        prediction_intervals(model, task, predictions=predictions, level=95)

    assert caught.value.largest == 94.7
    assert np.isfinite(prediction_intervals(model, task, predictions=predictions, level=94.7).upper).all()


@pytest.mark.parametrize("level", [49.9, 100, 99.95, -5, float("nan")])
def test_a_level_outside_its_range_is_refused(level):
    with pytest.raises(ParameterInvalidError):
        find_rank(level, n_rows=1000)


@pytest.mark.parametrize(
    ("level", "n_rows", "rank"), [(95, 19, 19), (95, 39, 38), (90, 19, 18), (50, 1, 1), (99.9, 999, 999)]
)
def test_the_rank_is_the_smallest_share_of_n_plus_one(level, n_rows, rank):
    assert find_rank(level, n_rows=n_rows) == rank


def test_coverage_counts_the_ends():
    task = make_task()
    model, predictions = fit(task)
    intervals = prediction_intervals(model, task, predictions=predictions)

    assert intervals.coverage(intervals.lower) == intervals.coverage(intervals.upper) == 100
    assert intervals.coverage(intervals.upper + 1e-9) == 0


def test_folds_differ_by_at_most_one_row():
    folds = draw_folds(53, n_folds=5, seed=1)

    assert sorted(np.bincount(folds)) == [10, 10, 11, 11, 11]
