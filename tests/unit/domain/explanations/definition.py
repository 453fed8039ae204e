"""Shapley values by their definition: every coalition, nothing shared with the package that is tested.

phi_j = sum over S without j of |S|! (p - |S| - 1)! / p! * [v(S + j) - v(S)]        (L. S. Shapley, 1953)
"""

from __future__ import annotations

from itertools import combinations
from math import factorial
from typing import Any

import numpy as np


def every_coalition(n_players: int) -> list[tuple[int, ...]]:
    """Return all coalitions as sorted tuples of players, small ones first."""
    return [chosen for size in range(n_players + 1) for chosen in combinations(range(n_players), size)]


def shapley_of_game(worth: dict[tuple[int, ...], Any], n_players: int) -> Any:
    """Return (n_players, ...) Shapley values from the worth of every coalition."""
    phi = np.zeros((n_players, *np.shape(worth[()])))
    for coalition in every_coalition(n_players):
        for player in set(range(n_players)) - set(coalition):
            orders = factorial(len(coalition)) * factorial(n_players - len(coalition) - 1)
            gain = worth[tuple(sorted((*coalition, player)))] - worth[coalition]
            phi[player] += orders / factorial(n_players) * gain
    return phi


def shapley_by_definition(predict, rows, background, *, weights=None, groups=None):
    """Return (n, n_players, n_outputs): v(S) is the mean answer with the columns of S taken from the row.

    The model is asked once, for all coalitions of all rows against all background rows.
    """
    columns = np.arange(rows.shape[1]) if groups is None else np.asarray(groups)
    shares = np.ones(len(background)) if weights is None else np.asarray(weights)
    coalitions = every_coalition(columns.max() + 1)
    hybrids = np.empty((len(coalitions), len(rows), *background.shape))
    for place, coalition in enumerate(coalitions):
        taken = np.isin(columns, coalition)
        hybrids[place] = np.where(taken, rows[:, None, :], background[None])
    answers = np.asarray(predict(hybrids.reshape(-1, rows.shape[1])), dtype=np.float64)
    worth = np.einsum("snmo,m->sno", answers.reshape(*hybrids.shape[:3], -1), shares / shares.sum())
    phi = shapley_of_game(dict(zip(coalitions, worth, strict=True)), columns.max() + 1)
    return np.moveaxis(phi, 0, 1)


def path_dependent_by_definition(tree, rows, *, n_players):
    """Return (n, n_columns, n_outputs) for one fitted scikit-learn tree: unknown columns follow the cover.

    Walks ``tree.tree_`` itself: at a split on a column of S the row decides, elsewhere both sides count by
    their share of the training weight.
    """
    nodes = tree.tree_

    def expected(row, node, coalition):
        left, right = nodes.children_left[node], nodes.children_right[node]
        if left < 0:
            answer = nodes.value[node, 0]
            return answer / answer.sum() if hasattr(tree, "classes_") else answer
        column = nodes.feature[node]
        if column in coalition:
            goes_left = np.float32(row[column]) <= nodes.threshold[node]
            return expected(row, left if goes_left else right, coalition)
        weight = nodes.weighted_n_node_samples
        share = weight[left] / weight[node]
        return share * expected(row, left, coalition) + (1 - share) * expected(row, right, coalition)

    coalitions = every_coalition(n_players)
    games = [{coalition: expected(row, 0, coalition) for coalition in coalitions} for row in rows]
    return np.stack([shapley_of_game(game, n_players) for game in games])
