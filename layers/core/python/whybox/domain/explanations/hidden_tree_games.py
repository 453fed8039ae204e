"""Hidden tree games: trees behind random hidden columns, walked by the kernel, else by hybrid rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from whybox.domain.explanations.additive_stages import sum_by_player
from whybox.domain.explanations.coalition_games import BLOCK_CELLS, PredictedGame
from whybox.domain.explanations.kernel_libraries import Kernel
from whybox.domain.explanations.kernel_walks import KernelHiddenGame
from whybox.domain.explanations.leaf_paths import MAX_CONDITIONS
from whybox.domain.explanations.links import Floats
from whybox.domain.explanations.permutation_samplers import pair_answers, shape_pairs
from whybox.domain.explanations.structured_hidden import HiddenSums
from whybox.domain.explanations.tree_layouts import Ints, TreeEnsemble
from whybox.domain.models.hidden_features import HiddenFeatures

ROWS_AT_ONCE = 20_000
"""Rows shown to a tree at once: few enough to stay in the cache, many enough to make its call worth while."""


@dataclass(frozen=True, slots=True, eq=False)
class HiddenTrees:
    """Trees on own and hidden columns, and what makes the hidden ones.

    ``estimators`` are scikit-learn's compiled trees by the position of their roots, where there are such.
    """

    trees: TreeEnsemble
    hidden: HiddenFeatures
    estimators: tuple[tuple[int, Any], ...] = ()

    def margins(self, Z: Floats) -> Floats:
        """Return the sums of leaf values for encoded rows: float64 (n, n_margins)."""
        F = self.hidden.transform(Z)
        if not self.estimators:
            return self.trees.margins(F)
        narrow = np.asarray(F, dtype=np.float32, order="C")
        sums = np.zeros((len(F), self.trees.n_margins))
        for start in range(0, len(F), ROWS_AT_ONCE):
            part = slice(start, start + ROWS_AT_ONCE)
            for root, tree in self.estimators:
                sums[part] += self.trees.values.take(tree.apply(narrow[part]) + root, axis=0)
        return sums


class HiddenTreeGame(PredictedGame):
    """The coalition game of ``HiddenTrees``; see ``CoalitionGame``.

    Rows share their permutations in small groups: what the permutations alone decide is then computed once
    for all of them, and the errors of a table's rows still differ. Draws do not depend on who walks them.
    """

    cost_per_evaluation = 0.05  # measured on 70 trees with 220 leaves, one hidden layer
    rows_per_group = 16

    def __init__(
        self,
        model: HiddenTrees,
        Z: Floats,
        background: Floats,
        players: Ints,
        *,
        n_players: int,
        kernel: Kernel | None,
        n_threads: int = 1,
    ) -> None:
        """Take encoded rows (n, q) and background rows (m, q), and the player of each encoded column."""
        super().__init__(model.margins, Z, background, players, n_players=n_players)
        self._walker = None
        if kernel is None:
            return
        sums = HiddenSums.of(model.hidden.layers, n_own=len(players))
        walker = KernelHiddenGame(
            kernel,
            model.trees,
            model.hidden.layers,
            players,
            n_players=n_players,
            rows=_take_apart(model.hidden, sums, Z, players, n_players),
            background=_take_apart(model.hidden, sums, background, players, n_players),
            n_threads=n_threads,
        )
        if walker.max_conditions <= MAX_CONDITIONS:
            self._walker = walker

    def block_shape(self, n_walks: int) -> tuple[int, int]:
        """Return how many groups, and how many of their walks, are walked in one call."""
        return shape_pairs(self, n_walks)

    def pairs(self, rows: Ints, backgrounds: Ints, orders: Ints) -> Floats:
        """Return what antithetic pairs give; see ``permutation_samplers.walk_pairs``."""
        if self._walker is not None:
            return self._walker.pairs(rows, backgrounds, orders)
        step = max(1, BLOCK_CELLS // (self._cells_per_walk * rows.shape[1]))
        groups = []
        for group in range(len(rows)):
            one = slice(group, group + 1)
            parts = [slice(first, first + step) for first in range(0, backgrounds.shape[1], step)]
            walked = [
                pair_answers(
                    self.walk(rows[one], backgrounds[one, part], orders[one, part]), orders[one, part]
                )
                for part in parts
            ]
            groups.append(np.concatenate(walked, axis=1))
        return np.concatenate(groups)


def _take_apart(
    hidden: HiddenFeatures, sums: HiddenSums, Z: Floats, players: Ints, n_players: int
) -> tuple[Floats, Floats]:
    """Return own columns (n, q), and what each player adds to the layers' sums (n, n_sums, n_players)."""
    own = hidden.own_columns(Z)
    parts = sum_by_player(sums.loads.T[:, None, :] * own, players, n_players=n_players)
    return own, parts.transpose(1, 0, 2)
