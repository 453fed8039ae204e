"""Fit costs: the elementary work of fitting a model, and of asking it for one row.

Amounts are counted from how the libraries work (sorts, histograms, Gram matrices, kernel matrices, epochs);
what one unit of each costs is measured by ``make calibrate``.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import log2, sqrt

from whybox.domain.costs.job_sizes import JobSize, TreeShape, shape_trees

Work = dict[str, float]

CALIBRATION_FITS = 6
"""A calibrated classifier is fitted on five folds and on all rows."""

MLP_UNITS, MLP_EPOCHS, MLP_BATCH = 100, 200, 200
HISTOGRAM_BINS = 256

_FAMILIES: Mapping[str, tuple[str, ...]] = {
    "forest": ("RandomForestClassifier", "RandomForestRegressor", "AdaBoostClassifier", "AdaBoostRegressor"),
    "extra": ("ExtraTreesClassifier", "ExtraTreesRegressor", "ExtraTreeClassifier", "ExtraTreeRegressor"),
    "bag": ("BaggingClassifier", "BaggingRegressor", "DecisionTreeClassifier", "DecisionTreeRegressor"),
    "boost": ("GradientBoostingClassifier", "GradientBoostingRegressor"),
    "histogram": ("HistGradientBoostingClassifier", "HistGradientBoostingRegressor"),
    "xgboost": ("xgboost",),
    "lightgbm": ("lightgbm", "CatBoostClassifier", "CatBoostRegressor"),
    "closed": (
        "LinearRegression",
        "Ridge",
        "RidgeCV",
        "BayesianRidge",
        "OrthogonalMatchingPursuit",
        "Lars",
        "LassoLars",
        "PLSRegression",
        "RidgeClassifier",
        "RidgeClassifierCV",
        "LinearDiscriminantAnalysis",
    ),
    "bayes": ("GaussianNB", "BernoulliNB"),
    "quadratic": ("QuadraticDiscriminantAnalysis",),
    "iterated": (
        "LogisticRegression",
        "SGDClassifier",
        "SGDRegressor",
        "Perceptron",
        "Lasso",
        "ElasticNet",
        "HuberRegressor",
        "PoissonRegressor",
        "GammaRegressor",
        "LinearSVC",
        "LinearSVR",
    ),
    "path": ("LassoCV", "ElasticNetCV", "ARDRegression", "TheilSenRegressor", "QuantileRegressor"),
    "vectors": ("SVC", "NuSVC", "SVR", "NuSVR"),
    "process": ("GaussianProcessRegressor", "KernelRidge"),
    "laplace": ("GaussianProcessClassifier",),
    "neighbors": ("KNeighborsClassifier", "KNeighborsRegressor"),
    "network": ("MLPClassifier", "MLPRegressor"),
}
FAMILY_OF = {model: family for family, models in _FAMILIES.items() for model in models}
CALIBRATED = ("RidgeClassifier", "RidgeClassifierCV", "Perceptron", "SVC", "NuSVC", "LinearSVC")


def count_fit_work(job: JobSize) -> Work:
    """Return the work of the fit, refits and hidden columns included."""
    family = FAMILY_OF[job.model]
    n_fits = 1.0 + job.n_refits
    if job.model in CALIBRATED:
        n_fits *= CALIBRATION_FITS
    trees = shape_trees(job)
    amounts = _count_linear(job, family) if trees is None else _count_trees(job, family, trees)
    work = {f"fit.{family}.{name}": n_fits * amount for name, amount in amounts.items()}
    if job.n_hidden_features:
        work["fit.hidden"] = (1.0 + job.n_refits) * job.n_layers
        work["fit.hidden.cells"] = (1.0 + job.n_refits) * job.n_layers * job.n_train * job.n_features
    return work


def _count_trees(job: JobSize, family: str, trees: TreeShape) -> Work:
    """Return the work of growing trees: by sorting or by histograms."""
    n, f = float(job.n_train), float(job.n_features)
    amounts = {"fits": 1.0, "trees": trees.n_trees, "nodes": trees.n_trees * trees.n_leaves}
    if family in ("histogram", "xgboost", "lightgbm"):
        levels = log2(trees.n_leaves + 1.0)
        amounts["bins"] = n * f * log2(n + 2.0)
        amounts["rows"] = trees.n_trees * n * levels
        amounts["cells"] = trees.n_trees * n * f * levels
        amounts["splits"] = trees.n_trees * trees.n_leaves * f * min(n, HISTOGRAM_BINS)
        return amounts
    draws_columns = family in ("forest", "extra") and job.n_classes > 0
    candidates = sqrt(f) if draws_columns else f
    # Every level of a tree looks at every row once; sorting adds a logarithm.
    amounts["rows"] = trees.n_trees * n * trees.depth
    amounts["cells"] = trees.n_trees * n * trees.depth * candidates
    amounts["sorts"] = amounts["cells"] * log2(n + 2.0)
    return amounts


def _count_linear(job: JobSize, family: str) -> Work:
    """Return the work of every other family."""
    n, f, k = float(job.n_train), float(job.n_features), float(job.n_margins)
    if family in ("closed", "bayes", "quadratic"):
        return {"fits": 1.0, "cells": n * f, "gram": n * f * f, "solve": f**3}
    if family in ("iterated", "path"):
        return {"fits": 1.0, "rows": n * k, "cells": n * f * k, "gram": n * f * f, "solve": f**3}
    if family == "vectors":
        return {"fits": 1.0, "pairs": n * n * k, "cells": n * n * f * k}
    if family in ("process", "laplace"):
        return {"fits": 1.0, "pairs": n * n * k, "cells": n * n * f, "solve": n**3 * k}
    if family == "neighbors":
        return {"fits": 1.0, "cells": n * f * log2(n + 2.0)}
    n_steps = MLP_EPOCHS * max(1.0, n / MLP_BATCH)
    units = MLP_UNITS * (f + job.n_outputs)
    return {"fits": 1.0, "steps": n_steps, "units": n_steps * units, "cells": MLP_EPOCHS * n * units}


def count_answer_work(job: JobSize) -> Work:
    """Return the work of asking the model for one row, hidden columns included, in the library's own way."""
    family = FAMILY_OF[job.model]
    n, f = float(job.n_train), float(job.n_features)
    trees = shape_trees(job)
    if trees is not None:
        amounts = {"trees": trees.n_trees, "steps": trees.n_trees * trees.depth}
    elif family in ("vectors", "process"):
        amounts = {"pairs": n, "cells": n * f}
    elif family == "laplace":
        amounts = {"pairs": n * job.n_margins, "cells": n * f * job.n_margins, "solve": n * n * job.n_margins}
    elif family == "quadratic":
        amounts = {"rows": 1.0, "cells": f * f * job.n_outputs}
    elif family == "neighbors":
        amounts = {"rows": 1.0, "pairs": n, "cells": n * f}
    elif family == "network":
        amounts = {"rows": 1.0, "cells": MLP_UNITS * (f + job.n_outputs)}
    else:
        amounts = {"rows": 1.0, "cells": f * job.n_margins}
    work = {f"answer.{family}.{name}": amount for name, amount in amounts.items()}
    if job.n_hidden_features:
        work["answer.hidden"] = f * job.n_hidden_features * job.n_layers
    return work
