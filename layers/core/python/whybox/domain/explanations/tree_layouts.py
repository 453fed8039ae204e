"""One flat layout for the trees of every library, and its prediction in float64.

scikit-learn  xgboost  lightgbm     a reader each: sklearn_trees, xgboost_trees, lightgbm_trees
      └──────────┼────────┘
           TreeEnsemble             numeric tests `x <= threshold` only, on prepared columns
                 │
           leaf_paths ─▶ interventional_trees, path_dependent_trees, coalition_trees

A library's own rules of comparison (float32 or float64, strict or not, what counts as missing, sets of
categories) are turned into prepared columns and thresholds once, so that nothing behind this file knows them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from whybox.domain.explanations.links import Floats, Link, apply_link, count_outputs

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

# Rows per block when trees are walked: (rows x trees) node numbers and values stay below about 64 MB.
BLOCK_CELLS = 4_000_000
# Between 0 (left) and 1 (right): the threshold of a split by category on its prepared column.
CATEGORY_THRESHOLD = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class CategorySet:
    """A split by category: the listed category numbers go to one side, every other number to the other."""

    members: Ints
    members_left: bool


@dataclass(frozen=True, slots=True, eq=False)
class ColumnRules:
    """How a library reads a table before it compares: one entry per prepared column.

    ``source[c]`` is the column it comes from. A column in ``categories`` is prepared as 0 where the split
    sends the category left and 1 where right; any other keeps its value. NaN = missing.
    """

    source: Ints
    narrow: Bools  # rounded to float32
    nan_is_zero: Bools
    zero_is_missing: Bools
    categories: dict[int, CategorySet]

    @classmethod
    def plain(cls, n_columns: int, *, narrow: bool) -> ColumnRules:
        """Return the rules of a library that knows numbers and NaN only."""
        no = np.zeros(n_columns, dtype=np.bool_)
        return cls(
            source=np.arange(n_columns, dtype=np.int64),
            narrow=np.full(n_columns, narrow, dtype=np.bool_),
            nan_is_zero=no,
            zero_is_missing=no,
            categories={},
        )

    def with_categories(self, splits: list[tuple[int, CategorySet]]) -> ColumnRules:
        """Return the rules with one more prepared column for each (source column, set)."""
        n_prepared = len(self.source)
        more = np.asarray([column for column, _ in splits], dtype=np.int64)
        added = {n_prepared + place: chosen for place, (_, chosen) in enumerate(splits)}
        no = np.zeros(len(splits), dtype=np.bool_)
        return ColumnRules(
            source=np.concatenate([self.source, more]),
            narrow=np.concatenate([self.narrow, self.narrow[more]]),
            nan_is_zero=np.concatenate([self.nan_is_zero, no]),
            zero_is_missing=np.concatenate([self.zero_is_missing, no]),
            categories={**self.categories, **added},
        )


@dataclass(frozen=True, slots=True, eq=False)
class TreeEnsemble:
    """A sum of trees: ``margin(z) = base + sum over trees of values[leaf(z)]``, then a link.

    Node arrays hold all trees one after the other; child numbers are positions in them, -1 at a leaf.
    A row goes left where its prepared value is ``<= threshold``, and where it is NaN by ``missing_left``.

    Attributes
    ----------
    n_columns : columns of the table Z the trees were fitted on
    roots : int64 (n_trees,)
    left, right : int64 (n_nodes,), -1 at leaves
    feature : int64 (n_nodes,), prepared column, -1 at leaves
    threshold : float64 (n_nodes,)
    missing_left : bool (n_nodes,)
    cover : float64 (n_nodes,), training weight that reached the node, as the library counts it
    values : float64 (n_nodes, n_margins), zero at inner nodes
    base : float64 (n_margins,)
    link : from margins to outputs
    rules : how Z becomes the prepared columns
    """

    n_columns: int
    roots: Ints
    left: Ints
    right: Ints
    feature: Ints
    threshold: Floats
    missing_left: Bools
    cover: Floats
    values: Floats
    base: Floats
    link: Link
    rules: ColumnRules

    @property
    def n_margins(self) -> int:
        """Sums per row."""
        return int(self.values.shape[1])

    @property
    def n_outputs(self) -> int:
        """Outputs per row, behind the link."""
        return count_outputs(self.link, self.n_margins)

    def prepare(self, Z: Floats) -> Floats:
        """Return Z as the library compares it: float64 (n, n_prepared), NaN = missing."""
        return prepare_columns(Z, self.rules)

    def margins(self, Z: Floats) -> Floats:
        """Return the sums of leaf values, base included: float64 (n, n_margins)."""
        out = np.empty((len(Z), self.n_margins))
        step = max(1, BLOCK_CELLS // max(1, len(self.roots) * (1 + self.n_margins)))
        for start in range(0, len(Z), step):
            leaves = find_leaves(self, self.prepare(Z[start : start + step]))
            out[start : start + step] = self.values[leaves].sum(axis=1) + self.base
        return out

    def predict(self, Z: Floats) -> Floats:
        """Return the outputs behind the link: float64 (n, n_outputs)."""
        return apply_link(self.margins(Z), self.link)


def prepare_columns(Z: Floats, rules: ColumnRules) -> Floats:
    """Apply a library's reading rules to a table.

    Parameters
    ----------
    Z : float64 (n, n_columns), NaN = missing
    rules : one entry per prepared column

    Returns
    -------
    float64 (n, n_prepared). A value beyond float32 becomes infinite in a narrowed column, as it does in
    the library.
    """
    prepared: Floats = Z[:, rules.source].astype(np.float64)
    if rules.narrow.any():
        with np.errstate(over="ignore"):
            narrowed = prepared[:, rules.narrow].astype(np.float32)
        prepared[:, rules.narrow] = narrowed
    if rules.nan_is_zero.any():
        part = prepared[:, rules.nan_is_zero]
        prepared[:, rules.nan_is_zero] = np.where(np.isnan(part), 0.0, part)
    if rules.zero_is_missing.any():
        part = prepared[:, rules.zero_is_missing]
        # LightGBM's kZeroThreshold: what it stores as zero in a sparse column.
        prepared[:, rules.zero_is_missing] = np.where(np.abs(part) <= 1e-35, np.nan, part)
    for column, chosen in rules.categories.items():
        values = prepared[:, column]
        is_left = np.isin(np.trunc(values), chosen.members) == chosen.members_left
        prepared[:, column] = np.where(np.isnan(values), np.nan, np.where(is_left, 0.0, 1.0))
    return prepared


def find_leaves(trees: TreeEnsemble, prepared: Floats) -> Ints:
    """Walk every row down every tree: int64 (n, n_trees) node numbers of the leaves."""
    nodes = np.broadcast_to(trees.roots, (len(prepared), len(trees.roots))).copy()
    flat = nodes.ravel()
    rows = np.repeat(np.arange(len(prepared)), len(trees.roots))
    active = np.flatnonzero(trees.left[flat] >= 0)
    while active.size:
        at = flat[active]
        value = prepared[rows[active], trees.feature[at]]
        goes_left = np.where(np.isnan(value), trees.missing_left[at], value <= trees.threshold[at])
        at = np.where(goes_left, trees.left[at], trees.right[at])
        flat[active] = at
        active = active[trees.left[at] >= 0]
    return flat.reshape(nodes.shape)


def move_common_values(trees: TreeEnsemble) -> TreeEnsemble:
    """Move each tree's most common leaf value into the base.

    A row reaches one leaf of every tree, so taking the same number off all leaves of a tree and adding it to
    the base changes no answer. What becomes zero is left out by ``trace_leaves``: in a forest of classes
    grown until its leaves are pure that is half of the leaves.
    """
    leaf = np.flatnonzero(trees.left < 0)
    tree = np.searchsorted(trees.roots, leaf, side="right") - 1
    # Leaves of equal values have equal keys; should others have the same, they only miss a zero.
    keys = trees.values[leaf] @ np.sqrt(np.arange(2.0, trees.n_margins + 2.0))
    order = np.lexsort((keys, tree))
    is_new = np.ones(len(leaf), dtype=np.bool_)
    is_new[1:] = (np.diff(tree[order]) != 0) | (np.diff(keys[order]) != 0.0)
    firsts = np.flatnonzero(is_new)
    counts = np.diff(np.append(firsts, len(leaf)))
    by_tree_and_count = np.lexsort((counts, tree[order[firsts]]))
    of_tree = tree[order[firsts[by_tree_and_count]]]
    is_most_common = np.append(of_tree[1:] != of_tree[:-1], True)
    common = trees.values[leaf[order[firsts[by_tree_and_count[is_most_common]]]]]
    values = trees.values.copy()
    values[leaf] -= common[tree]
    return replace(trees, values=values, base=trees.base + common.sum(axis=0))


def mirror_shares(trees: TreeEnsemble) -> TreeEnsemble:
    """Return an ensemble of two shares that add up to one with the first as the exact mirror of the second.

    Rounding leaves the two a bit or so apart; exact mirrors are explained once.
    """
    values, base = trees.values.copy(), trees.base.copy()
    values[:, 0], base[0] = -values[:, 1], 1.0 - base[1]
    return replace(trees, values=values, base=base)
