"""Jobs: sums of trees, interventional and path-dependent, against shap's TreeExplainer and xgboost itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xgboost
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from tests.benchmarks.datasets import breast_cancer, wide_table
from tests.benchmarks.leaves import Leaf, booster_leaves, forest_leaves
from tests.benchmarks.measure import Bar, Contestant, Effort, Floats, Job
from tests.benchmarks.ours import whybox_paths, whybox_rows
from tests.benchmarks.peers import pred_contribs, tree_explainer
from tests.benchmarks.references import multiply_leaves_against, multiply_leaves_by_cover

OURS, SHAP, XGBOOST = "whybox", "shap TreeExplainer", "xgboost pred_contribs"
N_JUDGED = 6


@dataclass(frozen=True)
class TreeCase:
    """A fitted model, the rows to explain, and its leaves."""

    model: Any
    predict: Any
    rows: Floats
    train: Floats
    leaves: list[Leaf]
    unit: str


def interventional_forest(effort: Effort) -> Job:
    """RandomForest in probability units, background 100."""
    bar = Bar("interventional TreeSHAP, RandomForest, background 100: ≥ 5x shap", OURS, SHAP, ratio=5)
    return _interventional("RandomForest, 171 rows x 30 columns", forest_case(), 100, bars=[bar])


def interventional_xgboost(effort: Effort) -> Job:
    """xgboost in margin units, background 100."""
    return _interventional("xgboost (100 trees of depth 3), 171 rows x 30 columns", boosted_case(), 100)


def interventional_large_background(effort: Effort) -> Job:
    """xgboost in margin units against 1,000 rows."""
    case = wide_boosted_case(200, 50, depth=6)
    return _interventional("xgboost (100 trees of depth 6), 200 rows x 50 columns", case, 1000)


def paths_forest(effort: Effort) -> Job:
    """RandomForest, path-dependent."""
    return _by_paths("RandomForest, 171 rows x 30 columns", forest_case())


def paths_xgboost(effort: Effort) -> Job:
    """xgboost, path-dependent."""
    return _by_paths("xgboost (100 trees of depth 3), 171 rows x 30 columns", boosted_case())


def paths_deep_forest(effort: Effort) -> Job:
    """A forest of depth 8 on 50 columns, path-dependent."""
    case = deep_forest_case(effort)
    return _by_paths(f"RandomForest of depth 8, {len(case.rows)} rows x 50 columns", case, n_judged=1)


def paths_deep_xgboost(effort: Effort) -> Job:
    """xgboost of depth 6 on 50 columns, path-dependent."""
    case = wide_boosted_case(effort.choose(5000, 500), 50, depth=6)
    return _by_paths(f"xgboost (100 trees of depth 6), {len(case.rows)} rows x 50 columns", case, n_judged=2)


def deep_forest_case(effort: Effort) -> TreeCase:
    """Return a forest of depth 8 on 50 columns."""
    X, y = wide_table(4500, 50)
    forest = RandomForestRegressor(max_depth=8, random_state=0).fit(X[:4000], y[:4000])
    rows = X[4000 : 4000 + effort.choose(500, 50)]
    return TreeCase(forest, forest.predict, rows, X[:4000], forest_leaves(forest), "target")


def forest_case() -> TreeCase:
    """Return the forest of the recorded table."""
    split = breast_cancer()
    forest = RandomForestClassifier(random_state=0).fit(split.X_train, split.y_train)
    leaves = forest_leaves(forest)
    return TreeCase(forest, forest.predict_proba, split.X_test, split.X_train, leaves, "probability")


def boosted_case() -> TreeCase:
    """Return xgboost's trees of the recorded table."""
    split = breast_cancer()
    model = xgboost.XGBClassifier(n_estimators=100, learning_rate=0.1, max_depth=3, n_jobs=1)
    model.fit(split.X_train, split.y_train)

    def predict(rows: Floats) -> Any:
        return model.predict(rows, output_margin=True)

    leaves = booster_leaves(model.get_booster())
    return TreeCase(model, predict, split.X_test, split.X_train, leaves, "margin")


def wide_boosted_case(n_rows: int, n_columns: int, *, depth: int) -> TreeCase:
    """Return xgboost's trees on a table of many columns."""
    X, y = wide_table(5000 + n_rows, n_columns)
    model = xgboost.XGBRegressor(n_estimators=100, learning_rate=0.1, max_depth=depth, n_jobs=1)
    model.fit(X[:5000], y[:5000])
    leaves = booster_leaves(model.get_booster())
    return TreeCase(model, model.predict, X[5000:], X[:5000], leaves, "target")


def _interventional(what: str, case: TreeCase, n_background: int, *, bars: list[Bar] | None = None) -> Job:
    chosen = np.random.default_rng(0).choice(len(case.train), n_background, replace=False)
    background = case.train[chosen]
    n_judged, n_peer = (N_JUDGED, None) if n_background <= 100 else (2, 20)
    return Job(
        title=f"Interventional TreeSHAP, {what}, background {n_background}",
        contestants=[
            whybox_rows(case.model, case.rows, background, name=OURS, unit=case.unit),
            tree_explainer(SHAP, case.model, case.rows, background, predict=case.predict, n_rows=n_peer),
        ],
        reference=multiply_leaves_against(case.leaves, case.rows[:n_judged], background),
        bars=bars or (),
        note=f"Unit: {case.unit}. shap narrows thresholds to float32, whence its error on ordinary decimals.",
    )


def _by_paths(what: str, case: TreeCase, *, n_judged: int = N_JUDGED) -> Job:
    contestants: list[Contestant] = [
        whybox_paths(case.model, case.rows, name=OURS, unit=case.unit),
        tree_explainer(SHAP, case.model, case.rows, None, predict=case.predict),
    ]
    if hasattr(case.model, "get_booster"):
        contestants.append(pred_contribs(XGBOOST, case.model.get_booster(), case.rows))
    return Job(
        title=f"Path-dependent TreeSHAP, {what}",
        contestants=contestants,
        reference=multiply_leaves_by_cover(case.leaves, case.rows[:n_judged]),
        note=f"Unit: {case.unit}.",
    )
