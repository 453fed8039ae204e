"""xgboost's boosters as a TreeEnsemble, read from the model's own binary JSON.

xgboost goes left on ``float32 value < float32 threshold``; with float32 values that is the same as
``value <= the next smaller float32``. Category splits send the listed categories right.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from whybox.domain.explanations.links import Floats, Link
from whybox.domain.explanations.tree_layouts import (
    CATEGORY_THRESHOLD,
    CategorySet,
    ColumnRules,
    Ints,
    TreeEnsemble,
)
from whybox.domain.models.ubj_documents import count_numbers, take_numbers
from whybox.domain.models.xgboost_nodes import (
    XgboostNodes,
    count_nodes,
    join_trees,
    read_base_scores,
    read_learner,
)

_LINKS: dict[str, Link] = {
    "binary:logistic": "logistic",
    "binary:logitraw": "identity",
    "multi:softprob": "softmax",
    "multi:softmax": "softmax",
    "reg:squarederror": "identity",
    "reg:squaredlogerror": "identity",
    "reg:pseudohubererror": "identity",
    "reg:absoluteerror": "identity",
    "reg:quantileerror": "identity",
    "count:poisson": "exponential",
    "reg:gamma": "exponential",
    "reg:tweedie": "exponential",
    "rank:pairwise": "identity",
    "rank:ndcg": "identity",
    "rank:map": "identity",
}

_CATEGORY_SPANS = ("categories_nodes", "categories_segments", "categories_sizes")


def read_xgboost(model: Any) -> TreeEnsemble | None:
    """Return the trees of a Booster or of a scikit-learn style wrapper.

    None for linear boosters, trees with vector leaves, objectives without a known link and wrappers whose
    missing value is another than NaN. A wrapper that stopped early answers with its best iteration.
    """
    booster = model
    if hasattr(model, "get_booster"):
        if not np.isnan(model.missing):
            return None
        booster = model.get_booster()
        best = getattr(model, "best_iteration", None) if model.early_stopping_rounds else None
        booster = booster if best is None else booster[: best + 1]
    learner = read_learner(booster)
    link = _LINKS.get(learner["objective"]["name"])
    booster_part = learner["gradient_booster"]
    body = booster_part.get("gbtree", booster_part).get("model")
    if link is None or body is None or "trees" not in body or not body["trees"]:
        return None
    if any(int(tree["tree_param"]["size_leaf_vector"]) > 1 for tree in body["trees"]):
        return None
    base = _read_base(learner, link)
    if int(learner["learner_model_param"]["num_target"]) > 1 or base is None:
        return None
    # Dropout shrinks single trees; xgboost 3.4 keeps the factors with the trees, earlier ones beside them.
    weights = take_numbers(body.get("weight_drop", booster_part.get("weight_drop", [])))
    return _lay_out(body, base=base, link=link, n_columns=booster.num_features(), weights=weights)


def read_nodes(nodes: XgboostNodes) -> TreeEnsemble | None:
    """Return the trees of node arrays, None where there are none or their objective has no known link."""
    link = _LINKS.get(nodes.objective)
    if link is None or not len(nodes.sizes):
        return None
    roots = np.cumsum(nodes.sizes) - nodes.sizes
    offsets = np.repeat(roots, nodes.sizes)
    is_leaf = nodes.left < 0
    base = _start_margins(nodes.base_scores, nodes.n_outputs, link)
    margins = np.repeat(np.arange(len(roots)) % nodes.n_outputs, nodes.sizes)
    values = np.zeros((len(is_leaf), nodes.n_outputs))
    values[np.arange(len(is_leaf)), margins] = np.where(is_leaf, nodes.condition.astype(np.float64), 0.0)
    return TreeEnsemble(
        n_columns=nodes.n_features,
        roots=roots,
        left=np.where(is_leaf, -1, nodes.left + offsets),
        right=np.where(is_leaf, -1, nodes.right + offsets),
        feature=np.where(is_leaf, -1, nodes.feature),
        threshold=np.nextafter(nodes.condition, np.float32(-np.inf)).astype(np.float64),
        missing_left=nodes.default_left,
        cover=nodes.cover.astype(np.float64),
        values=values,
        base=base,
        link=link,
        rules=ColumnRules.plain(nodes.n_features, narrow=True),
    )


def _read_base(learner: dict[str, Any], link: Link) -> Floats | None:
    """Return the start margin of every output; ``base_score`` is kept behind the link, except for softmax."""
    scores = read_base_scores(learner)
    n_margins = max(1, int(learner["learner_model_param"]["num_class"]))
    if len(scores) not in (1, n_margins):
        return None
    return _start_margins(scores, n_margins, link)


def _start_margins(scores: Floats, n_margins: int, link: Link) -> Floats:
    """Return the margins of base scores, which are kept behind the link, except for softmax."""
    base = np.broadcast_to(scores, n_margins).copy()
    if link == "logistic":
        return np.asarray(np.log(base) - np.log1p(-base), dtype=np.float64)
    return np.asarray(np.log(base), dtype=np.float64) if link == "exponential" else base


def _lay_out(
    body: dict[str, Any], *, base: Floats, link: Link, n_columns: int, weights: Floats
) -> TreeEnsemble:
    """Lay the trees one after the other."""
    trees = body["trees"]
    sizes = count_nodes(trees)
    roots = np.cumsum(sizes) - sizes
    offsets = np.repeat(roots, sizes)
    left = join_trees(trees, "left_children").astype(np.int64)
    is_leaf = left < 0
    conditions = join_trees(trees, "split_conditions").astype(np.float32)
    shares = np.repeat(weights.astype(np.float64) if len(weights) else np.ones(len(trees)), sizes)
    margins = np.repeat(take_numbers(body["tree_info"]).astype(np.int64), sizes)
    values = np.zeros((len(left), len(base)))
    values[np.arange(len(left)), margins] = np.where(is_leaf, conditions.astype(np.float64) * shares, 0.0)
    feature = np.where(is_leaf, -1, join_trees(trees, "split_indices").astype(np.int64))
    threshold = np.nextafter(conditions, np.float32(-np.inf)).astype(np.float64)
    rules, feature, threshold = _with_categories(trees, roots, feature, threshold, n_columns)
    return TreeEnsemble(
        n_columns=n_columns,
        roots=roots,
        left=np.where(is_leaf, -1, left + offsets),
        right=np.where(is_leaf, -1, join_trees(trees, "right_children").astype(np.int64) + offsets),
        feature=feature,
        threshold=threshold,
        missing_left=join_trees(trees, "default_left") != 0,
        cover=join_trees(trees, "sum_hessian").astype(np.float64),
        values=values,
        base=base,
        link=link,
        rules=rules,
    )


def _with_categories(
    trees: list[dict[str, Any]], roots: Ints, feature: Ints, threshold: Floats, n_columns: int
) -> tuple[ColumnRules, Ints, Floats]:
    """Give every category split a prepared column of its own; the listed categories go right."""
    rules = ColumnRules.plain(n_columns, narrow=True)
    feature, threshold = feature.copy(), threshold.copy()
    splits: list[tuple[int, CategorySet]] = []
    for root, tree in zip(roots, trees, strict=True):
        if not count_numbers(tree["categories"]):
            continue
        categories = take_numbers(tree["categories"]).astype(np.int64)
        spans = zip(*(take_numbers(tree[name]) for name in _CATEGORY_SPANS), strict=True)
        for place, start, size in spans:
            node = int(root) + place
            listed = CategorySet(members=categories[start : start + size], members_left=False)
            splits.append((int(feature[node]), listed))
            feature[node] = n_columns + len(splits) - 1
            threshold[node] = CATEGORY_THRESHOLD
    return rules.with_categories(splits) if splits else rules, feature, threshold
