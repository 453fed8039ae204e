"""Trees behind hidden columns, in two: leaves that test own columns only, and the rest.

The first part is played by leaf patterns, exactly; the hidden columns of the second change with every
coalition, so it is walked, and it is the smaller the fewer leaves are left in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from whybox.domain.explanations.tree_layouts import Bools, Ints, TreeEnsemble


def split_leaves(trees: TreeEnsemble, n_own_columns: int) -> tuple[TreeEnsemble, TreeEnsemble]:
    """Split an ensemble by what its leaves test.

    Parameters
    ----------
    trees : on columns of which the first ``n_own_columns`` are own ones, the others hidden
    n_own_columns : own columns

    Returns
    -------
    own, rest : their margins add up to the margins of ``trees``; the base is in ``own``. Leaves of the other
    part have the value zero, so that ``trace_leaves(own, ...)`` meets own columns only; branches of ``rest``
    without a value are cut.
    """
    is_hidden = np.zeros(len(trees.left), dtype=np.bool_)
    inner = trees.left >= 0
    is_hidden[inner] = trees.rules.source[trees.feature[inner]] >= n_own_columns
    below_hidden = _spread_down(trees, is_hidden)[:, None]
    rest_values = np.where(below_hidden, trees.values, 0.0)
    is_kept = _spread_up(trees, np.any(rest_values != 0.0, axis=1))
    rest = replace(
        trees,
        values=rest_values,
        base=np.zeros_like(trees.base),
        roots=trees.roots[is_kept[trees.roots]],
        left=np.where(is_kept, trees.left, -1),
        right=np.where(is_kept, trees.right, -1),
        feature=np.where(is_kept, trees.feature, -1),
    )
    return replace(trees, values=np.where(below_hidden, 0.0, trees.values)), rest


def _levels(trees: TreeEnsemble) -> Iterator[Ints]:
    """Yield the inner nodes of all trees, level by level from the roots."""
    nodes = trees.roots[trees.left[trees.roots] >= 0]
    while nodes.size:
        yield nodes
        children = np.concatenate([trees.left[nodes], trees.right[nodes]])
        nodes = children[trees.left[children] >= 0]


def _spread_down(trees: TreeEnsemble, marked: Bools) -> Bools:
    """Return which nodes are below a marked node."""
    below = np.zeros_like(marked)
    for nodes in _levels(trees):
        for children in (trees.left[nodes], trees.right[nodes]):
            below[children] = below[nodes] | marked[nodes]
    return below


def _spread_up(trees: TreeEnsemble, marked: Bools) -> Bools:
    """Return which nodes are marked or have a marked node below them."""
    reached = marked.copy()
    for nodes in reversed(list(_levels(trees))):
        reached[nodes] |= reached[trees.left[nodes]] | reached[trees.right[nodes]]
    return reached
