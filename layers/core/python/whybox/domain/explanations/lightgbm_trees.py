"""lightgbm's boosters as a TreeEnsemble, read from the model's own text.

lightgbm compares float64 values and goes left on ``<=``. Each split says what counts as missing (nothing,
then NaN is read as 0; zero and NaN; NaN) and where it goes. Category splits send the listed categories left,
anything else, NaN included, right.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
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

_LINKS: dict[str, Link] = {
    "binary": "logistic",
    "multiclass": "softmax",
    "regression": "identity",
    "regression_l1": "identity",
    "huber": "identity",
    "fair": "identity",
    "quantile": "identity",
    "mape": "identity",
    "poisson": "exponential",
    "gamma": "exponential",
    "tweedie": "exponential",
    "lambdarank": "identity",
    "rank_xendcg": "identity",
}
_IS_CATEGORY = 1
_IS_DEFAULT_LEFT = 2
_MISSING_NONE, _MISSING_ZERO = 0, 1  # bits 2 and 3 of decision_type; 2 is NaN


def read_lightgbm(model: Any) -> TreeEnsemble | None:
    """Return the trees of a Booster or of a scikit-learn style wrapper.

    None for linear leaves, objectives without a known link (one-versus-all probabilities, a regression on
    square roots, a sigmoid of another steepness) and columns whose splits disagree on what is missing.
    """
    booster = getattr(model, "booster_", model)
    header, *blocks = booster.model_to_string().split("\nTree=")
    fields = dict(line.partition("=")[::2] for line in header.splitlines())
    objective = fields.get("objective", "").split()
    link = _LINKS.get(objective[0]) if objective else None
    has_odd_option = any(
        option == "sqrt" or (option.startswith("sigmoid:") and float(option[8:]) != 1.0)
        for option in objective
    )
    if link is None or has_odd_option or not blocks:
        return None
    trees = [_read_tree(dict(line.partition("=")[::2] for line in block.splitlines())) for block in blocks]
    rules = _column_rules(trees, booster.num_feature())
    if rules is None:
        return None
    n_margins = int(fields["num_tree_per_iteration"])
    share = n_margins / len(trees) if "average_output" in header else 1.0
    return _join(
        [tree for tree in trees if tree is not None], rules=rules, n_margins=n_margins, share=share, link=link
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Tree:
    """One tree's node arrays: inner nodes first, then leaves; children counted from the tree's own root."""

    left: Ints
    right: Ints
    feature: Ints
    threshold: Floats
    decision: Ints  # zero at leaves
    cover: Floats
    values: Floats
    category_sets: list[Ints]  # the threshold of a category split is its number in here


def _read_tree(fields: dict[str, str]) -> _Tree | None:
    """Read one tree's block of text; None for linear leaves."""
    if fields.get("is_linear", "0") != "0":
        return None
    n_leaves = int(fields["num_leaves"])
    n_inner = n_leaves - 1
    at_leaves = np.zeros(n_leaves)

    def numbers(name: str, at_leaf: Floats = at_leaves) -> Floats:
        # A tree of one leaf has no line, or an empty one, for its inner nodes.
        return np.concatenate([_numbers(fields.get(name, ""))[:n_inner], at_leaf])

    left, right = (
        np.where(children < 0, n_inner - 1 - children, children)  # child -1 is leaf 0
        for children in (numbers("left_child"), numbers("right_child"))
    )
    is_leaf = np.arange(n_inner + n_leaves) >= n_inner
    counts = _numbers(fields.get("leaf_count", "0"))
    return _Tree(
        left=np.where(is_leaf, -1, left).astype(np.int64),
        right=np.where(is_leaf, -1, right).astype(np.int64),
        feature=np.where(is_leaf, -1, numbers("split_feature")).astype(np.int64),
        threshold=numbers("threshold"),
        decision=numbers("decision_type").astype(np.int64),
        cover=numbers("internal_count", np.broadcast_to(counts, n_leaves)),
        values=np.concatenate([np.zeros(n_inner), _numbers(fields["leaf_value"])]),
        category_sets=_category_sets(fields),
    )


