"""Linked samplers: how often each background row is visited, and what values and errors come of it.

rows, by their predictions ──▶ groups of 16
background rows of a group ──▶ far     other answers than the group's     two pairs each
                           ╰─▶ near    much the same answers              one pair each, two for some of them

Nearly all of the error comes from far ones: along a permutation the answer must change from one to the other,
and the player at which it does is a matter of chance. A background too large to be visited is sampled.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from whybox.domain.explanations.estimates import Estimate, SamplingPlan, relative_error
from whybox.domain.explanations.linked_games import N_SUMS, LinkedGame, Visits
from whybox.domain.explanations.links import Floats
from whybox.domain.explanations.pair_means import PRIOR_DEGREES, ROUNDING, SAME_ANSWER, moderate
from whybox.domain.explanations.permutation_designs import draw_balanced_samples, draw_orders
from whybox.domain.explanations.tree_layouts import Ints

ALGORITHM = "linked_tree_permutations"

DEFAULT_TARGET = 0.057
"""Mean standard error / mean ``|value|`` aimed at without a target: the mean error is 0.8 of it."""

GROUP_ROWS = 16
"""Rows that visit the same background rows along the same permutations. More would make the errors of a
table's rows alike, and global importances with them."""

FAR_SHARE = 0.98
"""Far background rows make so much of the squared distances between the answers of group and background."""

NEAR_PER_DOUBLE = 6
"""One near background row in six is met by two pairs, and speaks for the variance of all of them."""

SMALLEST_NEAR = 24
"""Fewer near background rows than this are treated like far ones."""

SMALLEST_PASSES = 16
"""Visits to far background rows that a standard error needs: a few make most of it."""

SMALLEST_SAMPLE = 6
"""Sampled background rows of a group below which there is no usable standard error."""

SMALLEST_POOL = 64
"""Sampled background rows of all groups together: what a twentieth of the background does to an answer is
seen by some group, whose variance the others borrow from."""


