"""Sampled: Shapley values of any model, by the cheapest way its structure allows; always additive."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from whybox.domain.explanations.additive_controls import learn_control
from whybox.domain.explanations.coalition_games import CoalitionGame
from whybox.domain.explanations.estimates import Estimate, SamplingPlan
from whybox.domain.explanations.exact_coalitions import attribute_all_coalitions, is_cheap
from whybox.domain.explanations.head_games import HeadGame
from whybox.domain.explanations.kernel_libraries import Engine, choose_kernel, engine_name
from whybox.domain.explanations.links import Floats
from whybox.domain.explanations.model_views import ModelView
from whybox.domain.explanations.permutation_samplers import count_pairs, sample_game
from whybox.domain.explanations.structured_games import choose_game
from whybox.domain.explanations.structured_linear import attribute_linear_behind_hidden
from whybox.domain.explanations.structured_trees import attribute_trees_behind_hidden
from whybox.domain.explanations.tree_layouts import Ints


def attribute_sampled(
    view: ModelView,
    rows: Floats,
    background: Floats,
    weights: Floats,
    *,
    plan: SamplingPlan | None = None,
    seed: int,
    groups: Ints | None = None,
    engine: Engine = "auto",
    n_threads: int = 1,
) -> Estimate:
    """Return Shapley values of any model, by the cheapest game its structure allows.

    Parameters
    ----------
    view : what is known of the model
    rows : float64 (n, p), user columns, at least one row; NaN is a missing cell
    background : float64 (m, p)
    weights : float64 (m,), shares of the background rows, sum 1
    plan : how much work is allowed
    seed : of the permutations and of the background samples
    groups : int64 (p,), the player of each user column where columns are explained together
    engine : "auto" takes the compiled kernel where there is one, "numpy" never
    n_threads : groups of rows that the kernel walks at the same time; not a bit depends on it

    Returns
    -------
    Estimate
        See ``attribute_game``.
    """
    plan = plan or SamplingPlan()
    hidden = view.hidden
    asked: dict[str, Any] = {"plan": plan, "seed": seed, "groups": groups, "engine": engine}
    asked["n_threads"] = n_threads
    if hidden is not None and hidden.trees is not None:
        found = attribute_trees_behind_hidden(view, rows, background, weights, **asked)
        if found is not None:
            return found
    if hidden is not None and hidden.linear is not None and hidden.linear.link == "identity":
        return attribute_linear_behind_hidden(view, rows, background, weights, **asked)
    columns = np.arange(view.n_columns) if groups is None else groups
    kernel = choose_kernel(engine)
    game = choose_game(view, rows, background, groups=groups, kernel=kernel, n_threads=n_threads)
    found = attribute_game(game, background, columns, weights, plan=plan, seed=seed)
    walker = game.kernel if isinstance(game, HeadGame) and not found.is_exact else None
    return replace(found, engine=engine_name(walker))


def attribute_game(
    game: CoalitionGame, background: Floats, columns: Ints, weights: Floats, *, plan: SamplingPlan, seed: int
) -> Estimate:
    """Return Shapley values: all coalitions where that is cheap, antithetic permutations elsewhere.

    Parameters
    ----------
    game : rows, background and model
    background : float64 (m, p), user columns
    columns : int64 (p,), the player of each of them
    weights : float64 (m,), shares of the background rows, sum 1
    plan, seed : see ``attribute_sampled``
    """
    if is_cheap(game, plan.n_evaluations):
        return attribute_all_coalitions(game, weights)
    n_pairs = count_pairs(game, plan)
    control = learn_control(game, background, columns, weights, n_pairs=n_pairs, seed=seed)
    return sample_game(game, weights, plan=plan, seed=seed, control=control)
