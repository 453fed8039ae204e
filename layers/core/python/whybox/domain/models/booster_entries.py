"""The gradient boosted trees that may be fitted: 100 trees, rate 0.1, depth 3 unless told otherwise."""

from __future__ import annotations

from collections.abc import Mapping

from whybox.domain.models.entries import ModelEntry
from whybox.domain.models.parameter_groups import (
    N_TREES,
    SKLEARN_BOOSTED,
)
from whybox.domain.models.parameter_ranges import Real, Whole
from whybox.domain.models.specs import ParameterValue, TaskKind

BOOSTED_DEFAULTS: Mapping[str, ParameterValue] = {"n_estimators": 100, "learning_rate": 0.1, "max_depth": 3}

XGBOOST = ModelEntry(
    "xgboost",
    "xgboost",
    family="xgboost",
    parameters={
        **N_TREES,
        "learning_rate": Real(1e-4, 1),
        "max_depth": Whole(1, 16),
        "min_child_weight": Real(0, 1e6),
        "gamma": Real(0, 1e6),
        "subsample": Real(0.05, 1),
        "colsample_bytree": Real(0.05, 1),
        "reg_lambda": Real(0, 1e6),
        "reg_alpha": Real(0, 1e6),
        "max_bin": Whole(2, 1_024),
    },
    defaults=BOOSTED_DEFAULTS,
    takes_missing=True,
    has_log_odds=True,
)
LIGHTGBM = ModelEntry(
    "lightgbm",
    "lightgbm",
    family="lightgbm",
    parameters={
        **N_TREES,
        "learning_rate": Real(1e-4, 1),
        "max_depth": Whole(1, 16),
        "num_leaves": Whole(2, 4_096),
        "min_child_samples": Whole(0, 100_000),
        "min_child_weight": Real(0, 1e6),
        "min_split_gain": Real(0, 1e6),
        "colsample_bytree": Real(0.05, 1),
        "reg_lambda": Real(0, 1e6),
        "reg_alpha": Real(0, 1e6),
        "max_bin": Whole(2, 1_024),
    },
    defaults=BOOSTED_DEFAULTS,
    takes_missing=True,
    has_log_odds=True,
)


def catboost(name: str) -> ModelEntry:
    """Return the entry of a catboost class; the library is no part of the layers, but may be installed."""
    return ModelEntry(
        name,
        "catboost",
        family="catboost",
        parameters={
            "iterations": Whole(1, 2_000),
            "learning_rate": Real(1e-4, 1),
            "depth": Whole(1, 12),
            "l2_leaf_reg": Real(0, 1e6),
        },
        defaults={
            "iterations": 100,
            "learning_rate": 0.1,
            "depth": 3,
            "thread_count": 1,
            "verbose": False,
            "allow_writing_files": False,
        },
        is_seeded=True,
        takes_missing=True,
    )


def gradient_boosting(name: str, *, has_log_odds: bool) -> ModelEntry:
    """Return the entry of a scikit-learn boosting class as the family "gradientboosting"."""
    return ModelEntry(
        name,
        "sklearn.ensemble",
        family="gradientboosting",
        parameters=SKLEARN_BOOSTED,
        defaults=BOOSTED_DEFAULTS,
        is_seeded=True,
        has_log_odds=has_log_odds,
    )


GRADIENT_BOOSTING: Mapping[TaskKind, ModelEntry] = {
    "classification": gradient_boosting("GradientBoostingClassifier", has_log_odds=True),
    "regression": gradient_boosting("GradientBoostingRegressor", has_log_odds=False),
}
