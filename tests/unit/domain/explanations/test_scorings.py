"""Scores against scikit-learn's, and contributions that add up to differences of scores."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics

from whybox.domain.explanations.scorings import choose_scoring, list_scorings
from whybox.errors import ScoreUndefinedError, ScoringUnknownError

CLASSES = {
    "accuracy": lambda y, p: metrics.accuracy_score(y, p.argmax(axis=1)),
    "balanced_accuracy": lambda y, p: metrics.balanced_accuracy_score(y, p.argmax(axis=1)),
    "log_loss": lambda y, p: -metrics.log_loss(y, p),
}
TARGETS = {
    "r2": metrics.r2_score,
    "mae": lambda y, p: -metrics.mean_absolute_error(y, p),
    "mse": lambda y, p: -metrics.mean_squared_error(y, p),
    "rmse": lambda y, p: -metrics.root_mean_squared_error(y, p),
}


def make_probabilities(n_classes, *, n_versions=3, n_rows=80, seed=0):
    generator = np.random.default_rng(seed)
    y = generator.integers(0, n_classes, n_rows)
    scores = generator.normal(size=(n_versions, n_rows, n_classes))
    scores += 1.5 * np.eye(n_classes)[y]
    shares = np.exp(scores.round(1))  # rounded: ties must be counted half
    return y, shares / shares.sum(axis=2, keepdims=True)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("name", CLASSES)
def test_a_score_of_classes_equals_scikit_learns(name, n_classes):
    y, probabilities = make_probabilities(n_classes)
    scoring = choose_scoring(name, is_classifier=True)
    given = probabilities if scoring.needs == "probability" else probabilities.argmax(axis=2)

    scores, _ = scoring.score(y, given)

    np.testing.assert_allclose(scores, [CLASSES[name](y, p) for p in probabilities], rtol=1e-12)


def test_the_area_under_the_curve_equals_scikit_learns_with_ties():
    y, two = make_probabilities(2)
    three_y, three = make_probabilities(3)
    score = choose_scoring("roc_auc", is_classifier=True).score

    expected_two = [metrics.roc_auc_score(y, p[:, 1]) for p in two]
    expected_three = [metrics.roc_auc_score(three_y, p, multi_class="ovr") for p in three]

    np.testing.assert_allclose(score(y, two)[0], expected_two, rtol=1e-12)
    np.testing.assert_allclose(score(three_y, three)[0], expected_three, rtol=1e-12)


@pytest.mark.parametrize("name", TARGETS)
def test_a_score_of_a_target_equals_scikit_learns(name):
    generator = np.random.default_rng(1)
    y = generator.normal(size=60)
    predictions = y + generator.normal(size=(4, 60))

    scores, _ = choose_scoring(name, is_classifier=False).score(y, predictions)

    np.testing.assert_allclose(scores, [TARGETS[name](y, p) for p in predictions], rtol=1e-12)


@pytest.mark.parametrize("name", list_scorings(is_classifier=True))
def test_contributions_of_rows_add_up_to_the_difference_of_scores(name):
    y, probabilities = make_probabilities(2, n_versions=2)
    scoring = choose_scoring(name, is_classifier=True)
    given = probabilities if scoring.needs == "probability" else probabilities.argmax(axis=2)

    scores, parts = scoring.score(y, given)

    # Both kinds of pairs of an area are counted, so its contributions add up to twice the difference.
    n_counted = 2 if name == "roc_auc" else 1
    assert (parts[0] - parts[1]).sum() == pytest.approx(n_counted * (scores[0] - scores[1]), abs=1e-12)


def test_names_that_do_not_fit_the_task_are_refused_with_those_that_do():
    with pytest.raises(ScoringUnknownError, match="accuracy") as refused:
        choose_scoring("r2", is_classifier=True)

    assert refused.value.known == list_scorings(is_classifier=True)


def test_a_score_that_the_rows_do_not_define_is_refused():
    with pytest.raises(ScoreUndefinedError, match="does not vary"):
        choose_scoring("r2", is_classifier=False).score(np.ones(5), np.zeros((1, 5)))
    with pytest.raises(ScoreUndefinedError, match="absent"):
        choose_scoring("roc_auc", is_classifier=True).score(np.zeros(5, dtype=int), np.full((1, 5, 2), 0.5))
