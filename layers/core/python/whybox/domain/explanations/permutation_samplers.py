"""Permutation samplers: rounds of antithetic permutations until an estimate is as precise as it should be."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np

from whybox.domain.explanations.coalition_games import CoalitionGame
from whybox.domain.explanations.estimates import Estimate, SamplingPlan, relative_error
from whybox.domain.explanations.links import Floats
from whybox.domain.explanations.pair_means import CalibratedMeans, PairMeans, StratifiedMeans
from whybox.domain.explanations.permutation_designs import draw_balanced_samples, draw_orders
from whybox.domain.explanations.tree_layouts import Ints

ALGORITHM = "antithetic_permutations"

SMALLEST_SAMPLE = 4
"""Pairs per row below which there is no usable standard error."""

SMALLEST_POOL = 24
"""Pairs of all rows together: of fewer, none may meet what matters, and nothing tells (measured for one row:
95 % intervals of 4 pairs cover 78 to 84 %, of 16 pairs 88 to 93 %)."""

SMALLEST_PASSES = 16
"""Meetings with background rows that a standard error over all of them needs: a few rows make most of it."""

N_TURNS = 2
"""A permutation is also walked from its middle on, where there is work enough for that: a player then joins
early and late, which at equal cost makes errors a quarter smaller (measured). A turn is not a draw of its
own: the mean over turns counts as one pair."""

BACKGROUND_PER_PAIR = 3
"""A round takes at most a third of the background: drawing without replacement then makes the standard error
at most 22 % too large, on the safe side. More pairs than background rows meet every one of them instead."""


PAIR_CELLS = 1_000_000
"""Numbers that the pairs of one call give: 8 MB."""


@runtime_checkable
class PairedGame(Protocol):
    """A game that gives what pairs add without the answers on the way."""

    def pairs(self, rows: Ints, backgrounds: Ints, orders: Ints) -> Floats:
        """Return what ``walk_pairs`` does."""
        ...


def shape_pairs(game: CoalitionGame, n_walks: int) -> tuple[int, int]:
    """Return the ``block_shape`` of a game that gives pairs: as many as ``PAIR_CELLS`` numbers hold."""
    n_at_once = max(2, PAIR_CELLS // (game.rows_per_group * game.n_players * game.predictions.shape[1]))
    return max(1, n_at_once // n_walks), min(n_walks, n_at_once)


class Control(Protocol):
    """A simpler model near the game's, whose Shapley values are known: only the difference is sampled."""

    @property
    def values(self) -> Floats:
        """Its Shapley values: float64 (n, p, n_outputs)."""
        ...

    @property
    def background_outputs(self) -> Floats:
        """Its answers for the background rows: float64 (m, n_outputs)."""
        ...

    def pairs(self, rows: Ints, backgrounds: Ints, /) -> Floats:
        """Return what any antithetic pair gives rows (g, r) against (g, c): (g x r, c, p, n_outputs)."""
        ...


def count_pairs(game: CoalitionGame, plan: SamplingPlan) -> int:
    """Return how many pairs per row the plan's first round affords."""
    walked = max(1, 2 * (game.n_players - 1) * len(game.predictions))
    return int(plan.n_evaluations / game.cost_per_evaluation / walked)


