"""scikit-learn's trees, forests and boosted trees as a TreeEnsemble.

Trees of ``sklearn.tree`` compare a float32 copy of the value with a float64 threshold; histogram trees
compare the float64 value. Both go left on ``<=`` and hold a direction for missing values in every node.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from whybox.domain.explanations.links import Floats, Link
from whybox.domain.explanations.tree_layouts import (
    ColumnRules,
    Ints,
    TreeEnsemble,
    mirror_shares,
    move_common_values,
)


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """One ``sklearn.tree`` tree, what each node adds to the answer, and the columns the tree was shown."""

    tree: Any
    values: Floats  # (n_nodes, n_margins)
    columns: Ints | None = None


def read_sklearn(model: Any) -> TreeEnsemble | None:
    """Return the trees of a fitted scikit-learn estimator, None where its answer is not a sum over trees.

    The link leads to probabilities for classifiers and to the target for regressors.
    """
    reader = _READERS.get(type(model).__name__)
    return None if reader is None else reader(model)


def _read_forest(model: Any) -> TreeEnsemble | None:
    """A forest, or one tree: the mean of the trees' class shares or target values."""
    trees = list(model.estimators_) if hasattr(model, "estimators_") else [model]
    if getattr(model, "n_outputs_", 1) > 1 and hasattr(model, "classes_"):
        return None
    parts = [_Part(tree.tree_, _leaf_answers(tree) / len(trees)) for tree in trees]
    return _shift(_join(parts, n_columns=model.n_features_in_, link="identity"), model)


def _shift(trees: TreeEnsemble, model: Any) -> TreeEnsemble:
    """Move common values into the base; two classes are then each other's mirror."""
    moved = move_common_values(trees)
    return mirror_shares(moved) if len(getattr(model, "classes_", ())) == 2 else moved


def read_votes(model: Any) -> TreeEnsemble | None:
    """Return the trees of a forest, or one tree, with what each leaf itself answers: not yet divided by the
    number of trees, as scikit-learn adds them up. None for anything else, and for several targets.
    """
    if _READERS.get(type(model).__name__) is not _read_forest or getattr(model, "n_outputs_", 1) > 1:
        return None
    trees = list(model.estimators_) if hasattr(model, "estimators_") else [model]
    n_answers = len(model.classes_) if hasattr(model, "classes_") else 1
    parts = [_Part(tree.tree_, np.asarray(tree.tree_.value[:, 0, :n_answers])) for tree in trees]
    return _join(parts, n_columns=model.n_features_in_, link="identity")


def _read_bagging(model: Any) -> TreeEnsemble | None:
    """Bagged trees: as a forest, each tree on its own choice of columns."""
    n_classes = len(model.classes_) if hasattr(model, "classes_") else None
    parts = []
    for tree, columns in zip(model.estimators_, model.estimators_features_, strict=True):
        if not hasattr(tree, "tree_") or (n_classes and len(tree.classes_) != n_classes):
            return None
        answers = _leaf_answers(tree) / len(model.estimators_)
        parts.append(_Part(tree.tree_, answers, np.asarray(columns, dtype=np.int64)))
    return _shift(_join(parts, n_columns=model.n_features_in_, link="identity"), model)


def _read_ada_boost(model: Any) -> TreeEnsemble | None:
    """AdaBoost (SAMME): every tree casts a weighted vote for one class, softmax makes probabilities."""
    n_classes = len(model.classes_)
    total = float(np.sum(model.estimator_weights_[: len(model.estimators_)]))
    parts = []
    for tree, weight in zip(model.estimators_, model.estimator_weights_, strict=False):
        if not hasattr(tree, "tree_") or len(tree.classes_) != n_classes:
            return None
        winner = np.argmax(_leaf_answers(tree), axis=1)
        votes = np.full((len(winner), n_classes), -1.0 / (n_classes - 1))
        votes[np.arange(len(winner)), winner] = 1.0
        share = votes * (weight / total)
        # Two classes: the decision is the vote for class 1, its sigmoid the probability.
        # More: scikit-learn divides the decisions by C - 1 before the softmax.
        parts.append(_Part(tree.tree_, 2.0 * share[:, 1:] if n_classes == 2 else share / (n_classes - 1)))
    return _join(parts, n_columns=model.n_features_in_, link="logistic" if n_classes == 2 else "softmax")


def _read_gradient_boosting(model: Any) -> TreeEnsemble | None:
    """Gradient boosting: a constant start plus learning rate times the trees' values, one tree per margin."""
    if not (
        isinstance(model.init_, str) or type(model.init_).__name__ in ("DummyClassifier", "DummyRegressor")
    ):
        return None
    link = _boosting_link(model)
    if link is None:
        return None
    base = np.asarray(model._raw_predict_init(np.zeros((1, model.n_features_in_))), dtype=np.float64)[0]
    parts = []
    for stage in model.estimators_:
        for margin, tree in enumerate(stage):
            values = np.zeros((tree.tree_.node_count, len(base)))
            values[:, margin] = model.learning_rate * tree.tree_.value[:, 0, 0]
            parts.append(_Part(tree.tree_, values))
    return _join(parts, n_columns=model.n_features_in_, link=link, base=base)


