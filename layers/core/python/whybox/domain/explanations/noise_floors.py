"""Noise floor: the importance a column that carries nothing can reach by the luck of the test rows.

A column the model ignores has importance exactly 0, so extra columns of random numbers would say nothing.
What has to be told from zero is a column the model does use although it carries nothing. For such a column
the cells of two rows are exchangeable: dealing them makes the score of a row better as often as worse, its
importance is a sum of contributions with mean zero, and only their spread over the test rows keeps it from 0.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["estimate_noise_floor"]

Floats = NDArray[np.float64]

FLOOR_LEVEL = 0.95
"""One table of twenty in which no column matters has a column above the floor."""

N_DRAWS = 2000
"""The 95 % quantile of so many draws is known to about 2 % of itself; they cost a millisecond."""


def estimate_noise_floor(importances: Floats, drops: Floats, *, seed: int) -> float:
    """Return the level that the columns that carry nothing all stay below in 95 % of tables.

    The joint distribution of the importances under "carries nothing" is drawn by Gaussian multipliers of the
    rows' contributions (correlations between columns are kept), the quantile is taken of the largest, and
    columns above it are taken out and the quantile is drawn again until none is above: the step-down of
    Romano and Wolf 2005, doi:10.1198/016214504000000539, with the multipliers of Chernozhukov, Chetverikov
    and Kato 2013, doi:10.1214/13-AOS1161.

    Parameters
    ----------
    importances : (p,)
    drops : (p, n), what each test row contributes to each importance, mean over the repeats: the importance
        of a column that carries nothing has mean 0 and the sum of their squares as its variance
    seed : of the multipliers

    Returns
    -------
    float
        In the unit of the importances, never negative. Every column above it is told from nothing at a
        family-wise error of 5 %; 0.0 when no shuffle changed a contribution. It treats the fitted model as
        given: it says nothing about what another training set would have made of the column.

    Notes
    -----
    Cost n p^2 + ``N_DRAWS`` p^2: the multipliers act on the triangular factor of the contributions, which
    has their covariance and p rows instead of n.

    """
    active = np.flatnonzero(np.any(drops != 0.0, axis=1))
    if active.size == 0:
        return 0.0
    factor = np.linalg.qr(drops[active].T, mode="r")
    multipliers = np.random.default_rng(seed).standard_normal((N_DRAWS, len(factor)))
    draws = multipliers @ factor
    remaining = np.ones(active.size, dtype=np.bool_)
    while True:
        floor = max(0.0, float(np.quantile(draws[:, remaining].max(axis=1), FLOOR_LEVEL)))
        stays = importances[active] <= floor
        if not np.any(stays) or not np.any(remaining & ~stays):
            return floor
        remaining &= stays
