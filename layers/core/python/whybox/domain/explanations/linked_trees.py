"""Trees behind a link: Shapley values of probabilities (or of an exponential mean), not of margins rescaled.

The game is v(S) = mean over background rows b of link(margin of x on S, of b elsewhere). For few players it
is played for all coalitions at once (``linked_coalitions``). For many, pairs of permutations are walked
(``linked_games``) on v - s, where s is a polynomial of the additive margin

    T(S) = margin(b) + sum over S of (phi(x) - phi(b)),      phi = exact margin attributions,

whose Shapley values have a closed form (``linked_controls``): a control variate that takes away two thirds of
the variance (measured). Which background rows are walked to is decided in ``linked_samplers``.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from whybox.domain.explanations.coalition_trees import play_leaves
from whybox.domain.explanations.estimates import Estimate, SamplingPlan
from whybox.domain.explanations.leaf_paths import LeafPaths
from whybox.domain.explanations.linked_coalitions import attribute_all, microseconds_per_pair
from whybox.domain.explanations.linked_games import LinkedGame
from whybox.domain.explanations.linked_samplers import sample_linked
from whybox.domain.explanations.links import Floats

ALGORITHM_EXACT = "linked_tree_coalitions"

WORTH_OF_EXACT = 4
"""An exact answer is worth this many times the work of a sampled one."""

ROW_CELLS = 20_000_000
CELLS_PER_PLAYER = 20
"""Patterns of a leaf, or sums of a player in those units, held for all rows of a part: some 100 MB."""


def attribute_linked_trees(
    paths: LeafPaths,
    Z: Floats,
    background: Floats,
    weights: Floats,
    *,
    plan: SamplingPlan,
    seed: int,
    n_threads: int = 1,
) -> Estimate:
    """Return the Shapley values of trees behind their link.

    Parameters
    ----------
    paths : traced leaves; the link is that of their trees
    Z : float64 (n, n_columns), encoded rows, at least one; NaN = missing
    background : float64 (m, n_columns)
    weights : float64 (m,), shares of the background rows, sum 1
    plan : how much work is allowed
    seed : same seed, same bytes
    n_threads : groups of rows that the kernel walks at the same time; not a bit depends on it

    Returns
    -------
    Estimate, exact where the players are few enough for all coalitions, else with standard errors. Values add
    up to prediction minus base value up to rounding either way.
    """
    n_leaves = int(np.count_nonzero(paths.trees.left < 0))
    row_step = max(1, ROW_CELLS // (n_leaves + CELLS_PER_PLAYER * paths.n_players * len(paths.constant)))
    found = []
    for place, start in enumerate(range(0, len(Z), row_step)):
        part = Z[start : start + row_step]
        share = replace(plan, n_evaluations=round(plan.n_evaluations * len(part) / len(Z)))
        game = LinkedGame(paths, part, background, weights, seed=seed + place, n_threads=n_threads)
        found.append(_attribute_part(game, part, background, plan=share, seed=seed + place))
    joined = found[0] if len(found) == 1 else _join(found)
    return _mirror(joined) if paths.trees.link == "logistic" else joined


def _attribute_part(
    game: LinkedGame, Z: Floats, background: Floats, *, plan: SamplingPlan, seed: int
) -> Estimate:
    """Attribute as many rows as are held at once."""
    paths, weights = game.paths, game.weights
    microseconds = WORTH_OF_EXACT * plan.n_evaluations / (len(Z) * len(background))
    if microseconds_per_pair(paths, most=microseconds) > microseconds:
        return sample_linked(game, plan=plan, seed=seed)
    played = play_leaves(paths, Z, background)
    values = attribute_all(
        played,
        paths.constant,
        lambda margins: np.moveaxis(game.answer(np.moveaxis(margins, 0, -1)), -1, 0),
        weights,
        n_rows=len(Z),
        n_players=paths.n_players,
    )
    return Estimate(
        values=values,
        std_error=np.zeros_like(values),
        base_values=weights @ game.background_outputs,
        predictions=game.predictions,
        algorithm=ALGORITHM_EXACT,
        engine=game.engine,
    )


def _join(found: list[Estimate]) -> Estimate:
    """Return the estimates of parts of the rows as one."""
    return replace(
        found[0],
        values=np.concatenate([part.values for part in found]),
        std_error=np.concatenate([part.std_error for part in found]),
        predictions=np.concatenate([part.predictions for part in found]),
        degrees_of_freedom=min(part.degrees_of_freedom for part in found),
        n_evaluations=sum(part.n_evaluations for part in found),
    )


def _mirror(found: Estimate) -> Estimate:
    """Return both classes of an estimate for class 1."""
    return replace(
        found,
        values=np.concatenate([-found.values, found.values], axis=2),
        std_error=np.concatenate([found.std_error, found.std_error], axis=2),
        base_values=np.concatenate([1.0 - found.base_values, found.base_values]),
        predictions=np.concatenate([1.0 - found.predictions, found.predictions], axis=1),
    )