def _boosting_link(model: Any) -> Link | None:
    """Return the link of a gradient boosting model's loss."""
    if not hasattr(model, "classes_"):
        return "exponential" if model.loss in ("poisson", "gamma") else "identity"
    if model.loss == "exponential":
        return None
    return "logistic" if len(model.classes_) == 2 else "softmax"


def _read_histogram_boosting(model: Any) -> TreeEnsemble | None:
    """Histogram gradient boosting without category columns (those are recoded inside the model)."""
    if model.is_categorical_ is not None and np.any(model.is_categorical_):
        return None
    link = _boosting_link(model)
    if link is None:
        return None
    base = np.asarray(model._baseline_prediction, dtype=np.float64).reshape(-1)
    blocks = [(margin, p.nodes) for stage in model._predictors for margin, p in enumerate(stage)]
    sizes = np.asarray([len(nodes) for _, nodes in blocks], dtype=np.int64)
    roots = np.cumsum(sizes) - sizes
    nodes = np.concatenate([nodes for _, nodes in blocks])
    offsets = np.repeat(roots, sizes)
    is_leaf = nodes["is_leaf"].astype(np.bool_)
    values = np.zeros((len(nodes), len(base)))
    margins = np.repeat(np.asarray([margin for margin, _ in blocks]), sizes)
    values[np.arange(len(nodes)), margins] = np.where(is_leaf, nodes["value"], 0.0)
    return TreeEnsemble(
        n_columns=model.n_features_in_,
        roots=roots,
        left=np.where(is_leaf, -1, nodes["left"].astype(np.int64) + offsets),
        right=np.where(is_leaf, -1, nodes["right"].astype(np.int64) + offsets),
        feature=np.where(is_leaf, -1, nodes["feature_idx"].astype(np.int64)),
        threshold=nodes["num_threshold"].astype(np.float64),
        missing_left=nodes["missing_go_to_left"].astype(np.bool_),
        cover=nodes["count"].astype(np.float64),
        values=values,
        base=base,
        link=link,
        rules=ColumnRules.plain(model.n_features_in_, narrow=False),
    )


def _leaf_answers(tree: Any) -> Floats:
    """Return what each node of a tree answers: class shares (n_nodes, C) or targets (n_nodes, outputs)."""
    values = np.asarray(tree.tree_.value, dtype=np.float64)
    if not hasattr(tree, "classes_"):
        return values[:, :, 0]
    shares = values[:, 0, :]
    return np.asarray(shares / shares.sum(axis=1, keepdims=True), dtype=np.float64)


def _join(parts: list[_Part], *, n_columns: int, link: Link, base: Floats | None = None) -> TreeEnsemble:
    """Lay the trees one after the other."""
    sizes = np.asarray([part.tree.node_count for part in parts], dtype=np.int64)
    roots = np.cumsum(sizes) - sizes
    offsets = np.repeat(roots, sizes)
    left = np.concatenate([part.tree.children_left for part in parts]).astype(np.int64)
    right = np.concatenate([part.tree.children_right for part in parts]).astype(np.int64)
    is_leaf = left < 0
    features = [
        part.tree.feature if part.columns is None else part.columns[np.maximum(part.tree.feature, 0)]
        for part in parts
    ]
    values = np.concatenate([part.values for part in parts])
    return TreeEnsemble(
        n_columns=n_columns,
        roots=roots,
        left=np.where(is_leaf, -1, left + offsets),
        right=np.where(is_leaf, -1, right + offsets),
        feature=np.where(is_leaf, -1, np.concatenate(features)).astype(np.int64),
        threshold=np.concatenate([part.tree.threshold for part in parts]).astype(np.float64),
        missing_left=np.concatenate([part.tree.missing_go_to_left for part in parts]).astype(np.bool_),
        cover=np.concatenate([part.tree.weighted_n_node_samples for part in parts]).astype(np.float64),
        values=np.where(is_leaf[:, None], values, 0.0),
        base=np.zeros(values.shape[1]) if base is None else base,
        link=link,
        rules=ColumnRules.plain(n_columns, narrow=True),
    )


_READERS: dict[str, Callable[[Any], TreeEnsemble | None]] = {
    "DecisionTreeClassifier": _read_forest,
    "DecisionTreeRegressor": _read_forest,
    "ExtraTreeClassifier": _read_forest,
    "ExtraTreeRegressor": _read_forest,
    "RandomForestClassifier": _read_forest,
    "RandomForestRegressor": _read_forest,
    "ExtraTreesClassifier": _read_forest,
    "ExtraTreesRegressor": _read_forest,
    "BaggingClassifier": _read_bagging,
    "BaggingRegressor": _read_bagging,
    "AdaBoostClassifier": _read_ada_boost,
    "GradientBoostingClassifier": _read_gradient_boosting,
    "GradientBoostingRegressor": _read_gradient_boosting,
    "HistGradientBoostingClassifier": _read_histogram_boosting,
    "HistGradientBoostingRegressor": _read_histogram_boosting,
}
