"""Predictions of an ensemble for many rows: the kernel's walk where there is one, else the ensemble's own."""

from __future__ import annotations

import numpy as np

from whybox.domain.explanations.kernel_libraries import Engine, choose_kernel
from whybox.domain.explanations.kernel_trees import KernelTrees, add_up_leaves
from whybox.domain.explanations.links import Floats, apply_link
from whybox.domain.explanations.row_blocks import ALL_AT_ONCE, RowBlocks
from whybox.domain.explanations.tree_layouts import TreeEnsemble


def predict_trees(
    trees: TreeEnsemble, Z: Floats, *, engine: Engine = "auto", blocks: RowBlocks = ALL_AT_ONCE
) -> Floats:
    """Return the outputs behind the link, float64 (n, n_outputs), of rows Z (n, n_columns), NaN = missing.

    Leaves are found node by node on the values themselves, independently of how explanations read them: what
    attributions add up to is not of their own making.
    """
    return apply_link(add_up_margins(trees, Z, engine=engine, blocks=blocks), trees.link)


def add_up_margins(
    trees: TreeEnsemble, Z: Floats, *, engine: Engine = "auto", blocks: RowBlocks = ALL_AT_ONCE
) -> Floats:
    """Return the sums of leaf values, base included, float64 (n, n_margins), of rows Z (n, n_columns)."""
    kernel = choose_kernel(engine)
    if kernel is None:
        return trees.margins(Z)
    flat, margins = KernelTrees(trees), np.empty((len(Z), trees.n_margins))
    blocks.run(lambda rows: add_up_leaves(kernel, flat, Z[rows], margins[rows]), len(Z))
    return margins
