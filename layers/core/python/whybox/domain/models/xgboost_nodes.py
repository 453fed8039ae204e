"""The node arrays of an xgboost.Booster, from its binary form: its text would be written and read by digits.

Booster ──save_raw──▶ read_learner ─┬─▶ read_nodes    trees of scalars, as we fit them
                                    └─▶ whatever else a booster holds, for who reads any
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from whybox.domain.models.ubj_documents import count_numbers, join_numbers, read_ubj

Float64s = NDArray[np.float64]
Float32s = NDArray[np.float32]
Int64s = NDArray[np.int64]

_UNREAD = frozenset({"base_weights", "loss_changes", "parents", "split_type"})
"""Node arrays that xgboost keeps for itself: a third of a document's bytes."""


@dataclass(frozen=True, slots=True, eq=False)
class XgboostNodes:
    """All trees, node after node; a tree's child numbers count from its own root.

    sizes : int64 (n_trees,), nodes of each tree
    left, right, feature : int64 (n_nodes,), children -1 at a leaf
    condition : float32 (n_nodes,), the threshold of a split, the value of a leaf
    default_left : bool (n_nodes,)
    cover : float32 (n_nodes,)
    base_scores : float64, one or one per output, as the objective keeps them
    """

    sizes: Int64s
    left: Int64s
    right: Int64s
    feature: Int64s
    condition: Float32s
    default_left: NDArray[np.bool_]
    cover: Float32s
    base_scores: Float64s
    n_outputs: int
    n_features: int
    objective: str


def read_learner(booster: Any) -> dict[str, Any]:
    """Return what a booster says of itself, under the names that xgboost gives it."""
    learner: dict[str, Any] = read_ubj(bytes(booster.save_raw("ubj")), unread=_UNREAD)["learner"]
    return learner


def join_trees(trees: Iterable[Mapping[str, Any]], name: str) -> NDArray[Any]:
    """Return one field of all trees, one after the other, (n_nodes,)."""
    return join_numbers([tree[name] for tree in trees])


def count_nodes(trees: Iterable[Mapping[str, Any]]) -> Int64s:
    """Return the nodes of each tree, int64 (n_trees,)."""
    return np.array([count_numbers(tree["left_children"]) for tree in trees], dtype=np.int64)


def read_base_scores(learner: Mapping[str, Any]) -> Float64s:
    """Return the base scores, one or one per output, as the objective keeps them."""
    text = learner["learner_model_param"]["base_score"]
    return np.array([float(part) for part in text.strip("[]").split(",")], dtype=np.float64)


def read_nodes(booster: Any) -> XgboostNodes:
    """Read a booster of scalar trees, one per output and round, without splits by category."""
    learner = read_learner(booster)
    shape, trees = learner["learner_model_param"], learner["gradient_booster"]["model"]["trees"]
    return XgboostNodes(
        sizes=count_nodes(trees),
        left=join_trees(trees, "left_children").astype(np.int64),
        right=join_trees(trees, "right_children").astype(np.int64),
        feature=join_trees(trees, "split_indices").astype(np.int64),
        condition=join_trees(trees, "split_conditions").astype(np.float32),
        default_left=join_trees(trees, "default_left").astype(np.bool_),
        cover=join_trees(trees, "sum_hessian").astype(np.float32),
        base_scores=read_base_scores(learner).astype(np.float32).astype(np.float64),
        n_outputs=max(1, int(shape["num_class"])),
        n_features=int(shape["num_feature"]),
        objective=learner["objective"]["name"],
    )
