"""Pair means: from single antithetic pairs to values, standard errors and exact additivity.

A pair against background row b adds up to f(x) - f(b), not to f(x) - base. Two estimators repair that without
forcing anything onto a column:

    CalibratedMeans   b sampled       weights are tilted until the sample's mean answer is the base value
    StratifiedMeans   every b used    the weighted mean over b is the base value already
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from whybox.domain.explanations.links import Floats
from whybox.domain.explanations.tree_layouts import Ints

PRIOR_DEGREES = 4
"""Degrees of freedom that the variance of one row borrows from the other rows."""

SAME_ANSWER = 1e-12
"""Answers that spread less than this share of their size are equal up to rounding: nothing to tilt by."""


ROUNDING = 1e-13
"""Of a sum of squares: a residual below it is no variance."""


class PairMeans(Protocol):
    """Collects pairs in any number of parts."""

    def add(self, rows: Ints, backgrounds: Ints, pairs: Floats) -> None:
        """Take pairs (r, c, p, o) of rows (r,) against background rows (r, c)."""
        ...

    def estimate(self) -> tuple[Floats, Floats]:
        """Return values and standard errors, each (n, p, o)."""
        ...

    @property
    def degrees_of_freedom(self) -> int:
        """Of the standard errors, for Student intervals."""
        ...


class CalibratedMeans:
    """Regression estimator on the known background answers.

    ``value = sum_c w_c pair_c`` with ``w_c = 1/C + (base - mean t)(t_c - mean t) / sum (t - mean t)^2`` and t
    the background answers (Deville and Särndal 1992, doi:10.1080/01621459.1992.10475217). The weights are the
    same for all columns, add up to 1 and give ``sum w_c t_c = base``: values add up to f(x) - base exactly,
    and a column whose pairs are all 0 stays 0. The bias is O(1/C), below the standard error by a factor
    sqrt(C). The standard error is that of the regression's prediction at ``base``, moderated over the rows.
    """

    def __init__(self, *, n_rows: int, n_players: int, outputs: Floats, weights: Floats) -> None:
        """Start empty, for background answers (m, o) and their shares (m,)."""
        n_outputs = outputs.shape[1]
        self._base = weights @ outputs
        # Sums of powers cancel; measuring t from the base value keeps them small.
        self._offsets = outputs - self._base
        self._scale = np.abs(outputs).max(axis=0)
        shape = (n_rows, n_players, n_outputs)
        self._sum, self._squares, self._products = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        self._t, self._tt = np.zeros((n_rows, n_outputs)), np.zeros((n_rows, n_outputs))
        self.n_pairs = np.zeros(n_rows, dtype=np.int64)

    def add(self, rows: Ints, backgrounds: Ints, pairs: Floats) -> None:
        """Take pairs; see ``PairMeans.add``."""
        t = self._offsets[backgrounds]
        self._sum[rows] += pairs.sum(axis=1)
        self._squares[rows] += np.einsum("rcpo,rcpo->rpo", pairs, pairs)
        self._products[rows] += np.einsum("rcpo,rco->rpo", pairs, t)
        self._t[rows] += t.sum(axis=1)
        self._tt[rows] += np.einsum("rco,rco->ro", t, t)
        self.n_pairs[rows] += pairs.shape[1]

    def estimate(self) -> tuple[Floats, Floats]:
        """Return values and standard errors; see ``PairMeans.estimate``."""
        count = self.n_pairs[:, None, None].astype(np.float64)
        mean, mean_t = self._sum / count, (self._t / count[:, 0])[:, None, :]
        spread_t = self._tt[:, None, :] - count * mean_t**2
        varies = spread_t > count * (SAME_ANSWER * self._scale) ** 2
        inverse = np.divide(1.0, spread_t, out=np.zeros_like(spread_t), where=varies)
        covariance = self._products - count * mean * mean_t
        slope = covariance * inverse
        residual = self._squares - count * mean**2 - slope * covariance
        residual = np.where(residual > ROUNDING * self._squares, residual, 0.0)
        variance = residual / (count - 2.0) * (1.0 / count + mean_t**2 * inverse)
        return mean - slope * mean_t, np.sqrt(moderate(variance, count - 2.0))

    @property
    def degrees_of_freedom(self) -> int:
        """Differences behind each standard error, the borrowed ones included."""
        return int(np.min(self.n_pairs)) - 2 + PRIOR_DEGREES


def moderate(variance: Floats, degrees: Floats) -> Floats:
    """Shrink variances (n, p, o) towards the mean over rows (Smyth 2004, doi:10.2202/1544-6115.1027).

    Most steps of most columns are near 0, so a handful of pairs often looks far more certain than it is.
    Measured at 8 pairs: 95 % intervals cover 82-92 % without, and 97 % with four borrowed degrees of freedom.
    A column whose pairs are 0 in every row keeps a standard error of 0.
    """
    prior = variance.mean(axis=0)
    return np.asarray((degrees * variance + PRIOR_DEGREES * prior) / (degrees + PRIOR_DEGREES))


class StratifiedMeans:
    """Weighted mean over all background rows, each met by two independent pairs per pass.

    ``value = sum_b w_b mean_b`` adds up to f(x) - base exactly and is unbiased; its variance is estimated
    without bias from the differences within the background rows, ``sum_b w_b^2 (pair - pair')^2 / 4``,
    moderated over the rows. A few background rows often carry most of that sum, so its degrees of freedom are
    not their number but Satterthwaite's (1946, doi:10.2307/3002019), as nine of ten values have.
    """

    def __init__(self, *, n_rows: int, n_players: int, n_outputs: int, weights: Floats) -> None:
        """Start empty, for background rows of these shares."""
        self._weights = weights
        self._n_background = len(weights)
        self._sum = np.zeros((n_rows, n_players, n_outputs))
        self._variance, self._variance_squares = np.zeros_like(self._sum), np.zeros_like(self._sum)
        self._n_met = np.zeros(n_rows, dtype=np.int64)

    def add(self, rows: Ints, backgrounds: Ints, pairs: Floats) -> None:
        """Take pairs whose second half meets the same background rows as the first; see ``PairMeans.add``."""
        half = pairs.shape[1] // 2
        first, second = pairs[:, :half], pairs[:, half:]
        weights = self._weights[backgrounds[:, :half]]
        self._sum[rows] += np.einsum("rcpo,rc->rpo", first + second, 0.5 * weights)
        parts = 0.25 * (weights[:, :, None, None] * (first - second)) ** 2
        self._variance[rows] += parts.sum(axis=1)
        self._variance_squares[rows] += np.einsum("rcpo,rcpo->rpo", parts, parts)
        self._n_met[rows] += half

    def estimate(self) -> tuple[Floats, Floats]:
        """Return values and standard errors; see ``PairMeans.estimate``."""
        n_passes = (self._n_met / self._n_background)[:, None, None]
        variance = moderate(self._variance, self._n_met[:, None, None].astype(np.float64))
        return self._sum / n_passes, np.sqrt(variance) / n_passes

    @property
    def degrees_of_freedom(self) -> int:
        """Differences that effectively make a standard error, the borrowed ones included.

        A part has one degree of freedom, so its expected square is three times its variance squared: for a
        sum S and a sum of squares Q that makes 3 S^2 / Q - 2, the number of parts where all vary alike.
        """
        varies = self._variance_squares > 0.0
        if not varies.any():
            return int(np.min(self._n_met)) + PRIOR_DEGREES
        ratio = self._variance[varies] ** 2 / self._variance_squares[varies]
        return max(1, int(np.quantile(3.0 * ratio - 2.0, 0.1))) + PRIOR_DEGREES
