"""Additive games: models whose first stage adds up over columns, walked without building a single hybrid row.

    parts of the row        (h, p) ┐
                                   ├─ sums over the players of either side (h,) ──head──▶ answer
    parts of the background (h, p) ┘

A linear model's margin, the first layer of a neural network and the squared distances of a radial kernel are
all such sums. Coalitions are columns of zeros and ones, so that the sums of many of them are matrix products.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from whybox.domain.explanations.head_walks import HeadWalk
from whybox.domain.explanations.links import Floats
from whybox.domain.explanations.tree_layouts import Bools, Ints

Head = Callable[[Floats], Floats]
Split = Callable[[Floats], Floats]

CACHE_CELLS = 400_000
"""Sums held at once, 3.2 MB. Measured: a quarter as many cost twice as much each, in calls."""

MAX_GROUP = 16
"""Rows that share their permutations: fewer cost more calls, more make the errors of a table's rows alike."""

COST_PER_SUM = 0.004
COST_PER_ANSWER = 0.02
"""Of one evaluation, in evaluations of a model of middling cost: 4 ns for each sum, 20 ns for the rest."""


@dataclass(frozen=True, slots=True, eq=False)
class AdditiveForm:
    """A model as ``head(offset + sum over players of split(z)[player])``.

    ``split`` takes encoded columns (n, q) to parts (h, n, n_players), ``offset`` is (h,), ``head`` takes sums
    (h, n) to answers (n_outputs, n) and may overwrite them. ``walk`` is how the compiled kernel walks it;
    None where it does not know the head.
    """

    n_players: int
    width: int
    offset: Floats
    split: Split
    head: Head
    walk: HeadWalk | None = None


class AdditiveGame:
    """The coalition game of an ``AdditiveForm``; see ``CoalitionGame``.

    A player whose parts are equal in the row and in the background row adds exactly 0, so a column the model
    does not use gets exactly 0.
    """

    def __init__(self, form: AdditiveForm, rows: Floats, background: Floats) -> None:
        """Take encoded columns (n, q) and (m, q)."""
        self._form = form
        self._rows, self._background = rows, background
        self.n_players = form.n_players
        self.cost_per_evaluation = COST_PER_ANSWER + COST_PER_SUM * form.width
        self.background_outputs = _answer(form, background)
        self.predictions = _answer(form, rows)

    @cached_property
    def _active(self) -> Ints:
        """The players that add something; a walk in the kernel does not ask."""
        return _find_active(self._form, self._rows, self._background)

    @property
    def rows_per_group(self) -> int:
        """Rows that share permutations, so that the sums of a few of them fit into the cache."""
        return min(MAX_GROUP, max(1, CACHE_CELLS // (4 * self._cells_per_walk)))

    @property
    def _cells_per_walk(self) -> int:
        return 2 * (self.n_players + 1) * self._form.width

    def block_shape(self, n_walks: int) -> tuple[int, int]:
        """Return how many groups and how many of their walks to hand over at once."""
        n_at_once = CACHE_CELLS // (self._cells_per_walk * self.rows_per_group)
        return 1, max(2, min(n_walks, n_at_once))

    def walk(self, rows: Ints, backgrounds: Ints, orders: Ints) -> Floats:
        """Return the answers along permutations and back; see ``CoalitionGame.walk``."""
        parts = [self._walk_group(*group) for group in zip(rows, backgrounds, orders, strict=True)]
        return np.stack(parts)

    def _walk_group(self, rows: Ints, backgrounds: Ints, orders: Ints) -> Floats:
        """Walk the permutations (c, p) of rows (r,): float64 (r, c, 2, p + 1, n_outputs)."""
        active = self._active
        joins = np.argsort(orders, axis=1)[:, active]
        # Idle players join without a trace: only the order of the others is walked.
        n_joined = (joins[:, :, None] < np.arange(orders.shape[1] + 1)).sum(axis=1)
        ranks = np.argsort(np.argsort(joins, axis=1), axis=1)
        joined = (ranks[:, :, None] < np.arange(len(active) + 1)).astype(np.float64)
        both = np.concatenate([joined, 1.0 - joined], axis=2)
        own = self._form.split(self._rows[rows])[:, :, active]
        sums = own.reshape(-1, len(active)) @ both.transpose(1, 0, 2).reshape(len(active), -1)
        other = self._form.split(self._background[backgrounds])[:, :, active]
        other = other.transpose(1, 0, 2) @ (1.0 - both)
        other += self._form.offset[:, None]
        sums = sums.reshape(self._form.width, len(rows), -1)
        sums += other.transpose(1, 0, 2).reshape(self._form.width, 1, -1)
        answers = self._form.head(sums.reshape(self._form.width, -1))
        answers = answers.reshape(-1, len(rows), len(orders), 2, len(active) + 1)
        if len(active) < orders.shape[1]:
            # Back, step k has lost the first k players: the same count as there.
            answers = np.take_along_axis(answers, n_joined[None, None, :, None, :], axis=4)
        return answers.transpose(1, 2, 3, 4, 0)

    def coalitions_per_block(self, n_coalitions: int) -> int:
        """Return how many coalitions to hand to ``average`` at once, for one row."""
        return max(1, min(n_coalitions, CACHE_CELLS // self._form.width))

    def average(self, rows: Ints, coalitions: Bools, weights: Floats) -> Floats:
        """Return mean answers of coalitions over the background; see ``CoalitionGame.average``."""
        joined = coalitions.T.astype(np.float64)
        own = self._form.split(self._rows[rows]) @ joined + self._form.offset[:, None, None]
        answers = np.zeros((self.predictions.shape[1], len(rows) * len(coalitions)))
        for position, weight in enumerate(weights):
            other = self._form.split(self._background[position, None]) @ (1.0 - joined)
            answers += weight * self._form.head((own + other).reshape(self._form.width, -1))
        return answers.reshape(-1, len(rows), len(coalitions)).transpose(1, 2, 0)


def _find_active(form: AdditiveForm, *tables: Floats) -> Ints:
    """Return the players with a part that is not 0, in any row of any table."""
    is_active = np.zeros(form.n_players, dtype=np.bool_)
    for part in (part for table in tables for part in _blocks(form, table)):
        if is_active.all():
            break
        is_active |= np.any(form.split(part) != 0.0, axis=(0, 1))
    return np.flatnonzero(is_active)


def _blocks(form: AdditiveForm, rows: Floats) -> Iterator[Floats]:
    """Cut rows so that their parts stay in the cache."""
    step = max(1, CACHE_CELLS // (form.width * form.n_players))
    for start in range(0, len(rows), step):
        yield rows[start : start + step]


def _answer(form: AdditiveForm, rows: Floats) -> Floats:
    """Return the answers for encoded rows, in blocks: float64 (n, n_outputs)."""
    sums = (form.split(part).sum(axis=2) + form.offset[:, None] for part in _blocks(form, rows))
    return np.concatenate([form.head(part).T for part in sums])
