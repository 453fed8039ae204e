"""Gradient boosted trees: xgboost and lightgbm, with a margin that is our own float64 sum of leaf values."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import ModuleType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from whybox.domain.models.shallow_trees import (
    BLOCK_ROWS,
    Numbers,
    ShallowTrees,
    read_shallow_lightgbm,
    read_shallow_xgboost,
)
from whybox.domain.models.xgboost_nodes import XgboostNodes, read_nodes

Library = Literal["xgboost", "lightgbm"]
Objective = Literal["regression", "binary", "multiclass"]
Float64s = NDArray[np.float64]
Int64s = NDArray[np.int64]

MANY_ROWS = 4_096  # from here on reading the trees once more pays
XGBOOST_OBJECTIVES: Mapping[Objective, str] = {
    "regression": "reg:squarederror",
    "binary": "binary:logistic",
    "multiclass": "multi:softprob",
}
NAMES_CHECK = "_assign_dmatrix_features"  # a method of xgboost's Booster
_LIGHTGBM_LEAVES = re.compile(rb"^leaf_value=(.*)$", re.MULTILINE)


@dataclass(frozen=True, eq=False)
class BoostedTrees:
    """A booster, and what is needed to add its leaves up in float64.

    Attributes
    ----------
    booster : xgboost.Booster or lightgbm.Booster
        The library's own object. Trees compare a float32 copy of each value (xgboost) or the float64
        value itself (lightgbm).
    library : "xgboost" or "lightgbm"
    n_features : int
        Columns of the encoded matrix it was fitted on.
    n_outputs : int
        1 for a regression (unit: the target's) and for two classes (log-odds of class 1), C for C > 2
        classes (unnormalised log-odds, softmax gives probabilities).
    base_margin : float64 (n_outputs,)
        Margin of a forest without trees, same unit.
    leaf_values : float64 (n_trees, largest node count)
        ``leaf_values[t, leaf]`` for the leaf numbers of the library's ``pred_leaf``; NaN where no leaf is.
        Tree ``t`` belongs to output ``t % n_outputs``.
    nodes : the booster's node arrays, where it is xgboost's
    """

    booster: Any
    library: Library
    n_features: int
    n_outputs: int
    base_margin: Float64s
    leaf_values: Float64s
    nodes: XgboostNodes | None = None

    @property
    def n_trees(self) -> int:
        """Number of trees over all outputs."""
        return len(self.leaf_values)

    def leaves(self, Z: Float64s) -> Int64s:
        """Return the leaf each row reaches in each tree, int64 (n, n_trees); NaN in Z is a missing value."""
        if self.library == "xgboost":
            matrix = load_booster_library("xgboost").DMatrix(Z, nthread=1)
            leaves = self.booster.predict(matrix, pred_leaf=True)
        else:
            leaves = self.booster.predict(Z, pred_leaf=True, num_threads=1)
        return np.asarray(leaves).reshape(len(Z), self.n_trees).astype(np.int64)

    def margin(self, Z: Float64s) -> Float64s:
        """Return base_margin + the sum of leaf values, float64 (n, n_outputs).

        Equals the library's own margin to float32 rounding; being a float64 sum of the same leaves,
        it is what attributions must add up to.
        """
        margin = np.zeros((len(Z), self.n_outputs))
        for rows, numbers_of_trees in self._leaf_numbers(Z):
            for tree, numbers in enumerate(numbers_of_trees):
                # float64, tree after tree: a row's sum does not depend on the rows beside it
                margin[rows, tree % self.n_outputs] += self.leaf_values[tree].take(numbers)
        margin += self.base_margin
        return margin

    def _leaf_numbers(self, Z: Float64s) -> Iterator[tuple[slice, Iterable[Numbers]]]:
        """Yield blocks of rows with each tree's leaf numbers, by the walk that is faster for so many rows."""
        shallow = self._shallow_trees if len(Z) >= MANY_ROWS else None
        if shallow is not None:
            yield from shallow.blocks(Z)
            return
        for start in range(0, len(Z), BLOCK_ROWS):
            rows = slice(start, start + BLOCK_ROWS)
            yield rows, self.leaves(Z[rows]).T

    @cached_property
    def _shallow_trees(self) -> ShallowTrees | None:
        """The trees for ``MANY_ROWS``, read when they are first needed."""
        read = read_shallow_xgboost if self.library == "xgboost" else read_shallow_lightgbm
        return read(self.booster)


def load_booster_library(name: Library) -> ModuleType:
    """Import xgboost or lightgbm, an ordinary import.

    Both import scikit-learn and pandas for wrappers we never use. A process that needs neither may call
    ``keep_boosters_alone`` first, which makes this several times faster.
    """
    return importlib.import_module(name)


def objective_of(n_classes: int) -> Objective:
    """Return the objective for a number of classes, 0 for a regression."""
    return "regression" if n_classes == 0 else "binary" if n_classes == 2 else "multiclass"


def fit_xgboost(
    Z: Float64s, y: Float64s | Int64s, *, n_classes: int, parameters: Mapping[str, Any], seed: int
) -> BoostedTrees:
    """Fit xgboost's histogram trees on encoded rows Z (n, q), NaN missing.

    y holds class codes, or target values where ``n_classes`` is 0.
    ``parameters`` are xgboost's own names plus ``n_estimators``. One thread: more would give the same bytes,
    but wait for each other for seconds where something else holds a core.
    """
    xgboost = load_booster_library("xgboost")
    own = dict(parameters)
    n_rounds = own.pop("n_estimators")
    own |= {
        "objective": XGBOOST_OBJECTIVES[objective_of(n_classes)],
        "tree_method": "hist",
        "nthread": 1,
        "seed": seed,
        "verbosity": 0,
    }
    if n_classes > 2:
        own["num_class"] = n_classes
    data = xgboost.DMatrix(Z, y, nthread=1)
    booster = xgboost.Booster(own, [data])
    _boost(booster, data, n_rounds=n_rounds)
    return read_xgboost(booster)


def _boost(booster: Any, data: Any, *, n_rounds: int) -> None:
    """Fit one tree per output and round, as xgboost.train does, without its callbacks after every round.

    Before every round ``update`` asks booster and data for the names of their columns again, to compare them.
    They were compared when the booster was made, and for a small table it is a thirtieth of the fit: the
    method that does it is hidden meanwhile. In a release where its name is another, all is as usual.
    """
    hidden = vars(booster)
    hidden[NAMES_CHECK] = lambda _data: None
    try:
        for number in range(n_rounds):
            booster.update(data, number)
    finally:
        del hidden[NAMES_CHECK]


def read_xgboost(booster: Any) -> BoostedTrees:
    """Read leaf values and base margin out of an xgboost.Booster of scalar trees."""
    nodes = read_nodes(booster)
    tree = np.repeat(np.arange(len(nodes.sizes)), nodes.sizes)
    node = np.arange(len(tree)) - np.repeat(np.cumsum(nodes.sizes) - nodes.sizes, nodes.sizes)
    leaf_values = np.full((len(nodes.sizes), np.max(nodes.sizes, initial=0)), np.nan)
    # a leaf's value stands where a split has its threshold; both are float32 in the model
    leaf_values[tree, node] = np.where(nodes.left == -1, nodes.condition, np.nan)
    base_score = nodes.base_scores
    if nodes.objective == XGBOOST_OBJECTIVES["binary"]:
        base_score = np.log(base_score / (1 - base_score))  # stored as a probability
    return BoostedTrees(
        booster=booster,
        library="xgboost",
        n_features=nodes.n_features,
        n_outputs=nodes.n_outputs,
        base_margin=np.broadcast_to(base_score, (nodes.n_outputs,)).copy(),
        leaf_values=leaf_values,
        nodes=nodes,
    )


def fit_lightgbm(
    Z: Float64s, y: Float64s | Int64s, *, n_classes: int, parameters: Mapping[str, Any], seed: int
) -> BoostedTrees:
    """Fit lightgbm's leaf-wise trees on encoded rows Z (n, q), NaN missing.

    y holds class codes, or target values where ``n_classes`` is 0.
    ``parameters`` are lightgbm's own names plus ``n_estimators``. Row-wise histograms and the deterministic
    mode: the same bytes on any machine. One thread, as for xgboost.
    """
    lightgbm = load_booster_library("lightgbm")
    own = dict(parameters)
    n_rounds = own.pop("n_estimators")
    own |= {
        "objective": objective_of(n_classes),
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1,
        "verbosity": -1,
    }
    if n_classes > 2:
        own["num_class"] = n_classes
    data = lightgbm.Dataset(Z, y, params={"verbosity": -1, "num_threads": 1})
    return read_lightgbm(lightgbm.train(own, data, n_rounds))


def read_lightgbm(booster: Any) -> BoostedTrees:
    """Read leaf values out of a lightgbm.Booster; its first trees carry the base margin, so ours is 0."""
    text = booster.model_to_string().encode("ascii", errors="replace")
    leaves = [np.array(line.split(), dtype=np.float64) for line in _LIGHTGBM_LEAVES.findall(text)]
    leaf_values = np.full((len(leaves), max(map(len, leaves), default=0)), np.nan)
    for row, values in zip(leaf_values, leaves, strict=True):
        row[: len(values)] = values
    n_outputs = int(booster.num_model_per_iteration())
    return BoostedTrees(
        booster=booster,
        library="lightgbm",
        n_features=int(booster.num_feature()),
        n_outputs=n_outputs,
        base_margin=np.zeros(n_outputs),
        leaf_values=leaf_values,
    )
