"""Sums of trees under coalitions, from leaf patterns and without a single hybrid row.

For a row of pattern a against a background row of pattern c, a leaf that the two can reach together
(``a | c`` all ones) is on under coalition S exactly when S holds every player of U = ~c and none of V = ~a.
Along a permutation it is therefore switched on by the last player of U and off by the first player of V:

    order        4   1   7   0   3          U = {1, 7}, V = {3}
    leaf         .   .   on  on  off        steps: + value when 7 joins, - value when 3 joins
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from whybox.domain.explanations.leaf_groups import LeafGroup
from whybox.domain.explanations.leaf_paths import (
    LeafPaths,
    Patterns,
    read_cells,
    read_patterns,
)
from whybox.domain.explanations.links import Floats
from whybox.domain.explanations.tree_layouts import Ints

PAIR_CELLS = 500_000
"""Pairs x leaves compared at once: the working arrays of a block stay in the cache (measured)."""

SPARSE_PAIRS = 4
"""Leaves that one player switches are played for all background rows at once, unless fewer than a quarter
of those are met."""

_MAX_BYTE_PLAYERS = 253
"""Ranks of so many players fit a byte, with a value below and a value above for "nobody"."""

Ranks = NDArray[np.unsignedinteger]


@dataclass(frozen=True, slots=True, eq=False)
class PlayedLeaves:
    """Leaves of k conditions that add to one margin, with the patterns of all rows in them.

    players : int64 (k, n_leaves)
    values : float64 (n_leaves,)
    rows, background : (n, n_leaves) and (m, n_leaves)
    """

    margin: int
    players: Ints
    values: Floats
    rows: Patterns
    background: Patterns

    @property
    def full(self) -> np.unsignedinteger:
        """The pattern of a row that meets every condition."""
        return self.rows.dtype.type((1 << len(self.players)) - 1)


def play_leaves(paths: LeafPaths, Z: Floats, background: Floats) -> list[PlayedLeaves]:
    """Read the patterns of rows (n, n_columns) and of background rows (m, n_columns), margin by margin."""
    rows, reference = read_cells(paths, Z), read_cells(paths, background)
    played = []
    for group in paths.groups:
        own, other = read_patterns(group, rows).T, read_patterns(group, reference).T
        for margin, values in enumerate(group.values.T):
            chosen = np.flatnonzero(values)
            if chosen.size:
                played.append(_take(group, margin, chosen, own, other))
    return played


def _take(group: LeafGroup, margin: int, chosen: Ints, own: Patterns, other: Patterns) -> PlayedLeaves:
    """Return some leaves of a group for one margin."""
    return PlayedLeaves(
        margin=margin,
        players=np.ascontiguousarray(group.players[chosen].T),
        values=group.values[chosen, margin],
        rows=np.ascontiguousarray(own[:, chosen]),
        background=np.ascontiguousarray(other[:, chosen]),
    )


def walk_margins(
    played: list[PlayedLeaves], rows: Ints, backgrounds: Ints, orders: Ints, *, n_margins: int
) -> Floats:
    """Return how the margins change along permutations.

    Parameters
    ----------
    played : all leaves of an ensemble
    rows : int64 (r,), positions of rows
    backgrounds : int64 (r, c), positions of background rows
    orders : int64 (r, c, w, p), for each pair w = 1, 2 or 4 permutations: the player that joins at each step
    n_margins : margins of the ensemble

    Returns
    -------
    float64 (n_margins, r, c, w, p). The margins of the background row plus the first k steps are those of the
    coalition of the first k players.

    Notes
    -----
    Cost: pairs x leaves to find the leaves a pair reaches, then reached leaves x (conditions + w).
    """
    n_players = orders.shape[3]
    kind = np.uint8 if n_players <= _MAX_BYTE_PLAYERS else np.uint16
    ranks = np.empty(orders.shape, dtype=kind)
    np.put_along_axis(ranks, orders, np.arange(1, n_players + 1, dtype=kind), axis=3)
    ranks = np.ascontiguousarray(np.moveaxis(ranks, 2, 3))
    lone = np.zeros((n_margins, *backgrounds.shape, 1, n_players))
    n_background = max((len(leaves.background) for leaves in played), default=1)
    is_dense = backgrounds.shape[1] * SPARSE_PAIRS >= n_background
    if is_dense:
        for leaves in played:
            add_lone_gains(lone[leaves.margin, :, :, 0], leaves, rows, backgrounds)
    steps = np.take_along_axis(lone, orders[None], axis=4)
    n_cells = backgrounds.shape[1] * max((len(leaves.values) for leaves in played), default=1)
    row_step = max(1, PAIR_CELLS // n_cells)
    for start in range(0, len(rows), row_step):
        part = slice(start, start + row_step)
        for leaves in played:
            switched = _switch(leaves, rows[part], backgrounds[part], ranks[part], at_least=1 + is_dense)
            steps[leaves.margin, part] += switched
    return steps


def add_lone_gains(gains: Floats, leaves: PlayedLeaves, rows: Ints, backgrounds: Ints) -> None:
    """Add to ``gains`` (r, c, p) what leaves add that a single player switches, in place.

    Such a leaf is met by the row altogether and missed by the background row in one condition, or the other
    way round: for all pairs of rows and background rows at once that is a product of two matrices.
    """
    full, word = leaves.full, leaves.rows.dtype.type
    own, other = leaves.rows[rows], leaves.background
    own_full, other_full = (own == full).astype(np.float64), (other == full).astype(np.float64)
    everyone = np.arange(len(other))
    for bit, players in enumerate(leaves.players):
        missing_one = full & ~word(1 << bit)
        own_misses, other_misses = own == missing_one, other == missing_one
        for player in np.unique(players):
            chosen = np.flatnonzero(players == player)
            worth = leaves.values[chosen]
            pairs = (own_full[:, chosen] * worth) @ other_misses[:, chosen].T
            pairs -= (own_misses[:, chosen] * worth) @ other_full[:, chosen].T
            is_all = backgrounds.shape[1] == len(everyone) and np.array_equal(backgrounds[0], everyone)
            gains[:, :, player] += pairs if is_all else np.take_along_axis(pairs, backgrounds, axis=1)


def _switch(leaves: PlayedLeaves, rows: Ints, backgrounds: Ints, ranks: Ranks, *, at_least: int) -> Floats:
    """Return the steps (r, c, w, p) of leaves with so many switching players; ranks are (r, c, p, w)."""
    n_walks, n_players = ranks.shape[3], ranks.shape[2]
    own, other = leaves.rows[rows][:, None], leaves.background[backgrounds]
    is_switched = ((own | other) == leaves.full) & (np.bitwise_count(own ^ other) >= at_least)
    entry = np.flatnonzero(is_switched)
    pair, leaf = np.divmod(entry, len(leaves.values))
    a, c = np.broadcast_to(own, other.shape)[is_switched], other[is_switched]
    on, off = _find_switches(leaves.players[:, leaf] + pair * n_players, a, c, ranks.reshape(-1, n_walks))
    worth = np.where(on < off, leaves.values[leaf][:, None], 0.0).ravel()
    # One bin for each rank, and one on either side for leaves that nobody switches on, or off.
    n_bins = n_players + 2
    first = (pair[:, None] * n_walks + np.arange(n_walks)) * n_bins
    length = backgrounds.size * n_walks * n_bins
    steps = np.bincount((first + on).ravel(), weights=worth, minlength=length)
    last = np.minimum(off, off.dtype.type(n_players + 1))
    steps -= np.bincount((first + last).ravel(), weights=worth, minlength=length)
    return steps.reshape(*backgrounds.shape, n_walks, n_bins)[..., 1:-1]


def _find_switches(slots: Ints, a: Patterns, c: Patterns, ranks: Ranks) -> tuple[Ranks, Ranks]:
    """Return the ranks (entries, w) of the last player of U = ~c and of the first player of V = ~a.

    ``slots`` (k, entries) say where in ``ranks`` (slots, w) each condition's player is. All walks of a player
    are one machine word, so that a rank is kept or blotted out for all of them at once.
    """
    kind = ranks.dtype
    word = np.dtype(f"u{ranks.shape[1] * kind.itemsize}")
    packed = ranks.view(word)[:, 0]
    nobody = np.iinfo(word).max
    on, off = np.zeros(slots.shape[1], dtype=word), np.full(slots.shape[1], nobody, dtype=word)
    for bit, slot in enumerate(slots):
        rank = packed[slot]
        met_by_row = ((a >> a.dtype.type(bit)) & a.dtype.type(1)).astype(word) * word.type(nobody)
        met_by_background = ((c >> c.dtype.type(bit)) & c.dtype.type(1)).astype(word) * word.type(nobody)
        np.maximum(on.view(kind), (rank & ~met_by_background).view(kind), out=on.view(kind))
        np.minimum(off.view(kind), (rank | met_by_row).view(kind), out=off.view(kind))
    return on.view(kind).reshape(-1, ranks.shape[1]), off.view(kind).reshape(-1, ranks.shape[1])
