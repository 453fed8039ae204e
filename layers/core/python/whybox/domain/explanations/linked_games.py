"""Linked games: trees behind their link between rows and background rows, visited by pairs of permutations.

    visit      a background row, met by all rows of a group along two permutations and back
    answers    link(margins of the coalition) - control of the coalition
    sums       over the visits of a group, for each of its rows: what means and standard errors are made of

The compiled kernel walks the visits where there is one; the numpy walk gives the same sums up to rounding.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from whybox.domain.explanations.coalition_trees import PlayedLeaves, play_leaves, walk_margins
from whybox.domain.explanations.interventional_trees import explain_interventional
from whybox.domain.explanations.kernel_libraries import Engine, engine_name
from whybox.domain.explanations.kernel_linked_walks import KernelLinkedGame
from whybox.domain.explanations.kernel_trees import KernelLeaves
from whybox.domain.explanations.leaf_paths import LeafPaths
from whybox.domain.explanations.linked_controls import (
    LinkedControl,
    additive_margins,
    draw_coalitions,
    fit_control,
)
from whybox.domain.explanations.links import Floats, apply_link
from whybox.domain.explanations.permutation_samplers import pair_answers
from whybox.domain.explanations.tree_layouts import Ints
from whybox.domain.explanations.tree_margins import add_up_margins

N_SUMS = 6

MICROSECONDS_PER_RANK = 0.009
MICROSECONDS_PER_SQUARE = 0.00012
"""Of a pair, where all background rows are visited: for each player and margin, and for each leaf times the
square of its conditions (measured on 108 ensembles of 160 to 15,500 leaves and 6 to 60 players, of which nine
in ten took 0.5 to 1.6 times as long)."""


@dataclass(frozen=True, slots=True, eq=False)
class Visits:
    """Groups of rows and the background rows they visit.

    first_row, first_visit : int64 (groups + 1,), where each group starts in the arrays below
    rows : int64 (r,); backgrounds : int64 (v,)
    weights : float64 (v,), the share of the background row; 0 where it stands for others too
    spreads : float64 (v,), 0 where one permutation is walked only; else how many visits' variance this one's
        stands for
    orders : int64 (v, 2, p)
    """

    first_row: Ints
    rows: Ints
    first_visit: Ints
    backgrounds: Ints
    weights: Floats
    spreads: Floats
    orders: Ints

    def of(self, groups: slice) -> Visits:
        """Return the visits of some groups that follow each other."""
        rows = self.first_row[groups.start : groups.stop + 1]
        visits = self.first_visit[groups.start : groups.stop + 1]
        here = slice(visits[0], visits[-1])
        return Visits(
            first_row=rows - rows[0],
            rows=self.rows[rows[0] : rows[-1]],
            first_visit=visits - visits[0],
            backgrounds=self.backgrounds[here],
            weights=self.weights[here],
            spreads=self.spreads[here],
            orders=self.orders[here],
        )


class LinkedGame:
    """Trees behind a link, less a control; of the logistic link class 1 only."""

    def __init__(
        self,
        paths: LeafPaths,
        Z: Floats,
        background: Floats,
        weights: Floats,
        *,
        seed: int,
        n_threads: int = 1,
    ) -> None:
        """Take encoded rows (n, q) and background rows (m, q) of shares (m,); fit the control."""
        self.paths, self.weights = paths, weights
        self._n_threads = n_threads
        self._link = paths.trees.link
        self._Z, self._background = Z, background
        margins, self.background_margins = self._add_up(Z), self._add_up(background)
        self.predictions = self.answer(margins)
        self.background_outputs = self.answer(self.background_margins)
        self.control = self._fit(margins, np.random.default_rng([seed, 1]))  # not the sampler's draws
        self._compiled = self._compile()

    @property
    def engine(self) -> str:
        """What walks: "kernel avx512", or "numpy"."""
        compiled = self.paths.compiled
        return engine_name(None if compiled is None else compiled.kernel)

    @property
    def microseconds_per_pair(self) -> float:
        """What a row's pair costs, on a nominal machine and where the kernel walks."""
        paths = self.paths
        ranks = self.n_players * len(paths.constant)
        squares = paths.n_conditions * paths.n_conditions / max(1, paths.n_leaves)
        return MICROSECONDS_PER_RANK * ranks + MICROSECONDS_PER_SQUARE * squares

    @property
    def n_players(self) -> int:
        """Players: user columns, or groups of them."""
        return self.paths.n_players

    def answer(self, margins: Floats) -> Floats:
        """Return the outputs (..., o) of margins (..., M)."""
        return apply_link(margins, self._link)[..., int(self._link == "logistic") :]

    @cached_property
    def background_gaps(self) -> Floats:
        """Answers of the background rows less the control's: float64 (m, o)."""
        return self.background_outputs - self.control.answer(self.control.starts)

    def known_shares(self) -> Floats:
        """Return the Shapley values of the control: float64 (n, p, o)."""
        compiled = self._compiled
        shares = self.control.shares(self.weights) if compiled is None else compiled.shares()
        # What rounding leaves of the sum is handed out, so that values add up as walks do.
        sizes = np.abs(shares)
        total = sizes.sum(axis=1, keepdims=True)
        lost = self.control.total(self.weights)[:, None] - shares.sum(axis=1, keepdims=True)
        return np.asarray(
            shares + lost * np.divide(sizes, total, out=np.zeros_like(sizes), where=total > 0.0)
        )

    def visit(self, visits: Visits) -> Floats:
        """Return the sums over visits for each row: float64 (r, 6, p, o).

        A visit of weight w and spread s to a background row whose answer is t, the control taken off, gives
        one or two pairs, with mean e and half difference d. The sums are those of ``w e``, ``s (w d)^2`` and
        its square over the visits that have a weight, and of ``e``, ``e^2``, ``e t`` over the others.
        """
        if self._compiled is not None:
            return self._compiled.visit(visits)
        groups = []
        for group in range(len(visits.first_row) - 1):
            rows = visits.rows[visits.first_row[group] : visits.first_row[group + 1]]
            part = slice(visits.first_visit[group], visits.first_visit[group + 1])
            groups.append(self._visit_group(rows, visits, part))
        return np.concatenate(groups)

    def _visit_group(self, rows: Ints, visits: Visits, part: slice) -> Floats:
        """Return the sums of one group (r, 6, p, o), by numpy."""
        backgrounds, weights = visits.backgrounds[part], visits.weights[part, None, None]
        spreads = visits.spreads[part, None, None]
        first = self._walk(rows, backgrounds, visits.orders[part, 0])
        second = np.where(spreads > 0.0, self._walk(rows, backgrounds, visits.orders[part, 1]), first)
        mean, half = (first + second) / 2, (first - second) / 2
        deviations = spreads * (weights * half) ** 2
        sampled = mean * (weights == 0.0)
        gaps = self.background_gaps[backgrounds][:, None, :]
        parts = (weights * mean, deviations, deviations**2, sampled, sampled**2, sampled * gaps)
        return np.stack([one.sum(axis=1) for one in parts], axis=1)

    def _walk(self, rows: Ints, backgrounds: Ints, orders: Ints) -> Floats:
        """Return the pairs (r, v, p, o) of rows (r,) against (v,) along orders (v, p)."""
        shape = (len(rows), *backgrounds.shape)
        met = np.broadcast_to(backgrounds, shape)
        ways = np.stack([orders, orders[:, ::-1]], axis=1)  # (v, 2, p)
        walks = np.broadcast_to(ways, (*shape, *ways.shape[1:]))
        n_margins = self.background_margins.shape[1]
        steps = walk_margins(self._played, rows, met, walks, n_margins=n_margins)
        margins = _along(self.background_margins.T[:, met], steps)
        gains = self.control.row_gains[rows][:, None] - self.control.background_gains[met]
        taken = np.take_along_axis(np.moveaxis(gains, 2, 0)[:, :, :, None], walks[None], axis=4)
        totals = _along(self.control.starts.T[:, met], taken)
        answers = self.answer(np.moveaxis(margins, 0, -1)) - self.control.answer(np.moveaxis(totals, 0, -1))
        # Walked from the other end, the reverse order meets the complements.
        answers[:, :, 1] = answers[:, :, 1, ::-1]
        return pair_answers(answers[None], orders[None])

    @cached_property
    def _played(self) -> list[PlayedLeaves]:
        return play_leaves(self.paths, self._Z, self._background)

    def _add_up(self, Z: Floats) -> Floats:
        engine: Engine = "numpy" if self.paths.compiled is None else "auto"
        return add_up_margins(self.paths.trees, Z, engine=engine)

    def _fit(self, margins: Floats, generator: np.random.Generator) -> LinkedControl:
        """Fit the control to answers of rows, of background rows, and of random coalitions between them."""
        # In one question: the background is prepared once.
        both = np.concatenate([self._Z, self._background])
        shares = explain_interventional(self.paths, both, self._background, weights=self.weights)
        sums = additive_margins(np.concatenate([margins, self.background_margins]), self._link)
        ends, starts = margins @ sums.T, self.background_margins @ sums.T
        row_gains, background_gains = np.split(np.einsum("oc,npc->nop", sums, shares), [len(self._Z)])
        rows, backgrounds, joined = draw_coalitions(generator, len(ends), len(starts), self.n_players)
        hybrids = np.where(joined[:, self.paths.players], self._Z[rows], self._background[backgrounds])
        gains = row_gains[rows] - background_gains[backgrounds]
        totals = starts[backgrounds] + np.einsum("kop,kp->ko", gains, joined.astype(np.float64))
        answers = self.answer(self._add_up(hybrids))
        return fit_control(
            row_gains,
            background_gains,
            starts,
            totals=np.concatenate([totals, starts, ends]),
            answers=np.concatenate([answers, self.background_outputs, self.predictions]),
        )

    def _compile(self) -> KernelLinkedGame | None:
        if self.paths.compiled is None or self._link == "identity":
            return None
        control, leaves = self.control, self.paths.compiled
        if leaves.is_mirrored:
            leaves = KernelLeaves(
                leaves.kernel,
                self.paths.trees,
                self.paths.players,
                n_players=self.n_players,
                keeps_mirror=True,
            )
        return KernelLinkedGame(
            leaves,
            self._link,
            tables=(self._Z, self._background),
            margins=self.background_margins,
            outputs=self.background_outputs,
            control=(control.row_gains, control.background_gains, control.starts, control.coefficients),
            weights=self.weights,
            n_threads=self._n_threads,
        )


def _along(starts: Floats, steps: Floats) -> Floats:
    """Return sums (k, r, v, w, p + 1) from starts (k, r, v) and steps (k, r, v, w, p)."""
    sums = np.empty((*steps.shape[:-1], steps.shape[-1] + 1))
    sums[..., 0] = starts[..., None]
    np.cumsum(steps, axis=-1, out=sums[..., 1:])
    sums[..., 1:] += starts[..., None, None]
    return sums
