"""Trees behind hidden columns: leaves on own columns exactly, the others by permutations.

trees on F = hidden(Z) ──split_leaves──▶ own    leaf patterns, exact
                                      ╰─▶ rest   walked: hidden columns change with every coalition,
                                                 64 of them a word in the compiled kernel
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from whybox.domain.explanations.coalition_games import count_players
from whybox.domain.explanations.estimates import Estimate, SamplingPlan
from whybox.domain.explanations.hidden_tree_games import HiddenTreeGame, HiddenTrees
from whybox.domain.explanations.interventional_trees import explain_interventional
from whybox.domain.explanations.kernel_libraries import Engine, choose_kernel, engine_name
from whybox.domain.explanations.leaf_paths import MAX_CONDITIONS, trace_leaves
from whybox.domain.explanations.links import Floats
from whybox.domain.explanations.model_views import HiddenStructure, ModelView
from whybox.domain.explanations.permutation_samplers import PermutationSampler, sample_game
from whybox.domain.explanations.split_trees import split_leaves
from whybox.domain.explanations.tree_layouts import Ints, TreeEnsemble
from whybox.domain.explanations.tree_margins import predict_trees
from whybox.domain.models.hidden_features import HiddenFeatures

ALGORITHM = "exact_leaves_with_sampled_hidden"

DEFAULT_TARGET = 0.1
"""Mean standard error / mean ``|value|`` aimed at without a target: the mean error is 0.8 of it."""

PAIRS_PER_ROUND = 16


def attribute_trees_behind_hidden(
    view: ModelView,
    rows: Floats,
    background: Floats,
    weights: Floats,
    *,
    plan: SamplingPlan,
    seed: int,
    groups: Ints | None = None,
    engine: Engine = "auto",
    n_threads: int = 1,
) -> Estimate | None:
    """Return Shapley values of a sum of trees on own and hidden columns, None where this way is not open.

    It is open to trees in the unit their leaves add up in. A leaf whose path tests own columns
    only is a leaf like any other and its part is exact; what the others add is sampled alone. Measured on a
    forest behind five hidden columns: a third fewer pairs for the same error, for a tenth of their time.

    Parameters
    ----------
    view : ``view.hidden.trees`` is there
    rows, background : float64 (n, p) and (m, p), user columns
    weights : float64 (m,), shares of the background rows, sum 1
    plan, seed, groups, engine, n_threads : see ``attribute_sampled``
    """
    structure = view.hidden
    if structure is None or structure.trees is None or structure.trees.link != "identity":
        return None
    columns = np.arange(view.n_columns) if groups is None else groups
    own, rest = split_leaves(structure.trees, structure.n_own)
    hidden = structure.hidden
    if not isinstance(hidden, HiddenFeatures) or not _is_plain(rest):
        return None
    players, n_players = columns[view.players], count_players(columns)
    # No leaf of ``own`` tests a hidden column, so any player will do for those.
    blind = np.concatenate([players, np.zeros(rest.n_columns - structure.n_own, dtype=np.int64)])
    paths = trace_leaves(own, blind, n_players=n_players, engine=engine)
    if paths.max_conditions > MAX_CONDITIONS:
        return None
    Z, reference = view.encode(rows), view.encode(background)
    F_rows, F_background = hidden.transform(Z), hidden.transform(reference)
    known = explain_interventional(paths, F_rows, F_background, weights=weights)
    # The two shares of a leaf add up to one: class 0 has the values of class 1 with the other sign.
    is_mirrored = view.unit == "probability" and rest.n_margins == 2
    walked = slice(int(is_mirrored), None)
    part = replace(rest, values=np.ascontiguousarray(rest.values[:, walked]), base=rest.base[walked])
    model = HiddenTrees(part, hidden, _find_compiled(structure, rest))
    kernel = choose_kernel(engine)
    game = HiddenTreeGame(
        model, Z, reference, players, n_players=n_players, kernel=kernel, n_threads=n_threads
    )
    rounds = _plan_rounds(game, weights, plan)
    found = sample_game(game, weights, plan=rounds, seed=seed, known=known[:, :, walked])
    return replace(
        found,
        values=np.concatenate([-found.values, found.values], axis=2) if is_mirrored else found.values,
        std_error=np.repeat(found.std_error, 2, axis=2) if is_mirrored else found.std_error,
        base_values=weights @ predict_trees(structure.trees, F_background, engine=engine),
        predictions=predict_trees(structure.trees, F_rows, engine=engine),
        algorithm=ALGORITHM,
        engine=engine_name(kernel),
    )


def _plan_rounds(game: HiddenTreeGame, weights: Floats, plan: SamplingPlan) -> SamplingPlan:
    """Plan small rounds, to the plan's target, or to ours within the plan's first round."""
    if plan.target_error is None:
        plan = replace(plan, target_error=DEFAULT_TARGET, max_rounds=1)
    n_pairs = PermutationSampler(game, weights, n_pairs=PAIRS_PER_ROUND, seed=0).pairs_per_round
    n_walked = 2 * max(1, game.n_players - 1) * len(game.predictions)
    first, whole = (
        max(1, int(np.ceil(n * n_walked * game.cost_per_evaluation))) for n in (PAIRS_PER_ROUND, n_pairs)
    )
    n_rounds = max(1, plan.n_evaluations * plan.max_rounds // whole)
    return replace(plan, n_evaluations=first, max_rounds=n_rounds)


def _is_plain(rest: TreeEnsemble) -> bool:
    """Tell whether hidden columns are compared as they are, or rounded to float32."""
    rules = rest.rules
    is_direct = np.array_equal(rules.source, np.arange(rest.n_columns)) and not rules.categories
    return bool(is_direct and not rules.zero_is_missing.any())


def _find_compiled(structure: HiddenStructure, rest: TreeEnsemble) -> tuple[tuple[int, Any], ...]:
    """Return scikit-learn's own compiled trees of the rest, by their roots; none where it has others."""
    final, trees = structure.final, structure.trees
    estimators = np.ravel(getattr(final, "estimators_", final))
    is_on_all_columns = not hasattr(final, "estimators_features_")
    is_compiled = is_on_all_columns and all(hasattr(estimator, "tree_") for estimator in estimators)
    if trees is None or len(trees.roots) != len(estimators) or not is_compiled:
        return ()
    kept = np.flatnonzero(np.isin(trees.roots, rest.roots))
    return tuple((int(trees.roots[k]), estimators[k].tree_) for k in kept)
