"""Walks drawn from a seed: trees behind random hidden layers, and trees behind a link."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tests.proof.generated_trees import Drawn, draw

from whybox.domain.explanations.links import Link
from whybox.domain.explanations.tree_layouts import ColumnRules, TreeEnsemble
from whybox.domain.models.hidden_features import HiddenFeatures, HiddenLayer

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LINKS: dict[int, tuple[Link, ...]] = {1: ("logistic", "exponential")}
CHAIN_SHARE = 15
"""One case in so many of those behind a link has leaves that ask for more players than a table holds."""

MANY_COLUMNS = 40
"""More columns than the coalitions of one word hold."""


@dataclass(frozen=True, slots=True)
class DrawnHidden:
    """Trees on own columns and those of hidden layers; rows (n, q), background rows (m, q), walks."""

    trees: TreeEnsemble
    hidden: HiddenFeatures
    players: Ints
    n_players: int
    rows: Floats
    background: Floats
    walked: tuple[Ints, Ints, Ints]  # rows (g, r), background rows (g, c), orders (g, c, p)


def draw_hidden(seed: int) -> DrawnHidden:
    """Return the case of a seed."""
    rng = np.random.default_rng([seed, 5])
    n_own = MANY_COLUMNS if rng.random() < 0.05 else int(rng.integers(1, 7))
    hidden = _draw_layers(rng, n_own)
    n_players = n_own if rng.random() < 0.5 else int(rng.integers(1, n_own + 1))
    players = np.arange(n_own) if n_players == n_own else rng.integers(0, n_players, size=n_own)
    cells = rng.integers(-9, 10, size=(8, n_own)) / 4.0
    cells[:, rng.random(n_own) < 0.2] = 1.0  # columns that are the same everywhere
    n_groups, n_shared, n_walks = (int(count) for count in rng.integers(1, 4, size=3))
    backgrounds = rng.integers(4, size=(n_groups, n_walks))
    orders = np.broadcast_to(np.arange(n_players), (n_groups, n_walks, n_players))
    walked = (
        rng.integers(4, size=(n_groups, n_shared)),
        backgrounds,
        rng.permuted(orders, axis=2),
    )
    trees = _grow_trees(rng, hidden.transform(cells), narrow=bool(rng.random() < 0.7))
    return DrawnHidden(trees, hidden, players, n_players, cells[:4], cells[4:], walked)


def draw_linked(seed: int) -> Drawn:
    """Return trees behind a link, with rows, background rows and weights."""
    rng = np.random.default_rng([seed, 6])
    case = _draw_chains(rng) if seed % CHAIN_SHARE == 0 else draw(seed)
    links = LINKS.get(case.trees.n_margins, ("softmax",))
    # Margins of ordinary size: what a link makes of them is neither 0 nor 1 throughout.
    trees = replace(case.trees, link=links[int(rng.integers(len(links)))], values=case.trees.values / 2.0)
    return replace(case, trees=trees, weights=case.weights / case.weights.sum())


def _draw_chains(rng: np.random.Generator) -> Drawn:
    """Return trees that test one column after the other, rows that meet most tests, others that miss most."""
    n_columns, n_margins, n_trees = int(rng.integers(9, 11)), int(rng.integers(1, 4)), int(rng.integers(1, 4))
    size = 2 * n_columns + 1  # of a tree: inner nodes first, then the leaf beside each and the one at the end
    inner, starts = np.arange(size) < n_columns, np.arange(n_trees)[:, None] * size
    left = np.where(inner, np.arange(size) + n_columns, -1)
    right = np.where(
        inner, np.append(np.arange(1, n_columns), 2 * n_columns).take(np.arange(size), mode="clip"), -1
    )
    tested = np.full((n_trees, size), -1)
    tested[:, :n_columns] = rng.permuted(np.tile(np.arange(n_columns), (n_trees, 1)), axis=1)
    trees = TreeEnsemble(
        n_columns=n_columns,
        roots=starts[:, 0],
        left=np.where(inner, left + starts, -1).ravel(),
        right=np.where(inner, right + starts, -1).ravel(),
        feature=tested.ravel(),
        threshold=np.tile(inner * 1.0, n_trees),
        missing_left=np.tile(inner, n_trees),
        cover=np.ones(n_trees * size),
        values=rng.normal(size=(n_trees * size, n_margins)).round(2) * np.tile(~inner, n_trees)[:, None],
        base=rng.normal(size=n_margins).round(2),
        link="identity",
        rules=ColumnRules.plain(n_columns, narrow=False),
    )
    rows = np.where(rng.random((3, n_columns)) < 0.9, 2.0, 0.0)
    background = np.where(rng.random((3, n_columns)) < 0.8, 0.0, 2.0)
    return Drawn(trees, np.arange(n_columns), n_columns, rows, background, np.array([1.0, 2.0, 1.0]))


def _draw_layers(rng: np.random.Generator, n_own: int) -> HiddenFeatures:
    """Return one to three layers of random numbers."""
    layers, n_inputs = [], n_own
    for _ in range(rng.integers(1, 4)):
        n_hidden = int(rng.integers(1, 5))
        centres = rng.normal(size=(2, n_inputs)).round(2)
        layers.append(
            HiddenLayer(
                centres=centres,
                direction=centres[1] - centres[0],
                threshold=float(rng.normal().__round__(2)),
                cluster_rows=rng.normal(size=(2, 2)).round(2),
                weights=rng.uniform(-1, 1, size=(n_inputs, n_hidden)).round(3),
                bias_rows=rng.normal(size=(2, n_hidden)).round(2),
                hidden_means=rng.normal(size=n_hidden).round(2),
                hidden_scales=rng.uniform(0.5, 2.0, size=n_hidden).round(2),
            )
        )
        n_inputs += 2 + n_hidden
    return HiddenFeatures(rng.normal(size=n_own).round(2), rng.uniform(0.5, 2, n_own).round(2), tuple(layers))


def _grow_trees(rng: np.random.Generator, seen: Floats, *, narrow: bool) -> TreeEnsemble:
    """Return up to four trees on columns of which some rows are known, with thresholds between them."""
    n_margins = int(rng.integers(1, 4))
    nodes: list[dict[str, Any]] = []

    def grow(depth: int) -> int:
        place = len(nodes)
        value = rng.normal(size=n_margins).round(2) * (rng.random() < 0.8)
        nodes.append({"left": -1, "right": -1, "feature": -1, "threshold": 0.0, "value": value})
        if depth and rng.random() < 0.85:
            column = int(rng.integers(seen.shape[1]))
            # Never on a value itself: sums of the same numbers in another order may differ in the last bit.
            threshold = float(rng.choice(seen[:, column])) + float(rng.choice([-0.037, 0.041]))
            nodes[place] |= {"feature": column, "threshold": threshold, "value": np.zeros(n_margins)}
            nodes[place] |= {"left": grow(depth - 1), "right": grow(depth - 1)}
        return place

    roots = [grow(int(rng.integers(0, 6))) for _ in range(rng.integers(1, 5))]
    n_columns = seen.shape[1]
    return TreeEnsemble(
        n_columns=n_columns,
        roots=np.asarray(roots, dtype=np.int64),
        left=np.asarray([node["left"] for node in nodes], dtype=np.int64),
        right=np.asarray([node["right"] for node in nodes], dtype=np.int64),
        feature=np.asarray([node["feature"] for node in nodes], dtype=np.int64),
        threshold=np.asarray([node["threshold"] for node in nodes], dtype=np.float64),
        missing_left=rng.random(len(nodes)) < 0.5,
        cover=np.ones(len(nodes)),
        values=np.asarray([node["value"] for node in nodes], dtype=np.float64),
        base=rng.normal(size=n_margins).round(2),
        link="identity",
        rules=ColumnRules.plain(n_columns, narrow=narrow),
    )
