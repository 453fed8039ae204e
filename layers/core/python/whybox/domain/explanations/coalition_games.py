"""Coalition games: a model between a row and a background row, asked along permutations or for coalitions.

    coalition S  ──▶  hybrid row: the players in S from the row, the others from the background row
                 ──▶  the model's answer v(S)

A permutation is walked from the background row to the row, one player at a time, and back again by the
complements of the same coalitions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from whybox.domain.explanations.links import Floats
from whybox.domain.explanations.model_views import Predict
from whybox.domain.explanations.tree_layouts import Bools, Ints

BLOCK_CELLS = 400_000
"""Cells of the hybrid rows that are predicted in one batch: 3 MB, so that they stay in the cache."""


def columns_of(group: Sequence[int], players: Ints) -> Ints:
    """Return which encoded columns, of ``players`` (q,), belong to a group of user columns."""
    is_member = players == group[0] if len(group) == 1 else np.isin(players, group)
    return np.flatnonzero(is_member)


def count_players(players: Ints) -> int:
    """Return one more than the largest player number."""
    return int(np.max(players)) + 1


class CoalitionGame(Protocol):
    """What the estimators need of a model, of rows and of background rows."""

    @property
    def n_players(self) -> int:
        """Players: user columns, or groups of them."""
        ...

    @property
    def predictions(self) -> Floats:
        """Answers for the rows: float64 (n, n_outputs)."""
        ...

    @property
    def background_outputs(self) -> Floats:
        """Answers for the background rows: float64 (m, n_outputs)."""
        ...

    @property
    def cost_per_evaluation(self) -> float:
        """Cost of one answer, in answers of a model of middling cost (a microsecond)."""
        ...

    @property
    def rows_per_group(self) -> int:
        """Rows that share their permutations."""
        ...

    def block_shape(self, n_walks: int) -> tuple[int, int]:
        """Return how many groups, and how many of their ``n_walks`` walks, to hand to ``walk`` at once."""
        ...

    def walk(self, rows: Ints, backgrounds: Ints, orders: Ints) -> Floats:
        """Return the answers along permutations and along their complements.

        Parameters
        ----------
        rows : int64 (g, r), positions of rows, r that share permutations
        backgrounds : int64 (g, c), positions of background rows
        orders : int64 (g, c, p), the player that joins at each step

        Returns
        -------
        float64 (g, r, c, 2, p + 1, n_outputs). Entry ``[0, k]`` has the first k players of the order taken
        from the row, entry ``[1, k]`` has all the others.
        """
        ...

    def coalitions_per_block(self, n_coalitions: int) -> int:
        """Return how many coalitions of one row to hand to ``average`` at once."""
        ...

    def average(self, rows: Ints, coalitions: Bools, weights: Floats) -> Floats:
        """Return the answers (r, k, n_outputs) for coalitions (k, p), mean over the weighted background."""
        ...


class PredictedGame:
    """Any model at all: hybrid rows are built and predicted in large batches.

    A step that changes no cell is not asked for again: on tables of few distinct values this saves most of
    the predictions, and a column that equals the background's gets exactly 0 for that pair.
    """

    cost_per_evaluation = 1.0
    rows_per_group = 1

    def __init__(
        self,
        predict: Predict,
        rows: Floats,
        background: Floats,
        column_players: Ints,
        *,
        n_players: int | None = None,
        predictions: Floats | None = None,
    ) -> None:
        """Take columns (n, q) and (m, q) that ``predict`` reads, and the player of each of them.

        ``predictions`` (n, n_outputs) are its answers for the rows, where they are known.
        """
        self._predict = predict
        self._rows = np.ascontiguousarray(rows)
        self._background = np.ascontiguousarray(background)
        self._column_players = column_players
        self.n_players = count_players(column_players) if n_players is None else n_players
        self.predictions = predict(self._rows) if predictions is None else predictions
        self.background_outputs = predict(self._background)

    @property
    def _cells_per_walk(self) -> int:
        return int(2 * max(1, self.n_players - 1) * self._rows.shape[1])

    def block_shape(self, n_walks: int) -> tuple[int, int]:
        """Return how many rows, and how many of their walks, are predicted in one batch."""
        n_at_once = max(2, BLOCK_CELLS // self._cells_per_walk)
        return max(1, n_at_once // n_walks), min(n_walks, n_at_once)

    def walk(self, rows: Ints, backgrounds: Ints, orders: Ints) -> Floats:
        """Return the answers along permutations and back; see ``CoalitionGame.walk``."""
        n_players = self.n_players
        n_outputs = self.predictions.shape[1]
        answers = np.empty((*rows.shape, backgrounds.shape[1], 2, n_players + 1, n_outputs))
        answers[..., 0, 0, :] = answers[..., 1, -1, :] = self.background_outputs[backgrounds][:, None]
        answers[..., 0, -1, :] = answers[..., 1, 0, :] = self.predictions[rows][:, :, None]
        if n_players == 1:
            return answers
        ranks = np.argsort(orders, axis=-1)[..., self._column_players]
        joined = (ranks[:, :, None, :] < np.arange(1, n_players)[:, None])[:, None]
        own = self._rows[rows][:, :, None, None, :]
        other = self._background[backgrounds][:, None, :, None, :]
        hybrids = np.stack([np.where(joined, own, other), np.where(joined, other, own)], axis=3)
        answers[..., 1:-1, :] = self._predict_changed(hybrids)
        return answers

    def _predict_changed(self, hybrids: Floats) -> Floats:
        """Predict (..., steps, p) hybrids, asking only for those that differ from the step before."""
        flat = hybrids.reshape(-1, hybrids.shape[-1])
        is_new = np.ones(len(flat), dtype=np.bool_)
        is_new[1:] = np.any(flat[1:] != flat[:-1], axis=1)
        answers = self._predict(flat[is_new])
        return answers[np.cumsum(is_new) - 1].reshape(*hybrids.shape[:-1], -1)

    def coalitions_per_block(self, n_coalitions: int) -> int:
        """Return how many coalitions of one row are predicted in one batch."""
        return max(1, min(n_coalitions, BLOCK_CELLS // self._background.size))

    def average(self, rows: Ints, coalitions: Bools, weights: Floats) -> Floats:
        """Return mean answers of coalitions over the background; see ``CoalitionGame.average``."""
        joined = coalitions[None, :, None, self._column_players]
        own = self._rows[rows][:, None, None, :]
        hybrids = np.where(joined, own, self._background[None, None])
        answers = self._predict_changed(hybrids)
        return np.asarray(np.einsum("rkmo,m->rko", answers, weights), dtype=np.float64)
