"""Linear models in closed form, against the definition."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from whybox.domain.explanations.linear import attribute_linear
from whybox.domain.explanations.model_views import view_model

from .definition import shapley_by_definition
from .small_tables import make_small_table, view_small

WEIGHTS = np.arange(1.0, 10.0) / 45.0


@pytest.mark.parametrize(
    ("model", "n_classes", "unit"),
    [
        (Ridge(), 0, "target"),
        (make_pipeline(StandardScaler(), Ridge()), 0, "target"),
        (LogisticRegression(), 2, "margin"),
        (LogisticRegression(), 3, "margin"),
    ],
)
def test_values_match_the_definition_over_a_weighted_background(model, n_classes, unit):
    view, rows, background = view_small(model, n_classes=n_classes, unit=unit)

    found = attribute_linear(view, rows, background, WEIGHTS)

    expected = shapley_by_definition(view.predict, rows, background, weights=WEIGHTS)
    np.testing.assert_allclose(found.values, expected, atol=1e-12)
    np.testing.assert_allclose(found.base_values, WEIGHTS @ view.predict(background), atol=1e-12)
    assert found.is_exact
    assert not found.std_error.any()


def test_encoded_columns_of_one_user_column_are_one_player():
    X, y = make_small_table()
    coded = np.column_stack([X[:, 0], np.digitize(X[:, 1], [-1, 0, 1]), X[:, 2]])
    encoder = ColumnTransformer([("scale", StandardScaler(), [0, 2]), ("words", OneHotEncoder(), [1])])
    view = view_model(make_pipeline(encoder, Ridge()).fit(coded, y))

    found = attribute_linear(view, coded[:4], coded[50:60], np.full(10, 0.1))

    expected = shapley_by_definition(view.predict, coded[:4], coded[50:60])
    assert found.values.shape == (4, 3, 1)
    np.testing.assert_allclose(found.values, expected, atol=1e-12)


def test_grouped_columns_share_one_value():
    view, rows, background = view_small(Ridge())
    groups = np.array([0, 1, 1, 0, 2, 2])

    found = attribute_linear(view, rows, background, WEIGHTS, groups=groups)

    expected = shapley_by_definition(view.predict, rows, background, weights=WEIGHTS, groups=groups)
    np.testing.assert_allclose(found.values, expected, atol=1e-12)


def test_a_model_behind_a_link_is_refused():
    view, rows, background = view_small(LogisticRegression(), n_classes=2, unit="probability")

    with pytest.raises(ValueError, match="margin"):
        attribute_linear(view, rows, background, WEIGHTS)
