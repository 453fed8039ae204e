"""Estimates before the work: they grow with every size, and count by the rules the engine works by."""

from __future__ import annotations

import math
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from whybox.domain.costs import JobSize, estimate_cost, explanation_costs, memory_costs
from whybox.domain.costs.explanation_costs import choose_way
from whybox.domain.costs.fit_costs import FAMILY_OF
from whybox.domain.costs.job_sizes import measure_job, shape_trees
from whybox.domain.explanations import attribute_rows
from whybox.domain.models.catalogue import choose_model, fit_model, list_models
from whybox.domain.tasks import Task

SIZES = {
    "n_train": (100, 200, 1000, 20_000, 1_000_000),
    "n_rows": (0, 1, 10, 171, 5_000, 1_000_000),
    "n_columns": (1, 2, 5, 12, 13, 14, 15, 30, 300),
    "n_background": (1, 10, 100, 10_000),
    "n_trees": (1, 10, 100, 2_000),
    "max_depth": (1, 2, 3, 6, 12, 30, None),
    "max_leaves": (2, 31, 4_096, None),
    "n_leaves": (1.0, 8.0, 500.0, 100_000.0),
    "n_hidden_features": (1, 5, 200),
    "n_layers": (1, 2, 3),
    "n_repeats": (1, 10, 100),
    "n_refits": (0, 1, 5),
}


def size_of(family, name, *, n_classes, explain="exact", n_hidden_features=0):
    kind = "classification" if n_classes else "regression"
    spec = choose_model(kind, family=family, name=name, n_hidden_features=n_hidden_features)
    return measure_job(spec, n_train=400, n_rows=170, n_columns=10, n_classes=n_classes, explain=explain)


JOBS = {
    "forest": size_of("sklearn", "RandomForestClassifier", n_classes=2),
    "forest, hidden": size_of("sklearn", "RandomForestClassifier", n_classes=2, n_hidden_features=5),
    "forest, permutation": size_of("sklearn", "ExtraTreesRegressor", n_classes=0, explain="permutation"),
    "boosted": size_of("xgboost", None, n_classes=0),
    "boosted, probability": size_of("lightgbm", None, n_classes=3),
    "boosted, paths": size_of("gradientboosting", None, n_classes=0, explain="path_dependent"),
    "linear": size_of("sklearn", "RidgeCV", n_classes=0),
    "linear, hidden": size_of("sklearn", "RidgeCV", n_classes=0, n_hidden_features=5),
    "linear, probability": size_of("sklearn", "LogisticRegression", n_classes=2),
    "vectors": size_of("sklearn", "SVC", n_classes=2),
    "network": size_of("sklearn", "MLPRegressor", n_classes=0),
    "neighbors": size_of("sklearn", "KNeighborsClassifier", n_classes=2),
}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("job", JOBS.values(), ids=JOBS)
def test_an_estimate_never_falls_when_a_size_grows(job, size):
    """As long as the engine takes the same way: beyond the exact one's limit a sample is cheaper.

    Hidden columns take leaves of a forest out of its exact part, and trees behind a link that are too many
    for all of the background meet a sample of it; only the fit and the memory must grow then.
    """
    grown = [replace(job, **{size: value}) for value in SIZES[size]]

    for smaller, larger in pairwise(grown):
        before, after = estimate_cost(smaller), estimate_cost(larger)
        assert after.fit_seconds >= before.fit_seconds * (1 - 1e-12)
        if choose_way(smaller) == choose_way(larger):
            way = choose_way(smaller)
            may_fall = way == "linked" or (
                way == "hidden_trees" and size.startswith(("n_hidden", "n_layers"))
            )
            assert after.seconds >= before.seconds * (1 - 1e-12) or may_fall
            # Of wider rows a batch has fewer, and so has fewer answers.
            assert after.memory_mb >= before.memory_mb * (1 - 1e-12) or size == "n_columns"


@pytest.mark.parametrize("size", ["n_train", "n_rows", "n_columns", "n_trees", "max_depth"])
def test_an_estimate_grows_with_the_sizes_that_matter(size):
    job = replace(size_of("xgboost", None, n_classes=0), n_train=5000)

    small, large = (estimate_cost(replace(job, **{size: SIZES[size][place]})).seconds for place in (0, 3))

    assert small < large


