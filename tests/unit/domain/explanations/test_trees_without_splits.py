"""Boosted trees that found nothing to split on answer the same for every row: every column adds exactly 0."""

from __future__ import annotations

import lightgbm
import numpy as np
import pytest

from whybox.domain.explanations import attribute_rows


@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_model_without_a_split_gives_every_column_exactly_zero(n_classes):
    X = np.arange(24.0).reshape(12, 2)
    model = lightgbm.LGBMClassifier(n_estimators=3, verbose=-1).fit(X, np.arange(12) % n_classes)

    found = attribute_rows(model, X[:4], background=X, unit="probability")

    assert found.values.shape == (4, 2, n_classes)
    assert not found.values.any()
    np.testing.assert_allclose(found.predictions, np.tile(found.base_values, (4, 1)), atol=1e-12)
