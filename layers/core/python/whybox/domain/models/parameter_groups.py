"""Parameters that several models share, with the ranges a caller may choose from."""

from __future__ import annotations

from collections.abc import Mapping

from whybox.domain.models.parameter_ranges import Choice, Flag, ParameterRange, Real, Whole

ALPHA: Mapping[str, ParameterRange] = {"alpha": Real(0, 1e6)}
INTERCEPT: Mapping[str, ParameterRange] = {"fit_intercept": Flag()}
ROUNDS: Mapping[str, ParameterRange] = {"max_iter": Whole(1, 100_000), "tol": Real(1e-12, 1)}
L1_RATIO: Mapping[str, ParameterRange] = {"l1_ratio": Real(0, 1)}
CLASS_WEIGHT: Mapping[str, ParameterRange] = {"class_weight": Choice((None, "balanced"))}
TREE: Mapping[str, ParameterRange] = {
    "max_depth": Whole(1, 64, may_be_none=True),
    "min_samples_split": Whole(2, 100_000),
    "min_samples_leaf": Whole(1, 100_000),
    "max_features": Choice(("sqrt", "log2", None)),
    "max_leaf_nodes": Whole(2, 100_000, may_be_none=True),
    "min_impurity_decrease": Real(0, 1e6),
    "ccp_alpha": Real(0, 1e6),
}
N_TREES: Mapping[str, ParameterRange] = {"n_estimators": Whole(1, 2_000)}
BAGGED: Mapping[str, ParameterRange] = {
    "max_samples": Real(0.01, 1),
    "max_features": Real(0.01, 1),
    "bootstrap": Flag(),
}
BOOSTED: Mapping[str, ParameterRange] = {"learning_rate": Real(1e-4, 1), "subsample": Real(0.05, 1)}
HISTOGRAMS: Mapping[str, ParameterRange] = {
    "max_iter": Whole(1, 2_000),
    "learning_rate": Real(1e-4, 1),
    "max_depth": Whole(1, 64, may_be_none=True),
    "max_leaf_nodes": Whole(2, 4_096, may_be_none=True),
    "min_samples_leaf": Whole(1, 100_000),
    "l2_regularization": Real(0, 1e6),
    "max_bins": Whole(2, 255),
}
NEIGHBORS: Mapping[str, ParameterRange] = {
    "n_neighbors": Whole(1, 1_000),
    "weights": Choice(("uniform", "distance")),
    "p": Real(1, 10),
}
MLP: Mapping[str, ParameterRange] = {
    "alpha": Real(0, 1e6),
    "max_iter": Whole(1, 10_000),
    "learning_rate_init": Real(1e-6, 1),
    "activation": Choice(("relu", "tanh", "logistic", "identity")),
    "solver": Choice(("adam", "lbfgs", "sgd")),
}
SVM: Mapping[str, ParameterRange] = {
    "C": Real(1e-6, 1e6),
    "kernel": Choice(("rbf", "linear", "poly", "sigmoid")),
    "gamma": Choice(("scale", "auto")),
    "degree": Whole(1, 6),
}
PENALTY: Mapping[str, ParameterRange] = {"C": Real(1e-6, 1e6)}
STOCHASTIC: Mapping[str, ParameterRange] = {
    **ROUNDS,
    "alpha": Real(0, 1e6),
    **L1_RATIO,
    "penalty": Choice(("l2", "l1", "elasticnet", None)),
}
FOREST: Mapping[str, ParameterRange] = {**N_TREES, **TREE, "bootstrap": Flag()}
CRITERION = Choice(("gini", "entropy", "log_loss"))
REGRESSION_CRITERION = Choice(("squared_error", "absolute_error", "friedman_mse"))
SKLEARN_BOOSTED: Mapping[str, ParameterRange] = {**N_TREES, **TREE, **BOOSTED}
