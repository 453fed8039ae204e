"""Exact interventional Shapley interaction values of tree sums: pairs of conditions become pairs of players.

leaves with 2 or more conditions ──pair_tables──▶ pairs of conditions ──× leaf values──▶ pairs of players
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from whybox.domain.explanations.kernel_trees import KernelBackground, explain_leaf_pairs
from whybox.domain.explanations.leaf_groups import LeafGroup
from whybox.domain.explanations.leaf_paths import (
    Cells,
    LeafPaths,
    Patterns,
    read_cells,
    read_patterns,
)
from whybox.domain.explanations.leaf_tables import Rule, blocks
from whybox.domain.explanations.links import Floats
from whybox.domain.explanations.pair_tables import compare_pairs, list_condition_pairs, tabulate_pairs
from whybox.domain.explanations.tree_layouts import Ints

# A table holds k(k-1)/2 entries for 2^k patterns per leaf: two megabytes at 12.
MAX_TABLE_CONDITIONS = 12

# Values of one block of rows, over all pairs and margins: 32 MB.
BLOCK_VALUES = 4_000_000


@dataclass(frozen=True, slots=True, eq=False)
class PairGame:
    """The leaves and the background, cut into cells once.

    ``pairs`` are the pairs of players that stand together on a leaf, int64 (n_pairs, 2), first < second, in
    increasing order; every other pair's value is exactly 0.
    """

    paths: LeafPaths
    background: Cells | KernelBackground
    counts: Floats
    pairs: Ints


def open_game(paths: LeafPaths, background: Floats, *, weights: Floats | None = None) -> PairGame:
    """Find the pairs of players that can interact, and read the background.

    Parameters
    ----------
    paths : traced leaves of the ensemble
    background : float64 (m, n_columns), encoded background rows, NaN = missing
    weights : float64 (m,), how much each background row counts; None for equal weights
    """
    counts = np.ones(len(background)) if weights is None else weights
    shares = counts / counts.sum()
    if paths.compiled is not None:
        reference = KernelBackground(paths.compiled, background, shares)
        return PairGame(paths=paths, background=reference, counts=shares, pairs=paths.compiled.list_pairs())
    found = [_player_pairs(group, paths.n_players).ravel() for group in paths.groups if group.k >= 2]
    labels = np.unique(np.concatenate([np.zeros(0, dtype=np.int64), *found]))
    return PairGame(
        paths=paths,
        background=read_cells(paths, background),
        counts=shares,
        pairs=np.column_stack(np.divmod(labels, paths.n_players)),
    )


def explain_pairs(game: PairGame, Z: Floats) -> Iterator[tuple[slice, Floats]]:
    """Yield the interaction values of the margins, block of rows by block of rows.

    Parameters
    ----------
    game : leaves and background
    Z : float64 (n, n_columns), encoded rows, NaN = missing

    Yields
    ------
    The rows of the block, and float64 (n_pairs, rows of the block, n_margins): half the Shapley interaction
    index of each pair of ``game.pairs``, the off-diagonal entry of the matrix whose rows add up to
    attributions. In the unit of the margins.

    Notes
    -----
    Cost: (n + m) x conditions to read patterns, then n x k(k-1)/2 look-ups per leaf with k conditions and
    k^2 2^k for its table, or the comparison of all different patterns where that is less. Tables are made
    anew for each block of rows; a block holds ``BLOCK_VALUES`` values.
    """
    if not len(game.pairs):
        return
    step = max(1, BLOCK_VALUES // (len(game.pairs) * len(game.paths.constant)))
    blocks_of_rows = [slice(start, min(len(Z), start + step)) for start in range(0, len(Z), step)]
    if isinstance(game.background, KernelBackground):
        for rows in blocks_of_rows:
            yield rows, explain_leaf_pairs(game.background, Z[rows], game.pairs, n_asked=len(Z))
        return
    cells = read_cells(game.paths, Z)
    for rows in blocks_of_rows:
        yield rows, _sum_pairs(game, game.background, cells, rows)


def _sum_pairs(game: PairGame, background: Cells, cells: Cells, rows: slice) -> Floats:
    """Add up over all leaves what each pair of players adds for each row of the block."""
    n_rows = rows.stop - rows.start
    totals = np.zeros((len(game.pairs), n_rows, len(game.paths.constant)))
    labels = game.pairs @ np.array([game.paths.n_players, 1])
    for group in game.paths.groups:
        if group.k < 2:
            continue
        n_condition_pairs = group.k * (group.k - 1) // 2
        size = 1 << group.k if group.k <= MAX_TABLE_CONDITIONS else 1
        for leaves in blocks(group.n_leaves, n_condition_pairs * max(size, n_rows)):
            part = group.part(leaves)
            rule = _choose_rule(game, read_patterns(part, background), k=part.k, n_rows=n_rows)
            places = np.searchsorted(labels, _player_pairs(part, game.paths.n_players))
            for some in blocks(n_rows, n_condition_pairs * part.n_leaves):
                patterns = read_patterns(
                    part, cells, rows=slice(rows.start + some.start, rows.start + some.stop)
                )
                _add_by_pair(totals[:, some], rule(patterns), places, part.values)
    return totals


def _choose_rule(game: PairGame, patterns: Patterns, *, k: int, n_rows: int) -> Rule:
    """Return the cheaper of the table and the comparisons with the background's patterns."""
    n_comparisons = n_rows * min(patterns.shape[1], 1 << min(k, MAX_TABLE_CONDITIONS))
    # Entries of the supersets' counts and of the table.
    n_entries = (k * (k + 1) + k * (k - 1) // 2) << min(k, MAX_TABLE_CONDITIONS)
    if k <= MAX_TABLE_CONDITIONS and n_entries <= n_comparisons:
        return _look_up(tabulate_pairs(patterns, game.counts, k=k))
    return compare_pairs(patterns, game.counts, k=k)


def _look_up(table: Floats) -> Rule:
    """Return the rule that reads additions from a table (n_leaves, pairs, 2^k)."""
    n_leaves, n_pairs, size = table.shape
    flat = table.ravel()
    firsts = (np.arange(n_leaves * n_pairs) * size).reshape(n_leaves, n_pairs, 1)
    return lambda patterns: flat.take(firsts + patterns[:, None, :])


def _player_pairs(group: LeafGroup, n_players: int) -> Ints:
    """Return one number for the players of each pair of conditions: int64 (n_leaves, pairs)."""
    first, second = list_condition_pairs(group.k)
    return group.players[:, first] * n_players + group.players[:, second]


def _add_by_pair(totals: Floats, added: Floats, places: Ints, values: Floats) -> None:
    """Add (n_leaves, pairs, n) additions times leaf values to ``totals`` (pairs, n, n_margins), in place."""
    n_condition_pairs = places.shape[1]
    by_condition_pair = added.reshape(places.size, -1)
    order = np.argsort(places, axis=None, kind="stable")
    present, firsts = np.unique(places.ravel()[order], return_index=True)
    for place, chosen in zip(present, np.split(order, firsts[1:]), strict=True):
        totals[place] += by_condition_pair[chosen].T @ values[chosen // n_condition_pairs]
