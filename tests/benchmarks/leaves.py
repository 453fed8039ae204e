"""Leaves of trees with their conditions per column, read straight from the libraries for the references."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tests.benchmarks.measure import Floats

Bools = NDArray[np.bool_]
Test = Callable[[Floats], Bools]


@dataclass(frozen=True)
class Leaf:
    """A leaf: its value per output, and per tested column the conditions and the share cover gives it."""

    value: Floats
    columns: NDArray[np.int64]
    tests: tuple[Test, ...]
    cover_shares: Floats

    def met(self, X: Floats) -> Bools:
        """Return bool (n, k): whether each row meets all conditions on each tested column."""
        return np.stack([test(X) for test in self.tests], axis=1)


@dataclass(frozen=True)
class _Tree:
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    column: NDArray[np.int64]
    goes_left: Callable[[int, Floats], Bools]
    cover: Floats
    value: Floats


def forest_leaves(forest: Any) -> list[Leaf]:
    """Return the leaves of a scikit-learn forest: float32(x) <= threshold goes left, values are averaged."""
    leaves: list[Leaf] = []
    for estimator in forest.estimators_:
        tree = estimator.tree_
        thresholds, columns = tree.threshold, tree.feature

        def goes_left(node: int, X: Floats, thresholds: Any = thresholds, columns: Any = columns) -> Bools:
            return np.asarray(X[:, columns[node]].astype(np.float32) <= thresholds[node])

        value = tree.value[:, 0, :]
        if hasattr(forest, "classes_"):
            value = value / value.sum(axis=1, keepdims=True)
        leaves += _walk(
            _Tree(
                tree.children_left,
                tree.children_right,
                columns,
                goes_left,
                tree.weighted_n_node_samples,
                value / len(forest.estimators_),
            )
        )
    return leaves


def booster_leaves(booster: Any, *, n_outputs: int = 1) -> list[Leaf]:
    """Return the leaves of an xgboost booster: float32(x) < float32 threshold goes left, values are added."""
    model = json.loads(bytes(booster.save_raw("json")))["learner"]["gradient_booster"]["model"]
    leaves: list[Leaf] = []
    for tree, group in zip(model["trees"], model["tree_info"], strict=True):
        left = np.asarray(tree["left_children"])
        columns = np.asarray(tree["split_indices"])
        conditions = np.asarray(tree["split_conditions"], dtype=np.float32)
        value = np.zeros((len(left), n_outputs))
        value[:, group] = np.where(left < 0, conditions, 0)

        def goes_left(node: int, X: Floats, conditions: Any = conditions, columns: Any = columns) -> Bools:
            return np.asarray(X[:, columns[node]].astype(np.float32) < conditions[node])

        cover = np.asarray(tree["sum_hessian"], dtype=np.float64)
        leaves += _walk(_Tree(left, np.asarray(tree["right_children"]), columns, goes_left, cover, value))
    return leaves


def _walk(tree: _Tree) -> Iterator[Leaf]:
    """Return the leaves below the root, with the conditions of each column gathered along the path."""
    stack: list[tuple[int, dict[int, list[tuple[int, bool]]], dict[int, float]]] = [(0, {}, {})]
    while stack:
        node, conditions, shares = stack.pop()
        if tree.left[node] < 0:
            if conditions:
                yield _leaf(tree, node, conditions, shares)
            continue
        column = int(tree.column[node])
        for child, is_left in ((int(tree.left[node]), True), (int(tree.right[node]), False)):
            # Not the parent's own cover: kept in float32, it differs from the children's sum by rounding.
            share = float(tree.cover[child] / (tree.cover[tree.left[node]] + tree.cover[tree.right[node]]))
            stack.append(
                (
                    child,
                    {**conditions, column: [*conditions.get(column, []), (node, is_left)]},
                    {**shares, column: shares.get(column, 1.0) * share},
                )
            )


def _leaf(
    tree: _Tree, node: int, conditions: dict[int, list[tuple[int, bool]]], shares: dict[int, float]
) -> Leaf:
    def test_of(path: list[tuple[int, bool]]) -> Test:
        def test(X: Floats) -> Bools:
            return np.all([tree.goes_left(at, X) == is_left for at, is_left in path], axis=0)

        return test

    return Leaf(
        value=np.asarray(tree.value[node], dtype=np.float64),
        columns=np.asarray(list(conditions), dtype=np.int64),
        tests=tuple(test_of(path) for path in conditions.values()),
        cover_shares=np.asarray([shares[column] for column in conditions]),
    )
