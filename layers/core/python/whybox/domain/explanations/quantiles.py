"""Quantiles of the Student distribution, for intervals, without loading a statistics library.

``scipy.special`` would cost a quarter of a second at a cold start for this one number.
"""

from __future__ import annotations

import math
from functools import lru_cache
from statistics import NormalDist

__all__ = ["student_quantile"]

LARGEST_SUMMED = 200
"""Above so many degrees of freedom the expansion about the normal quantile is exact to 1e-9."""

N_HALVINGS = 200
"""Bisection ends much earlier, when the bracket is two neighbouring numbers."""


@lru_cache(maxsize=256)
def student_quantile(probability: float, *, degrees_of_freedom: int) -> float:
    """Return t with P(T <= t) = ``probability`` for at least one degree of freedom.

    Finite sums of Abramowitz and Stegun 26.7.3-26.7.4 inverted by bisection; above ``LARGEST_SUMMED`` degrees
    of freedom their expansion 26.7.5. Relative error below 1e-9.
    """
    if probability < 0.5:
        return -student_quantile(1.0 - probability, degrees_of_freedom=degrees_of_freedom)
    normal = NormalDist().inv_cdf(probability)
    if degrees_of_freedom > LARGEST_SUMMED:
        return _expand_about_normal(normal, degrees_of_freedom)
    low, high = normal, max(1.0, normal)
    while 0.5 + 0.5 * _central_probability(high, degrees_of_freedom) < probability:
        high *= 2.0
    for _ in range(N_HALVINGS):
        middle = 0.5 * (low + high)
        if middle in (low, high):
            break
        if 0.5 + 0.5 * _central_probability(middle, degrees_of_freedom) < probability:
            low = middle
        else:
            high = middle
    return high


def _central_probability(t: float, degrees_of_freedom: int) -> float:
    """Return P(|T| <= t)."""
    angle = math.atan(t / math.sqrt(degrees_of_freedom))
    sine, square = math.sin(angle), math.cos(angle) ** 2
    is_odd = degrees_of_freedom % 2
    term = math.cos(angle) if is_odd else 1.0
    total = 0.0
    for k in range(degrees_of_freedom // 2):
        total += term
        term *= square * (2 * k + 2) / (2 * k + 3) if is_odd else square * (2 * k + 1) / (2 * k + 2)
    return 2.0 / math.pi * (angle + sine * total) if is_odd else sine * total


def _expand_about_normal(z: float, degrees_of_freedom: int) -> float:
    n = float(degrees_of_freedom)
    return (
        z
        + (z**3 + z) / (4 * n)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * n**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * n**3)
        + (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / (92160 * n**4)
    )