def sample_game(
    game: CoalitionGame,
    weights: Floats,
    *,
    plan: SamplingPlan,
    seed: int,
    known: Floats | None = None,
    control: Control | None = None,
) -> Estimate:
    """Return Shapley values by antithetic permutations.

    A pair is a permutation and its reverse (Mitchell et al. 2022, jmlr.org/papers/v23/21-0439.html), which
    cancels every interaction of two columns exactly. Each pair is walked against one background row, so
    background and permutations are sampled together. Rows draw independently of each other (at most
    ``rows_per_group`` share a draw), so that errors average out in global importances.

    Parameters
    ----------
    game : rows, background and model
    weights : float64 (m,), shares of the background rows, sum 1
    plan : how much work is allowed
    seed : same arguments and seed, same bytes
    known : float64 (n, p, n_outputs), exact values of the part of the model that the game leaves out; added,
        and counted in when the error is compared with the values
    control : a model near the game's, whose values are known

    Returns
    -------
    Estimate
        Values add up to prediction minus base value up to rounding, whatever the sample; ``predictions`` and
        ``base_values`` are the game's, without the known part.
    """
    walked = max(1, 2 * (game.n_players - 1) * len(game.predictions))
    sampler = PermutationSampler(game, weights, n_pairs=count_pairs(game, plan), seed=seed, control=control)
    largest = plan.max_rounds * sampler.pairs_per_round
    while True:
        sampler.play_round()
        values, std_error = sampler.estimate()
        if known is not None:
            values = values + known
        error = relative_error(values, std_error)
        if plan.target_error is None or error <= plan.target_error:
            break
        if sampler.n_pairs + sampler.pairs_per_round > largest:
            break
        n_needed = int(sampler.n_pairs * (error / plan.target_error) ** 2)
        if not sampler.is_stratified and min(n_needed, largest) >= 2 * len(weights):
            sampler = PermutationSampler(game, weights, n_pairs=2 * len(weights), seed=seed, control=control)
    return Estimate(
        values=values,
        std_error=std_error,
        base_values=weights @ game.background_outputs,
        predictions=game.predictions,
        algorithm=ALGORITHM,
        degrees_of_freedom=sampler.means.degrees_of_freedom,
        n_evaluations=walked * sampler.n_pairs,
    )


