"""What a leaf adds to each pair of its conditions for a row of a given pattern: exact interaction values.

As in ``interventional_trees``, a row of pattern a and a background row of pattern c (``a | c`` all ones) make
a leaf of k conditions the game "all of U, none of V" with U = ~c (needs the row), u = k - |c| players, and
V = ~a (needs the background row), v = k - |a| players. The Shapley interaction index of a pair {i, j} sums
weighted differences v(S + ij) - v(S + i) - v(S + j) + v(S); here a single coalition S makes one other than 0:

    i, j in U       S = U - {i, j}     + (u-2)!  v!     / (u+v-1)!
    i, j in V       S = U              +  u!    (v-2)!  / (u+v-1)!
    i in U, j in V  S = U - {i}        - (u-1)! (v-1)!  / (u+v-1)!

The index: M. Grabisch and M. Roubens, An axiomatic approach to the concept of interaction among players in
cooperative games, 1999, https://doi.org/10.1007/s001820050125. Half of it stands on either side of the
diagonal, so that rows of the matrix add up to attributions: S. M. Lundberg et al., From local explanations to
global understanding with explainable AI for trees, 2020, https://doi.org/10.1038/s42256-019-0138-9. The form
for patterns and the counting are ours.
"""

from __future__ import annotations

from functools import cache
from math import factorial
from typing import NamedTuple

import numpy as np

from whybox.domain.explanations.leaf_paths import Patterns
from whybox.domain.explanations.leaf_tables import Rule, blocks
from whybox.domain.explanations.links import Floats
from whybox.domain.explanations.tree_layouts import Ints


class PairWeights(NamedTuple):
    """Half the interaction index of a pair for (|a|, |c|): float64 (k + 1, k + 1) each."""

    both_row: Floats  # both players of U
    both_background: Floats  # both players of V
    one_each: Floats


@cache
def pair_weights(k: int) -> PairWeights:
    """Return the weights of a leaf with k conditions; entries of patterns that cannot pair are 0."""
    weights = PairWeights(*np.zeros((3, k + 1, k + 1)))
    for n_a in range(k + 1):
        for n_c in range(k - n_a, k + 1):
            u, v = k - n_c, k - n_a
            if u + v < 2:
                continue
            orders = 2 * factorial(u + v - 1)
            if u >= 2:
                weights.both_row[n_a, n_c] = factorial(u - 2) * factorial(v) / orders
            if v >= 2:
                weights.both_background[n_a, n_c] = factorial(u) * factorial(v - 2) / orders
            if u and v:
                weights.one_each[n_a, n_c] = -factorial(u - 1) * factorial(v - 1) / orders
    return weights


def list_condition_pairs(k: int) -> tuple[Ints, Ints]:
    """Return the conditions i < j of each pair, in the order of the tables: int64 (k(k-1)/2,) twice."""
    first, second = np.triu_indices(k, 1)
    return first.astype(np.int64), second.astype(np.int64)


def tabulate_pairs(patterns: Patterns, counts: Floats, *, k: int) -> Floats:
    """Return what each pair of conditions adds for every possible pattern of a row.

    Parameters
    ----------
    patterns : (n_leaves, m), the background rows' patterns
    counts : float64 (m,), how much each background row counts
    k : conditions per leaf, at least 2

    Returns
    -------
    float64 (n_leaves, k(k-1)/2, 2^k): half the interaction index, summed over the background.

    Notes
    -----
    With F_t(x) the weight of the background patterns of t ones that contain x, those that leave out i are
    F_t(x) - F_t(x + i), and with x = ~a, x + i = ~(a - i): every entry is a sum of at most four numbers of
    tables that do not depend on the pair. Cost: k^2 2^k per leaf.
    """
    n_leaves, size = len(patterns), 1 << k
    containing = _count_supersets(patterns, counts, k=k)
    ones = np.bitwise_count(np.arange(size)).astype(np.int64)
    weights = pair_weights(k)

    def weigh(kind: Floats, n_more: int) -> Floats:
        """Return sum over t of kind[|a| + n_more, t] F_t(~a) for all a: (2^k, n_leaves)."""
        # Where |a| + n_more is beyond k there is no such pattern; the entry is not read.
        of_row = kind[np.minimum(ones + n_more, k)]
        return np.asarray(np.einsum("at,tal->al", of_row, containing[:, ::-1]), dtype=np.float64)

    neither = weigh(weights.both_background, 0)
    one, one_without = weigh(weights.one_each, 0), weigh(weights.one_each, 1)
    both, both_without_one, both_without_two = (weigh(weights.both_row, n_more) for n_more in range(3))
    first, second = list_condition_pairs(k)
    table = np.empty((n_leaves, len(first), size))
    for pair, (i, j) in enumerate(zip(first.tolist(), second.tolist(), strict=True)):
        # Axes 1 and 3 are bits j and i of the pattern.
        bits = (size >> (j + 1), 2, 1 << (j - i - 1), 2, 1 << i, n_leaves)
        entry = np.empty(bits)
        entry[:, 0, :, 0] = neither.reshape(bits)[:, 0, :, 0]
        lost = one_without.reshape(bits)[:, 0, :, 0]
        entry[:, 0, :, 1] = one.reshape(bits)[:, 0, :, 1] - lost
        entry[:, 1, :, 0] = one.reshape(bits)[:, 1, :, 0] - lost
        without_one = both_without_one.reshape(bits)
        entry[:, 1, :, 1] = both.reshape(bits)[:, 1, :, 1] + both_without_two.reshape(bits)[:, 0, :, 0]
        entry[:, 1, :, 1] -= without_one[:, 1, :, 0] + without_one[:, 0, :, 1]
        table[:, pair] = entry.reshape(size, n_leaves).T
    return table


