"""Leaves in groups of equal numbers of conditions, as numpy reads them: from each leaf up to its root."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from whybox.domain.explanations.links import Floats
from whybox.domain.explanations.tree_layouts import Bools, Ints, TreeEnsemble

_NO_BOUND = np.iinfo(np.int32).max


@dataclass(frozen=True, slots=True, eq=False)
class LeafGroup:
    """The leaves with the same number k of conditions.

    players : int64 (n_leaves, k), the player of each condition, increasing along a leaf
    values : float64 (n_leaves, n_margins)
    ratios : float64 (n_leaves, k), share of the training weight that meets the condition, given the path
        before it
    test_column, test_low, test_high : (n_tests,), a test is met where ``low < cell <= high`` on the cells of
        its prepared column; ``test_missing``: whether a missing value meets it
    test_starts : int64 (n_leaves * k,), the first test of each condition, leaf by leaf
    """

    players: Ints
    values: Floats
    ratios: Floats
    test_column: Ints
    test_low: NDArray[np.int32]
    test_high: NDArray[np.int32]
    test_missing: Bools
    test_starts: Ints

    @property
    def k(self) -> int:
        """Conditions per leaf."""
        return int(self.players.shape[1])

    @property
    def n_leaves(self) -> int:
        """Leaves in the group."""
        return int(self.players.shape[0])

    def part(self, leaves: slice) -> LeafGroup:
        """Return a range of the leaves as a group of their own."""
        bounds = np.append(self.test_starts, len(self.test_column))
        first, last = leaves.start * self.k, leaves.stop * self.k
        tests = slice(bounds[first], bounds[last])
        return LeafGroup(
            players=self.players[leaves],
            values=self.values[leaves],
            ratios=self.ratios[leaves],
            test_column=self.test_column[tests],
            test_low=self.test_low[tests],
            test_high=self.test_high[tests],
            test_missing=self.test_missing[tests],
            test_starts=self.test_starts[first:last] - bounds[first],
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Steps:
    """Every inner node on the way to every leaf, sorted by leaf, player and prepared column."""

    leaf: Ints
    node: Ints
    is_left: Bools
    player: Ints
    column: Ints


def _walk_up(trees: TreeEnsemble, players: Ints) -> _Steps:
    """List the steps from every leaf with a value up to its root."""
    inner = np.flatnonzero(trees.left >= 0)
    parent = np.full(len(trees.left), -1, dtype=np.int64)
    parent[trees.left[inner]] = inner
    parent[trees.right[inner]] = inner
    leaf = np.flatnonzero((trees.left < 0) & np.any(trees.values != 0.0, axis=1) & (parent >= 0))
    child = leaf
    leaves, nodes, sides = [], [], []
    while leaf.size:
        node = parent[child]
        leaves.append(leaf)
        nodes.append(node)
        sides.append(trees.left[node] == child)
        going_on = parent[node] >= 0
        leaf, child = leaf[going_on], node[going_on]
    if not leaves:
        empty = np.zeros(0, dtype=np.int64)
        return _Steps(empty, empty, empty.astype(np.bool_), empty, empty)
    all_leaves, all_nodes, is_left = (np.concatenate(part) for part in (leaves, nodes, sides))
    column = trees.feature[all_nodes]
    player = players[trees.rules.source[column]]
    order = np.lexsort((column, player, all_leaves))
    return _Steps(
        leaf=all_leaves[order],
        node=all_nodes[order],
        is_left=is_left[order],
        player=player[order],
        column=column[order],
    )


def cut_cells(trees: TreeEnsemble) -> tuple[tuple[Floats, ...], Ints]:
    """Return each prepared column's sorted thresholds, and each inner node's place among them."""
    thresholds = []
    cell_of_node = np.zeros(len(trees.left), dtype=np.int64)
    for column in range(len(trees.rules.source)):
        nodes = np.flatnonzero(trees.feature == column)
        cuts, places = np.unique(trees.threshold[nodes], return_inverse=True)
        thresholds.append(cuts)
        cell_of_node[nodes] = places
    return tuple(thresholds), cell_of_node


def group_leaves(trees: TreeEnsemble, players: Ints, cell_of_node: Ints) -> tuple[LeafGroup, ...]:
    """Return the leaves with a value and a condition by their number of conditions.

    Parameters
    ----------
    trees : the ensemble, on columns Z
    players : int64 (n_columns of Z,), the player of each column
    cell_of_node : int64 (n_nodes,), from ``cut_cells``

    Notes
    -----
    Cost: the sum over leaves of their depth, times a sort.
    """
    return tuple(_merge_steps(trees, _walk_up(trees, players), cell_of_node))


def _merge_steps(trees: TreeEnsemble, steps: _Steps, cell_of_node: Ints) -> Iterator[LeafGroup]:
    """Merge steps into tests and tests into conditions; yield the leaves by their number of conditions."""
    if not len(steps.leaf):
        return
    new_leaf = _starts(steps.leaf)
    new_condition = new_leaf | _starts(steps.player)
    new_test = new_condition | _starts(steps.column)
    tests, conditions = np.flatnonzero(new_test), np.flatnonzero(new_condition)
    cell = cell_of_node[steps.node]
    test_low = np.maximum.reduceat(np.where(steps.is_left, -1, cell), tests).astype(np.int32)
    test_high = np.minimum.reduceat(np.where(steps.is_left, cell, _NO_BOUND), tests).astype(np.int32)
    test_missing = np.logical_and.reduceat(trees.missing_left[steps.node] == steps.is_left, tests)
    ratios = np.multiply.reduceat(_share_of_weight(trees, steps), conditions)
    leaf_of_condition = steps.leaf[conditions]
    first = np.flatnonzero(_starts(leaf_of_condition))
    counts = np.diff(np.append(first, len(conditions)))
    condition_of_test = np.cumsum(new_condition[tests]) - 1
    k_of_condition = np.repeat(counts, counts)
    for k in np.unique(counts):
        chosen = k_of_condition == k
        chosen_tests = chosen[condition_of_test]
        yield LeafGroup(
            players=steps.player[conditions[chosen]].reshape(-1, k),
            values=trees.values[leaf_of_condition[first[counts == k]]],
            ratios=ratios[chosen].reshape(-1, k),
            test_column=steps.column[tests[chosen_tests]],
            test_low=test_low[chosen_tests],
            test_high=test_high[chosen_tests],
            test_missing=test_missing[chosen_tests],
            test_starts=np.flatnonzero(_starts(condition_of_test[chosen_tests])),
        )


def _starts(labels: Ints) -> Bools:
    """Return where a run of equal labels begins."""
    return np.concatenate([[True], labels[1:] != labels[:-1]])


def _share_of_weight(trees: TreeEnsemble, steps: _Steps) -> Floats:
    """Return for each step the share of its node's training weight that took it."""
    child = np.where(steps.is_left, trees.left[steps.node], trees.right[steps.node])
    weight = trees.cover[trees.left[steps.node]] + trees.cover[trees.right[steps.node]]
    return np.asarray(trees.cover[child] / np.where(weight > 0.0, weight, 1.0), dtype=np.float64)
