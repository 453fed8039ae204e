"""Job sizes: what is known of a job before any of it is done, as numbers that its cost follows from.

ModelSpec, rows, columns, what to explain ──measure_job──▶ JobSize ──shape_trees──▶ TreeShape
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf, log, log2
from typing import Literal

from whybox.domain.models.specs import ModelSpec, ParameterValue

Explain = Literal["none", "exact", "path_dependent", "sampled", "permutation"]
Unit = Literal["probability", "margin", "target"]

SINGLE_TREES = (
    "DecisionTreeClassifier",
    "DecisionTreeRegressor",
    "ExtraTreeClassifier",
    "ExtraTreeRegressor",
)
FORESTS = (
    "RandomForestClassifier",
    "RandomForestRegressor",
    "ExtraTreesClassifier",
    "ExtraTreesRegressor",
    "BaggingClassifier",
    "BaggingRegressor",
    *SINGLE_TREES,
)
BOOSTED = (
    "GradientBoostingClassifier",
    "GradientBoostingRegressor",
    "HistGradientBoostingClassifier",
    "HistGradientBoostingRegressor",
    "xgboost",
    "lightgbm",
    "CatBoostClassifier",
    "CatBoostRegressor",
)

MAX_EXPONENT = 60.0

# Trees, their depth and their leaves where the spec does not say; a depth or leaves of None have no limit.
_TREE_DEFAULTS: Mapping[str, tuple[int, int | None, int | None]] = {
    **dict.fromkeys(FORESTS, (100, None, None)),
    **dict.fromkeys(("BaggingClassifier", "BaggingRegressor"), (10, None, None)),
    **dict.fromkeys(SINGLE_TREES, (1, None, None)),
    **dict.fromkeys(BOOSTED, (100, 3, None)),
    **dict.fromkeys(("HistGradientBoostingClassifier", "HistGradientBoostingRegressor"), (100, None, 31)),
    "lightgbm": (100, 3, 31),
    "AdaBoostClassifier": (50, 1, None),
    "AdaBoostRegressor": (50, 3, None),
}

# What follows was counted on trees of tables with noise; a table without noise has fewer leaves.
BOOTSTRAP_SHARE = 0.63
"""Different rows in a bootstrap sample: a regression's trees grow until each has a leaf of its own."""

LEAVES_PER_ROW_AND_CLASS = 0.075
"""A classification's trees stop where classes are apart: leaves per training row, times classes less one."""

ROWS_PER_LEAF = 25
"""Of the libraries that keep 20 rows in every leaf."""

DEPTH_PER_DOUBLING = 1.3
"""Depth of a tree per doubling of its leaves, more where splits are drawn at random: no tree is balanced."""

SPREAD_OF_CONDITIONS = 0.24
"""Standard deviation of the conditions per leaf, as a share of their mean."""


@dataclass(frozen=True, slots=True)
class JobSize:
    """One fit and one explanation, in numbers.

    Attributes
    ----------
    model : class name, or "xgboost", "lightgbm"
    n_train, n_rows : training rows, and rows that are predicted and explained
    n_columns : columns the estimator sees before hidden ones are added (one-hot columns count one by one)
    explain : "none", "exact" (the fastest way to interventional values, sampled where there is no exact one),
        "path_dependent", "sampled", "permutation"
    n_classes : 0 for a regression
    unit : None is the model's natural one
    n_background : background rows
    n_trees, max_depth, max_leaves : of an ensemble of trees; None is no limit. ``n_leaves`` of one tree is
        estimated from them, unless it is known because the model is already fitted.
    n_hidden_features, n_layers : of the hidden columns
    n_repeats : shuffles of a permutation importance
    n_refits : further fits on almost all training rows, for prediction intervals
    """

    model: str
    n_train: int
    n_rows: int
    n_columns: int
    explain: Explain = "exact"
    n_classes: int = 0
    unit: Unit | None = None
    n_background: int = 100
    n_trees: int = 0
    max_depth: int | None = None
    max_leaves: int | None = None
    n_leaves: float | None = None
    n_hidden_features: int = 0
    n_layers: int = 1
    n_repeats: int = 10
    n_refits: int = 0

    @property
    def n_hidden_columns(self) -> int:
        """Columns that hidden layers add: two for the cluster and the rectified units, per layer."""
        return self.n_layers * (2 + self.n_hidden_features) if self.n_hidden_features else 0

    @property
    def n_features(self) -> int:
        """Columns the estimator is fitted on."""
        return self.n_columns + self.n_hidden_columns

    @property
    def n_outputs(self) -> int:
        """Outputs in the natural unit."""
        return max(1, self.n_classes)

    @property
    def n_margins(self) -> int:
        """Sums a boosted or linear model makes: one for two classes."""
        return self.n_classes if self.n_classes > 2 else 1


