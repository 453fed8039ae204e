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

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from whybox.domain.explanations.kernel_libraries import Engine, choose_kernel
from whybox.domain.explanations.kernel_trees import KernelLeaves
from whybox.domain.explanations.leaf_groups import LeafGroup, cut_cells, group_leaves
from whybox.domain.explanations.links import Floats
from whybox.domain.explanations.tree_layouts import Bools, Ints, TreeEnsemble

Patterns = NDArray[np.unsignedinteger]

# A pattern is one machine word; a path through more players is explained as a function instead.
MAX_CONDITIONS = 62


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
        return group_leaves(self.trees, self.players, self._cuts[1])

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
    def n_leaves(self) -> int:
        """The leaves with a value and a condition."""
        if self.compiled is not None:
            return self.compiled.n_leaves
        return sum(group.n_leaves for group in self.groups)

    @cached_property
    def n_conditions(self) -> int:
        """The conditions of all leaves."""
        if self.compiled is not None:
            return self.compiled.n_conditions
        return sum(group.n_leaves * group.k for group in self.groups)

    @cached_property
    def max_conditions(self) -> int:
        """The largest number of conditions of a leaf."""
        if self.compiled is not None:
            return self.compiled.max_conditions
        return max((group.k for group in self.groups), default=0)

    @cached_property
    def _cuts(self) -> tuple[tuple[Floats, ...], Ints]:
        return cut_cells(self.trees)


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Rows as cell numbers (n_prepared, n), and where they are missing, None where nothing is."""

    numbers: NDArray[np.int32]
    missing: Bools | None


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
