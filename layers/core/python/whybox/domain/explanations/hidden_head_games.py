"""Hidden head games: linear models on random hidden columns, walked by the kernel, else by numpy."""

from __future__ import annotations

import numpy as np

from whybox.domain.explanations.additive_games import AdditiveForm, AdditiveGame
from whybox.domain.explanations.additive_stages import sum_by_player
from whybox.domain.explanations.kernel_libraries import Kernel
from whybox.domain.explanations.kernel_walks import KernelHiddenHead
from whybox.domain.explanations.links import Floats
from whybox.domain.explanations.permutation_samplers import pair_answers, shape_pairs
from whybox.domain.explanations.structured_hidden import HiddenHead, HiddenSums
from whybox.domain.explanations.tree_layouts import Ints


class HiddenHeadGame(AdditiveGame):
    """The coalition game of a ``HiddenHead``; see ``CoalitionGame``. Who walks does not change the draws."""

    def __init__(
        self,
        sums: HiddenSums,
        head: HiddenHead,
        rows: Floats,
        background: Floats,
        players: Ints,
        *,
        n_players: int,
        kernel: Kernel | None,
        n_threads: int = 1,
    ) -> None:
        """Take own columns (n, q) and (m, q), and the player of each of them (q,)."""
        loads = sums.loads.T[:, None, :]
        form = AdditiveForm(
            n_players=n_players,
            width=sums.n_sums,
            offset=np.zeros(sums.n_sums),
            split=lambda S: sum_by_player(loads * S, players, n_players=n_players),
            head=lambda totals: sums.weigh(head, totals),
        )
        super().__init__(form, rows, background)
        self._walker = None
        if kernel is not None:
            self._walker = KernelHiddenHead(
                kernel,
                sums.layers,
                (head.of_clusters, head.of_units, head.of_before),
                n_own=len(players),
                row_parts=form.split(rows).transpose(1, 0, 2),
                background_parts=form.split(background).transpose(1, 0, 2),
                n_threads=n_threads,
            )

    def block_shape(self, n_walks: int) -> tuple[int, int]:
        """Return how many groups, and how many of their walks, are walked in one call."""
        return shape_pairs(self, n_walks)

    def pairs(self, rows: Ints, backgrounds: Ints, orders: Ints) -> Floats:
        """Return what antithetic pairs give; see ``permutation_samplers.walk_pairs``."""
        if self._walker is not None:
            return self._walker.pairs(rows, backgrounds, orders)
        parts = zip(rows[:, None], backgrounds[:, None], orders[:, None], strict=True)
        return np.concatenate([pair_answers(self.walk(*part), part[2]) for part in parts])
