"""A result document is read once, and what does not fit together is refused."""

from __future__ import annotations

import numpy as np
import pytest

from whybox.domain.reports.findings import read_findings
from whybox.errors import ResultDocumentError


def test_columns_are_ranked_by_their_mean_absolute_attribution(attribution_document):
    document = attribution_document(n_rows=9)
    values = np.array(document["explanation"]["values"])

    ranking = read_findings(document).ranking

    expected = [np.mean([abs(row[column]) for row in values]) for column in range(4)]
    np.testing.assert_allclose(ranking.importance, expected)
    assert ranking.order.tolist() == sorted(range(4), key=lambda column: -expected[column])


def test_the_error_of_a_mean_attribution_is_that_of_a_mean_over_rows(attribution_document):
    document = attribution_document(classes=(), n_rows=9)
    sizes = np.abs(np.array(document["explanation"]["values"]))[:, :, 0]

    ranking = read_findings(document).ranking

    by_hand = np.sqrt(((sizes - sizes.mean(axis=0)) ** 2).sum(axis=0) / 8 / 9)
    np.testing.assert_allclose(ranking.error, by_hand)


def test_the_error_of_a_shuffle_is_the_standard_error_over_repeats(permutation_document):
    ranking = read_findings(permutation_document).ranking

    # scikit-learn's deviation divides by n; the standard error of the mean by sqrt(n (n - 1)) / sqrt(n).
    np.testing.assert_allclose(ranking.error, np.array([0.012, 0.03, 0.006]) / 3.0)
    assert ranking.n_above_noise == 1


def test_one_base_value_per_row_is_kept(attribution_document):
    document = attribution_document(classes=(), n_rows=3)
    document["explanation"]["base_values"] = [1.0, 2.0, 3.0]

    findings = read_findings(document)

    assert findings.attributions is not None
    assert findings.attributions.base_values[:, 0].tolist() == [1.0, 2.0, 3.0]


def test_a_regression_may_leave_out_the_axis_of_its_only_output(attribution_document):
    document = attribution_document(classes=(), n_rows=3)
    values = np.array(document["explanation"]["values"])
    document["explanation"] |= {"values": values[:, :, 0].tolist(), "base_values": 150.0, "std_error": 0}

    findings = read_findings(document)

    assert findings.attributions is not None
    np.testing.assert_array_equal(findings.attributions.values, values)
    assert findings.outputs == ("prediction",)


def test_the_single_log_odds_of_two_classes_are_those_of_the_second(attribution_document):
    document = attribution_document(classes=())
    document["predictions"]["classes"] = ["no", "yes"]

    assert read_findings(document).outputs == ("yes",)


@pytest.mark.parametrize(
    "damage",
    [
        {"values": None},
        {"values": [[[0.1]]]},
        {"values": [[[float("nan")] * 2] * 4]},
        {"feature_names": []},
        {"base_values": [0.1, 0.2, 0.3]},
        {"std_error": [[[0.1]]], "base_values": [0.5] * 5},
    ],
)
def test_parts_that_do_not_fit_are_refused(attribution_document, damage):
    document = attribution_document()
    document["explanation"] |= damage

    with pytest.raises(ResultDocumentError):
        read_findings(document)


def test_another_number_of_outputs_than_classes_is_refused(attribution_document):
    document = attribution_document(classes=(0, 1, 2))
    document["predictions"]["classes"] = [0, 1]

    with pytest.raises(ResultDocumentError, match="3 outputs for 2 classes"):
        read_findings(document)


def test_shuffles_of_another_number_of_columns_are_refused(permutation_document):
    permutation_document["explanation"]["importances_mean"] = [0.1]

    with pytest.raises(ResultDocumentError):
        read_findings(permutation_document)


def test_a_document_without_explanation_is_refused(attribution_document):
    with pytest.raises(ResultDocumentError, match="explanation"):
        read_findings({**attribution_document(), "explanation": None})
