"""Exact Shapley values from all coalitions, for few players."""

from __future__ import annotations

from math import comb

import numpy as np

from whybox.domain.explanations.coalition_games import CoalitionGame
from whybox.domain.explanations.estimates import Estimate
from whybox.domain.explanations.links import Floats
from whybox.domain.explanations.tree_layouts import Bools

ALGORITHM = "exact_coalitions"


LARGEST_EXACT = 14
"""Players above which all coalitions are not even listed."""


def is_cheap(game: CoalitionGame, budget: float) -> bool:
    """Tell whether all coalitions cost no more than ``budget`` evaluations of a model of middling cost."""
    if game.n_players > LARGEST_EXACT:
        return False
    return count_evaluations(game) * game.cost_per_evaluation <= budget


def count_evaluations(game: CoalitionGame) -> int:
    """Return how many rows the model is asked for when all coalitions are."""
    return int(len(game.predictions) * len(game.background_outputs) * (2**game.n_players - 2))


def attribute_all_coalitions(game: CoalitionGame, weights: Floats) -> Estimate:
    """Return the Shapley values by their definition (Shapley 1953, doi:10.1515/9781400881970-018).

    Parameters
    ----------
    game : rows, background and model; cost n x m x 2^p answers
    weights : float64 (m,), shares of the background rows, sum 1

    Returns
    -------
    Estimate
        Standard errors are 0; values add up to prediction minus base value up to rounding.
    """
    n_players = game.n_players
    coalitions = list_coalitions(n_players)
    marginals = shapley_weights(coalitions)
    n_rows, n_outputs = game.predictions.shape
    base = weights @ game.background_outputs
    values = np.zeros((n_rows, n_players, n_outputs))
    coalition_step = game.coalitions_per_block(len(coalitions))
    row_step = max(1, coalition_step // len(coalitions))
    for start in range(0, n_rows, row_step):
        rows = np.arange(start, min(start + row_step, n_rows))
        for first in range(1, len(coalitions) - 1, coalition_step):
            part = slice(first, min(first + coalition_step, len(coalitions) - 1))
            answers = game.average(rows, coalitions[part], weights)
            values[rows] += np.einsum("pk,rko->rpo", marginals[:, part], answers)
        values[rows] += marginals[:, :1] * base + marginals[:, -1:] * game.predictions[rows, None]
    return Estimate(
        values=values,
        std_error=np.zeros_like(values),
        base_values=base,
        predictions=game.predictions,
        algorithm=ALGORITHM,
        n_evaluations=count_evaluations(game),
    )


def list_coalitions(n_players: int) -> Bools:
    """Return all coalitions, the empty one first and the full one last: bool (2^p, p).

    In Gray code order, so that neighbours differ in one player.
    """
    numbers = np.arange(2**n_players)
    codes = numbers ^ (numbers >> 1)
    coalitions = (codes[:, None] >> np.arange(n_players)) & 1 > 0
    is_full = coalitions.all(axis=1)
    return np.vstack([coalitions[~is_full], coalitions[is_full]])


def shapley_weights(coalitions: Bools) -> Floats:
    """Return the matrix (p, 2^p) that turns the answers of all coalitions into Shapley values."""
    n_players = coalitions.shape[1]
    sizes = coalitions.sum(axis=1)
    joins = np.array(
        [1.0 / (n_players * comb(n_players - 1, size - 1)) if size else 0.0 for size in range(n_players + 1)]
    )
    leaves = np.array(
        [
            1.0 / (n_players * comb(n_players - 1, size)) if size < n_players else 0.0
            for size in range(n_players + 1)
        ]
    )
    return np.where(coalitions.T, joins[sizes], -leaves[sizes])
