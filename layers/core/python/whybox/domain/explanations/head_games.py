"""Head games: additive forms whose heads the kernel evaluates where there is one, else numpy."""

from __future__ import annotations

import numpy as np

from whybox.domain.explanations.additive_games import AdditiveForm, AdditiveGame
from whybox.domain.explanations.additive_stages import sum_by_player
from whybox.domain.explanations.head_walks import HeadWalk, HiddenHead
from whybox.domain.explanations.kernel_libraries import Kernel
from whybox.domain.explanations.kernel_walks import KernelHead
from whybox.domain.explanations.links import Floats
from whybox.domain.explanations.permutation_samplers import pair_answers, shape_pairs
from whybox.domain.explanations.structured_hidden import HiddenSums
from whybox.domain.explanations.tree_layouts import Ints

ROW_CELLS = 2_000_000
"""Numbers that the rows of one call add to their sums: 16 MB. Rows of wide networks come in more calls."""

BACKGROUND_CELLS = 20_000_000
"""Numbers that all background rows add to their sums: 160 MB. Where they are more, numpy walks."""


class HeadGame(AdditiveGame):
    """The coalition game of a form with a ``HeadWalk``; see ``CoalitionGame``.

    ``kernel`` is what walks, None for numpy; it does not change the draws.
    """

    def __init__(
        self,
        form: AdditiveForm,
        walk: HeadWalk,
        rows: Floats,
        background: Floats,
        *,
        kernel: Kernel | None,
        n_threads: int = 1,
    ) -> None:
        """Take encoded columns (n, q) and (m, q)."""
        super().__init__(form, rows, background)
        is_small = form.width * form.n_players * len(background) <= BACKGROUND_CELLS
        self.kernel, self._head_walk = kernel if is_small else None, walk
        self._walker = None
        if kernel is not None and is_small:
            parts = walk.arrange(form.split(background))
            self._walker = KernelHead(kernel, walk, background_parts=parts, n_threads=n_threads)

    def block_shape(self, n_walks: int) -> tuple[int, int]:
        """Return how many groups, and how many of their walks, are walked in one call."""
        n_groups, n_at_once = shape_pairs(self, n_walks)
        most = ROW_CELLS // (self.rows_per_group * self._form.width * self.n_players)
        return min(n_groups, max(1, most)), n_at_once

    def pairs(self, rows: Ints, backgrounds: Ints, orders: Ints) -> Floats:
        """Return what antithetic pairs give; see ``permutation_samplers.walk_pairs``."""
        if self._walker is None:
            parts = zip(rows[:, None], backgrounds[:, None], orders[:, None], strict=True)
            return np.concatenate([self._pairs_of_group(*part) for part in parts])
        parts_of_rows = self._head_walk.arrange(self._form.split(self._rows[rows.ravel()]))
        found = self._walker.pairs(parts_of_rows, rows.shape[1], backgrounds, orders)
        # Of two classes the kernel gives the second.
        return np.concatenate([-found, found], axis=3) if self._head_walk.link == "logistic" else found

    def _pairs_of_group(self, rows: Ints, backgrounds: Ints, orders: Ints) -> Floats:
        """Return the pairs of rows (1, r), by numpy, as many walks at a time as the cache holds."""
        _, step = super().block_shape(backgrounds.shape[1])
        found = []
        for first in range(0, backgrounds.shape[1], step):
            part = slice(first, first + step)
            answers = self.walk(rows, backgrounds[:, part], orders[:, part])
            found.append(pair_answers(answers, orders[:, part]))
        return np.concatenate(found, axis=1)


def open_hidden_head(
    sums: HiddenSums,
    head: HiddenHead,
    rows: Floats,
    background: Floats,
    players: Ints,
    *,
    n_players: int,
    kernel: Kernel | None,
    n_threads: int = 1,
) -> HeadGame:
    """Return the game of a linear model on hidden columns alone.

    Parameters
    ----------
    rows, background : float64 (n, q) and (m, q), own columns
    players : int64 (q,), the player of each of them
    """
    loads = sums.loads.T[:, None, :]
    form = AdditiveForm(
        n_players=n_players,
        width=sums.n_sums,
        offset=np.zeros(sums.n_sums),
        split=lambda S: sum_by_player(loads * S, players, n_players=n_players),
        head=lambda totals: sums.weigh(head, totals),
    )
    walk = HeadWalk(
        link="identity",
        places=np.arange(sums.n_sums),
        offset=np.zeros(0),
        head=head,
        layers=sums.layers,
        n_own=len(players),
    )
    return HeadGame(form, walk, rows, background, kernel=kernel, n_threads=n_threads)