def _numbers(text: str) -> Floats:
    """Return numbers with blanks between them, several times faster than numpy reads strings."""
    return np.fromiter(map(float, text.split()), dtype=np.float64)


def _category_sets(fields: dict[str, str]) -> list[Ints]:
    """Return the listed categories of every category split, from runs of 32-bit words."""
    if int(fields.get("num_cat", "0")) == 0:
        return []
    bounds = np.asarray(fields["cat_boundaries"].split(), dtype=np.int64)
    words = np.asarray(fields["cat_threshold"].split(), dtype=np.uint32)
    bits = np.unpackbits(words.view(np.uint8), bitorder="little").reshape(-1, 32)
    return [np.flatnonzero(bits[start:stop].ravel()) for start, stop in pairwise(bounds)]


def _column_rules(trees: list[_Tree | None], n_columns: int) -> ColumnRules | None:
    """Return how columns are read: whether NaN is a zero and zero is missing; None where splits disagree."""
    kinds: list[set[int]] = [set() for _ in range(n_columns)]
    for tree in trees:
        if tree is None:
            return None
        is_number = (tree.feature >= 0) & (tree.decision & _IS_CATEGORY == 0)
        for column, kind in zip(tree.feature[is_number], tree.decision[is_number] >> 2, strict=True):
            kinds[column].add(int(kind))
    if any(len(kind) > 1 for kind in kinds):
        return None
    return replace(
        ColumnRules.plain(n_columns, narrow=False),
        nan_is_zero=np.asarray([_MISSING_NONE in kind for kind in kinds], dtype=np.bool_),
        zero_is_missing=np.asarray([_MISSING_ZERO in kind for kind in kinds], dtype=np.bool_),
    )


def _join(
    trees: list[_Tree], *, rules: ColumnRules, n_margins: int, share: float, link: Link
) -> TreeEnsemble:
    """Lay the trees one after the other; tree t adds to margin t modulo the number of margins."""
    n_columns = len(rules.source)
    sizes = np.asarray([len(tree.left) for tree in trees], dtype=np.int64)
    roots = np.cumsum(sizes) - sizes
    offsets = np.repeat(roots, sizes)
    left = np.concatenate([tree.left for tree in trees])
    right = np.concatenate([tree.right for tree in trees])
    feature = np.concatenate([tree.feature for tree in trees])
    threshold = np.concatenate([tree.threshold for tree in trees])
    decision = np.concatenate([tree.decision for tree in trees])
    values = np.zeros((len(left), n_margins))
    margins = np.repeat(np.arange(len(trees)) % n_margins, sizes)
    values[np.arange(len(left)), margins] = share * np.concatenate([tree.values for tree in trees])
    is_category = (feature >= 0) & (decision & _IS_CATEGORY != 0)
    splits = [
        (
            int(tree.feature[node]),
            CategorySet(tree.category_sets[int(tree.threshold[node])], members_left=True),
        )
        for tree in trees
        for node in np.flatnonzero((tree.feature >= 0) & (tree.decision & _IS_CATEGORY != 0))
    ]
    feature[is_category] = n_columns + np.arange(len(splits))
    threshold[is_category] = CATEGORY_THRESHOLD
    return TreeEnsemble(
        n_columns=n_columns,
        roots=roots,
        left=np.where(left < 0, -1, left + offsets),
        right=np.where(right < 0, -1, right + offsets),
        feature=feature,
        threshold=threshold,
        missing_left=decision & _IS_DEFAULT_LEFT != 0,  # never set on a category split
        cover=np.concatenate([tree.cover for tree in trees]),
        values=values,
        base=np.zeros(n_margins),
        link=link,
        rules=rules.with_categories(splits) if splits else rules,
    )
