"""Exact interventional Shapley values of tree sums, by counting patterns.

For a leaf with conditions 1..k, a row of pattern a and a background row of pattern c reach it under some
coalition only if ``a | c`` is all ones. With U = a & ~c (needs the row) and V = c & ~a (needs the background
row), the leaf's value times

    + (|U|-1)! |V|! / (|U|+|V|)!   is added to each player of U,
    - |U|! (|V|-1)! / (|U|+|V|)!   to each player of V.

As V = ~a and |U| = k - |c|, the weights depend on (|a|, |c|) only. So background rows are counted once per
leaf and pattern, the counts are summed over all c that contain ~a, and every row looks its pattern up: the
cost is rows + background, not rows x background.

The closed form: S. M. Lundberg et al., From local explanations to global understanding with explainable AI
for trees, 2020, https://doi.org/10.1038/s42256-019-0138-9. The counting is ours.
"""

from __future__ import annotations

from functools import cache, reduce
from math import factorial

import numpy as np

from whybox.domain.explanations.kernel_trees import KernelBackground, explain_leaves_against
from whybox.domain.explanations.leaf_groups import LeafGroup
from whybox.domain.explanations.leaf_paths import (
    LeafPaths,
    Patterns,
    read_cells,
    read_patterns,
)
from whybox.domain.explanations.leaf_tables import Plan, Rule, look_up, sum_additions
from whybox.domain.explanations.links import Floats
from whybox.domain.explanations.row_blocks import ALL_AT_ONCE, BLOCK_ROWS, RowBlocks

# A table holds 2^k patterns x (k + 1) counts per leaf: 9 megabytes at 16.
MAX_TABLE_CONDITIONS = 16
# Comparing a row's pattern with a background pattern costs as much as so many table entries (measured).
ENTRIES_PER_PAIR = 6


