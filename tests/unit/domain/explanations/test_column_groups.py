"""Columns that tell the same are grouped, whatever their scale."""

from __future__ import annotations

import numpy as np
from scipy.stats import spearmanr

from whybox.domain.explanations.column_groups import correlated_groups


def make_columns():
    generator = np.random.default_rng(0)
    base = generator.normal(size=300)
    other = generator.normal(size=300)
    return np.column_stack(
        [base, np.exp(base), other, -base + 0.01 * generator.normal(size=300), np.ones(300)]
    )


def test_monotone_copies_share_a_group_and_others_stand_alone():
    groups = correlated_groups(make_columns(), 0.95, names=["a", "b", "c", "d", "e"])

    assert groups == {"a + b + d": (0, 1, 3), "c": (2,), "e": (4,)}


def test_the_threshold_is_a_rank_correlation():
    generator = np.random.default_rng(1)
    X = generator.normal(size=(200, 2)).round(1)
    X[:, 1] += X[:, 0]
    rho = spearmanr(X).statistic

    assert correlated_groups(X, rho - 1e-9) == {"0 + 1": (0, 1)}
    assert correlated_groups(X, rho + 1e-9) == {"0": (0,), "1": (1,)}


def test_a_chain_of_pairs_is_one_group():
    generator = np.random.default_rng(2)
    steps = np.cumsum(generator.normal(size=(400, 6)) * np.array([1, 0.5, 0.5, 0.5, 0.5, 0.5]), axis=1)

    assert correlated_groups(steps, 0.85) == {"0 + 1 + 2 + 3 + 4 + 5": tuple(range(6))}


def test_missing_cells_do_not_hide_a_correlation():
    X = make_columns()[:, :2].copy()
    X[::17, 1] = np.nan

    assert correlated_groups(X, 0.9) == {"0 + 1": (0, 1)}
