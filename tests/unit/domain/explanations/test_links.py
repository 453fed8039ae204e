"""Links from margins to answers, at the ends of the float range and against a closed form."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit
from scipy.special import softmax as scipy_softmax

from whybox.domain.explanations.links import apply_link, count_outputs

MARGINS = np.array([[-800.0], [-40.0], [-1e-9], [0.0], [2.5], [40.0], [800.0]])


def test_the_logistic_link_gives_both_classes_and_keeps_small_ones_exact():
    answers = apply_link(MARGINS, "logistic")

    np.testing.assert_allclose(answers[:, 1], expit(MARGINS[:, 0]), rtol=1e-15)
    np.testing.assert_allclose(answers[:, 0], expit(-MARGINS[:, 0]), rtol=1e-15)
    np.testing.assert_allclose(answers.sum(axis=1), 1.0, rtol=1e-15)


def test_the_softmax_link_does_not_overflow():
    margins = np.random.default_rng(0).normal(scale=400.0, size=(50, 4))

    np.testing.assert_allclose(apply_link(margins, "softmax"), scipy_softmax(margins, axis=1), rtol=1e-12)


def test_links_work_along_the_last_axis_of_any_array():
    margins = np.random.default_rng(0).normal(size=(3, 4, 2))

    for link in ("identity", "softmax", "exponential"):
        whole = apply_link(margins, link)
        np.testing.assert_array_equal(whole[1], apply_link(margins[1], link))
    assert apply_link(margins[..., :1], "logistic").shape == (3, 4, 2)


@pytest.mark.parametrize(
    ("link", "n_margins", "n_outputs"),
    [("logistic", 1, 2), ("softmax", 3, 3), ("identity", 2, 2), ("exponential", 1, 1)],
)
def test_outputs_are_counted_as_they_come(link, n_margins, n_outputs):
    assert count_outputs(link, n_margins) == apply_link(np.zeros((5, n_margins)), link).shape[1] == n_outputs