@pytest.mark.parametrize("explain", ["none", "exact", "path_dependent", "sampled", "permutation"])
def test_every_model_that_may_be_asked_for_has_a_finite_positive_estimate(explain):
    for kind, entries in list_models().items():
        for entry in entries:
            job = JobSize(
                model=entry.name,
                n_train=500,
                n_rows=100,
                n_columns=20,
                n_classes=3 if kind == "classification" else 0,
                explain=explain,
                n_trees=100,
            )
            estimate = estimate_cost(job)
            assert 0.0 < estimate.fit_seconds <= estimate.seconds < math.inf, entry.name
            assert 30.0 < estimate.memory_mb < math.inf, entry.name


@pytest.mark.parametrize("job", JOBS.values(), ids=JOBS)
def test_explaining_no_row_costs_the_fit_only(job):
    estimate = estimate_cost(replace(job, n_rows=0))

    assert estimate.seconds == estimate.fit_seconds


def test_each_refit_costs_one_more_fit():
    job = size_of("xgboost", None, n_classes=0)

    once, refitted = estimate_cost(job), estimate_cost(replace(job, n_refits=5))

    assert refitted.fit_seconds == pytest.approx(6 * once.fit_seconds)


def test_trees_and_depth_come_from_the_parameters_and_else_from_the_models_own():
    asked = choose_model("regression", family="xgboost", parameters={"n_estimators": 7, "max_depth": 5})
    job = measure_job(asked, n_train=1000, n_rows=10, n_columns=4)

    assert (job.n_trees, job.max_depth) == (7, 5)
    assert 28.0 < shape_trees(job).n_leaves <= 32.0
    assert size_of("sklearn", "HistGradientBoostingRegressor", n_classes=0).max_leaves == 31
    assert size_of("sklearn", "RandomForestRegressor", n_classes=0).max_depth is None
    assert size_of("sklearn", "Ridge", n_classes=0).n_trees == 0


def test_a_boosted_model_of_three_classes_has_a_tree_per_class_and_round():
    assert shape_trees(size_of("xgboost", None, n_classes=3)).n_trees == 300
    assert shape_trees(size_of("xgboost", None, n_classes=2)).n_trees == 100
    assert shape_trees(size_of("sklearn", "RandomForestClassifier", n_classes=3)).n_trees == 100


def test_known_leaves_take_the_place_of_the_guess():
    job = size_of("sklearn", "RandomForestClassifier", n_classes=2)

    assert shape_trees(replace(job, n_leaves=17.0)).n_leaves == 17.0


def test_every_reviewed_model_has_one_family():
    reviewed = {entry.name for entries in list_models().values() for entry in entries}

    assert reviewed == set(FAMILY_OF)


WAYS = {
    "patterns": {"interventional_trees"},
    "paths": {"path_dependent_trees"},
    "closed": {"exact_linear"},
    "linked_all": {"linked_tree_coalitions"},
    "linked": {"linked_tree_permutations"},
    "hidden_trees": {"exact_leaves_with_sampled_hidden"},
    "hidden_linear": {"exact_linear_with_sampled_hidden", "exact_coalitions"},
    "additive": {"antithetic_permutations", "exact_coalitions"},
    "asked": {"antithetic_permutations", "exact_coalitions"},
}


