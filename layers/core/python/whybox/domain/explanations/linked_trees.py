"""Trees behind a link: Shapley values of probabilities (or of an exponential mean), not of margins rescaled.

The game is v(S) = mean over background rows b of link(margin of x on S, of b elsewhere). Margins along
permutations come from leaf patterns (``coalition_trees``), and each permutation is also played on

    s(S) = link(margin(b) + sum over S of (phi(x) - phi(b))),      phi = exact margin attributions,

a game without a tree in it, whose Shapley values are cheap to sample many times over. The walk answers with

    v(S) - s(S) + s(nobody) + sum over S of the Shapley values of s,

which has the Shapley values of v, the same two ends, and about a third of the variance (measured): a control
variate in two levels (M. B. Giles, Multilevel Monte Carlo methods, 2015,
https://doi.org/10.1017/S096249291500001X).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from whybox.domain.explanations.coalition_trees import list_margins, play_leaves, walk_margins
from whybox.domain.explanations.estimates import Estimate, SamplingPlan
from whybox.domain.explanations.interventional_trees import explain_interventional
from whybox.domain.explanations.leaf_paths import LeafPaths
from whybox.domain.explanations.linked_coalitions import (
    MICROSECONDS_PER_COALITION,
    attribute_all,
    find_players,
)
from whybox.domain.explanations.links import Floats, Link, apply_link
from whybox.domain.explanations.permutation_samplers import sample_game
from whybox.domain.explanations.tree_layouts import Bools, Ints

ALGORITHM = "linked_tree_permutations"
ALGORITHM_EXACT = "linked_tree_coalitions"

WORTH_OF_EXACT = 4
"""An exact answer is worth this many times the work of a sampled one."""

N_TURNS = 4
"""Turns of one permutation of the cheap game for each of the trees: its error is then the smaller one."""

N_DRAWN_ORDERS = 2048
"""Different permutations that walks of the cheap game choose from."""

BLOCK_CELLS = 1_000_000
"""Numbers in one array of a walk: 8 MB of float64, and a dozen such arrays (larger ones measured slower)."""

ROW_CELLS = 20_000_000
CELLS_PER_PLAYER = 20
"""Patterns of a leaf, or sums of a player in those units, held for all rows of a part: some 100 MB."""


def attribute_linked_trees(
    paths: LeafPaths, Z: Floats, background: Floats, weights: Floats, *, plan: SamplingPlan, seed: int
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

    Returns
    -------
    Estimate, exact where the players are few enough for all coalitions, else with standard errors. Values add
    up to prediction minus base value up to rounding either way.
    """
    n_leaves = sum(group.n_leaves for group in paths.groups)
    row_step = max(1, ROW_CELLS // (n_leaves + CELLS_PER_PLAYER * paths.n_players * len(paths.constant)))
    found = []
    for place, start in enumerate(range(0, len(Z), row_step)):
        part = Z[start : start + row_step]
        share = replace(plan, n_evaluations=round(plan.n_evaluations * len(part) / len(Z)))
        found.append(_attribute_part(paths, part, background, weights, plan=share, seed=seed + place))
    joined = found[0] if len(found) == 1 else _join(found)
    return _mirror(joined) if paths.trees.link == "logistic" else joined


def _attribute_part(
    paths: LeafPaths, Z: Floats, background: Floats, weights: Floats, *, plan: SamplingPlan, seed: int
) -> Estimate:
    """Attribute as many rows as are held at once."""
    game = LinkedTreeGame(paths, Z, background, weights=weights, seed=seed)
    if game.cost_of_all_coalitions <= WORTH_OF_EXACT * plan.n_evaluations:
        return game.attribute_all(weights)
    return replace(sample_game(game, weights, plan=plan, seed=seed), algorithm=ALGORITHM)


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


class LinkedTreeGame:
    """The coalition game of trees behind a link; see ``coalition_games.CoalitionGame``.

    Of the logistic link class 1 only is played; class 0 is its mirror image.
    """

    rows_per_group = 1

    def __init__(
        self, paths: LeafPaths, Z: Floats, background: Floats, *, weights: Floats, seed: int
    ) -> None:
        """Take encoded rows (n, q) and background rows (m, q), and explain their margins."""
        self._link: Link = paths.trees.link
        self._played = play_leaves(paths, Z, background)
        self._constant = paths.constant
        self._base = paths.trees.margins(background).T
        gains = (explain_interventional(paths, rows, background, weights=weights) for rows in (Z, background))
        self._row_phi, self._background_phi = (np.ascontiguousarray(np.moveaxis(phi, 2, 0)) for phi in gains)
        self._generator = np.random.default_rng([seed, 1])  # not the permutations of the sampler
        self.n_players = paths.n_players
        self.predictions = self._answer(paths.trees.margins(Z).T).T
        self.background_outputs = self._answer(self._base).T

    @property
    def cost_of_all_coalitions(self) -> float:
        """Microseconds."""
        n_coalitions = 2.0 ** len(find_players(self._played))
        return MICROSECONDS_PER_COALITION * n_coalitions * self._base.size * len(self.predictions)

    def attribute_all(self, weights: Floats) -> Estimate:
        """Return the exact Shapley values."""
        n_rows = len(self.predictions)
        values = attribute_all(
            self._played, self._constant, self._answer, weights, n_rows=n_rows, n_players=self.n_players
        )
        return Estimate(
            values=values,
            std_error=np.zeros_like(values),
            base_values=weights @ self.background_outputs,
            predictions=self.predictions,
            algorithm=ALGORITHM_EXACT,
        )

    @property
    def cost_per_evaluation(self) -> float:
        """Microseconds for one step of a walk, which grow with the leaves (measured)."""
        return 0.05 + 0.004 * self._n_leaves / (self.n_players + 1)

    def block_shape(self, n_walks: int) -> tuple[int, int]:
        """Return how many rows, and how many of their walks, are played at once."""
        # Steps and answers of both games, there and back, twice where the means ask for it.
        n_at_once = max(1, BLOCK_CELLS // (12 * (self.n_players + 2) * len(self._base)))
        return max(1, n_at_once // n_walks), min(n_walks, n_at_once)

    def coalitions_per_block(self, n_coalitions: int) -> int:
        """Return how many coalitions of one row are played at once."""
        n_at_once = BLOCK_CELLS // (len(self.background_outputs) * max(1, self._n_leaves))
        return max(1, min(n_coalitions, n_at_once))

    @property
    def _n_leaves(self) -> int:
        return int(np.sum([len(leaves.values) for leaves in self._played]))

    def walk(self, rows: Ints, backgrounds: Ints, orders: Ints) -> Floats:
        """Return answers along permutations and back, less the cheap game, plus its Shapley values."""
        alone = rows[:, 0]
        parts, met = _fold(backgrounds, orders)
        base = self._base[:, met][:, :, :, None]
        gains = (self._row_phi[:, alone][:, :, None] - self._background_phi[:, met])[:, :, :, None]
        walks = np.stack([order[:, :, ::way] for order in parts for way in (1, -1)], axis=2)
        steps = walk_margins(self._played, alone, met, walks, n_margins=len(base))
        cheap_steps = np.take_along_axis(gains, walks[None], axis=4)
        gaps = np.moveaxis(self._along(base, steps) - self._along(base, cheap_steps), 0, -1)
        start, end = self.background_outputs[met][:, :, None], self.predictions[alone][:, None, None]
        answers = []
        for part, order in enumerate(parts):
            values = np.take_along_axis(self._cheap_values(base, gains), order[None], axis=3)
            joined = np.moveaxis(np.cumsum(values, axis=3), 0, -1)
            both = np.stack([gaps[:, :, 2 * part], gaps[:, :, 2 * part + 1, ::-1]], axis=2)
            both[:, :, 0] += start
            both[:, :, 1] += end
            both[:, :, 0, 1:] += joined
            both[:, :, 1, 1:] -= joined
            answers.append(both)
        return np.concatenate(answers, axis=1)[:, None]

    def _along(self, base: Floats, steps: Floats) -> Floats:
        """Return answers (o, r, c, w, p + 1) from start margins (M, r, c, 1) and steps (M, r, c, w, p)."""
        margins = np.empty((*steps.shape[:-1], steps.shape[-1] + 1))
        margins[..., 0] = base
        np.cumsum(steps, axis=-1, out=margins[..., 1:])
        margins[..., 1:] += base[..., None]
        return self._answer(margins)

    def _cheap_values(self, base: Floats, gains: Floats) -> Floats:
        """Return fresh unbiased estimates (o, r, c, p) of the cheap game's Shapley values.

        Each pair's permutation is turned round by a part of its length, and played backwards too: a player
        then joins early, in the middle and late, which at equal cost halves the variance of permutations
        drawn one by one (measured).
        """
        everyone = np.broadcast_to(np.arange(self.n_players), (N_DRAWN_ORDERS, self.n_players))
        pool = self._generator.permuted(everyone, axis=1)
        order = pool[self._generator.integers(N_DRAWN_ORDERS, size=gains.shape[1:3])]
        joined = np.take_along_axis(gains[:, :, :, 0], order[None], axis=3)
        total = np.zeros((self.predictions.shape[1], *joined.shape[1:]))
        for turn in range(N_TURNS):
            shift = turn * self.n_players // N_TURNS
            there = np.roll(joined, -shift, axis=-1)
            steps = np.diff(self._along(base, np.stack([there, there[..., ::-1]], axis=3)), axis=-1)
            total += np.roll(steps[:, :, :, 0] + steps[:, :, :, 1, ::-1], shift, axis=-1)
        values = np.empty_like(total)
        np.put_along_axis(values, order[None], total / (2 * N_TURNS), axis=3)
        return values

    def _answer(self, margins: Floats) -> Floats:
        """Return the answers (o, ...) the game is played for from margins (M, ...)."""
        if self._link == "logistic":
            with np.errstate(over="ignore"):
                return np.asarray(1.0 / (1.0 + np.exp(-margins)), dtype=np.float64)
        return np.moveaxis(apply_link(np.moveaxis(margins, 0, -1), self._link), -1, 0)

    def average(self, rows: Ints, coalitions: Bools, weights: Floats) -> Floats:
        """Return mean answers of coalitions over the background; see ``coalition_games.CoalitionGame``."""
        everyone = np.broadcast_to(np.arange(self._base.shape[1]), (len(rows), self._base.shape[1]))
        margins = list_margins(self._played, rows, everyone, coalitions, n_margins=len(self._base))
        margins += self._constant[:, None, None, None]
        return np.asarray(np.einsum("orms,m->rso", self._answer(margins), weights), dtype=np.float64)


def _fold(backgrounds: Ints, orders: Ints) -> tuple[list[Ints], Ints]:
    """Return the orders of each meeting with the same background rows, and those rows once."""
    half = backgrounds.shape[1] // 2
    if backgrounds.shape[1] % 2 == 0 and np.array_equal(backgrounds[:, :half], backgrounds[:, half:]):
        return [orders[:, :half], orders[:, half:]], backgrounds[:, :half]
    return [orders], backgrounds
