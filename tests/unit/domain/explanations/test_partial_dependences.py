"""Partial dependence against scikit-learn's brute force, and the choices of grid and rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.ensemble import GradientBoostingRegressor, RandomForestClassifier
from sklearn.inspection import partial_dependence
from sklearn.linear_model import LinearRegression

from whybox.domain.explanations.model_views import view_model
from whybox.domain.explanations.partial_dependences import CurvePlan, choose_grid, trace_columns
from whybox.errors import ExplanationCheckError


@pytest.fixture
def table():
    X = np.random.default_rng(5).normal(size=(80, 4))
    X[:, 3] = np.random.default_rng(6).integers(0, 3, size=80)
    return X, X[:, 0] ** 2 + X[:, 1] * X[:, 3]


def brute_force(model, X, column, grid):
    return partial_dependence(
        model, X, [column], custom_values={column: grid}, method="brute", kind="both", percentiles=(0, 1)
    )


@pytest.mark.parametrize("column", range(4))
def test_curves_of_a_regressor_equal_scikit_learns_brute_force(table, column):
    X, y = table
    model = GradientBoostingRegressor(n_estimators=20, random_state=0).fit(X, y)

    (curve,) = trace_columns(view_model(model), X, [column], plan=CurvePlan(n_individuals=len(X)))

    expected = brute_force(model, X, column, curve.grid)
    np.testing.assert_allclose(curve.mean[:, 0], expected["average"][0], rtol=0, atol=1e-12)
    np.testing.assert_allclose(curve.individuals[:, :, 0], expected["individual"][0], rtol=0, atol=1e-12)


def test_curves_of_a_classifier_are_probabilities_of_every_class(table):
    X, y = table
    classes = np.digitize(y, [-0.5, 0.5])
    model = RandomForestClassifier(n_estimators=10, random_state=0).fit(X, classes)

    (curve,) = trace_columns(view_model(model), X, [1])

    expected = brute_force(model, X, 1, curve.grid)
    np.testing.assert_allclose(curve.mean.T, expected["average"], rtol=0, atol=1e-12)
    np.testing.assert_allclose(curve.mean.sum(axis=1), 1.0, atol=1e-12)


def test_a_linear_model_has_straight_parallel_curves(table):
    X, y = table
    model = LinearRegression().fit(X, y)

    (curve,) = trace_columns(view_model(model), X, [2])

    slopes = np.diff(curve.individuals[:, :, 0]) / np.diff(curve.grid)
    np.testing.assert_allclose(slopes, model.coef_[2], rtol=0, atol=1e-9)


def test_the_standard_error_is_that_of_a_mean_over_rows(table):
    X, y = table
    model = GradientBoostingRegressor(n_estimators=20, random_state=0).fit(X, y)

    (curve,) = trace_columns(view_model(model), X, [0], plan=CurvePlan(n_individuals=len(X)))

    expected = curve.individuals.std(axis=0, ddof=1) / np.sqrt(len(X))
    np.testing.assert_allclose(curve.std_error, expected, rtol=1e-12)


@pytest.mark.parametrize(("n_rows", "n_points"), [(60_000, 20), (600_000, 2)], ids=["grid", "rows"])
def test_more_cells_than_a_batch_holds_are_cut_without_a_trace(n_rows, n_points):
    X = np.random.default_rng(0).normal(size=(n_rows, 8))
    model = LinearRegression().fit(X[:50], X[:50] @ np.arange(1.0, 9.0))
    plan = CurvePlan(n_points=n_points, n_rows=n_rows, n_individuals=3)

    (curve,) = trace_columns(view_model(model), X, [5], plan=plan)

    others = model.intercept_ + np.delete(X, 5, axis=1).mean(axis=0) @ np.delete(model.coef_, 5)
    np.testing.assert_allclose(curve.mean[:, 0], others + model.coef_[5] * curve.grid, rtol=0, atol=1e-9)
    own = X[curve.individual_ids] @ model.coef_ + model.intercept_
    shift = model.coef_[5] * (curve.grid - X[curve.individual_ids, 5, None])
    np.testing.assert_allclose(curve.individuals[:, :, 0], own[:, None] + shift, rtol=0, atol=1e-9)


def test_a_large_table_is_averaged_over_a_seeded_sample_of_its_rows(table):
    X, y = table
    view = view_model(LinearRegression().fit(X, y))
    plan = CurvePlan(n_rows=30, n_individuals=4, seed=1)

    first, again = (trace_columns(view, X, [0], plan=plan)[0] for _ in range(2))

    assert len(first.row_ids) == 30
    assert set(first.individual_ids) <= set(first.row_ids)
    assert first.individuals.shape == (4, 20, 1)
    np.testing.assert_array_equal(first.mean, again.mean)
    np.testing.assert_array_equal(first.row_ids, again.row_ids)


def test_a_column_the_model_does_not_use_has_flat_curves(table):
    X, y = table
    model = GradientBoostingRegressor(n_estimators=5, max_depth=2, random_state=0)
    view = view_model(model.fit(np.where(np.arange(4) == 2, 0.0, X), y))

    (curve,) = trace_columns(view, X, [2])

    assert np.ptp(curve.individuals, axis=1).max() == 0.0


def test_missing_cells_are_a_grid_point_of_their_own(table):
    from xgboost import XGBRegressor

    X, y = table
    X = X.copy()
    X[::3, 0] = np.nan
    model = XGBRegressor(n_estimators=10, n_jobs=1, random_state=0).fit(X, y)
    view = view_model(model)

    (curve,) = trace_columns(view, X, [0])

    assert np.isnan(curve.grid[-1])
    assert np.isfinite(curve.mean).all()
    emptied = X.copy()
    emptied[:, 0] = np.nan
    np.testing.assert_allclose(curve.mean[-1, 0], view.predict(emptied).mean(), rtol=1e-12)


def test_every_category_is_a_grid_point_however_many_there_are(table):
    X, y = table
    codes = np.arange(len(X), dtype=np.float64) % 40
    X = np.column_stack([X, codes])
    view = view_model(LinearRegression().fit(X, y))

    numeric, categorical = (trace_columns(view, X, [4], categorical=chosen)[0] for chosen in ([], [4]))

    assert len(numeric.grid) <= 20
    np.testing.assert_array_equal(categorical.grid, np.arange(40))


def test_a_grid_follows_the_quantiles_and_holds_values_that_occur():
    values = np.random.default_rng(0).exponential(size=1001)
    values[0] = 1e9

    grid = choose_grid(values, n_points=11)

    assert np.isin(grid, values).all()
    assert grid[-1] < 100.0
    np.testing.assert_allclose(grid, np.quantile(values, np.linspace(0.01, 0.99, 11)), rtol=0.1, atol=0.01)


def test_few_different_values_are_all_in_the_grid():
    np.testing.assert_array_equal(choose_grid(np.array([2.0, 1.0, 2.0, 7.0]), n_points=5), [1.0, 2.0, 7.0])


def test_a_single_row_has_no_standard_error(table):
    X, y = table

    (curve,) = trace_columns(view_model(LinearRegression().fit(X, y)), X[:1], [0])

    assert np.isnan(curve.std_error).all()
    assert curve.grid.shape == (1,)


def test_answers_that_are_not_finite_are_not_delivered(table):
    X, y = table
    view = view_model(LinearRegression().fit(X, y))
    view = replace(view, predict=lambda rows: np.where(rows[:, :1] > 0.5, np.inf, 0.0))

    with pytest.raises(ExplanationCheckError):
        trace_columns(view, X, [0])
