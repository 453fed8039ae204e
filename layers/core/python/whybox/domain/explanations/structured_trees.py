"""Trees behind hidden columns: leaves on own columns exactly, the others by permutations.

trees on F = hidden(Z) ──split_leaves──▶ own    leaf patterns, exact
                                      ╰─▶ rest   walked: hidden columns change with every coalition
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from whybox.domain.explanations.additive_controls import learn_control
from whybox.domain.explanations.coalition_games import PredictedGame, count_players
from whybox.domain.explanations.estimates import Estimate, SamplingPlan
from whybox.domain.explanations.interventional_trees import explain_interventional
from whybox.domain.explanations.leaf_paths import MAX_CONDITIONS, trace_leaves
from whybox.domain.explanations.links import Floats
from whybox.domain.explanations.model_views import HiddenStructure, ModelView
from whybox.domain.explanations.permutation_samplers import sample_game
from whybox.domain.explanations.split_trees import split_leaves
from whybox.domain.explanations.tree_layouts import Ints, TreeEnsemble

ALGORITHM = "exact_leaves_with_sampled_hidden"

DEFAULT_TARGET = 0.13
"""Mean standard error / mean ``|value|`` aimed at without a target: the mean error is 0.8 of it."""

PAIRS_PER_ROUND = 6

ROWS_AT_ONCE = 20_000
"""Rows shown to a tree at once: few enough to stay in the cache, many enough to make its call worth while."""


def attribute_trees_behind_hidden(
    view: ModelView,
    rows: Floats,
    background: Floats,
    weights: Floats,
    *,
    plan: SamplingPlan,
    seed: int,
    groups: Ints | None = None,
) -> Estimate | None:
    """Return Shapley values of a sum of trees on own and hidden columns, None where this way is not open.

    It is open to scikit-learn's trees in the unit their leaves add up in. A leaf whose path tests own columns
    only is a leaf like any other and its part is exact; what the others add is sampled alone. Measured on a
    forest behind five hidden columns: a third fewer pairs for the same error, for a tenth of their time.

    Parameters
    ----------
    view : ``view.hidden.trees`` is there
    rows, background : float64 (n, p) and (m, p), user columns
    weights : float64 (m,), shares of the background rows, sum 1
    plan, seed, groups : see ``attribute_sampled``
    """
    structure = view.hidden
    if structure is None or structure.trees is None or structure.trees.link != "identity":
        return None
    columns = np.arange(view.n_columns) if groups is None else groups
    own, rest = split_leaves(structure.trees, structure.n_own)
    walker = _read_walker(structure, rest)
    if walker is None:
        return None
    hidden_players = np.zeros(
        rest.n_columns - structure.n_own, dtype=np.int64
    )  # no leaf of ``own`` tests one
    players = np.concatenate([columns[view.players], hidden_players])
    paths = trace_leaves(own, players, n_players=count_players(columns))
    if paths.max_conditions > MAX_CONDITIONS:
        return None
    Z, reference = view.encode(rows), view.encode(background)
    F_rows, F_background = structure.hidden.transform(Z), structure.hidden.transform(reference)
    known = explain_interventional(paths, F_rows, F_background, weights=weights)
    # The two shares of a leaf add up to one: class 0 has the values of class 1 with the other sign.
    is_mirrored = view.unit == "probability" and rest.n_margins == 2
    walked = slice(int(is_mirrored), None)
    game = PredictedGame(
        lambda part: walker.margins(structure.hidden.transform(part))[:, walked],
        Z,
        reference,
        columns[view.players],
        n_players=count_players(columns),
    )
    rounds = _plan_rounds(game, plan)
    control = learn_control(
        game, background, columns, weights, n_pairs=rounds.max_rounds * PAIRS_PER_ROUND, seed=seed
    )
    found = sample_game(game, weights, plan=rounds, seed=seed, known=known[:, :, walked], control=control)
    return replace(
        found,
        values=np.concatenate([-found.values, found.values], axis=2) if is_mirrored else found.values,
        std_error=np.repeat(found.std_error, 2, axis=2) if is_mirrored else found.std_error,
        base_values=weights @ structure.trees.predict(F_background),
        predictions=structure.trees.predict(F_rows),
        algorithm=ALGORITHM,
    )


def _plan_rounds(game: PredictedGame, plan: SamplingPlan) -> SamplingPlan:
    """Plan small rounds, to the plan's target, or to ours within the plan's first round."""
    if plan.target_error is None:
        plan = replace(plan, target_error=DEFAULT_TARGET, max_rounds=1)
    round_cost = PAIRS_PER_ROUND * 2 * max(1, game.n_players - 1) * len(game.predictions)
    n_rounds = max(1, plan.n_evaluations * plan.max_rounds // round_cost)
    return replace(plan, n_evaluations=round_cost, max_rounds=n_rounds)


@dataclass(frozen=True, slots=True, eq=False)
class _Walker:
    """scikit-learn's own compiled walk down its trees, with the leaf values of part of an ensemble.

    ``trees`` (root position, tree) are those of the part; node numbers are positions behind the root.
    """

    trees: list[tuple[int, Any]]
    values: Floats

    def margins(self, F: Floats) -> Floats:
        """Return the sums of leaf values: float64 (n, n_margins)."""
        narrow = np.asarray(F, dtype=np.float32, order="C")
        sums = np.zeros((len(F), self.values.shape[1]))
        for start in range(0, len(F), ROWS_AT_ONCE):
            part = slice(start, start + ROWS_AT_ONCE)
            for root, tree in self.trees:
                sums[part] += self.values.take(tree.apply(narrow[part]) + root, axis=0)
        return sums


def _read_walker(structure: HiddenStructure, rest: TreeEnsemble) -> _Walker | None:
    """Return the compiled walk of the final estimator's trees, None where they are not ``sklearn.tree``'s."""
    final, trees = structure.final, structure.trees
    estimators = np.ravel(getattr(final, "estimators_", final))
    is_on_all_columns = not hasattr(final, "estimators_features_")
    if trees is None or len(trees.roots) != len(estimators) or not is_on_all_columns:
        return None
    if not all(hasattr(estimator, "tree_") for estimator in estimators):
        return None
    is_kept = np.isin(trees.roots, rest.roots)
    kept = [(int(trees.roots[k]), estimators[k].tree_) for k in np.flatnonzero(is_kept)]
    return _Walker(kept, rest.values)
