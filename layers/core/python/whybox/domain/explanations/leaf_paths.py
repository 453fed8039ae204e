"""Every leaf as the set of conditions its players must meet, and rows as bit patterns of met conditions.

    tree path  x3 <= 5, x1 > 2, x3 > 1, x7 <= 0      tests of one column merge into an interval,
          ↓                                          columns of one player into one condition
    leaf       player 0: 1 < x3 <= 5      bit 0
               player 1: x1 > 2           bit 1      a row that meets bits 0 and 2 has pattern 0b101
               player 2: x7 <= 0          bit 2

A leaf is reached under coalition S by row x against background row b when every condition of a player in S is
met by x and every other one by b: patterns are all that the explainers need of rows and trees.

The compiled kernel traces leaves itself (``LeafPaths.compiled``); the groups below are what numpy reads, and
are made when they are first asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from whybox.domain.explanations.kernel_libraries import Engine, choose_kernel
from whybox.domain.explanations.kernel_trees import KernelLeaves
from whybox.domain.explanations.links import Floats
from whybox.domain.explanations.tree_layouts import Bools, Ints, TreeEnsemble

Patterns = NDArray[np.unsignedinteger]

# A pattern is one machine word; a path through more players is explained as a function instead.
MAX_CONDITIONS = 62
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


@dataclass(frozen=True, eq=False)
class LeafPaths:
    """All leaves of an ensemble by their number of conditions, and the cells their tests compare.

    Attributes
    ----------
    trees : the ensemble
    players : int64 (n_columns of Z,)
    compiled : the same leaves in the compiled kernel, None where numpy serves
    """

    trees: TreeEnsemble
    players: Ints
    n_players: int
    compiled: KernelLeaves | None

    @cached_property
    def groups(self) -> tuple[LeafGroup, ...]:
        """The leaves with a value and a condition, by their number of conditions."""
        steps = _walk_up(self.trees, self.players)
        return tuple(_group_leaves(self.trees, steps, self._cuts[1]))

    @property
    def thresholds(self) -> tuple[Floats, ...]:
        """The sorted thresholds of each prepared column; a value's cell is how many of them are below it."""
        return self._cuts[0]

    @cached_property
    def constant(self) -> Floats:
        """The sum of the leaves without conditions and of the base, float64 (n_margins,)."""
        is_bare_root = self.trees.left[self.trees.roots] < 0
        bare = self.trees.values[self.trees.roots[is_bare_root]].sum(axis=0)
        return np.asarray(self.trees.base + bare, dtype=np.float64)

    @cached_property
    def max_conditions(self) -> int:
        """The largest number of conditions of a leaf."""
        if self.compiled is not None:
            return self.compiled.max_conditions
        return max((group.k for group in self.groups), default=0)

    @cached_property
    def _cuts(self) -> tuple[tuple[Floats, ...], Ints]:
        return _cut_cells(self.trees)


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Rows as cell numbers (n_prepared, n), and where they are missing, None where nothing is."""

    numbers: NDArray[np.int32]
    missing: Bools | None


@dataclass(frozen=True, slots=True, eq=False)
class _Steps:
    """Every inner node on the way to every leaf, sorted by leaf, player and prepared column."""

    leaf: Ints
    node: Ints
    is_left: Bools
    player: Ints
    column: Ints


def trace_leaves(
    trees: TreeEnsemble, players: Ints, *, n_players: int | None = None, engine: Engine = "auto"
) -> LeafPaths:
    """Trace every leaf of an ensemble back to its root.

    Parameters
    ----------
    trees : the ensemble, on columns Z
    players : int64 (n_columns of Z,), the player of each column
    n_players : one more than the largest player by default
    engine : "auto" takes the compiled kernel where there is one, "numpy" never

    Returns
    -------
    LeafPaths. Leaves whose value is zero are left out: they add nothing under any coalition.

    Notes
    -----
    Cost: the sum over leaves of their depth, times a sort.
    """
    count = int(np.max(players)) + 1 if n_players is None else n_players
    kernel = choose_kernel(engine)
    compiled = None if kernel is None else KernelLeaves(kernel, trees, players, n_players=count)
    return LeafPaths(trees=trees, players=players, n_players=count, compiled=compiled)


def read_cells(paths: LeafPaths, Z: Floats) -> Cells:
    """Return rows as cell numbers, read and compared as the trees' own library does.

    Parameters
    ----------
    Z : float64 (n, n_columns), NaN = missing
    """
    prepared = paths.trees.prepare(Z)
    numbers = np.empty((len(paths.thresholds), len(Z)), dtype=np.int32)
    for column, thresholds in enumerate(paths.thresholds):
        numbers[column] = np.searchsorted(thresholds, prepared[:, column], side="left")
    missing = np.isnan(prepared.T)
    return Cells(numbers=numbers, missing=missing if missing.any() else None)


def read_patterns(group: LeafGroup, cells: Cells, *, rows: slice = slice(None)) -> Patterns:
    """Return which conditions each row meets: (n_leaves, n) words, bit j set where condition j is met."""
    return _pack(read_conditions(group, cells, rows=rows))


def read_conditions(group: LeafGroup, cells: Cells, *, rows: slice = slice(None)) -> Bools:
    """Return whether each row meets each condition: bool (n_leaves, k, n)."""
    numbers = cells.numbers[:, rows][group.test_column]
    met = (numbers > group.test_low[:, None]) & (numbers <= group.test_high[:, None])
    if cells.missing is not None:
        is_missing = cells.missing[:, rows][group.test_column]
        met = np.where(is_missing, group.test_missing[:, None], met)
    if len(group.test_starts) != len(met):
        met = np.logical_and.reduceat(met, group.test_starts, axis=0)
    return np.asarray(met.reshape(group.n_leaves, group.k, -1), dtype=np.bool_)


def _pack(met: Bools) -> Patterns:
    """Pack bits along axis 1 into the smallest unsigned word that holds them."""
    packed = np.packbits(met, axis=1, bitorder="little")
    n_bytes = packed.shape[1]
    if n_bytes == 1:
        return packed[:, 0]
    width = 1 << (n_bytes - 1).bit_length()
    words = np.zeros((*packed[:, 0].shape, width), dtype=np.uint8)
    words[..., :n_bytes] = np.moveaxis(packed, 1, -1)
    return words.view(f"<u{width}")[..., 0]


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


def _cut_cells(trees: TreeEnsemble) -> tuple[tuple[Floats, ...], Ints]:
    """Return each prepared column's sorted thresholds, and each inner node's place among them."""
    thresholds = []
    cell_of_node = np.zeros(len(trees.left), dtype=np.int64)
    for column in range(len(trees.rules.source)):
        nodes = np.flatnonzero(trees.feature == column)
        cuts, places = np.unique(trees.threshold[nodes], return_inverse=True)
        thresholds.append(cuts)
        cell_of_node[nodes] = places
    return tuple(thresholds), cell_of_node


def _group_leaves(trees: TreeEnsemble, steps: _Steps, cell_of_node: Ints) -> Iterator[LeafGroup]:
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
