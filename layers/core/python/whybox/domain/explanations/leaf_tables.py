"""Sums over leaves of what condition j adds for a row of pattern a, by any rule that says so.

a few leaves ──plan──▶ rule
patterns of rows (n_leaves, n) ──rule──▶ additions (n_leaves, k, n) ──× leaf values, by player──▶ totals
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from whybox.domain.explanations.leaf_groups import LeafGroup
from whybox.domain.explanations.leaf_paths import (
    MAX_CONDITIONS,
    Cells,
    LeafPaths,
    Patterns,
    read_conditions,
    read_patterns,
)
from whybox.domain.explanations.links import Floats

# Numbers per working array: 8 bytes each, a handful of such arrays alive at once stay below 64 MB.
BLOCK_CELLS = 1_000_000

# (n_leaves, n) patterns -> float64 (n_leaves, k, n) additions; where a pattern has too few bits,
# (n_leaves, k, n) zeros and ones
Rule = Callable[[Patterns], Floats]
Plan = Callable[[LeafGroup], Rule]


def sum_additions(paths: LeafPaths, cells: Cells, plan: Plan) -> Floats:
    """Add up over all leaves what each player adds for each row.

    Parameters
    ----------
    paths : traced leaves
    cells : the rows
    plan : prepares the rule of a few leaves that have the same number of conditions

    Returns
    -------
    float64 (n, n_players, n_margins)
    """
    n_rows = cells.numbers.shape[1]
    totals = np.zeros((paths.n_players, n_rows, len(paths.constant)))
    for group in paths.groups:
        # A table of 2^k patterns for each condition, or the rows themselves, whichever is larger.
        width = (group.k + 1) * min(max(1 << min(group.k, MAX_CONDITIONS), n_rows), BLOCK_CELLS)
        read = read_patterns if group.k <= MAX_CONDITIONS else _read_bytes
        for leaves in blocks(group.n_leaves, width):
            part = group.part(leaves)
            rule = plan(part)
            for rows in blocks(n_rows, part.k * part.n_leaves):
                added = rule(read(part, cells, rows=rows))
                _add_by_player(totals[:, rows], added, part)
    return np.moveaxis(totals, 0, 1)


def _read_bytes(group: LeafGroup, cells: Cells, *, rows: slice) -> Patterns:
    """Return whether each row meets each condition as 0 or 1: uint8 (n_leaves, k, n)."""
    return read_conditions(group, cells, rows=rows).view(np.uint8)


def blocks(length: int, cells_each: int) -> Iterator[slice]:
    """Cut ``range(length)`` into slices of at most ``BLOCK_CELLS`` cells."""
    step = max(1, BLOCK_CELLS // max(1, cells_each))
    for start in range(0, length, step):
        yield slice(start, min(length, start + step))


def look_up(table: Floats) -> Rule:
    """Return the rule that reads additions from a table (n_leaves, k, 2^k)."""
    n_leaves, k, size = table.shape
    flat = table.ravel()
    firsts = (np.arange(n_leaves * k) * size).reshape(n_leaves, k, 1)
    return lambda patterns: flat.take(firsts + patterns[:, None, :])


def _add_by_player(totals: Floats, added: Floats, group: LeafGroup) -> None:
    """Add (n_leaves, k, n) additions times leaf values to ``totals`` (n_players, n, n_margins), in place."""
    by_condition = added.reshape(group.n_leaves * group.k, -1)
    labels = group.players.ravel()
    order = np.argsort(labels, kind="stable")
    present, firsts = np.unique(labels[order], return_index=True)
    for player, chosen in zip(present, np.split(order, firsts[1:]), strict=True):
        totals[player] += by_condition[chosen].T @ group.values[chosen // group.k]
