"""Shapley and interaction values of trees by their definition: plain recursion over nodes, every coalition.

Nothing here is shared with the package: rows are read cell by cell, trees are walked node by node.

    phi_j  = sum over S without j of |S|! (p - |S| - 1)! / p! * [v(S + j) - v(S)]
    Phi_ij = half the sum over S without i, j of
             |S|! (p - |S| - 2)! / (p - 1)! * [v(S + ij) - v(S + i) - v(S + j) + v(S)]
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tests.proof.generated_trees import Drawn

from whybox.domain.explanations.tree_layouts import TreeEnsemble

Floats = NDArray[np.float64]
Coalition = frozenset[int]
Worths = Mapping[Coalition, Any]


def coalitions(n_players: int) -> list[Coalition]:
    """Return every coalition."""
    players = range(n_players)
    return [frozenset(chosen) for size in range(n_players + 1) for chosen in combinations(players, size)]


def shapley_values(worths: Worths, n_players: int) -> Floats:
    """Return (n_players, n_margins) from the worth of every coalition."""
    phi = np.zeros((n_players, len(worths[frozenset()])))
    for player in range(n_players):
        for S in coalitions(n_players):
            if player not in S:
                orders = math.factorial(len(S)) * math.factorial(n_players - len(S) - 1)
                phi[player] += orders / math.factorial(n_players) * (worths[S | {player}] - worths[S])
    return phi


def interaction_values(worths: Worths, n_players: int) -> Floats:
    """Return (n_players, n_players, n_margins), half the interaction index off the diagonal, 0 on it."""
    phi = np.zeros((n_players, n_players, len(worths[frozenset()])))
    for i, j in combinations(range(n_players), 2):
        for S in coalitions(n_players):
            if i not in S and j not in S:
                orders = math.factorial(len(S)) * math.factorial(n_players - len(S) - 2)
                gain = worths[S | {i, j}] - worths[S | {i}] - worths[S | {j}] + worths[S]
                phi[i, j] += orders / math.factorial(n_players - 1) / 2.0 * gain
        phi[j, i] = phi[i, j]
    return phi


def interventional_worths(case: Drawn, row: Floats) -> Worths:
    """Return the mean margin over the background with a coalition's columns taken from the row."""
    shares = case.weights / case.weights.sum()

    def worth(S: Coalition) -> Any:
        hybrids = [np.where(np.isin(case.players, list(S)), row, other) for other in case.background]
        return sum(
            share * sum_leaves(case.trees, hybrid) for share, hybrid in zip(shares, hybrids, strict=True)
        )

    return {S: worth(S) for S in coalitions(case.n_players)}


def path_dependent_worths(case: Drawn, row: Floats) -> Worths:
    """Return the mean margin where columns outside the coalition follow the training weight."""
    trees = case.trees

    def below(node: int, S: Coalition) -> Any:
        if trees.left[node] < 0:
            return trees.values[node]
        left, right = int(trees.left[node]), int(trees.right[node])
        source = int(trees.rules.source[trees.feature[node]])
        if int(case.players[source]) in S:
            return below(left if goes_left(trees, node, row[source]) else right, S)
        weight = trees.cover[left] + trees.cover[right]
        shares = trees.cover[[left, right]] / weight if weight > 0.0 else np.zeros(2)
        return shares[0] * below(left, S) + shares[1] * below(right, S)

    def worth(S: Coalition) -> Any:
        return sum((below(int(root), S) for root in trees.roots), start=trees.base.copy())

    return {S: worth(S) for S in coalitions(case.n_players)}


def sum_leaves(trees: TreeEnsemble, row: Floats) -> Any:
    """Return the margins of one row."""
    total = trees.base.copy()
    for root in trees.roots:
        node = int(root)
        while trees.left[node] >= 0:
            value = row[trees.rules.source[trees.feature[node]]]
            node = int(trees.left[node] if goes_left(trees, node, value) else trees.right[node])
        total += trees.values[node]
    return total


def goes_left(trees: TreeEnsemble, node: int, value: float) -> bool:
    """Tell where a library sends one cell at a node."""
    rules, column = trees.rules, int(trees.feature[node])
    if rules.narrow[column]:
        with np.errstate(over="ignore"):
            value = float(np.float32(value))
    if rules.nan_is_zero[column] and math.isnan(value):
        value = 0.0
    if rules.zero_is_missing[column] and abs(value) <= 1e-35:
        value = math.nan
    if math.isnan(value):
        return bool(trees.missing_left[node])
    if column in rules.categories:
        chosen = rules.categories[column]
        is_member = not math.isinf(value) and int(value) in chosen.members.tolist()
        return is_member == chosen.members_left
    return bool(value <= trees.threshold[node])
