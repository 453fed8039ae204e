"""Additive controls: how what a column gives depends on the background's own cell, learnt from a few pairs.

A pair against background row b gives column j less the higher b's own cell would have scored. That part,
``-g_j(b_j)``, has a known mean over the background; once it is subtracted, a sample of the background is as
good as a much larger one. For near-additive models that halves the error, for others it does nothing.
"""

from __future__ import annotations

import numpy as np

from whybox.domain.explanations.coalition_games import CoalitionGame
from whybox.domain.explanations.links import Floats
from whybox.domain.explanations.permutation_designs import draw_orders
from whybox.domain.explanations.permutation_samplers import walk_pairs
from whybox.domain.explanations.tree_layouts import Ints

PILOT_ROWS = 64
PILOT_PAIRS = 8

WORTH_WHILE = 4
"""A pilot is run when the sample itself is at least this many times as large."""

N_BINS = 8
"""Steps of each g_j: quantiles of the background's cells, and one for missing cells."""

RIDGE = 2.0
"""Pairs that say nothing, added to every step: a step few pairs have seen stays near 0."""

SMALLEST_SHARE = 0.02
"""Share of a column's variance over the background below which its g_j is left at 0."""


class AdditiveControl:
    """The control ``-g_j(b_j)``; see ``permutation_samplers.Control``."""

    def __init__(self, effects: Floats, weights: Floats, *, n_rows: int) -> None:
        """Take g_j of each background row, float64 (m, p, n_outputs), and the rows' shares (m,)."""
        self._effects = effects
        mean = np.einsum("m,mpo->po", weights, effects)
        self.values = np.broadcast_to(-mean, (n_rows, *mean.shape))
        self.background_outputs = effects.sum(axis=1)

    def pairs(self, rows: Ints, backgrounds: Ints, /) -> Floats:
        """Return the control's part of pairs of rows (g, r) against (g, c): (g x r, c, p, n_outputs)."""
        return np.repeat(-self._effects[backgrounds], rows.shape[1], axis=0)


def learn_control(
    game: CoalitionGame, background: Floats, players: Ints, weights: Floats, *, n_pairs: int, seed: int
) -> AdditiveControl | None:
    """Learn the additive effects of the background's cells from a pilot, None where that is not worth while.

    Parameters
    ----------
    game : what will be sampled
    background : float64 (m, q), the cells of the background rows; NaN is a missing cell
    players : int64 (q,), the player of each column
    weights : float64 (m,), shares of the background rows, sum 1
    n_pairs : pairs per row that the sample will have
    seed : of the pilot
    """
    n_rows, n_background = len(game.predictions), len(background)
    n_pilots = min(n_rows, PILOT_ROWS)
    if n_pairs >= n_background or n_rows * n_pairs < WORTH_WHILE * n_pilots * PILOT_PAIRS:
        return None
    generator = np.random.default_rng([seed, 2])
    rows = np.linspace(0, n_rows - 1, n_pilots).astype(np.int64)[:, None]
    backgrounds = generator.integers(n_background, size=(n_pilots, PILOT_PAIRS))
    orders = draw_orders(generator, backgrounds.shape, n_players=game.n_players)
    pairs = walk_pairs(game, rows, backgrounds, orders)
    effects = np.zeros((n_background, *pairs.shape[2:]))
    for player in range(game.n_players):
        steps = _indicate_steps(background[:, players == player])
        effects[:, player] = _fit_effects(steps, backgrounds, pairs[:, :, player])
    return AdditiveControl(effects, weights, n_rows=n_rows) if effects.any() else None


def _indicate_steps(cells: Floats) -> Floats:
    """Return which step each cell (m, k) is on: float64 (m, n_steps), one 1 per column of cells."""
    parts = [np.zeros((len(cells), 0))]
    for column in cells.T:
        present = column[np.isfinite(column)]
        edges = np.unique(np.quantile(present, np.arange(1, N_BINS) / N_BINS)) if present.size else present
        step = np.where(np.isfinite(column), np.searchsorted(edges, column), len(edges) + 1)
        parts.append((step[:, None] == np.arange(len(edges) + 2)).astype(np.float64))
    return np.hstack(parts)


def _fit_effects(steps: Floats, backgrounds: Ints, gains: Floats) -> Floats:
    """Return g of every background row (m, n_outputs) from what pairs gave (r, c, n_outputs).

    Gains and steps are centred within each row, so that only the dependence on the background is fitted.
    """
    seen = steps[backgrounds]
    seen = (seen - seen.mean(axis=1, keepdims=True)).reshape(-1, steps.shape[1])
    left = (gains - gains.mean(axis=1, keepdims=True)).reshape(len(seen), -1)
    slopes = np.linalg.solve(seen.T @ seen + RIDGE * np.eye(steps.shape[1]), seen.T @ left)
    before, after = np.sum(left**2, axis=0), np.sum((left - seen @ slopes) ** 2, axis=0)
    inflation = len(seen) / max(1, len(seen) - steps.shape[1])
    helps = after * inflation < (1.0 - SMALLEST_SHARE) * before
    return np.where(helps, -(steps @ slopes), 0.0)
