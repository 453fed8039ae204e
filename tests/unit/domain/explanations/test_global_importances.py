"""Global importance: means, intervals over rows, and the edge of a single row."""

from __future__ import annotations

import numpy as np
from scipy import stats

from whybox.domain.explanations.global_importances import summarise_attributions


def test_the_mean_is_taken_over_absolute_values():
    values = np.array([[[1.0], [0.0]], [[-3.0], [0.0]]])

    summary = summarise_attributions(values)

    np.testing.assert_array_equal(summary.mean_abs, [[2.0], [0.0]])


def test_the_interval_is_the_student_interval_over_rows():
    values = np.random.default_rng(0).normal(size=(40, 3, 2))

    summary = summarise_attributions(values)

    sizes = np.abs(values)
    low, high = stats.t.interval(0.95, 39, loc=sizes.mean(axis=0), scale=stats.sem(sizes, axis=0))
    np.testing.assert_allclose(summary.low, low, rtol=1e-9)
    np.testing.assert_allclose(summary.high, high, rtol=1e-9)


def test_a_column_that_never_matters_has_an_interval_of_zero_width_at_zero():
    values = np.zeros((10, 1, 1))

    summary = summarise_attributions(values)

    assert summary.low[0, 0] == summary.high[0, 0] == summary.mean_abs[0, 0] == 0.0


def test_a_single_row_has_no_interval():
    summary = summarise_attributions(np.ones((1, 2, 1)))

    assert np.isnan(summary.low).all()
    assert np.isnan(summary.high).all()
