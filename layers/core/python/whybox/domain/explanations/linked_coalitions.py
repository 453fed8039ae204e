"""Trees behind a link, exactly: the margins of all coalitions at once, for few players.

A leaf with the sets U and V of ``coalition_trees`` is on under S where S holds U and none of V. As
``[none of V] = sum over W in V of (-1)^|W| [S holds W]``, it is a few terms ``[S holds U and W]``; those of
all leaves are added up first; one sum over subsets turns them into the margins of all 2^p coalitions.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from whybox.domain.explanations.coalition_trees import PlayedLeaves
from whybox.domain.explanations.exact_coalitions import shapley_weights
from whybox.domain.explanations.leaf_paths import LeafPaths, Patterns
from whybox.domain.explanations.links import Floats
from whybox.domain.explanations.tree_layouts import Ints

Answer = Callable[[Floats], Floats]

BLOCK_CELLS = 2_000_000
"""Margins held at once: 16 MB of float64, and a few arrays of that size."""

MICROSECONDS_PER_COALITION = 0.04
"""Cost of one coalition of one pair of rows and one margin (measured, 100 trees of depth 3, 10 players)."""

MICROSECONDS_PER_TERM = 0.006
"""Cost of one term of one pair of rows (measured, 14 models of 50 to 300 trees and 6 to 10 players)."""


def microseconds_per_pair(paths: LeafPaths, *, most: float) -> float:
    """Return what a row costs against a background row, in microseconds; no more is counted than ``most``.

    Of all pairs (3/4)^k reach a leaf with k conditions, and each of its 2^k subsets is a term.
    """
    trees = paths.trees
    n_active = len(np.unique(paths.players[trees.rules.source[trees.feature[trees.left >= 0]]]))
    coalitions = MICROSECONDS_PER_COALITION * 2.0**n_active * len(paths.constant)
    if coalitions > most:
        return coalitions
    terms = sum(np.count_nonzero(group.values) * 1.5**group.k for group in paths.groups)
    return float(coalitions + MICROSECONDS_PER_TERM * terms)


def find_players(played: list[PlayedLeaves]) -> Ints:
    """Return the players that any leaf tests, in increasing order; every other one has the value 0."""
    return np.unique(
        np.concatenate([np.zeros(0, dtype=np.int64), *(leaves.players.ravel() for leaves in played)])
    )


def attribute_all(
    played: list[PlayedLeaves],
    constant: Floats,
    answer: Answer,
    weights: Floats,
    *,
    n_rows: int,
    n_players: int,
) -> Floats:
    """Return the Shapley values of the answers by their definition.

    Parameters
    ----------
    played : all leaves of an ensemble, with the patterns of n rows and m background rows
    constant : float64 (M,), the margins without these leaves
    answer : from margins (M, ...) to answers (n_outputs, ...)
    weights : float64 (m,), shares of the background rows, sum 1

    Returns
    -------
    float64 (n, n_players, n_outputs), exact up to rounding: 2^p terms of alternating signs.
    """
    active = find_players(played)
    size = 1 << len(active)
    coalitions = (np.arange(size)[:, None] >> np.arange(len(active))) & 1 > 0
    marginals = shapley_weights(coalitions)
    row_step = max(1, BLOCK_CELLS // (size * len(weights) * len(constant)))
    blocks = []
    for start in range(0, n_rows, row_step):
        rows = np.arange(start, min(start + row_step, n_rows))
        margins = all_margins(played, rows, active, n_margins=len(constant), n_background=len(weights))
        margins += constant[:, None, None, None]
        worth = np.einsum("orms,m->ros", answer(margins), weights)
        blocks.append(np.einsum("ros,ps->rpo", worth, marginals))
    values = np.concatenate(blocks)
    spread = np.zeros((n_rows, n_players, values.shape[2]))
    spread[:, active] = values
    return spread


def all_margins(
    played: list[PlayedLeaves], rows: Ints, active: Ints, *, n_margins: int, n_background: int
) -> Floats:
    """Return the margins of all coalitions of the active players against every background row.

    Trees that never split have no leaf to play; their margins are the constant alone.

    Returns
    -------
    float64 (n_margins, r, m, 2^p), without the constant; bit j of the last position is active player j.
    """
    size = 1 << len(active)
    margins = np.zeros((n_margins, len(rows) * n_background * size))
    for leaves in played:
        masks = 1 << np.searchsorted(active, leaves.players)
        _add_terms(margins[leaves.margin], leaves, rows, masks, size=size)
    for bit in range(len(active)):
        halves = margins.reshape(-1, 2, 1 << bit)
        halves[:, 1] += halves[:, 0]
    return margins.reshape(n_margins, len(rows), n_background, size)


def _add_terms(terms: Floats, leaves: PlayedLeaves, rows: Ints, masks: Ints, *, size: int) -> None:
    """Add to ``terms`` (pairs x 2^p,) each reached leaf's signed value at each of its U + W, in place."""
    own, other = leaves.rows[rows][:, None], leaves.background
    is_reached = (own | other) == leaves.full
    pair, leaf = np.divmod(np.flatnonzero(is_reached), len(leaves.values))
    a = np.broadcast_to(own, is_reached.shape)[is_reached]
    c = np.broadcast_to(other, is_reached.shape)[is_reached]
    first = pair * size + _players_of(~c, masks, leaf)
    worth = leaves.values[leaf]
    for subset in range(1 << len(masks)):
        taken = np.full(1, subset, dtype=a.dtype)
        is_within = (a & taken) == 0
        place = first[is_within] + _players_of(taken, masks, leaf[is_within])
        sign = -1.0 if subset.bit_count() % 2 else 1.0
        terms += np.bincount(place, weights=sign * worth[is_within], minlength=len(terms))


def _players_of(pattern: Patterns, masks: Ints, leaf: Ints) -> Ints:
    """Return the coalition (entries,) of the players whose conditions are set in ``pattern``."""
    word = pattern.dtype.type
    total = np.zeros(len(leaf), dtype=np.int64)
    for bit, of_leaf in enumerate(masks):
        is_set = ((pattern >> word(bit)) & word(1)).astype(np.int64)
        total += is_set * of_leaf[leaf]
    return total
