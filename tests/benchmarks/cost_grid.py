"""The jobs the cost model is calibrated and checked on: drawn by seed, every family and method in turn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice, product
from typing import Any

import numpy as np
from tests.benchmarks.measure import Floats

from whybox.domain.costs.job_sizes import Explain, JobSize, measure_job
from whybox.domain.models.catalogue import choose_model
from whybox.domain.models.specs import ModelSpec, TaskKind
from whybox.domain.tasks import Task

HIDDEN = {"n_hidden_features": 5}
HIDDEN_DEEP = {"n_hidden_features": 5, "n_layers": 3}

# Family, class, choices, most training rows, most columns: what of each a grid may draw.
MODELS: tuple[tuple[str, str, dict[str, Any], int, int], ...] = (
    ("sklearn", "RandomForest", {}, 2500, 40),
    ("xgboost", "", {}, 12000, 50),
    ("sklearn", "Ridge", {}, 20000, 50),
    ("sklearn", "RandomForest", HIDDEN, 2000, 30),
    ("lightgbm", "", {}, 12000, 50),
    ("sklearn", "LogisticRegression", {}, 8000, 40),
    ("sklearn", "ExtraTrees", {}, 1500, 30),
    ("sklearn", "RidgeCV", HIDDEN, 8000, 30),
    ("gradientboosting", "", {}, 4000, 30),
    ("xgboost", "", HIDDEN, 4000, 30),
    ("sklearn", "SV", {}, 1500, 20),
    ("sklearn", "HistGradientBoosting", {}, 8000, 40),
    ("sklearn", "MLP", {}, 2000, 30),
    ("sklearn", "KNeighbors", {}, 1500, 20),
    ("sklearn", "DecisionTree", {}, 6000, 40),
    ("sklearn", "Lasso", {}, 8000, 40),
    ("sklearn", "RandomForest", HIDDEN_DEEP, 1200, 20),
    ("sklearn", "GaussianProcess", {}, 250, 12),
    ("sklearn", "LassoCV", {}, 4000, 40),
    ("lightgbm", "", HIDDEN, 4000, 30),
)
METHODS: tuple[Explain, ...] = ("exact", "permutation", "exact", "path_dependent", "exact", "none", "sampled")
DEEP_TREES = ("RandomForest", "ExtraTrees", "DecisionTree")
CLASSIFIERS = {
    "Ridge": "RidgeClassifier",
    "RidgeCV": "RidgeClassifierCV",
    "SV": "SVC",
    "Lasso": "GaussianNB",
    "LassoCV": "QuadraticDiscriminantAnalysis",
}
REGRESSORS = {"LogisticRegression": "ElasticNet", "SV": "SVR"}


@dataclass(frozen=True)
class CostJob:
    """One job: its spec, its size, and the seed of its table."""

    spec: ModelSpec
    size: JobSize
    seed: int
    unit: str | None = None

    @property
    def title(self) -> str:
        """Return the job in one line."""
        size = self.size
        hidden = f" + {size.n_layers} x {size.n_hidden_features} hidden" if size.n_hidden_features else ""
        trees = f", {size.n_trees} trees depth {size.max_depth}" if size.n_trees else ""
        kind = f"{size.n_classes} classes" if size.n_classes else "regression"
        return (
            f"{self.spec.name}{hidden} ({kind}{trees}), {size.n_train} x {size.n_columns}, "
            f"{size.explain} {size.n_rows} rows, background {size.n_background}"
        )


def draw_jobs(n_jobs: int, *, seed: int) -> list[CostJob]:
    """Return jobs of random sizes; families, methods and kinds of task take turns, so that all appear."""
    return list(islice(_draw(np.random.default_rng(seed)), n_jobs))


def list_compatible_jobs() -> list[CostJob]:
    """Return the eight compatible requests, at the sizes of their tables."""
    specs = (
        choose_model("classification", family="sklearn", name="RandomForestClassifier", n_hidden_features=5),
        choose_model("classification", family="xgboost"),
        choose_model("regression", family="sklearn", name="RidgeCV", n_hidden_features=5),
        choose_model("regression", family="xgboost"),
    )
    methods: tuple[Explain, ...] = ("permutation", "exact")
    jobs = []
    for spec, explain in product(specs, methods):
        if spec.kind == "classification":
            size = measure_job(spec, n_train=398, n_rows=171, n_columns=30, n_classes=2)
        else:
            size = measure_job(spec, n_train=354, n_rows=152, n_columns=13)
        jobs.append(CostJob(spec=spec, size=replace(size, explain=explain), seed=0))
    return jobs


def _draw(generator: np.random.Generator) -> Iterator[CostJob]:
    turn = 0
    while True:
        for family, stem, choices, most_rows, most_columns in MODELS:
            explain = METHODS[turn % len(METHODS)]
            n_classes = (0, 2, 3)[turn % 3]
            turn += 1
            kind: TaskKind = "classification" if n_classes else "regression"
            name = _class_name(stem, n_classes) if family == "sklearn" else None
            parameters = _draw_parameters(generator, family, stem)
            spec = choose_model(kind, family=family, name=name, parameters=parameters, **choices)
            size = measure_job(
                spec,
                n_train=_log_uniform(generator, 150, most_rows),
                n_rows=_log_uniform(generator, 50, 1500),
                n_columns=_log_uniform(generator, 5, most_columns),
                n_classes=n_classes,
                explain=explain,
            )
            if explain == "path_dependent" and (not _adds_up(size, family, stem) or choices):
                size = replace(size, explain="exact")
            background = min(size.n_train, int(generator.choice([50, 100, 100, 200])))
            size = replace(size, n_background=background, n_repeats=int(generator.choice([5, 10])))
            yield CostJob(spec=spec, size=size, seed=int(generator.integers(1 << 30)))


def _class_name(stem: str, n_classes: int) -> str:
    """Return the class of a stem such as "RandomForest" for a kind of task."""
    if n_classes:
        return CLASSIFIERS.get(stem, stem if stem == "LogisticRegression" else f"{stem}Classifier")
    return REGRESSORS.get(
        stem, stem if stem in ("Ridge", "RidgeCV", "Lasso", "LassoCV") else f"{stem}Regressor"
    )


def _draw_parameters(generator: np.random.Generator, family: str, stem: str) -> dict[str, Any]:
    """Return trees and depth, for models that have them."""
    if family != "sklearn":
        return {
            "n_estimators": int(generator.choice([50, 100, 100, 200, 300])),
            "max_depth": int(generator.choice([2, 3, 3, 4, 6])),
        }
    depth = generator.choice([None, None, 4, 8])
    if stem == "DecisionTree":
        return {"max_depth": depth}
    if stem in DEEP_TREES:
        return {"n_estimators": int(generator.choice([50, 100, 100, 200])), "max_depth": depth}
    if stem == "HistGradientBoosting":
        return {"max_iter": int(generator.choice([50, 100, 100, 200]))}
    return {}


def _adds_up(size: JobSize, family: str, stem: str) -> bool:
    """Tell whether path-dependent values exist in the natural unit."""
    is_boosted = family != "sklearn" or stem == "HistGradientBoosting"
    return (stem in DEEP_TREES or is_boosted) and not (is_boosted and size.n_classes)


def _log_uniform(generator: np.random.Generator, low: int, high: int) -> int:
    return round(float(np.exp(generator.uniform(np.log(low), np.log(high)))))


def make_task(job: CostJob) -> Task:
    """Return a table of ordinary decimals: a smooth part, an interaction, a step, and noise."""
    size = job.size
    generator = np.random.default_rng(job.seed)
    n_rows = size.n_train + size.n_rows
    X: Floats = generator.normal(size=(n_rows, size.n_columns)).round(3)
    weights = np.linspace(1.0, 0.1, size.n_columns)
    score = X @ weights + 2.0 * X[:, 0] * X[:, 1] + 1.5 * (X[:, 2] > 0.3)
    score += generator.uniform(0.2, 1.0) * score.std() * generator.normal(size=n_rows)
    y: Any = score
    if size.n_classes:
        levels = np.quantile(score, np.linspace(0, 1, size.n_classes + 1)[1:-1])
        y = np.digitize(score, levels).astype(np.int64)
    return Task(
        kind=job.spec.kind,
        feature_names=tuple(f"x{column}" for column in range(size.n_columns)),
        X=X,
        categories={},
        y=y,
        classes=tuple(range(size.n_classes)),
        train=np.arange(size.n_train),
        test=np.arange(size.n_train, n_rows),
        warnings=(),
    )