@dataclass(frozen=True, slots=True)
class TreeShape:
    """An ensemble.

    ``n_trees`` of all outputs, ``n_leaves`` and mean ``depth`` of one, ``n_conditions``: different columns on
    the way to a leaf, ``n_patterns``: 2 to that power, averaged over leaves, which is more than the power of
    the average.
    """

    n_trees: float
    n_leaves: float
    depth: float
    n_conditions: float
    n_patterns: float


def measure_job(
    spec: ModelSpec,
    *,
    n_train: int,
    n_rows: int,
    n_columns: int,
    n_classes: int = 0,
    explain: Explain = "exact",
) -> JobSize:
    """Return the size of fitting and explaining a model; ``dataclasses.replace`` sets what else is known."""
    n_trees, max_depth, max_leaves = _read_trees(spec.name, spec.parameters)
    return JobSize(
        model=spec.name,
        n_train=n_train,
        n_rows=n_rows,
        n_columns=n_columns,
        explain=explain,
        n_classes=n_classes,
        n_trees=n_trees,
        max_depth=max_depth,
        max_leaves=max_leaves,
        n_hidden_features=spec.n_hidden_features,
        n_layers=spec.n_layers,
    )


def _read_trees(name: str, parameters: Mapping[str, ParameterValue]) -> tuple[int, int | None, int | None]:
    """Return trees, depth and leaves as a spec's parameters or the model's own defaults give them."""
    n_trees, max_depth, max_leaves = _TREE_DEFAULTS.get(name, (0, None, None))
    if not n_trees:
        return 0, None, None
    for parameter in ("n_estimators", "max_iter", "iterations"):
        n_trees = _whole(parameters.get(parameter, n_trees)) or n_trees
    for parameter in ("max_depth", "depth"):
        max_depth = _whole(parameters.get(parameter, max_depth))
    for parameter in ("max_leaf_nodes", "num_leaves"):
        max_leaves = _whole(parameters.get(parameter, max_leaves))
    return n_trees, max_depth, max_leaves


def _whole(value: ParameterValue) -> int | None:
    """Return a parameter that is a whole number, None for anything else."""
    return value if isinstance(value, int) else None


def shape_trees(job: JobSize) -> TreeShape | None:
    """Return the ensemble a job fits, None for a model that is not one."""
    if job.model not in _TREE_DEFAULTS:
        return None
    n_leaves = max(1.0, _count_leaves(job) if job.n_leaves is None else job.n_leaves)
    is_random = job.model.startswith("Extra") and job.n_classes > 0
    depth = DEPTH_PER_DOUBLING * log2(n_leaves) * (1.25 if is_random else 1.0)
    most = inf if job.max_depth is None else float(job.max_depth)
    depth = min(depth, most)
    p = max(1, job.n_features)
    n_conditions = p * (1.0 - (1.0 - 1.0 / p) ** depth) if p > 1 else min(1.0, depth)
    # The mean of a power of two over a normal distribution of exponents.
    exponent = n_conditions + 0.5 * log(2.0) * (SPREAD_OF_CONDITIONS * n_conditions) ** 2
    return TreeShape(
        n_trees=float(job.n_trees * (job.n_margins if job.model in BOOSTED else 1)),
        n_leaves=n_leaves,
        depth=depth,
        n_conditions=n_conditions,
        n_patterns=2.0 ** min(exponent, most, float(p), MAX_EXPONENT),
    )


def _count_leaves(job: JobSize) -> float:
    """Return the leaves of one tree, from what the depth, the parameters and the training rows allow."""
    by_depth = inf if job.max_depth is None else 2.0 ** min(job.max_depth, MAX_EXPONENT)
    by_parameter = inf if job.max_leaves is None else float(job.max_leaves)
    if job.model == "lightgbm" or job.model.startswith("Hist"):
        return min(by_depth, by_parameter, job.n_train / ROWS_PER_LEAF)
    share = 1.0
    if job.n_classes and job.model in FORESTS:
        share = LEAVES_PER_ROW_AND_CLASS * min(job.n_classes - 1, 6)
        share *= 3.0 if job.model.startswith("Extra") else 1.0
    elif job.model.startswith(("RandomForest", "Bagging")) or job.model in BOOSTED:
        share = BOOTSTRAP_SHARE
    by_rows = min(1.0, share) * job.n_train
    # Both limits are felt before they are reached.
    return min(by_parameter, 1.0 / (1.0 / max(by_rows, 1e-9) + 1.0 / by_depth))
