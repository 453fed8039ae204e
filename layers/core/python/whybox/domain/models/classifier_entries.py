"""The scikit-learn classifiers that may be fitted."""

from __future__ import annotations

from whybox.domain.models.entries import PROCESS_ROWS, VECTOR_ROWS, ModelEntry, forest, tree
from whybox.domain.models.parameter_groups import (
    ALPHA,
    BAGGED,
    CLASS_WEIGHT,
    CRITERION,
    HISTOGRAMS,
    INTERCEPT,
    MLP,
    N_TREES,
    NEIGHBORS,
    PENALTY,
    ROUNDS,
    SKLEARN_BOOSTED,
    STOCHASTIC,
    SVM,
)
from whybox.domain.models.parameter_ranges import Choice, Real

CLASSIFIERS = (
    forest("RandomForestClassifier", criterion=CRITERION, **CLASS_WEIGHT),
    forest("ExtraTreesClassifier", criterion=CRITERION, **CLASS_WEIGHT),
    tree("DecisionTreeClassifier", "sklearn.tree", criterion=CRITERION, **CLASS_WEIGHT),
    tree("ExtraTreeClassifier", "sklearn.tree", criterion=CRITERION, **CLASS_WEIGHT),
    ModelEntry(
        "GradientBoostingClassifier",
        "sklearn.ensemble",
        parameters=SKLEARN_BOOSTED,
        is_seeded=True,
        has_log_odds=True,
    ),
    ModelEntry(
        "HistGradientBoostingClassifier",
        "sklearn.ensemble",
        parameters={**HISTOGRAMS, **CLASS_WEIGHT},
        is_seeded=True,
        takes_missing=True,
        has_log_odds=True,
    ),
    ModelEntry("BaggingClassifier", "sklearn.ensemble", parameters={**N_TREES, **BAGGED}, is_seeded=True),
    ModelEntry(
        "AdaBoostClassifier",
        "sklearn.ensemble",
        parameters={**N_TREES, "learning_rate": Real(1e-4, 10)},
        is_seeded=True,
    ),
    ModelEntry(
        "LogisticRegression",
        "sklearn.linear_model",
        parameters={**PENALTY, **ROUNDS, **INTERCEPT, **CLASS_WEIGHT},
        is_seeded=True,
        has_log_odds=True,
    ),
    ModelEntry(
        "RidgeClassifier",
        "sklearn.linear_model",
        parameters={**ALPHA, **INTERCEPT, **CLASS_WEIGHT},
        is_seeded=True,
        is_calibrated=True,
    ),
    ModelEntry(
        "RidgeClassifierCV",
        "sklearn.linear_model",
        parameters={**INTERCEPT, **CLASS_WEIGHT},
        is_calibrated=True,
    ),
    ModelEntry(
        "SGDClassifier",
        "sklearn.linear_model",
        parameters={**STOCHASTIC, **CLASS_WEIGHT, "loss": Choice(("log_loss", "modified_huber"))},
        defaults={"loss": "log_loss"},
        is_seeded=True,
    ),
    ModelEntry(
        "Perceptron",
        "sklearn.linear_model",
        parameters={**ROUNDS, **ALPHA, **CLASS_WEIGHT},
        is_seeded=True,
        is_calibrated=True,
    ),
    ModelEntry(
        "LinearDiscriminantAnalysis",
        "sklearn.discriminant_analysis",
        parameters={"solver": Choice(("svd", "lsqr", "eigen"))},
        has_log_odds=True,
    ),
    ModelEntry(
        "QuadraticDiscriminantAnalysis",
        "sklearn.discriminant_analysis",
        parameters={"reg_param": Real(0, 1)},
        # columns that are sums of others (one-hot ones always are) have no inverse covariance without it
        defaults={"reg_param": 1e-3},
    ),
    ModelEntry("GaussianNB", "sklearn.naive_bayes", parameters={"var_smoothing": Real(0, 1)}),
    ModelEntry(
        "BernoulliNB",
        "sklearn.naive_bayes",
        parameters={"alpha": Real(1e-10, 1e6), "binarize": Real(-1e9, 1e9)},
    ),
    ModelEntry("KNeighborsClassifier", "sklearn.neighbors", parameters=NEIGHBORS),
    ModelEntry("MLPClassifier", "sklearn.neural_network", parameters=MLP, is_seeded=True),
    ModelEntry(
        "GaussianProcessClassifier", "sklearn.gaussian_process", is_seeded=True, max_rows=PROCESS_ROWS
    ),
    ModelEntry(
        "SVC",
        "sklearn.svm",
        parameters={**SVM, **CLASS_WEIGHT},
        is_seeded=True,
        is_calibrated=True,
        max_rows=VECTOR_ROWS,
    ),
    ModelEntry(
        "NuSVC",
        "sklearn.svm",
        parameters={"nu": Real(0.01, 1), "kernel": SVM["kernel"], "gamma": SVM["gamma"]},
        is_seeded=True,
        is_calibrated=True,
        max_rows=VECTOR_ROWS,
    ),
    ModelEntry(
        "LinearSVC",
        "sklearn.svm",
        parameters={**PENALTY, **ROUNDS, **CLASS_WEIGHT},
        is_seeded=True,
        is_calibrated=True,
    ),
)
