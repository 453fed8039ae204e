"""Are the stated standard errors right? Over many seeds, how often a 95 % interval covers the exact value.

    python -m tests.benchmarks.interval_coverage [--seeds 200]

Small tables, so that the exact values are known by definition; each kind of model whose values are sampled,
once with a background that is sampled too, then with every row of a small one met: once, often, and along
permutations that are also walked from their middle on. Trees behind a link are asked twice, as functions and
by the patterns of their leaves.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from tests.benchmarks.datasets import Split
from tests.benchmarks.measure import Floats
from tests.benchmarks.ours import TARGET_OUT_OF_REACH, fit
from tests.benchmarks.references import enumerate_coalitions, equal_weights
from tests.benchmarks.sections import render_table
from xgboost import XGBClassifier

from whybox.domain.explanations.estimates import Estimate, SamplingPlan
from whybox.domain.explanations.leaf_paths import trace_leaves
from whybox.domain.explanations.linked_games import LinkedGame
from whybox.domain.explanations.linked_trees import attribute_linked_trees
from whybox.domain.explanations.links import Unit
from whybox.domain.explanations.model_views import view_model
from whybox.domain.explanations.quantiles import student_quantile
from whybox.domain.explanations.sampled import attribute_sampled

LEVEL = 0.95
ACCEPTED = (0.92, 0.98)
N_COLUMNS = 6
N_ROWS = 5
ROUNDING = 1e-12
"""Where nothing is left to chance the standard error is 0 and the value right up to rounding."""

Bools = NDArray[np.bool_]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Coverage:
    """How often the intervals of one kind of model covered the exact values, and by which algorithm."""

    case: str
    algorithm: str
    n_values: int
    share: float

    @property
    def is_accepted(self) -> bool:
        """Whether the share is close enough to the level."""
        return ACCEPTED[0] <= self.share <= ACCEPTED[1]


@dataclass(frozen=True)
class _Case:
    name: str
    model: Any
    unit: Unit
    is_by_leaves: bool = False


@dataclass(frozen=True)
class _Design:
    """How large the background is, how many pairs of permutations a row gets per round, how many rounds."""

    name: str
    n_background: int
    n_pairs: int
    n_rounds: int = 1


DESIGNS = (
    _Design("background sampled", 60, 16),
    _Design("background met once", 10, 20),
    _Design("background met often", 10, 20, n_rounds=4),
    _Design("permutations turned", 10, 80),
)


def measure_coverage(n_seeds: int) -> Iterator[Coverage]:
    """Explain a few rows of each case with many seeds and count."""
    X, y, classes = _table()
    for case in _cases(X, y, classes):
        for design in DESIGNS:
            yield _count(case, design, X[:N_ROWS], X[100 : 100 + design.n_background], n_seeds)


def _count(case: _Case, design: _Design, rows: Floats, background: Floats, n_seeds: int) -> Coverage:
    view = view_model(case.model, unit=case.unit, n_columns=N_COLUMNS)
    weights = equal_weights(background)
    exact = enumerate_coalitions(view.answer, rows, background, weights).values

    paths = trace_leaves(view.trees, view.players, n_players=N_COLUMNS) if case.is_by_leaves else None

    def ask(n_evaluations: int, seed: int) -> Estimate:
        # A target nobody can reach makes it play all rounds.
        target = None if design.n_rounds == 1 else TARGET_OUT_OF_REACH
        plan = SamplingPlan(n_evaluations, target_error=target, max_rounds=design.n_rounds)
        if paths is not None:
            return attribute_linked_trees(paths, rows, background, weights, plan=plan, seed=seed)
        return attribute_sampled(view, rows, background, weights, plan=plan, seed=seed)

    n_evaluations = 2 * (N_COLUMNS - 1) * len(rows) * design.n_pairs
    if paths is not None:
        cost = LinkedGame(paths, rows, background, weights, seed=0).microseconds_per_pair
        n_evaluations = max(1, round(len(rows) * design.n_pairs * cost))
    while ask(n_evaluations, 0).is_exact:
        n_evaluations //= 2  # models that are cheap to ask get all coalitions for little
    estimates = [ask(n_evaluations, seed) for seed in range(n_seeds)]
    hits = np.stack([_covers(found, exact) for found in estimates])
    return Coverage(f"{case.name}, {design.name}", estimates[0].algorithm, hits.size, float(hits.mean()))


def _covers(found: Estimate, exact: Floats) -> Bools:
    """Tell for each value whether its interval covers the exact one."""
    t = student_quantile(0.5 + LEVEL / 2, degrees_of_freedom=found.degrees_of_freedom)
    return np.asarray(np.abs(found.values - exact) <= t * found.std_error + ROUNDING)


def _table() -> tuple[Floats, Floats, Integers]:
    """Return correlated columns of ordinary decimals, a target with interactions, and three classes of it."""
    generator = np.random.default_rng(5)
    X = generator.normal(size=(400, N_COLUMNS))
    X[:, 1] += 0.7 * X[:, 0]
    X = X.round(2)
    y = X[:, 0] * X[:, 1] + np.sin(2 * X[:, 2]) + 0.5 * X[:, 3] + 0.3 * generator.normal(size=400)
    return X, y, np.digitize(y, np.quantile(y, [1 / 3, 2 / 3])).astype(np.int64)


def _cases(X: Floats, y: Floats, classes: Integers) -> Iterator[_Case]:
    """Return every kind of model whose values are sampled."""
    halves = (y > np.median(y)).astype(int)

    def scaled(estimator: Any, target: Any) -> Any:
        return make_pipeline(StandardScaler(), estimator).fit(X, target)

    boosting: dict[str, Any] = {"n_estimators": 20, "max_depth": 3, "n_jobs": 1}
    small = {"n_estimators": 20}
    forest = _fit(X, halves, "classification", name="RandomForestClassifier", parameters=small)
    yield _Case("forest behind hidden features", forest, "probability")
    yield _Case("ridge behind hidden features", _fit(X, y, "regression", name="RidgeCV"), "target")
    yield _Case(
        "forest behind a scaler", scaled(RandomForestClassifier(20, random_state=0), halves), "probability"
    )
    for n_classes, labels in ((2, halves), (3, classes)):
        boosted = XGBClassifier(**boosting).fit(X, labels)
        yield _Case(f"xgboost, {n_classes} classes", boosted, "probability")
        yield _Case(f"xgboost, {n_classes} classes, by leaves", boosted, "probability", is_by_leaves=True)
    yield _Case("logistic regression", LogisticRegression().fit(X, classes), "probability")
    yield _Case("RBF-SVM", scaled(SVC(), halves), "margin")
    yield _Case(
        "MLP", scaled(MLPRegressor(hidden_layer_sizes=(20,), max_iter=3000, random_state=0), y), "target"
    )
    yield _Case("naive Bayes", GaussianNB().fit(X, classes), "probability")
    yield _Case("kNN", scaled(KNeighborsClassifier(), classes), "probability")


def _fit(X: Floats, target: Any, kind: Any, **choices: Any) -> Any:
    """Fit whybox's own pipeline with hidden features on all rows but the explained ones, from a file."""
    names = tuple(f"x{column}" for column in range(N_COLUMNS))
    lines = [",".join([*names, "target", "training_index"])]
    for number, (cells, label) in enumerate(zip(X.tolist(), target.tolist(), strict=True)):
        lines.append(",".join(map(repr, [*cells, label, int(number >= N_ROWS)])))
    split = Split(names, X, target, X, target, "\n".join(lines).encode())
    return fit(split, kind, family="sklearn", n_hidden_features=5, **choices)


def render_coverage(found: Sequence[Coverage]) -> str:
    """Return the shares as a Markdown table."""
    rows = []
    for one in found:
        verdict = "yes" if one.is_accepted else "**no**"
        rows.append((one.case, one.algorithm, f"{one.n_values:,}", f"{one.share:.1%}", verdict))
    return render_table(("model", "algorithm", "intervals", "cover the exact value", "92-98 %"), rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; 1 when a share is out of bounds."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.interval_coverage", description=__doc__)
    parser.add_argument("--seeds", type=int, default=200)
    options = parser.parse_args(arguments)
    warnings.simplefilter("ignore")
    found = []
    for coverage in measure_coverage(options.seeds):
        print(f"  {coverage.case}: {coverage.share:.1%}", flush=True)
        found.append(coverage)
    print(render_coverage(found))
    return 0 if all(one.is_accepted for one in found) else 1


if __name__ == "__main__":
    sys.exit(main())
