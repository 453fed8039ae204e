"""Many rows down shallow trees: each node is one vectorised comparison, byte masks choose leaf numbers.

A library walks one row at a time down one tree at a time. For trees with a handful of nodes it is five times
faster to ask each node about all rows at once, and then, from the leaves up, to take the left or the right
leaf number with a mask of the answers: number = right ^ (mask & (left ^ right)), one byte per row.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

LARGEST_NUMBER = 127  # leaf numbers are signed bytes
BLOCK_ROWS = 32_768  # a block's masks stay in the processor's cache

Float64s = NDArray[np.float64]
Bytes = NDArray[np.int8]
Numbers = Bytes | int  # one leaf number per row, or the same for all

_XGBOOST_LISTS = {
    name: re.compile(rb'"%b":(\[[^\]]*\])' % name.encode())
    for name in ("left_children", "right_children", "split_indices", "split_conditions", "default_left")
}
_LIGHTGBM_LISTS = {
    name: re.compile(rf"^{name}=(.*)$", re.MULTILINE)
    for name in ("split_feature", "threshold", "decision_type", "left_child", "right_child")
}
_LIGHTGBM_TREE = re.compile(r"^Tree=\d+\n(.*?)\n\n", re.MULTILINE | re.DOTALL)
_LIGHTGBM_DEFAULT_LEFT, _LIGHTGBM_MISSING, _LIGHTGBM_NAN = 2, 12, 8  # bits of decision_type


@dataclass(frozen=True, slots=True)
class Node:
    """Rows whose value of ``column`` is below the threshold (or equal, see ShallowTrees) go left."""

    column: int
    threshold: float
    is_missing_left: bool
    left: Node | int
    right: Node | int


@dataclass(frozen=True, slots=True)
class ShallowTrees:
    """Trees as nested nodes; a leaf is the number that the library's ``pred_leaf`` gives it.

    ``is_xgboost``: values are compared as float32 and go left when smaller; otherwise, as lightgbm does, as
    float64 when smaller or equal.
    """

    roots: tuple[Node | int, ...]
    is_xgboost: bool

    def blocks(self, Z: Float64s) -> Iterator[tuple[slice, Iterator[Numbers]]]:
        """Yield blocks of rows with the leaf numbers of each tree for these rows, tree after tree."""
        for start in range(0, len(Z), BLOCK_ROWS):
            rows = slice(start, min(start + BLOCK_ROWS, len(Z)))
            yield rows, self._leaf_numbers(Z[rows])

    def _leaf_numbers(self, Z: Float64s) -> Iterator[Numbers]:
        columns = np.ascontiguousarray(Z.T, dtype=np.float32 if self.is_xgboost else np.float64)
        is_missing = np.isnan(columns)
        missing = [mask if mask.any() else None for mask in is_missing]
        for root in self.roots:
            yield self._choose(root, columns, missing)

    def _choose(
        self, node: Node | int, columns: NDArray[Any], missing: Sequence[NDArray[np.bool_] | None]
    ) -> Numbers:
        if isinstance(node, int):
            return node
        values = columns[node.column]
        is_left = values < node.threshold if self.is_xgboost else values <= node.threshold
        absent = missing[node.column]
        if absent is not None and node.is_missing_left:
            is_left |= absent
        mask: Bytes = np.negative(is_left.view(np.int8))
        left = self._choose(node.left, columns, missing)
        right = self._choose(node.right, columns, missing)
        mask &= np.int8(left ^ right) if isinstance(left, int) and isinstance(right, int) else left ^ right
        mask ^= right
        return mask


def read_shallow_xgboost(booster: Any) -> ShallowTrees | None:
    """Return the trees of an xgboost.Booster of numeric splits, None where one has too many nodes."""
    text = bytes(booster.save_raw("json"))
    lists = [[json.loads(found) for found in pattern.findall(text)] for pattern in _XGBOOST_LISTS.values()]
    roots = []
    for left, right, columns, thresholds, default_left in zip(*lists, strict=True):
        if len(left) - 1 > LARGEST_NUMBER:
            return None
        nodes: list[Node | int] = list(range(len(left)))
        # children stand behind their parents, so they are made first
        for number in range(len(left) - 1, -1, -1):
            if left[number] != -1:
                nodes[number] = Node(
                    column=columns[number],
                    threshold=float(np.float32(thresholds[number])),
                    is_missing_left=bool(default_left[number]),
                    left=nodes[left[number]],
                    right=nodes[right[number]],
                )
        roots.append(nodes[0])
    return ShallowTrees(tuple(roots), is_xgboost=True)


def read_shallow_lightgbm(booster: Any) -> ShallowTrees | None:
    """Return the trees of a lightgbm.Booster of numeric splits, None where one has too many leaves."""
    roots = [_read_lightgbm_tree(text) for text in _LIGHTGBM_TREE.findall(booster.model_to_string())]
    known = [root for root in roots if root is not None]
    return ShallowTrees(tuple(known), is_xgboost=False) if len(known) == len(roots) else None


def _read_lightgbm_tree(text: str) -> Node | int | None:
    """Return one tree; its children are node numbers, or -1, -2, ... for leaf 0, 1, ..."""
    found = {name: pattern.findall(text) for name, pattern in _LIGHTGBM_LISTS.items()}
    if not found["threshold"] or not found["threshold"][0]:
        return 0  # a single leaf
    lists = {name: lines[0].split() for name, lines in found.items()}
    n_nodes = len(lists["threshold"])
    if n_nodes > LARGEST_NUMBER:
        return None

    def build(number: int) -> Node | int:
        if number < 0:
            return -number - 1
        kind, threshold = int(lists["decision_type"][number]), float(lists["threshold"][number])
        # where training met no NaN, lightgbm takes one for 0
        has_nan = kind & _LIGHTGBM_MISSING == _LIGHTGBM_NAN
        return Node(
            column=int(lists["split_feature"][number]),
            threshold=threshold,
            is_missing_left=bool(kind & _LIGHTGBM_DEFAULT_LEFT) if has_nan else threshold >= 0,
            left=build(int(lists["left_child"][number])),
            right=build(int(lists["right_child"][number])),
        )

    return build(0)
