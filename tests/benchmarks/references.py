"""Reference values, written without the engine: by definition, by leaf products, and by plain sampling.

few columns, any model      all coalitions                                    exact
sums of trees               a leaf is a product of one factor per column      exact
anything else               permutations and their reverse, every background row in turn, own standard error
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import factorial

import numpy as np
from numpy.typing import NDArray
from tests.benchmarks.leaves import Leaf
from tests.benchmarks.measure import Floats, Reference

Predict = Callable[[Floats], Floats]


def equal_weights(background: Floats) -> Floats:
    """Return (m,) equal shares."""
    return np.full(len(background), 1.0 / len(background))


def enumerate_coalitions(predict: Predict, rows: Floats, background: Floats, weights: Floats) -> Reference:
    """Return Shapley values by their definition, for at most about 13 columns."""
    n_players = rows.shape[1]
    numbers = np.arange(2**n_players)
    members = (numbers[:, None] >> np.arange(n_players)) & 1 == 1
    sizes = members.sum(axis=1)
    shares = np.array(
        [factorial(s) * factorial(n_players - 1 - s) / factorial(n_players) for s in range(n_players)]
    )
    values = []
    for row in rows:
        hybrids = np.where(members[:, None, :], row, background[None])
        answers = _matrix(predict, hybrids.reshape(-1, n_players))
        worth = np.einsum("kmo,m->ko", answers.reshape(len(numbers), len(background), -1), weights)
        columns = []
        for player in range(n_players):
            without = np.flatnonzero(~members[:, player])
            joined = without + (1 << player)
            columns.append(shares[sizes[without]] @ (worth[joined] - worth[without]))
        values.append(np.stack(columns))
    return Reference(np.stack(values), f"all 2^{n_players} coalitions, by definition")


def sample_permutations(
    predict: Predict, rows: Floats, background: Floats, weights: Floats, *, n_passes: int, seed: int = 2024
) -> Reference:
    """Return converged Shapley values of any model.

    In each pass every row meets every background row once, each time along a fresh permutation and back.
    The passes are independent, and their spread is the standard error.
    """
    generator = np.random.default_rng(seed)
    passes = np.stack([_one_pass(predict, rows, background, weights, generator) for _ in range(n_passes)])
    values = passes.mean(axis=0)
    errors = passes.std(axis=0, ddof=1) / np.sqrt(n_passes)
    how = (
        f"plain permutation sampling of the model's own predict, {n_passes} x {len(background)} pairs per row"
    )
    return Reference(values, how, float(errors.mean() / np.abs(values).mean()))


def _one_pass(
    predict: Predict, rows: Floats, background: Floats, weights: Floats, generator: np.random.Generator
) -> Floats:
    n_players = rows.shape[1]
    values = []
    for row in rows:
        orders = generator.permuted(np.tile(np.arange(n_players), (len(background), 1)), axis=1)
        ranks = np.argsort(orders, axis=1)
        joined = ranks[:, None, :] < np.arange(n_players + 1)[:, None]  # (m, steps, p)
        there = np.where(joined, row, background[:, None, :])
        back = np.where(joined, background[:, None, :], row)
        answers = _matrix(predict, np.concatenate([there, back]).reshape(-1, n_players))
        answers = answers.reshape(2, len(background), n_players + 1, -1)
        steps = 0.5 * np.diff(answers[0] - answers[1], axis=1)
        by_player = np.empty_like(steps)
        np.put_along_axis(by_player, orders[:, :, None], steps, axis=1)
        values.append(np.einsum("mpo,m->po", by_player, weights))
    return np.stack(values)


def multiply_leaves_against(leaves: Sequence[Leaf], rows: Floats, background: Floats) -> Reference:
    """Return exact interventional values of a sum of trees.

    Under a coalition a row reaches a leaf if each column's conditions are met, by the row's own cell or by
    the background row's: a product of one factor per column, whose Shapley values need only polynomials.
    """
    values = np.zeros((len(rows), rows.shape[1], len(leaves[0].value)))
    for leaf in leaves:
        own, other = leaf.met(rows).astype(float), leaf.met(background).astype(float)
        for row in range(len(rows)):
            shares = _product_values(own[row], other).mean(axis=0)
            np.add.at(values[row], leaf.columns, shares[:, None] * leaf.value)
    return Reference(values, "products over each leaf, row by row of the background, in plain numpy")


def multiply_leaves_by_cover(leaves: Sequence[Leaf], rows: Floats) -> Reference:
    """Return exact path-dependent values of a sum of trees: an absent column follows the training rows."""
    values = np.zeros((len(rows), rows.shape[1], len(leaves[0].value)))
    for leaf in leaves:
        own = leaf.met(rows).astype(float)
        for row in range(len(rows)):
            shares = _product_values(own[row], leaf.cover_shares[None])[0]
            np.add.at(values[row], leaf.columns, shares[:, None] * leaf.value)
    return Reference(values, "products over each leaf by definition, in plain numpy")


def _product_values(own: Floats, other: Floats) -> Floats:
    """Return the Shapley values (m, k) of the games v(S) = prod_{S} own_i prod_{not S} other_i.

    own (k,), other (m, k). Player i gets (own_i - other_i) sum_s s!(k-1-s)!/k! e_s, with e_s the coefficient
    of t^s in prod_{j != i} (other_j + own_j t).
    """
    k = len(own)
    shares = np.array([factorial(s) * factorial(k - 1 - s) / factorial(k) for s in range(k)])
    values = np.zeros_like(other)
    can_count = ~np.any((own == 0) & (other == 0), axis=1)
    others = other[can_count]
    for player in range(k):
        polynomial = np.zeros((len(others), k))
        polynomial[:, 0] = 1.0
        for j in range(k):
            if j != player:
                raised = own[j] * polynomial
                polynomial = polynomial * others[:, j : j + 1]
                polynomial[:, 1:] += raised[:, :-1]
        values[can_count, player] = (own[player] - others[:, player]) * (polynomial @ shares)
    return values


def _matrix(predict: Predict, rows: Floats) -> NDArray[np.float64]:
    """Ask in parts of bounded size, as (n, outputs)."""
    edges = [*range(0, len(rows), 200_000), len(rows)]
    parts = [np.asarray(predict(rows[start:stop]), dtype=np.float64) for start, stop in pairwise(edges)]
    return np.concatenate(parts).reshape(len(rows), -1)
