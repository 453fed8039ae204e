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

USUAL_ROUNDS = 10
"""Rounds of a plan that may be spent on visiting all of the background once, or a sample of it. What a visit
costs would buy a sample with five times its error (measured on 300 trees of 31 leaves)."""

GROUP_ROWS = 16
"""Rows that visit the same background rows along the same permutations. More would make the errors of a
table's rows alike, and global importances with them."""

FAR_SHARE = 0.98
"""Far background rows make so much of the squared distances between the answers of group and background."""

NEAR_PER_DOUBLE = 6
"""One near background row in six is met by two pairs, and speaks for the variance of all of them."""

SMALLEST_NEAR = 24
"""Fewer near background rows than this are treated like far ones."""

LONE_PAIR = 2
"""Pairs of a visit to all of the background that one pair with a sampled row costs as much as: fewer rows and
orders share what is prepared for a background row (measured on the same ensembles as the cost of a pair:
medians of 1.9 with 40 sampled rows a group, 2.8 with 12)."""

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

    @property
    def work(self) -> int:
        """What one pass costs, in pairs of a visit to all of the background."""
        return self.n_pairs + (LONE_PAIR - 1) * self.n_sampled


class LinkedSampler:
    """Passes over the background of every group, and the estimates after them."""

    def __init__(self, game: LinkedGame, *, budget: float, seed: int) -> None:
        """Divide the background by what a pass may cost a row, in pairs of a visit; evaluate nothing yet."""
        self._game = game
        self._generator = np.random.default_rng(seed)
        n_rows, n_outputs = game.predictions.shape
        self._order = np.argsort(game.predictions[:, -1], kind="stable")
        rows = [self._order[start : start + GROUP_ROWS] for start in range(0, n_rows, GROUP_ROWS)]
        n_background = len(game.weights)
        smallest = max(SMALLEST_SAMPLE, -(-SMALLEST_POOL // len(rows)))
        self._groups = [_divide(game, some) for some in rows]
        if n_background > 2 * smallest and self.work_per_pass > budget:
            n_sampled = int(np.clip(budget / LONE_PAIR, smallest, n_background // 2))
            none = self._order[:0]
            self._groups = [_Group(some, none, none, n_sampled) for some in rows]
        self._known = game.known_shares()
        self._sums = np.zeros((n_rows, N_SUMS, game.n_players, n_outputs))
        self._n_passes = np.zeros((n_rows, 1, 1))
        # Of the samples of each row: how many, and the sums of t and of its square.
        self._counts = np.zeros(n_rows)
        self._t, self._tt = np.zeros((n_rows, n_outputs)), np.zeros((n_rows, n_outputs))
        self.degrees_of_freedom = 1
        self.n_pairs = self.work = self.first_work = 0.0

    @property
    def work_per_pass(self) -> float:
        """What a pass costs a row in the mean, in pairs of a visit; the first one may cost more."""
        return sum(len(group.rows) * group.work for group in self._groups) / len(self._order)

    def play_pass(self) -> None:
        """Visit the background once more with every group; at first often enough for standard errors."""
        is_first = self.n_pairs == 0.0
        plans = []
        for group in self._groups:
            n_repeats = -(-SMALLEST_PASSES // max(1, len(group.far))) if is_first and len(group.far) else 1
            plans.append(self._sample(group) if group.n_sampled else self._visit_all(group, n_repeats))
            self._n_passes[group.rows] += n_repeats
            share = n_repeats * len(group.rows) / len(self._order)
            self.n_pairs += share * group.n_pairs
            self.work += share * group.work
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
        self.first_work = self.first_work or self.work

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
    n_rows = len(game.predictions)
    budget = plan.n_evaluations / (n_rows * game.microseconds_per_pair)
    sampler = LinkedSampler(game, budget=budget * min(plan.max_rounds, USUAL_ROUNDS), seed=seed)
    most = budget
    target = DEFAULT_TARGET if plan.target_error is None else plan.target_error
    while True:
        sampler.play_pass()
        if plan.target_error is not None:
            most = plan.max_rounds * max(budget, sampler.first_work)
        values, std_error = sampler.estimate()
        if relative_error(values, std_error) <= target or sampler.work + sampler.work_per_pass > most:
            break
    return Estimate(
        values=values,
        std_error=std_error,
        base_values=game.weights @ game.background_outputs,
        predictions=game.predictions,
        algorithm=ALGORITHM,
        degrees_of_freedom=sampler.degrees_of_freedom,
        n_evaluations=round(max(1, 2 * (game.n_players - 1) * n_rows) * sampler.n_pairs),
        engine=game.engine,
    )


def _divide(game: LinkedGame, rows: Ints) -> _Group:
    """Divide the background of a group of rows into far and near."""
    everyone = np.arange(len(game.weights))
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