def explain_interventional(
    paths: LeafPaths,
    Z: Floats,
    background: Floats,
    *,
    weights: Floats | None = None,
    blocks: RowBlocks = ALL_AT_ONCE,
) -> Floats:
    """Return the Shapley values of the margins against a background.

    Parameters
    ----------
    paths : traced leaves of the ensemble
    Z : float64 (n, n_columns), encoded rows, NaN = missing
    background : float64 (m, n_columns), encoded background rows
    weights : float64 (m,), how much each background row counts; None for equal weights
    blocks : how the rows are worked through

    Returns
    -------
    float64 (n, n_players, n_margins), in the unit of the margins. With the mean margin of the background,
    each row's values add up to its margin. A player that no leaf tests gets exactly 0.

    Notes
    -----
    Cost: (n + m) x conditions, plus k^2 2^k per leaf with k conditions, or n x (different background
    patterns) per leaf where that is less.
    """
    counts = np.ones(len(background)) if weights is None else weights
    shares = counts / counts.sum()
    values = np.empty((len(Z), paths.n_players, paths.trees.n_margins))
    if paths.compiled is None:
        blocks = blocks.in_one_thread()
        plan = _plan_counting(paths, background, shares, n_asked=len(Z))

        def work(rows: slice) -> None:
            values[rows] = sum_additions(paths, read_cells(paths, Z[rows]), plan)
    else:
        reference = KernelBackground(paths.compiled, background, shares)

        def work(rows: slice) -> None:
            explain_leaves_against(reference, Z[rows], values[rows], n_asked=len(Z))

    # Every block counts the background anew: it pays when the block is not the smaller of the two.
    blocks.run(work, len(Z), block_rows=max(BLOCK_ROWS, len(background) // 2))
    return values


def _plan_counting(paths: LeafPaths, background: Floats, counts: Floats, *, n_asked: int) -> Plan:
    """Return how a few leaves are prepared: as a table of all patterns, or to be compared pair by pair."""
    reference = read_cells(paths, background)

    def plan(group: LeafGroup) -> Rule:
        patterns = read_patterns(group, reference)
        n_pairs = n_asked * min(len(background), 1 << min(group.k, MAX_TABLE_CONDITIONS))
        n_entries = group.k * (group.k + 1) << group.k
        if group.k <= MAX_TABLE_CONDITIONS and n_entries <= n_pairs * ENTRIES_PER_PAIR:
            return look_up(tabulate(patterns, counts, k=group.k))
        return pair_up(patterns, counts, k=group.k)

    return plan


def tabulate(patterns: Patterns, counts: Floats, *, k: int) -> Floats:
    """Return what each condition adds for every possible pattern of a row.

    Parameters
    ----------
    patterns : (n_leaves, m), the background rows' patterns
    counts : float64 (m,), how much each background row counts
    k : conditions per leaf

    Returns
    -------
    float64 (n_leaves, k, 2^k): addition to condition j for a row of pattern a, summed over the background.

    Notes
    -----
    Let F_t(x) be the weight of the background patterns of t ones that contain x. Those that pair with a
    contain ~a; those of them without j are F_t(~a) - F_t(~a + j), and ~a + j = ~(a - j): with
    A_s(a) = sum over t of w(s, t) F_t(~a), condition j of a gets A_|a|(a) - A_|a|(a - j).
    """
    n_leaves = len(patterns)
    size = 1 << k
    ones = np.bitwise_count(np.arange(size))
    slots = patterns.astype(np.int64) * n_leaves + np.arange(n_leaves)[:, None]
    found = np.bincount(
        slots.ravel(), weights=np.broadcast_to(counts, patterns.shape).ravel(), minlength=size * n_leaves
    ).reshape(size, n_leaves)
    containing = np.where((ones == np.arange(k + 1)[:, None])[:, :, None], found, 0.0)
    for bit in range(k):
        halves = containing.reshape(k + 1, size >> (bit + 1), 2, 1 << bit, n_leaves)
        halves[:, :, 0] += halves[:, :, 1]
    by_row = containing[:, ::-1]  # position a holds the patterns that contain ~a
    plus, minus = coalition_weights(k)
    own = np.einsum("at,tal->al", plus[ones], by_row)
    without = np.einsum("at,tal->al", plus[np.minimum(ones + 1, k)], by_row)
    lost = np.einsum("at,tal->al", minus[ones], by_row)
    table = np.empty((n_leaves, k, size))
    for bit in range(k):
        halves_of = (size >> (bit + 1), 2, 1 << bit, n_leaves)
        entry = np.empty(halves_of)
        entry[:, 1] = own.reshape(halves_of)[:, 1] - without.reshape(halves_of)[:, 0]
        entry[:, 0] = -lost.reshape(halves_of)[:, 0]
        table[:, bit] = entry.reshape(size, n_leaves).T
    return table


def pair_up(patterns: Patterns, counts: Floats, *, k: int) -> Rule:
    """Return the rule that compares each row's pattern with the different background patterns of the leaf."""
    different, weight = _merge_equal(patterns, counts)
    full = patterns.dtype.type((1 << k) - 1)
    any_of = reduce(np.bitwise_or, different.T)[:, None]
    most = np.bitwise_count(different).max(axis=1)[:, None]
    plus, minus = coalition_weights(k)

    def rule(rows: Patterns) -> Floats:
        added = np.zeros((len(rows), k, rows.shape[1]))
        can_pair = ((rows | any_of) == full) & (np.bitwise_count(rows) + most >= k)
        leaf, row = np.nonzero(can_pair)
        met = rows[leaf, row]
        at, which = np.nonzero((met[:, None] | different[leaf]) == full)
        if not len(at):
            return added
        a, c = met[at], different[leaf[at], which]
        n_a, n_c = np.bitwise_count(a), np.bitwise_count(c)
        worth = weight[leaf[at], which]
        gain, loss = worth * plus[n_a, n_c], worth * minus[n_a, n_c]
        needs_row, needs_background = a & ~c, c & ~a
        firsts = np.flatnonzero(np.append(True, at[1:] != at[:-1]))
        leaf, row = leaf[at[firsts]], row[at[firsts]]
        for bit in range(k):
            one = patterns.dtype.type(1 << bit)
            share = np.where(needs_row & one, gain, np.where(needs_background & one, -loss, 0.0))
            added[leaf, bit, row] = np.add.reduceat(share, firsts)
        return added

    return rule


def _merge_equal(patterns: Patterns, counts: Floats) -> tuple[Patterns, Floats]:
    """Return each leaf's different patterns (n_leaves, most different) and their weights, 0 where padded."""
    order = np.argsort(patterns, axis=1, kind="stable")
    ordered = np.take_along_axis(patterns, order, axis=1)
    is_new = np.ones(ordered.shape, dtype=np.bool_)
    is_new[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    place = np.cumsum(is_new, axis=1) - 1
    width = int(np.max(place)) + 1
    # The pad is a pattern of no condition: it pairs with a row that meets all, with weight 0.
    different = np.zeros((len(patterns), width), dtype=patterns.dtype)
    np.put_along_axis(different, place, ordered, axis=1)
    slots = place + (np.arange(len(patterns)) * width)[:, None]
    weight = np.bincount(slots.ravel(), weights=counts[order].ravel(), minlength=different.size)
    return different, weight.reshape(different.shape)


@cache
def coalition_weights(k: int) -> tuple[Floats, Floats]:
    """Return the weights w[|a|, |c|], (k + 1, k + 1), of a player of U and of a player of V."""
    plus, minus = np.zeros((k + 1, k + 1)), np.zeros((k + 1, k + 1))
    for n_a in range(k + 1):
        for n_c in range(k - n_a, k + 1):
            u, v = k - n_c, k - n_a
            orders = factorial(u + v)
            plus[n_a, n_c] = factorial(u - 1) * factorial(v) / orders if u else 0.0
            minus[n_a, n_c] = factorial(u) * factorial(v - 1) / orders if v else 0.0
    return plus, minus
