"""Exact path-dependent Shapley values of tree sums: a column that is not known follows the training weight.

For a leaf with conditions 1..k, a row that meets those of pattern a, and r_i the share of the training weight
that meets condition i on the way, a coalition S reaches the leaf with weight (product over S of a_i) x
(product over the others of r_i). The Shapley value of condition j, times the leaf's value, is

    (a_j - r_j) * integral from 0 to 1 of product over i != j of (t a_i + (1 - t) r_i) dt,

and ceil(k / 2) Gauss-Legendre points integrate that polynomial of degree k - 1 exactly.

The game: S. M. Lundberg et al., 2020, https://doi.org/10.1038/s42256-019-0138-9. The integral: G. Owen,
Multilinear extensions of games, 1972, https://doi.org/10.1287/mnsc.18.5.64. No background is needed; the
values are those of shap, xgboost and lightgbm, here in float64 throughout.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from whybox.domain.explanations.kernel_trees import explain_leaves_by_cover
from whybox.domain.explanations.leaf_groups import LeafGroup
from whybox.domain.explanations.leaf_paths import (
    MAX_CONDITIONS,
    LeafPaths,
    Patterns,
    read_cells,
)
from whybox.domain.explanations.leaf_tables import Plan, Rule, look_up, sum_additions
from whybox.domain.explanations.links import Floats
from whybox.domain.explanations.row_blocks import ALL_AT_ONCE, RowBlocks


def explain_path_dependent(paths: LeafPaths, Z: Floats, *, blocks: RowBlocks = ALL_AT_ONCE) -> Floats:
    """Return the Shapley values of the margins under the training weight.

    Parameters
    ----------
    paths : traced leaves of the ensemble
    Z : float64 (n, n_columns), encoded rows, NaN = missing
    blocks : how the rows are worked through

    Returns
    -------
    float64 (n, n_players, n_margins), in the unit of the margins. With ``path_dependent_base`` each row's
    values add up to its margin. A player that no leaf tests gets exactly 0.

    Notes
    -----
    Cost: k^2 / 2 per leaf and row, or per leaf and pattern where there are fewer patterns than rows.
    """

    values = np.empty((len(Z), paths.n_players, paths.trees.n_margins))
    if paths.compiled is None:
        blocks = blocks.in_one_thread()

        def work(rows: slice) -> None:
            values[rows] = sum_additions(paths, read_cells(paths, Z[rows]), _plan_integrals(len(Z)))
    else:
        leaves = paths.compiled

        def work(rows: slice) -> None:
            explain_leaves_by_cover(leaves, Z[rows], values[rows])

    blocks.run(work, len(Z))
    return values


def path_dependent_base(paths: LeafPaths) -> Floats:
    """Return the mean margin under the training weight: float64 (n_margins,)."""
    if paths.compiled is not None:
        return paths.constant + paths.compiled.mean_margins()
    means = [group.ratios.prod(axis=1) @ group.values for group in paths.groups]
    return np.asarray(paths.constant + sum(means, np.zeros_like(paths.constant)), dtype=np.float64)


def _plan_integrals(n_asked: int) -> Plan:
    """Return how a few leaves are prepared: row by row, or as a table where there are fewer patterns."""

    def plan(group: LeafGroup) -> Rule:
        if group.k > MAX_CONDITIONS:
            return lambda bits: _integrate(bits.astype(np.float64), group.ratios)
        if 1 << group.k > n_asked:
            return lambda patterns: _integrate(_unpack(patterns, group.k), group.ratios)
        every = np.broadcast_to(np.arange(1 << group.k, dtype=np.uint64), (group.n_leaves, 1 << group.k))
        return look_up(_integrate(_unpack(every, group.k), group.ratios))

    return plan


def _unpack(patterns: Patterns, k: int) -> Floats:
    """Return the bits of patterns (n_leaves, n) as float64 (n_leaves, k, n)."""
    word = patterns.dtype.type
    return np.stack([(patterns >> word(bit)) & word(1) for bit in range(k)], axis=1).astype(np.float64)


def _integrate(met: Floats, ratios: Floats) -> Floats:
    """Return the integrals of rows that meet the conditions ``met``, both float64 (n_leaves, k, n)."""
    k = ratios.shape[1]
    share = ratios[:, :, None]
    total = np.zeros(met.shape)
    for point, weight in zip(*_quadrature((k + 1) // 2), strict=True):
        factors = point * met + (1.0 - point) * share
        product = weight * factors.prod(axis=1, keepdims=True)
        # A factor is 0 only where a_j = r_j = 0, and then (a_j - r_j) makes the term 0 anyway.
        factors[factors == 0.0] = 1.0
        total += product / factors
    return (met - share) * total


@cache
def _quadrature(n_points: int) -> tuple[Floats, Floats]:
    """Return Gauss-Legendre points and weights on [0, 1]."""
    points, weights = np.polynomial.legendre.leggauss(n_points)
    return (points + 1.0) / 2.0, weights / 2.0
