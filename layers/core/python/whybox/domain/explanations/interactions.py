"""Interactions: how much of each pair of columns' attributions is owed to their acting together.

    trees in their own unit ──▶ leaf patterns, exact                     tree_interactions
    linear in its own unit  ──▶ 0 for every pair, exact
    any model, few columns  ──▶ all coalitions, exact                    coalition_interactions

``Phi[i, j]`` is half the Shapley interaction index of columns i and j; with the attribution less all of its
interactions on the diagonal, row i of the matrix adds up to the attribution of column i.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from whybox.domain.explanations.checks import structure_holds
from whybox.domain.explanations.coalition_games import count_players
from whybox.domain.explanations.coalition_interactions import interact_all_coalitions, list_pairs
from whybox.domain.explanations.global_importances import INTERVAL_LEVEL
from whybox.domain.explanations.leaf_paths import MAX_CONDITIONS, trace_leaves
from whybox.domain.explanations.links import Floats, Unit
from whybox.domain.explanations.model_views import ModelView
from whybox.domain.explanations.quantiles import student_quantile
from whybox.domain.explanations.structured_games import choose_game
from whybox.domain.explanations.tree_interactions import explain_pairs, open_game
from whybox.domain.explanations.tree_layouts import Ints
from whybox.errors import ExplanationCheckError, InteractionsUnavailableError

MAX_EVALUATIONS = 10_000_000
"""Answers the definition may ask a model for: half a minute of a forest, a second of a linear model."""

TREES = "interventional_tree_interactions"
LINEAR = "exact_linear"
COALITIONS = "exact_coalitions"


@dataclass(frozen=True, slots=True, eq=False)
class PairValues:
    """Interaction values on their way, block of rows by block of rows.

    ``pairs`` int64 (n_pairs, 2), first < second; every other pair is exactly 0 in every row. Each block is
    the rows it covers and float64 (n_pairs, rows, n_outputs), in ``unit``.
    """

    pairs: Ints
    blocks: Iterator[tuple[slice, Floats]]
    algorithm: str
    unit: Unit


@dataclass(frozen=True, slots=True, eq=False)
class InteractionRanking:
    """The strongest pairs of columns, for each output its own order.

    Attributes
    ----------
    pairs : int64 (n_outputs, n_top, 2), players of the pair, first < second; the strongest pair first
    mean_abs : float64 (n_outputs, n_top), mean over rows of ``|Phi|``, in ``unit``
    low, high : float64 (n_outputs, n_top), 95 % Student interval of that mean if the rows are a sample of the
        rows to come; NaN for a single row. ``low`` is never negative.
    algorithm : how the values were computed, a stable name; all are exact
    unit : "probability", "margin" or "target"
    """

    pairs: Ints
    mean_abs: Floats
    low: Floats
    high: Floats
    algorithm: str
    unit: Unit


def rank_interactions(
    view: ModelView,
    rows: Floats,
    background: Floats,
    *,
    weights: Floats | None = None,
    groups: Ints | None = None,
    n_top: int = 10,
) -> InteractionRanking:
    """Find the pairs of columns that interact most.

    Parameters
    ----------
    view : the model in one unit
    rows : float64 (n, p), user columns, at least one row; NaN = missing
    background : float64 (m, p), user columns
    weights : float64 (m,), how much each background row counts; None for equal weights
    groups : int64 (p,), the player of each user column where columns are explained together
    n_top : pairs per output; fewer come back where fewer can interact

    Returns
    -------
    InteractionRanking. Pairs of equal strength keep the order of their columns.

    Raises
    ------
    InteractionsUnavailableError : neither of the exact ways can be taken in the unit of the view
    ExplanationCheckError : a value is not finite

    Notes
    -----
    Memory does not grow with the rows, time does; see ``explain_pairs``.
    """
    found = find_pairs(view, rows, background, weights=weights, groups=groups)
    mean, error = _average_sizes(found, n_outputs=view.n_outputs)
    n_bad = np.count_nonzero(~np.isfinite(mean))
    if n_bad:
        raise ExplanationCheckError("interactions finite", found=float(n_bad), tolerance=0.0)
    half = np.full_like(error, np.nan)
    if len(rows) > 1:
        half = student_quantile(0.5 + INTERVAL_LEVEL / 2, degrees_of_freedom=len(rows) - 1) * error
    order = np.argsort(-mean, axis=0, kind="stable")[:n_top]
    mean, half = np.take_along_axis(mean, order, axis=0).T, np.take_along_axis(half, order, axis=0).T
    return InteractionRanking(
        pairs=found.pairs[order.T],
        mean_abs=mean,
        low=np.maximum(mean - half, 0.0),
        high=mean + half,
        algorithm=found.algorithm,
        unit=found.unit,
    )


def find_pairs(
    view: ModelView,
    rows: Floats,
    background: Floats,
    *,
    weights: Floats | None = None,
    groups: Ints | None = None,
) -> PairValues:
    """Choose the exact way to a model's interaction values.

    The values themselves are computed as the blocks are asked for. Parameters, errors and cost are those of
    ``rank_interactions``.
    """
    if not structure_holds(view, background):
        view = view.without_structure()
    columns = np.arange(view.n_columns) if groups is None else groups
    n_players = count_players(columns)
    if view.linear is not None and view.linear.link == "identity":
        return PairValues(
            pairs=np.zeros((0, 2), dtype=np.int64), blocks=iter(()), algorithm=LINEAR, unit=view.unit
        )
    if view.trees is not None and view.trees.link == "identity":
        paths = trace_leaves(view.trees, columns[view.players], n_players=n_players)
        if paths.max_conditions <= MAX_CONDITIONS:
            leaves = open_game(paths, view.encode(background), weights=weights)
            blocks = explain_pairs(leaves, view.encode(rows))
            return PairValues(pairs=leaves.pairs, blocks=blocks, algorithm=TREES, unit=view.unit)
    n_evaluations = len(rows) * len(background) * 2 ** min(n_players, 62)
    if n_evaluations > MAX_EVALUATIONS:
        raise InteractionsUnavailableError(unit=view.unit, n_players=n_players)
    shares = np.full(len(background), 1.0 / len(background)) if weights is None else weights / weights.sum()
    game = choose_game(view, rows, background, groups=groups)
    return PairValues(
        pairs=list_pairs(n_players),
        blocks=interact_all_coalitions(game, shares) if n_players > 1 else iter(()),
        algorithm=COALITIONS,
        unit=view.unit,
    )


def fill_matrices(found: PairValues, attributions: Floats) -> Floats:
    """Return the interaction matrices of all rows.

    Parameters
    ----------
    found : interaction values of the same rows, background and unit; its blocks are used up
    attributions : float64 (n, n_players, n_outputs), exact Shapley values

    Returns
    -------
    float64 (n, n_players, n_players, n_outputs): symmetric; row i adds up to attribution i, the diagonal is
    what is left of it. For few players: a matrix per row and output grows with the square of the columns.
    """
    n_players = attributions.shape[1]
    matrices = np.zeros((len(attributions), n_players, n_players, attributions.shape[2]))
    first, second = found.pairs.T
    for rows, values in found.blocks:
        by_row = np.moveaxis(values, 0, 1)
        matrices[rows, first, second] = by_row
        matrices[rows, second, first] = by_row
    everyone = np.arange(n_players)
    matrices[:, everyone, everyone] = attributions - matrices.sum(axis=2)
    return matrices


def _average_sizes(found: PairValues, *, n_outputs: int) -> tuple[Floats, Floats]:
    """Return the mean of ``|Phi|`` over rows and its standard error, each (n_pairs, n_outputs).

    Blocks are merged by the update of Chan, Golub and LeVeque 1983, doi:10.1080/00031305.1983.10483115.
    """
    mean, squares = np.zeros((2, len(found.pairs), n_outputs))
    n_seen = 0
    for _, values in found.blocks:
        sizes = np.abs(values)
        n_more = sizes.shape[1]
        of_block = sizes.mean(axis=1)
        gap = of_block - mean
        squares += ((sizes - of_block[:, None]) ** 2).sum(axis=1) + gap**2 * (
            n_seen * n_more / (n_seen + n_more)
        )
        mean += gap * (n_more / (n_seen + n_more))
        n_seen += n_more
    return mean, np.sqrt(squares / max(1, n_seen - 1) / max(1, n_seen))