def _count_supersets(patterns: Patterns, counts: Floats, *, k: int) -> Floats:
    """Return F_t(x), the weight of the patterns of t ones that contain x: float64 (k + 1, 2^k, n_leaves)."""
    n_leaves, size = len(patterns), 1 << k
    slots = patterns.astype(np.int64) * n_leaves + np.arange(n_leaves)[:, None]
    spread = np.broadcast_to(counts, patterns.shape).ravel()
    found = np.bincount(slots.ravel(), weights=spread, minlength=size * n_leaves).reshape(size, n_leaves)
    has_ones = np.bitwise_count(np.arange(size)) == np.arange(k + 1)[:, None]
    containing = np.where(has_ones[:, :, None], found, 0.0)
    for bit in range(k):
        halves = containing.reshape(k + 1, size >> (bit + 1), 2, 1 << bit, n_leaves)
        halves[:, :, 0] += halves[:, :, 1]
    return containing


def compare_pairs(patterns: Patterns, counts: Floats, *, k: int) -> Rule:
    """Return the rule that compares the different patterns of rows and background rows, leaf by leaf.

    For leaves with so many conditions that a table would cost more than the comparisons.
    """
    references = [_merge_equal(leaf_patterns, counts) for leaf_patterns in patterns]

    def rule(rows: Patterns) -> Floats:
        added = np.zeros((len(rows), k * (k - 1) // 2, rows.shape[1]))
        for leaf, (own, (different, weight)) in enumerate(zip(rows, references, strict=True)):
            met, which = np.unique(own, return_inverse=True)
            for part in blocks(len(met), len(different)):
                chosen = np.flatnonzero((which >= part.start) & (which < part.stop))
                shares = _compare(met[part], different, weight, k=k)
                if shares is not None:
                    added[leaf, :, chosen] = shares[:, which[chosen] - part.start].T
        return added

    return rule


def _merge_equal(patterns: Patterns, counts: Floats) -> tuple[Patterns, Floats]:
    """Return the different patterns of one leaf and the summed weight of each."""
    different, which = np.unique(patterns, return_inverse=True)
    return different, np.bincount(which, weights=counts, minlength=len(different))


def _compare(met: Patterns, different: Patterns, weight: Floats, *, k: int) -> Floats | None:
    """Return what each pair of conditions adds for each pattern of a row, (pairs, n); None where all is 0."""
    can_pair = (met[:, None] | different) == met.dtype.type((1 << k) - 1)
    rows, references = np.flatnonzero(can_pair.any(axis=1)), np.flatnonzero(can_pair.any(axis=0))
    if not len(rows):
        return None
    a, c = met[rows], different[references]
    worth = can_pair[np.ix_(rows, references)] * weight[references]
    sizes = np.ix_(np.bitwise_count(a), np.bitwise_count(c))
    both_row, both_background, one_each = (worth * kind[sizes] for kind in pair_weights(k))
    in_row, in_background = _bits(~c, k), _bits(~a, k)
    i, j = list_condition_pairs(k)
    crossed, absent = in_row @ one_each.T, both_background.sum(axis=1) * in_background
    of_pairs = (in_row[i] * in_row[j]) @ both_row.T
    of_pairs += absent[i] * in_background[j]
    of_pairs += crossed[i] * in_background[j]
    of_pairs += crossed[j] * in_background[i]
    shares = np.zeros((len(i), len(met)))
    shares[:, rows] = of_pairs
    return shares


def _bits(patterns: Patterns, k: int) -> Floats:
    """Return bit j of each pattern as 0 or 1 in row j: float64 (k, n)."""
    places = np.arange(k, dtype=patterns.dtype)[:, None]
    return ((patterns >> places) & patterns.dtype.type(1)).astype(np.float64)
