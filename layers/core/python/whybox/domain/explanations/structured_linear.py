"""Linear models behind hidden columns: own columns in closed form, only the hidden ones' part is sampled."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from whybox.domain.explanations.additive_stages import sum_by_player
from whybox.domain.explanations.coalition_games import count_players
from whybox.domain.explanations.estimates import Estimate, SamplingPlan
from whybox.domain.explanations.exact_coalitions import attribute_all_coalitions, is_cheap
from whybox.domain.explanations.head_games import HeadGame, open_hidden_head
from whybox.domain.explanations.kernel_libraries import Engine, Kernel, choose_kernel, engine_name
from whybox.domain.explanations.linear_forms import LinearForm
from whybox.domain.explanations.links import Floats
from whybox.domain.explanations.model_views import ModelView
from whybox.domain.explanations.permutation_samplers import sample_game
from whybox.domain.explanations.quadratic_controls import QuadraticControl, draw_hybrids, fit_quadratic
from whybox.domain.explanations.structured_hidden import HiddenSums
from whybox.domain.explanations.tree_layouts import Ints
from whybox.domain.models.hidden_features import HiddenFeatures

ALGORITHM = "exact_linear_with_sampled_hidden"

DEFAULT_TARGET = 0.0125
"""Mean standard error / mean ``|value|`` aimed at without a target: a mean error of one percent."""

PAIRS_PER_ROUND = 32

SHARE_OF_PLAN = 0.15
"""Share of the plan's work spent without a target: this model is worth less than one without a structure."""


def attribute_linear_behind_hidden(
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
) -> Estimate:
    """Return Shapley values of a linear model with the identity link on own and hidden columns.

    The own columns' part is exact (see ``linear``). What the hidden columns add is a function of one sum per
    hidden unit and layer; near it lies a quadratic function of these sums, whose values are exact too
    (``quadratic_controls``), and antithetic permutations estimate the difference.

    Parameters
    ----------
    view : ``view.hidden.linear`` is there with the identity link, its hidden columns are ``HiddenFeatures``
    rows, background : float64 (n, p) and (m, p), user columns
    weights : float64 (m,), shares of the background rows, sum 1
    plan, seed, groups, engine, n_threads : see ``attribute_sampled``
    """
    structure = view.hidden
    if structure is None or structure.linear is None or not isinstance(structure.hidden, HiddenFeatures):
        raise ValueError("the view has no linear model on random hidden columns")
    hidden, linear = structure.hidden, structure.linear
    Z, reference = view.encode(rows), view.encode(background)
    own, other = hidden.own_columns(Z), hidden.own_columns(reference)
    columns = np.arange(view.n_columns) if groups is None else groups
    part = _HiddenPart(hidden, linear, columns[view.players], n_players=count_players(columns))
    kernel = choose_kernel(engine)
    game = part.open_game(own, other, kernel=kernel, n_threads=n_threads)
    estimate = part.attribute(game, own, other, weights, plan=plan, seed=seed)
    return replace(
        estimate,
        engine=engine_name(None if estimate.is_exact else game.kernel),
        base_values=weights @ linear.predict(hidden.transform(reference)),
        predictions=linear.predict(hidden.transform(Z)),
    )


class _HiddenPart:
    """A linear model on own columns S and hidden columns, taken apart."""

    def __init__(self, hidden: HiddenFeatures, linear: LinearForm, players: Ints, *, n_players: int) -> None:
        n_own = len(players)
        self._own_coefficients = linear.coefficients[:n_own]
        self._sums = HiddenSums.of(hidden.layers, n_own=n_own)
        self._head = self._sums.head(np.ascontiguousarray(linear.coefficients[n_own:].T))
        self._players = players
        self._n_players = n_players

    def open_game(self, own: Floats, other: Floats, *, kernel: Kernel | None, n_threads: int) -> HeadGame:
        """Return the game of the hidden columns for own columns (n, q) and (m, q)."""
        tables, n_players = (own, other, self._players), self._n_players
        return open_hidden_head(
            self._sums, self._head, *tables, n_players=n_players, kernel=kernel, n_threads=n_threads
        )

    def attribute(
        self,
        game: HeadGame,
        own: Floats,
        other: Floats,
        weights: Floats,
        *,
        plan: SamplingPlan,
        seed: int,
    ) -> Estimate:
        """Return the values of the whole model for own columns (n, q) and (m, q), of which the game is."""
        known = self._by_player(self._own_coefficients.T[:, None, :] * (own - weights @ other))
        known = known.transpose(1, 2, 0)
        budget = SHARE_OF_PLAN * plan.n_evaluations
        if plan.target_error is not None:
            budget = float(plan.n_evaluations * plan.max_rounds)
        if is_cheap(game, budget):
            exact = attribute_all_coalitions(game, weights)
            return replace(exact, values=exact.values + known)
        control = self._control(own, other, weights, seed=seed) if known.shape[2] == 1 else None
        round_cost = PAIRS_PER_ROUND * 2 * (game.n_players - 1) * len(own) * game.cost_per_evaluation
        rounds = SamplingPlan(
            n_evaluations=int(np.ceil(round_cost)),
            target_error=plan.target_error or DEFAULT_TARGET,
            max_rounds=max(1, int(budget / round_cost)),
        )
        sampled = sample_game(game, weights, plan=rounds, seed=seed, known=known, control=control)
        return replace(sampled, algorithm=ALGORITHM)

    def _by_player(self, terms: Floats) -> Floats:
        return sum_by_player(terms, self._players, n_players=self._n_players)

    def _control(self, own: Floats, other: Floats, weights: Floats, *, seed: int) -> QuadraticControl:
        """Return the quadratic function of the sums that is nearest to one output on random hybrids."""
        # A seed of its own: the permutations must not depend on what the control was fitted to.
        generator = np.random.default_rng([seed, 1])
        hybrids = draw_hybrids(generator, own, other, n_sums=self._sums.n_sums)
        loads = self._sums.loads
        sums = loads.T @ hybrids.T
        gradient, curvature = fit_quadratic(sums, self._sums.weigh(self._head, sums.copy())[0])
        return QuadraticControl(
            loads @ gradient,
            loads @ curvature @ loads.T,
            rows=own,
            background=other,
            weights=weights,
            players=self._players,
            n_players=self._n_players,
        )
