"""The Student quantile against SciPy's."""

from __future__ import annotations

import pytest
from scipy.special import stdtrit

from whybox.domain.explanations.quantiles import student_quantile


@pytest.mark.parametrize("degrees", [1, 2, 3, 4, 9, 30, 199, 200, 201, 5000])
@pytest.mark.parametrize("probability", [0.6, 0.95, 0.975, 0.9995, 0.025])
def test_the_quantile_is_that_of_the_student_distribution(probability, degrees):
    found = student_quantile(probability, degrees_of_freedom=degrees)

    assert found == pytest.approx(stdtrit(degrees, probability), rel=1e-9)


def test_the_median_is_zero():
    assert student_quantile(0.5, degrees_of_freedom=7) == pytest.approx(0.0, abs=1e-12)
