"""Reports and scores equal scikit-learn's, key for key and value for value."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given, settings
from hypothesis import strategies as st

from whybox.domain.models.metrics import classification_report, regression_scores

SAME = 1e-12


def as_flat(report):
    flat = {}
    for name, entry in report.items():
        values = entry.items() if isinstance(entry, dict) else [("", entry)]
        flat |= {(name, key): value for key, value in values}
    return flat


@given(
    st.integers(2, 6).flatmap(
        lambda n_classes: st.lists(
            st.tuples(st.integers(0, n_classes - 1), st.integers(0, n_classes - 1)), min_size=1, max_size=40
        )
    )
)
@settings(deadline=None, max_examples=150)
def test_the_report_is_scikit_learns(pairs):
    y_true, y_pred = np.array(pairs).T
    expected = sklearn.metrics.classification_report(y_true, y_pred, output_dict=True, zero_division=0)

    actual = classification_report(y_true, y_pred, classes=range(6))

    assert list(actual) == list(expected)
    assert as_flat(actual) == pytest.approx(as_flat(expected), abs=SAME)


@pytest.mark.parametrize("classes", [("malignant", "benign"), (False, True), (1.0, 2.0), (-1, 1)])
def test_classes_are_called_by_their_label_as_text(classes):
    codes = np.array([0, 1, 1, 0])

    report = classification_report(codes, codes, classes=classes)

    assert list(report) == [str(classes[0]), str(classes[1]), "accuracy", "macro avg", "weighted avg"]


def test_the_order_of_labels_is_the_order_of_classes():
    codes = np.array([2, 10, 2])
    expected = sklearn.metrics.classification_report(codes, codes, output_dict=True)

    assert list(classification_report(codes, codes, classes=range(11))) == list(expected)


@given(
    st.lists(
        st.tuples(st.floats(-1e6, 1e6, width=32), st.floats(-1e6, 1e6, width=32)), min_size=2, max_size=30
    )
)
@settings(deadline=None, max_examples=150)
def test_the_scores_are_scikit_learns(pairs):
    y_true, y_pred = np.array(pairs).T
    metrics = sklearn.metrics
    expected = {
        "R² Score": metrics.r2_score(y_true, y_pred),
        "MAE (Mean Absolute Error)": metrics.mean_absolute_error(y_true, y_pred),
        "MSE (Mean Squared Error)": metrics.mean_squared_error(y_true, y_pred),
        "RMSE (Root Mean Squared Error)": metrics.root_mean_squared_error(y_true, y_pred),
        "MAPE (Mean Absolute Percentage Error)": metrics.mean_absolute_percentage_error(y_true, y_pred),
        "Max Error": metrics.max_error(y_true, y_pred),
        "support": len(pairs),
    }

    actual = regression_scores(y_true, y_pred)

    assert list(actual) == list(expected)
    assert actual == pytest.approx(expected, rel=SAME, abs=SAME)


@pytest.mark.parametrize(("prediction", "r2"), [(3.0, 1.0), (4.0, 0.0)])
def test_r2_of_a_constant_target_is_one_only_when_it_is_met(prediction, r2):
    assert regression_scores(np.full(3, 3.0), np.full(3, prediction))["R² Score"] == r2
