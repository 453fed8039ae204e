"""The scikit-learn regressors that may be fitted."""

from __future__ import annotations

from whybox.domain.models.entries import KERNEL_ROWS, VECTOR_ROWS, ModelEntry, forest, linear, tree
from whybox.domain.models.parameter_groups import (
    ALPHA,
    BAGGED,
    HISTOGRAMS,
    INTERCEPT,
    L1_RATIO,
    MLP,
    N_TREES,
    NEIGHBORS,
    PENALTY,
    REGRESSION_CRITERION,
    ROUNDS,
    SKLEARN_BOOSTED,
    STOCHASTIC,
    SVM,
)
from whybox.domain.models.parameter_ranges import Choice, Real, Whole

REGRESSORS = (
    forest("RandomForestRegressor", criterion=REGRESSION_CRITERION),
    forest("ExtraTreesRegressor", criterion=REGRESSION_CRITERION),
    tree("DecisionTreeRegressor", "sklearn.tree", criterion=REGRESSION_CRITERION),
    tree("ExtraTreeRegressor", "sklearn.tree", criterion=REGRESSION_CRITERION),
    ModelEntry("GradientBoostingRegressor", "sklearn.ensemble", parameters=SKLEARN_BOOSTED, is_seeded=True),
    ModelEntry(
        "HistGradientBoostingRegressor",
        "sklearn.ensemble",
        parameters=HISTOGRAMS,
        is_seeded=True,
        takes_missing=True,
    ),
    ModelEntry("BaggingRegressor", "sklearn.ensemble", parameters={**N_TREES, **BAGGED}, is_seeded=True),
    ModelEntry(
        "AdaBoostRegressor",
        "sklearn.ensemble",
        parameters={**N_TREES, "learning_rate": Real(1e-4, 10)},
        is_seeded=True,
    ),
    linear("LinearRegression", INTERCEPT),
    linear("Ridge", ALPHA, INTERCEPT, is_seeded=True),
    linear("RidgeCV", INTERCEPT),
    linear("Lasso", ALPHA, ROUNDS, INTERCEPT, is_seeded=True),
    linear("LassoCV", ROUNDS, INTERCEPT, {"cv": Whole(2, 20)}, is_seeded=True),
    linear("ElasticNet", ALPHA, L1_RATIO, ROUNDS, INTERCEPT, is_seeded=True),
    linear("ElasticNetCV", L1_RATIO, ROUNDS, INTERCEPT, {"cv": Whole(2, 20)}, is_seeded=True),
    linear("Lars", INTERCEPT, {"n_nonzero_coefs": Whole(1, 1_000)}, is_seeded=True),
    linear("LassoLars", ALPHA, INTERCEPT, {"max_iter": Whole(1, 100_000)}, is_seeded=True),
    linear("OrthogonalMatchingPursuit", INTERCEPT, {"n_nonzero_coefs": Whole(1, 1_000, may_be_none=True)}),
    linear("BayesianRidge", ROUNDS, INTERCEPT),
    linear("ARDRegression", ROUNDS, INTERCEPT),
    linear("HuberRegressor", {"epsilon": Real(1, 100)}, ALPHA, ROUNDS, INTERCEPT),
    linear("TheilSenRegressor", ROUNDS, INTERCEPT, is_seeded=True),
    linear("SGDRegressor", STOCHASTIC, is_seeded=True),
    linear("QuantileRegressor", {"quantile": Real(0.01, 0.99)}, ALPHA, INTERCEPT),
    ModelEntry(
        "PoissonRegressor",
        "sklearn.linear_model",
        parameters={**ALPHA, **ROUNDS},
        needs_positive_target=True,
    ),
    ModelEntry(
        "GammaRegressor", "sklearn.linear_model", parameters={**ALPHA, **ROUNDS}, needs_positive_target=True
    ),
    ModelEntry("SVR", "sklearn.svm", parameters={**SVM, "epsilon": Real(0, 1e6)}, max_rows=VECTOR_ROWS),
    ModelEntry(
        "NuSVR",
        "sklearn.svm",
        parameters={**PENALTY, "nu": Real(0.01, 1), "kernel": SVM["kernel"]},
        max_rows=VECTOR_ROWS,
    ),
    ModelEntry(
        "LinearSVR",
        "sklearn.svm",
        parameters={**PENALTY, **ROUNDS, "epsilon": Real(0, 1e6)},
        is_seeded=True,
    ),
    ModelEntry(
        "KernelRidge",
        "sklearn.kernel_ridge",
        parameters={"alpha": Real(1e-9, 1e6), "kernel": Choice(("linear", "rbf", "poly", "laplacian"))},
        max_rows=KERNEL_ROWS,
    ),
    ModelEntry("KNeighborsRegressor", "sklearn.neighbors", parameters=NEIGHBORS),
    ModelEntry("MLPRegressor", "sklearn.neural_network", parameters=MLP, is_seeded=True),
    ModelEntry(
        "GaussianProcessRegressor",
        "sklearn.gaussian_process",
        parameters={"alpha": Real(1e-12, 1e6)},
        is_seeded=True,
        max_rows=KERNEL_ROWS,
    ),
    ModelEntry("PLSRegression", "sklearn.cross_decomposition", parameters={"n_components": Whole(1, 100)}),
)