@pytest.mark.parametrize(
    ("family", "name", "n_classes", "n_hidden_features", "explain"),
    [
        ("sklearn", "RandomForestClassifier", 3, 0, "exact"),
        ("sklearn", "ExtraTreesRegressor", 0, 0, "exact"),
        ("sklearn", "RandomForestRegressor", 0, 0, "path_dependent"),
        ("sklearn", "RandomForestClassifier", 2, 5, "exact"),
        ("sklearn", "AdaBoostClassifier", 2, 0, "exact"),
        ("gradientboosting", None, 0, 0, "exact"),
        ("xgboost", None, 0, 0, "exact"),
        ("xgboost", None, 0, 0, "path_dependent"),
        ("xgboost", None, 2, 0, "exact"),
        ("lightgbm", None, 3, 0, "sampled"),
        ("xgboost", None, 0, 5, "exact"),
        ("lightgbm", None, 0, 5, "exact"),
        ("sklearn", "HistGradientBoostingRegressor", 0, 0, "exact"),
        ("sklearn", "HistGradientBoostingRegressor", 0, 5, "exact"),
        ("sklearn", "RidgeCV", 0, 0, "exact"),
        ("sklearn", "RidgeCV", 0, 5, "exact"),
        ("sklearn", "LogisticRegression", 2, 0, "exact"),
        ("sklearn", "RidgeClassifier", 3, 0, "exact"),
        ("sklearn", "SVR", 0, 0, "exact"),
        ("sklearn", "KNeighborsRegressor", 0, 0, "exact"),
    ],
)
def test_the_way_that_is_priced_is_the_way_the_engine_takes(
    family, name, n_classes, n_hidden_features, explain
):
    generator = np.random.default_rng(0)
    X = generator.normal(size=(90, 5))
    y = X[:, 0] * X[:, 1] + X[:, 2]
    if n_classes:
        y = np.digitize(y, np.quantile(y, np.linspace(0, 1, n_classes + 1)[1:-1]))
    kind = "classification" if n_classes else "regression"
    trees = {"n_estimators": 5} if "Forest" in str(name) or family != "sklearn" else {}
    spec = choose_model(kind, family=family, name=name, parameters=trees, n_hidden_features=n_hidden_features)
    task = Task(
        kind=kind,
        feature_names=tuple("abcde"),
        X=X,
        categories={},
        y=y,
        classes=tuple(range(n_classes)),
        train=np.arange(80),
        test=np.arange(80, 90),
        warnings=(),
    )
    size = measure_job(spec, n_train=80, n_rows=10, n_columns=5, n_classes=n_classes, explain=explain)

    method = "auto" if explain == "exact" else explain
    found = attribute_rows(fit_model(spec, task), X[80:], background=X[:20], method=method)

    assert found.algorithm in WAYS[choose_way(replace(size, n_background=20))]


def test_the_copied_figures_are_the_engines_own():
    from whybox.domain.explanations import (
        estimates,
        exact_coalitions,
        hidden_tree_games,
        interventional_trees,
        linked_coalitions,
        linked_games,
        linked_samplers,
        linked_trees,
        permutation_importances,
        permutation_samplers,
        structured_linear,
        structured_trees,
    )

    assert estimates.SamplingPlan().n_evaluations == explanation_costs.SAMPLED_EVALUATIONS
    assert permutation_samplers.SMALLEST_SAMPLE == explanation_costs.SMALLEST_SAMPLE
    assert exact_coalitions.LARGEST_EXACT == explanation_costs.LARGEST_EXACT
    assert interventional_trees.MAX_TABLE_CONDITIONS == explanation_costs.MAX_TABLE_CONDITIONS
    assert permutation_importances.BLOCK_CELLS == memory_costs.BATCH_CELLS
    assert linked_trees.WORTH_OF_EXACT == explanation_costs.WORTH_OF_EXACT
    assert linked_samplers.SMALLEST_SAMPLE == explanation_costs.SMALLEST_LINKED_SAMPLE
    assert linked_samplers.SMALLEST_POOL == explanation_costs.SMALLEST_LINKED_POOL
    assert linked_samplers.GROUP_ROWS == explanation_costs.LINKED_GROUP_ROWS
    assert explanation_costs.PAIRS_PER_ROUND == {
        "hidden_trees": structured_trees.PAIRS_PER_ROUND,
        "hidden_linear": structured_linear.PAIRS_PER_ROUND,
    }
    assert hidden_tree_games.HiddenTreeGame.cost_per_evaluation == explanation_costs.COST_PER_HIDDEN_STEP
    for name in ("MICROSECONDS_PER_RANK", "MICROSECONDS_PER_SQUARE"):
        assert getattr(linked_games, name) == getattr(explanation_costs, name)
    for name in ("LONE_PAIR", "USUAL_ROUNDS"):
        assert getattr(linked_samplers, name) == getattr(explanation_costs, name)
    for name in ("MICROSECONDS_PER_COALITION", "MICROSECONDS_PER_TERM"):
        assert getattr(linked_coalitions, name) == getattr(explanation_costs, name)


def test_estimating_loads_no_numeric_library():
    script = (
        "import sys; from whybox.domain.costs import JobSize, estimate_cost;"
        "estimate_cost(JobSize(model='xgboost', n_train=9, n_rows=9, n_columns=2, n_trees=3));"
        "print({'numpy', 'scipy', 'sklearn', 'pandas'} & set(sys.modules))"
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "set()"
