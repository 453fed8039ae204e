"""Jobs: the compiled kernel on prepared trees, beside its numpy twin, shap's prepared explainer and xgboost.

Prepared: trees are read, leaves are traced and explainers are built before the clock starts, so that what is
timed is the explaining of rows. The way from a fitted model to values is timed beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import shap
import xgboost
from tests.benchmarks.measure import Answer, Bar, Contestant, Effort, Floats, Job
from tests.benchmarks.ours import whybox_paths, whybox_rows
from tests.benchmarks.peers import tree_explainer
from tests.benchmarks.references import multiply_leaves_against, multiply_leaves_by_cover
from tests.benchmarks.tree_models import (
    N_JUDGED,
    TreeCase,
    boosted_case,
    deep_forest_case,
    forest_case,
    wide_boosted_case,
)

from whybox.domain.explanations.attributions import additivity_residual
from whybox.domain.explanations.interventional_trees import explain_interventional
from whybox.domain.explanations.kernel_libraries import Engine, choose_kernel, engine_name
from whybox.domain.explanations.leaf_paths import trace_leaves
from whybox.domain.explanations.path_dependent_trees import explain_path_dependent, path_dependent_base
from whybox.domain.explanations.tree_layouts import TreeEnsemble
from whybox.domain.explanations.tree_readers import read_trees

SHAP, XGBOOST = "shap TreeExplainer, prepared", "xgboost pred_contribs"
NOTE = "Prepared: trees read and explainers built before the clock starts."


@dataclass(frozen=True)
class _Prepared:
    """An ensemble in the unit of a case, its predictions, and what explains it."""

    case: TreeCase
    trees: TreeEnsemble
    predictions: Floats

    @classmethod
    def of(cls, case: TreeCase) -> _Prepared:
        """Read the trees of a case."""
        trees = read_trees(case.model)
        assert trees is not None
        return cls(case, trees, trees.margins(case.rows))

    def contestant(
        self, engine: Engine, explain: Callable[[Any], Floats], *, base: Floats | None = None
    ) -> Contestant:
        """Return whybox on leaves traced beforehand; the base is that of the training weight by default."""
        paths = trace_leaves(self.trees, np.arange(self.trees.n_columns), engine=engine)
        known = path_dependent_base(paths) if base is None else base

        def run() -> Answer:
            values = explain(paths)
            return Answer(values, additivity_residual(values, known, self.predictions))

        return Contestant(f"whybox {engine_name(choose_kernel(engine))}, prepared", run)


def kernel_forest(effort: Effort) -> Job:
    """RandomForest against a background."""
    return _against("RandomForest, 171 rows x 30 columns", forest_case(), 100)


def kernel_xgboost(effort: Effort) -> Job:
    """xgboost against a background."""
    return _against("xgboost (100 trees of depth 3), 171 rows x 30 columns", boosted_case(), 60)


def kernel_paths_forest(effort: Effort) -> Job:
    """RandomForest, path-dependent."""
    return _by_paths("RandomForest, 171 rows x 30 columns", forest_case(), 30, against=SHAP)


def kernel_paths_deep_forest(effort: Effort) -> Job:
    """A forest of depth 8, path-dependent."""
    case = deep_forest_case(effort)
    what = f"RandomForest of depth 8, {len(case.rows)} rows x 50 columns"
    return _by_paths(what, case, 30, against=SHAP, n_judged=1)


def kernel_paths_xgboost(effort: Effort) -> Job:
    """xgboost on many rows, path-dependent."""
    case = wide_boosted_case(effort.choose(5000, 500), 50, depth=6)
    what = f"xgboost (100 trees of depth 6), {len(case.rows)} rows x 50 columns"
    return _by_paths(what, case, 10, against=XGBOOST, n_judged=2)


def _against(what: str, case: TreeCase, ratio: float) -> Job:
    """Return a job against 100 rows of the training table."""
    chosen = np.random.default_rng(0).choice(len(case.train), 100, replace=False)
    background, prepared = case.train[chosen], _Prepared.of(case)
    base = prepared.trees.margins(background).mean(axis=0)

    def explain(paths: Any) -> Floats:
        return explain_interventional(paths, case.rows, background)

    ours = prepared.contestant("auto", explain, base=base)
    return Job(
        title=f"Kernel, interventional TreeSHAP, {what}, background 100",
        contestants=[
            ours,
            prepared.contestant("numpy", explain, base=base),
            _prepared_shap(case, background),
            whybox_rows(case.model, case.rows, background, name="whybox, from the model", unit=case.unit),
            tree_explainer(
                "shap TreeExplainer, from the model", case.model, case.rows, background, predict=case.predict
            ),
        ],
        reference=multiply_leaves_against(case.leaves, case.rows[:N_JUDGED], background),
        bars=[Bar(f"kernel, interventional, {what}: ≥ {ratio}x shap, prepared both", ours.name, SHAP, ratio)],
        note=f"{NOTE} Unit: {case.unit}.",
    )


def _by_paths(what: str, case: TreeCase, ratio: float, *, against: str, n_judged: int = N_JUDGED) -> Job:
    """Return a path-dependent job."""
    prepared = _Prepared.of(case)

    def explain(paths: Any) -> Floats:
        return explain_path_dependent(paths, case.rows)

    ours = prepared.contestant("auto", explain)
    contestants = [
        ours,
        prepared.contestant("numpy", explain),
        whybox_paths(case.model, case.rows, name="whybox, from the model", unit=case.unit),
    ]
    if hasattr(case.model, "get_booster"):
        contestants.insert(2, _contributions(case.model.get_booster(), case.rows))
    else:
        contestants.insert(2, _prepared_shap(case, None))
        contestants.append(
            tree_explainer(
                "shap TreeExplainer, from the model", case.model, case.rows, None, predict=case.predict
            )
        )
    return Job(
        title=f"Kernel, path-dependent TreeSHAP, {what}",
        contestants=contestants,
        reference=multiply_leaves_by_cover(case.leaves, case.rows[:n_judged]),
        bars=[Bar(f"kernel, path-dependent, {what}: ≥ {ratio}x {against}", ours.name, against, ratio)],
        note=f"{NOTE} Unit: {case.unit}. shap asks xgboost itself for path-dependent values of its models.",
    )


def _prepared_shap(case: TreeCase, background: Floats | None) -> Contestant:
    """Return shap with its explainer built beforehand; only ``shap_values`` is timed."""
    how = "tree_path_dependent" if background is None else "interventional"
    masker = None if background is None else shap.maskers.Independent(background, max_samples=len(background))
    explainer = shap.TreeExplainer(case.model, data=masker, feature_perturbation=how)
    predictions = np.asarray(case.predict(case.rows), dtype=np.float64).reshape(len(case.rows), -1)

    def run() -> Answer:
        found = np.asarray(explainer.shap_values(case.rows, check_additivity=False), dtype=np.float64)
        values = found.reshape(*found.shape[:2], -1)
        base = np.asarray(explainer.expected_value, dtype=np.float64).reshape(-1)[-values.shape[2] :]
        return Answer(values, additivity_residual(values, base, predictions))

    return Contestant(SHAP, run)


def _contributions(booster: Any, rows: Floats) -> Contestant:
    """Return xgboost's own contributions of a trained booster, on one thread."""
    booster.set_param({"nthread": 1})
    predictions = booster.predict(xgboost.DMatrix(rows, nthread=1), output_margin=True).reshape(len(rows), -1)

    def run() -> Answer:
        found = booster.predict(xgboost.DMatrix(rows, nthread=1), pred_contribs=True).astype(np.float64)
        values = found[:, :-1, None]
        return Answer(values, additivity_residual(values, found[0, -1:], predictions))

    return Contestant(XGBOOST, run)