@dataclass(frozen=True, slots=True, eq=False)
class _Group:
    """Rows that visit together: their far and near background rows, or how many of all rows they sample."""

    rows: Ints
    far: Ints
    near: Ints
    n_sampled: int = 0

    @property
    def n_doubled(self) -> int:
        """Near background rows that are met by two pairs."""
        return -(-len(self.near) // NEAR_PER_DOUBLE)

    @property
    def n_pairs(self) -> int:
        """Pairs of one pass."""
        return 2 * len(self.far) + len(self.near) + self.n_doubled + self.n_sampled


class LinkedSampler:
    """Passes over the background of every group, and the estimates after them."""

    def __init__(self, game: LinkedGame, *, n_pairs: float, seed: int) -> None:
        """Divide the background; nothing is evaluated yet. ``n_pairs`` per row is what a pass may cost."""
        self._game = game
        self._generator = np.random.default_rng(seed)
        n_rows, n_outputs = game.predictions.shape
        self._order = np.argsort(game.predictions[:, -1], kind="stable")
        rows = [self._order[start : start + GROUP_ROWS] for start in range(0, n_rows, GROUP_ROWS)]
        n_background = len(game.weights)
        smallest = max(SMALLEST_SAMPLE, -(-SMALLEST_POOL // len(rows)))
        is_sampled = n_pairs < 2 * n_background and n_background > 2 * smallest
        n_sampled = int(np.clip(n_pairs, smallest, n_background // 2)) if is_sampled else 0
        self._groups = [_divide(game, some, n_sampled) for some in rows]
        self._known = game.known_shares()
        self._sums = np.zeros((n_rows, N_SUMS, game.n_players, n_outputs))
        self._n_passes = np.zeros((n_rows, 1, 1))
        # Of the samples of each row: how many, and the sums of t and of its square.
        self._counts = np.zeros(n_rows)
        self._t, self._tt = np.zeros((n_rows, n_outputs)), np.zeros((n_rows, n_outputs))
        self.degrees_of_freedom = 1
        self.n_pairs = self.first_pairs = 0.0

    @property
    def pairs_per_pass(self) -> float:
        """Pairs that a pass costs a row, in the mean; the first one may cost more."""
        return sum(len(group.rows) * group.n_pairs for group in self._groups) / len(self._order)

    def play_pass(self) -> None:
        """Visit the background once more with every group; at first often enough for standard errors."""
        is_first = self.n_pairs == 0.0
        plans = []
        for group in self._groups:
            n_repeats = -(-SMALLEST_PASSES // max(1, len(group.far))) if is_first and len(group.far) else 1
            plans.append(self._sample(group) if group.n_sampled else self._visit_all(group, n_repeats))
            self._n_passes[group.rows] += n_repeats
            self.n_pairs += n_repeats * group.n_pairs * len(group.rows) / len(self._order)
        backgrounds, weights, spreads = (np.concatenate(part) for part in zip(*plans, strict=True))
        orders = draw_orders(self._generator, (len(backgrounds), 2), n_players=self._game.n_players)
        visits = Visits(
            first_row=_starts([group.rows for group in self._groups]),
            rows=self._order,
            first_visit=_starts([plan[0] for plan in plans]),
            backgrounds=backgrounds,
            weights=weights,
            spreads=spreads,
            orders=orders,
        )
        self._sums[self._order] += self._game.visit(visits)
        self.first_pairs = self.first_pairs or self.n_pairs

    def _visit_all(self, group: _Group, n_repeats: int) -> tuple[Ints, Floats, Floats]:
        """Return background rows, weights and spreads of visits to all of the background."""
        near = self._generator.permutation(group.near) if len(group.near) else group.near
        n_lone, n_doubled = len(near) - group.n_doubled, group.n_doubled
        once = np.concatenate([group.far, near])
        # The half difference of two pairs squared is the variance of their mean, half that of one alone.
        spread = (2.0 * n_lone + n_doubled) / max(1, n_doubled)
        spreads = np.concatenate([np.ones(len(group.far)), np.zeros(n_lone), np.full(n_doubled, spread)])
        met = np.tile(once, n_repeats)
        return met, self._game.weights[met], np.tile(spreads, n_repeats)

    def _sample(self, group: _Group) -> tuple[Ints, Floats, Floats]:
        """Return background rows, weights and spreads of visits to a balanced sample of the background."""
        gaps = self._game.background_gaps
        samples = draw_balanced_samples(self._generator, gaps, self._game.weights, group.n_sampled)
        met = samples[self._generator.integers(len(samples))]
        t = gaps[met]
        self._counts[group.rows] += len(met)
        self._t[group.rows] += t.sum(axis=0)
        self._tt[group.rows] += (t**2).sum(axis=0)
        return met, np.zeros(len(met)), np.zeros(len(met))

    def estimate(self) -> tuple[Floats, Floats]:
        """Return values and standard errors, each (n, p, o), from the passes so far."""
        if self._groups[0].n_sampled:
            values, variance, degrees = self._estimate_sampled()
        else:
            values, variance, degrees = self._estimate_visited()
        self.degrees_of_freedom = degrees + PRIOR_DEGREES
        return self._known + values, np.sqrt(variance)

    def _estimate_visited(self) -> tuple[Floats, Floats, int]:
        """Return values, variances and degrees of freedom; see ``pair_means.StratifiedMeans``."""
        sums, squares = self._sums[:, 1], self._sums[:, 2]
        varies = squares > 0.0
        degrees = np.quantile(3.0 * sums[varies] ** 2 / squares[varies] - 2.0, 0.25) if varies.any() else 1.0
        n_met = np.zeros_like(self._n_passes)
        for group in self._groups:
            n_met[group.rows] = len(group.far) + group.n_doubled
        variance = moderate(sums, n_met * self._n_passes) / self._n_passes**2
        return self._sums[:, 0] / self._n_passes, variance, max(1, int(degrees))

    def _estimate_sampled(self) -> tuple[Floats, Floats, int]:
        """Return values, variances and degrees of freedom; see ``pair_means.CalibratedMeans``."""
        gaps, count = self._game.background_gaps, self._counts[:, None, None]
        mean, mean_t = self._sums[:, 3] / count, (self._t / count[:, 0])[:, None, :]
        off = mean_t - self._game.weights @ gaps
        spread = self._tt[:, None, :] - count * mean_t**2
        varies = spread > count * (SAME_ANSWER * np.abs(gaps).max(axis=0)) ** 2
        inverse = np.divide(1.0, spread, out=np.zeros_like(spread), where=varies)
        covariance = self._sums[:, 5] - count * mean * mean_t
        slope = covariance * inverse
        residual = self._sums[:, 4] - count * mean**2 - slope * covariance
        residual = np.where(residual > ROUNDING * self._sums[:, 4], residual, 0.0)
        variance = residual / (count - 2.0) * (1.0 / count + off**2 * inverse)
        return mean - slope * off, moderate(variance, count - 2.0), int(np.min(self._counts)) - 2


def sample_linked(game: LinkedGame, *, plan: SamplingPlan, seed: int) -> Estimate:
    """Return Shapley values of a linked game by visits.

    Parameters
    ----------
    game : rows, background, trees and link
    plan : how much work is allowed; without a target ``DEFAULT_TARGET`` is aimed at
    seed : same arguments and seed, same bytes

    Returns
    -------
    Estimate. Values add up to prediction minus base value up to rounding, whatever the sample.
    """
    walked = max(1, 2 * (game.n_players - 1) * len(game.predictions))
    n_pairs = plan.n_evaluations / game.cost_per_evaluation / walked
    sampler = LinkedSampler(game, n_pairs=n_pairs, seed=seed)
    target = DEFAULT_TARGET if plan.target_error is None else plan.target_error
    most = n_pairs
    while True:
        sampler.play_pass()
        if plan.target_error is not None:
            most = max(most, plan.max_rounds * max(n_pairs, sampler.first_pairs))
        values, std_error = sampler.estimate()
        if relative_error(values, std_error) <= target or sampler.n_pairs + sampler.pairs_per_pass > most:
            break
    return Estimate(
        values=values,
        std_error=std_error,
        base_values=game.weights @ game.background_outputs,
        predictions=game.predictions,
        algorithm=ALGORITHM,
        degrees_of_freedom=sampler.degrees_of_freedom,
        n_evaluations=round(walked * sampler.n_pairs),
        engine=game.engine,
    )


def _divide(game: LinkedGame, rows: Ints, n_sampled: int) -> _Group:
    """Divide the background of a group of rows into far and near, or leave it whole to be sampled."""
    everyone = np.arange(len(game.weights))
    if n_sampled:
        return _Group(rows, everyone[:0], everyone[:0], n_sampled)
    gaps = game.predictions[rows][:, None] - game.background_outputs
    worth = game.weights**2 * np.mean(gaps**2, axis=(0, 2))
    order = np.argsort(-worth, kind="stable")
    n_far = int(np.searchsorted(np.cumsum(worth[order]), FAR_SHARE * float(np.sum(worth)))) + 1
    if len(order) - n_far < SMALLEST_NEAR:
        return _Group(rows, everyone, everyone[:0])
    return _Group(rows, np.sort(order[:n_far]), np.sort(order[n_far:]))


def _starts(parts: list[Ints]) -> Ints:
    """Return where each part starts when they stand one after the other, and where the last one ends."""
    return np.concatenate([[0], np.cumsum([len(part) for part in parts])]).astype(np.int64)