class PermutationSampler:
    """Plays rounds of antithetic permutations against a sample of the background, or against all of it."""

    def __init__(
        self,
        game: CoalitionGame,
        weights: Floats,
        *,
        n_pairs: int,
        seed: int,
        control: Control | None = None,
    ) -> None:
        """Choose the design; nothing is evaluated yet."""
        self._game = game
        self._control = control
        self._weights = weights
        self._generator = np.random.default_rng(seed)
        self.n_rounds = 0
        n_background = len(weights)
        largest_sample = n_background // BACKGROUND_PER_PAIR
        smallest_sample = max(SMALLEST_SAMPLE, -(-SMALLEST_POOL // len(game.predictions)))
        self.is_stratified = n_pairs >= n_background or largest_sample < smallest_sample
        self._n_turns = 1
        if self.is_stratified:
            self._sample_size = n_background
            n_passes = max(1, n_pairs // (2 * n_background))
            n_least = -(-SMALLEST_PASSES // n_background)
            if n_passes >= N_TURNS * n_least:
                self._n_turns = N_TURNS
            self._n_samples = max(n_passes // self._n_turns, n_least)
        else:
            self._sample_size = min(max(smallest_sample, n_pairs), largest_sample)
            self._n_samples = max(1, round(n_pairs / self._sample_size))
        self.means = self._empty_means()

    def _empty_means(self) -> PairMeans:
        n_rows, n_outputs = self._game.predictions.shape
        shape = {"n_rows": n_rows, "n_players": self._game.n_players}
        if self.is_stratified:
            return StratifiedMeans(**shape, n_outputs=n_outputs, weights=self._weights)
        outputs = self._game.background_outputs
        if self._control is not None:
            outputs = outputs - self._control.background_outputs
        return CalibratedMeans(**shape, outputs=outputs, weights=self._weights)

    def estimate(self) -> tuple[Floats, Floats]:
        """Return values and standard errors, each (n, p, n_outputs), from the rounds so far."""
        values, std_error = self.means.estimate()
        return (values if self._control is None else values + self._control.values), std_error

    @property
    def pairs_per_round(self) -> int:
        """Pairs one round adds to each row."""
        return self._sample_size * self._n_samples * self._n_turns * (2 if self.is_stratified else 1)

    @property
    def n_pairs(self) -> int:
        """Pairs walked per row so far."""
        return self.n_rounds * self.pairs_per_round

    def play_round(self) -> None:
        """Walk the pairs of one more round for every row."""
        samples = self._draw_samples()
        n_rows, n_walks = len(self._game.predictions), samples.shape[1]
        size = min(self._game.rows_per_group, n_rows)
        n_groups, walk_step = self._game.block_shape(n_walks)
        n_grouped = n_rows - n_rows % size
        whole = np.arange(n_grouped).reshape(-1, size)
        parts = [whole[start : start + n_groups] for start in range(0, len(whole), n_groups)]
        if n_grouped < n_rows:
            parts.append(np.arange(n_grouped, n_rows)[None])
        for rows in parts:
            chosen = samples[self._generator.integers(len(samples), size=len(rows))]
            for first in range(0, n_walks, walk_step):
                self._walk(rows, chosen[:, first : first + walk_step])
        self.n_rounds += 1

    def _draw_samples(self) -> Ints:
        """Return (k, c) samples of background rows that rows choose from."""
        if self.is_stratified:
            return np.tile(np.arange(self._sample_size), (1, self._n_samples))
        outputs = self._game.background_outputs
        draws = [
            draw_balanced_samples(self._generator, outputs, self._weights, self._sample_size)
            for _ in range(self._n_samples)
        ]
        return np.hstack(draws)

    def _walk(self, rows: Ints, backgrounds: Ints) -> None:
        """Walk one part of a round for rows (g, r) and hand its pairs to the means."""
        if self.is_stratified:
            backgrounds = np.tile(backgrounds, (1, 2))
        orders = draw_orders(self._generator, backgrounds.shape, n_players=self._game.n_players)
        pairs = self._walk_turns(rows, backgrounds, orders)
        if self._control is not None:
            pairs -= self._control.pairs(rows, backgrounds)
        self.means.add(rows.ravel(), np.repeat(backgrounds, rows.shape[1], axis=0), pairs)

    def _walk_turns(self, rows: Ints, backgrounds: Ints, orders: Ints) -> Floats:
        """Return the mean of the pairs of each permutation and of what it is turned into."""
        if self._n_turns == 1:
            return walk_pairs(self._game, rows, backgrounds, orders)
        shifts = [turn * orders.shape[2] // self._n_turns for turn in range(self._n_turns)]
        turned = np.concatenate([np.roll(orders, -shift, axis=2) for shift in shifts], axis=1)
        pairs = walk_pairs(self._game, rows, np.tile(backgrounds, (1, self._n_turns)), turned)
        by_turn = pairs.reshape(len(pairs), self._n_turns, -1, *pairs.shape[2:])
        return np.asarray(by_turn.mean(axis=1), dtype=np.float64)


def walk_pairs(game: CoalitionGame, rows: Ints, backgrounds: Ints, orders: Ints) -> Floats:
    """Return what antithetic pairs give each player, in the arguments of ``CoalitionGame.walk``.

    Returns
    -------
    float64 (g x r, c, p, n_outputs); the players of a pair add up to f(row) - f(background row).
    """
    if isinstance(game, PairedGame):
        return game.pairs(rows, backgrounds, orders)
    return pair_answers(game.walk(rows, backgrounds, orders), orders)


def pair_answers(answers: Floats, orders: Ints) -> Floats:
    """Return pairs (g x r, c, p, n_outputs) of the answers along walks (g, r, c, 2, p + 1, n_outputs)."""
    # Half of (there minus back): its steps are the mean marginal contribution of the pair.
    halves = 0.5 * (answers[..., 0, :, :] - answers[..., 1, :, :])
    pairs = np.empty_like(halves[..., 1:, :])
    np.put_along_axis(pairs, orders[:, None, :, :, None], np.diff(halves, axis=-2), axis=-2)
    return pairs.reshape(-1, *pairs.shape[2:])
