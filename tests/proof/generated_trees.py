"""Small sums of trees drawn from a seed, with all a library may hand over, and rows on their thresholds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from whybox.domain.explanations.tree_layouts import CategorySet, ColumnRules, TreeEnsemble

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

STRANGE = (np.nan, 0.0, -0.0, 1e-36, -1e-36, 1e300, -1e300, np.inf, -np.inf)
MAX_PLAYERS = 5


@dataclass(frozen=True, slots=True)
class Drawn:
    """An ensemble, the player of each column, rows (n, q), background rows (m, q) and their weights (m,)."""

    trees: TreeEnsemble
    players: Ints
    n_players: int
    rows: Floats
    background: Floats
    weights: Floats


@dataclass(slots=True)
class _Nodes:
    """Node by node, the arrays of an ensemble that is being grown."""

    left: list[int]
    right: list[int]
    feature: list[int]
    threshold: list[float]
    missing_left: list[bool]
    cover: list[float]
    values: list[Any]

    def add(self, cover: float, value: Any) -> int:
        """Append a leaf and return its place."""
        for column, blank in ((self.left, -1), (self.right, -1), (self.feature, -1)):
            column.append(blank)
        self.threshold.append(0.0)
        self.missing_left.append(False)
        self.cover.append(cover)
        self.values.append(value)
        return len(self.left) - 1


def draw(seed: int) -> Drawn:
    """Return the case of a seed."""
    rng = np.random.default_rng(seed)
    n_columns = int(rng.integers(1, 8))
    rules = _draw_rules(rng, n_columns)
    trees = _draw_trees(rng, n_columns, rules)
    n_players = int(rng.integers(1, MAX_PLAYERS + 1))
    players = rng.integers(0, n_players, size=n_columns)
    n_rows, n_background = int(rng.integers(1, 4)), int(rng.integers(1, 5))
    cells = _draw_cells(rng, n_rows + n_background, n_columns)
    if rng.random() < 0.1:
        cells[0] = cells[-1]  # a row of the background itself
    return Drawn(
        trees=trees,
        players=players,
        n_players=n_players,
        rows=cells[:n_rows],
        background=cells[n_rows:],
        weights=rng.integers(1, 4, size=n_background).astype(np.float64),
    )


def _draw_rules(rng: np.random.Generator, n_columns: int) -> ColumnRules:
    """Return reading rules of a random library, with prepared columns for some splits by category."""
    rules = ColumnRules.plain(n_columns, narrow=bool(rng.random() < 0.5))
    if rng.random() < 0.3:
        rules = replace(
            rules,
            nan_is_zero=rng.random(n_columns) < 0.5,
            zero_is_missing=rng.random(n_columns) < 0.3,
        )
    if rng.random() < 0.4:
        sets = [
            (
                int(rng.integers(n_columns)),
                CategorySet(
                    np.flatnonzero(rng.random(6) < 0.4).astype(np.int64),
                    members_left=bool(rng.random() < 0.5),
                ),
            )
            for _ in range(rng.integers(1, 5))
        ]
        rules = rules.with_categories(sets)
    return rules


def _draw_trees(rng: np.random.Generator, n_columns: int, rules: ColumnRules) -> TreeEnsemble:
    """Return one to four trees, some of one leaf, some deep, over one to three margins."""
    n_margins, depth = int(rng.integers(1, 4)), int(rng.integers(0, 9))
    alone = bool(rng.random() < 0.5)
    nodes = _Nodes([], [], [], [], [], [], [])
    roots = [
        _grow(rng, nodes, depth, rules, (n_margins, tree % n_margins if alone else None))
        for tree in range(rng.integers(1, 5))
    ]
    return TreeEnsemble(
        n_columns=n_columns,
        roots=np.asarray(roots, dtype=np.int64),
        left=np.asarray(nodes.left, dtype=np.int64),
        right=np.asarray(nodes.right, dtype=np.int64),
        feature=np.asarray(nodes.feature, dtype=np.int64),
        threshold=np.asarray(nodes.threshold, dtype=np.float64),
        missing_left=np.asarray(nodes.missing_left, dtype=np.bool_),
        cover=np.asarray(nodes.cover, dtype=np.float64),
        values=np.asarray(nodes.values, dtype=np.float64).reshape(-1, n_margins),
        base=rng.normal(size=n_margins).round(2),
        link="identity",
        rules=rules,
    )


def _grow(
    rng: np.random.Generator,
    nodes: _Nodes,
    depth: int,
    rules: ColumnRules,
    margins: tuple[int, int | None],
    cover: float = 64.0,
) -> int:
    """Append a tree and return its root."""
    n_margins, only = margins
    value = rng.normal(size=n_margins).round(2) * (rng.random() < 0.9)
    if only is not None:
        value *= np.arange(n_margins) == only
    is_leaf = depth == 0 or rng.random() < 0.15
    node = nodes.add(cover, value if is_leaf else np.zeros(n_margins))
    if is_leaf:
        return node
    column = int(rng.integers(len(rules.source)))
    share = float(rng.choice([0.0, 0.25, 0.5, 0.75, 1.0], p=[0.05, 0.3, 0.3, 0.3, 0.05]))
    nodes.feature[node] = column
    nodes.threshold[node] = 0.5 if column in rules.categories else float(rng.integers(-2, 30)) / 10.0
    nodes.missing_left[node] = bool(rng.random() < 0.5)
    nodes.left[node] = _grow(rng, nodes, depth - 1, rules, margins, cover * share)
    nodes.right[node] = _grow(rng, nodes, depth - 1, rules, margins, cover * (1.0 - share))
    return node


def _draw_cells(rng: np.random.Generator, n: int, n_columns: int) -> Floats:
    """Return decimals of one digit, as the thresholds are, with strange cells among them."""
    cells = rng.integers(-3, 31, size=(n, n_columns)) / 10.0
    whole = rng.random(n_columns) < 0.3
    cells[:, whole] = np.round(cells[:, whole])
    strange = rng.random(cells.shape) < 0.12
    cells[strange] = rng.choice(STRANGE, size=int(strange.sum()))
    return cells
