"""Shapley interaction values of any model by their definition, from all coalitions, for few players."""

from __future__ import annotations

from collections.abc import Iterator
from math import factorial

import numpy as np

from whybox.domain.explanations.coalition_games import CoalitionGame
from whybox.domain.explanations.exact_coalitions import list_coalitions
from whybox.domain.explanations.links import Floats
from whybox.domain.explanations.tree_layouts import Bools, Ints


def list_pairs(n_players: int) -> Ints:
    """Return all pairs of players, first < second, in increasing order: int64 (n_pairs, 2)."""
    return np.column_stack(np.triu_indices(n_players, 1)).astype(np.int64)


def interact_all_coalitions(game: CoalitionGame, weights: Floats) -> Iterator[tuple[slice, Floats]]:
    """Yield the interaction values of all pairs, block of rows by block of rows.

    Parameters
    ----------
    game : rows, background and model; cost n x m x 2^p answers
    weights : float64 (m,), shares of the background rows, sum 1

    Yields
    ------
    The rows of the block, and float64 (n_pairs, rows of the block, n_outputs) in the order of ``list_pairs``:
    half of ``sum over S of |S|! (p-|S|-2)! / (p-1)! [v(S+ij) - v(S+i) - v(S+j) + v(S)]`` over the coalitions
    S without i and j (Grabisch and Roubens 1999, doi:10.1007/s001820050125).
    """
    coalitions = list_coalitions(game.n_players)
    marginals = interaction_weights(coalitions)
    base = weights @ game.background_outputs
    n_rows = len(game.predictions)
    coalition_step = game.coalitions_per_block(len(coalitions))
    row_step = max(1, coalition_step // len(coalitions))
    for start in range(0, n_rows, row_step):
        rows = np.arange(start, min(start + row_step, n_rows))
        values = marginals[:, :1, None] * base + marginals[:, -1:, None] * game.predictions[rows]
        for first in range(1, len(coalitions) - 1, coalition_step):
            part = slice(first, min(first + coalition_step, len(coalitions) - 1))
            answers = game.average(rows, coalitions[part], weights)
            values += np.einsum("pk,rko->pro", marginals[:, part], answers)
        yield slice(start, start + len(rows)), values


def interaction_weights(coalitions: Bools) -> Floats:
    """Return the matrix (n_pairs, 2^p) from the answers of all coalitions to half the interaction indices."""
    n_players = coalitions.shape[1]
    pairs = list_pairs(n_players)
    n_inside = coalitions[:, pairs[:, 0]].astype(np.int64) + coalitions[:, pairs[:, 1]]
    n_others = coalitions.sum(axis=1)[:, None] - n_inside
    orders = [
        factorial(size) * factorial(n_players - size - 2) / (2 * factorial(n_players - 1))
        for size in range(n_players - 1)
    ]
    signs = np.where(n_inside == 1, -1.0, 1.0)
    return np.ascontiguousarray((signs * np.asarray(orders)[n_others]).T)
