"""Which reader turns a fitted model into a TreeEnsemble; no library but the model's own is imported."""

from __future__ import annotations

from typing import Any

from whybox.domain.explanations.model_answers import library_of
from whybox.domain.explanations.tree_layouts import TreeEnsemble


def read_trees(model: Any) -> TreeEnsemble | None:
    """Return the trees of a fitted model with the link to its natural unit.

    Returns
    -------
    None where the model is not a sum of trees, or uses something the layout does not hold (linear leaves,
    vector leaves of xgboost, several targets of a classifier): the model is then explained as a function.
    """
    if type(model).__module__ == "whybox.domain.models.boosted_trees":
        if model.nodes is not None:
            from whybox.domain.explanations.xgboost_trees import read_nodes

            return read_nodes(model.nodes)
        model = model.booster
    library = library_of(model)
    if library == "sklearn":
        from whybox.domain.explanations.sklearn_trees import read_sklearn

        return read_sklearn(model)
    if library == "xgboost":
        from whybox.domain.explanations.xgboost_trees import read_xgboost

        return read_xgboost(model)
    if library == "lightgbm":
        from whybox.domain.explanations.lightgbm_trees import read_lightgbm

        return read_lightgbm(model)
    return None
