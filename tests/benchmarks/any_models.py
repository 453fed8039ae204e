"""Jobs: linear models in closed form, and models without additive structure at equal error."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import shap
import xgboost
from sklearn.linear_model import Ridge
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from tests.benchmarks.datasets import breast_cancer, wide_table
from tests.benchmarks.measure import Bar, Effort, Floats, Job, Reference
from tests.benchmarks.ours import whybox_beside, whybox_rows
from tests.benchmarks.peers import (
    kernel_explainer,
    linear_explainer,
    permutation_explainer,
    rescaled_probabilities,
)
from tests.benchmarks.references import equal_weights, sample_permutations

DEFAULT, HONEST = "shap KernelExplainer", "shap KernelExplainer, l1_reg=0"
PERMUTATIONS = "shap PermutationExplainer"
EQUAL_ERROR_NOTE = "'whybox, error of ...' has the smallest budget whose error is at most that peer's."


def linear(effort: Effort) -> Job:
    """Ridge on 10,000 rows of 50 columns."""
    X, y = wide_table(15_000, 50)
    model = Ridge().fit(X[:5000], y[:5000])
    rows, background = X[5000:], X[:100]
    closed = (rows - background.mean(axis=0))[:, :, None] * model.coef_[:, None]
    return Job(
        title="Ridge, 10,000 rows x 50 columns, background 100",
        contestants=[
            whybox_rows(model, rows, background),
            linear_explainer("shap LinearExplainer", model, rows, background, predict=model.predict),
        ],
        reference=Reference(closed, "coefficient x (value - background mean)"),
    )


def support_vectors(effort: Effort) -> Job:
    """An RBF support vector machine."""
    model = make_pipeline(StandardScaler(), SVC())
    return _at_equal_error("RBF-SVM (decision function)", model, "margin", effort, bar=20)


def neural_network(effort: Effort) -> Job:
    """A multilayer perceptron of one hidden layer of 100."""
    model = make_pipeline(StandardScaler(), MLPClassifier(max_iter=1000, random_state=0))
    return _at_equal_error("MLP (100 units)", model, "probability", effort, bar=4)


def neighbours(effort: Effort) -> Job:
    """Nearest neighbours, which have no structure to use."""
    model = make_pipeline(StandardScaler(), KNeighborsClassifier())
    return _at_equal_error("kNN", model, "probability", effort)


def boosted_probabilities(effort: Effort) -> Job:
    """xgboost in probability units against KernelExplainer, background of 10 centres."""
    split = breast_cancer()
    model, rows, _ = _boosted(split)
    centres = shap.kmeans(split.X_train, 10)
    n_peer, predict = effort.choose(48, 4), model.predict_proba
    reference = sample_permutations(
        predict,
        rows[: effort.choose(24, 2)],
        centres.data,
        centres.weights,
        n_passes=effort.choose(400, 20),
    )
    peers = [
        kernel_explainer(DEFAULT, predict, rows, centres, n_rows=n_peer),
        kernel_explainer(HONEST, predict, rows, centres, n_rows=n_peer, l1_reg=0),
    ]
    ask = partial(whybox_rows, model, rows, centres.data, weights=centres.weights, unit="probability")
    ours = whybox_beside(peers, reference, ask)
    return Job(
        title="xgboost classification in probability units, 171 rows x 30 columns, background 10 centres",
        contestants=[*ours, *peers],
        reference=reference,
        note=EQUAL_ERROR_NOTE,
    )


def boosted_probabilities_rescaled(effort: Effort) -> Job:
    """xgboost in probability units against shap's rescaled margins, background of 100 rows."""
    split = breast_cancer()
    model, rows, background = _boosted(split)
    predict, n_peer = model.predict_proba, effort.choose(24, 2)
    peers = [
        rescaled_probabilities("shap TreeExplainer 'probability'", model, rows, background),
        permutation_explainer(PERMUTATIONS, predict, rows, background, n_rows=n_peer),
    ]
    n_passes = effort.choose(60, 4)
    judged = rows[: effort.choose(16, 2)]
    weights = equal_weights(background)
    reference = sample_permutations(predict, judged, background, weights, n_passes=n_passes)
    ours = whybox_beside(peers, reference, partial(whybox_rows, model, rows, background, unit="probability"))
    return Job(
        title="xgboost classification in probability units, 171 rows x 30 columns, background 100 rows",
        contestants=[*ours, *peers],
        reference=reference,
        note=(
            f"{EQUAL_ERROR_NOTE} shap's 'probability' rescales the margin's attributions per background row; "
            "it adds up, but it is not the Shapley value of the probability, and its error does not shrink "
            "with more work."
        ),
    )


def _boosted(split: Any) -> tuple[Any, Floats, Floats]:
    model = xgboost.XGBClassifier(n_estimators=100, learning_rate=0.1, max_depth=3, n_jobs=1)
    model.fit(split.X_train, split.y_train)
    chosen = np.random.default_rng(0).choice(len(split.X_train), 100, replace=False)
    return model, split.X_test, split.X_train[chosen]


def _at_equal_error(what: str, model: Any, unit: str, effort: Effort, *, bar: float | None = None) -> Job:
    """Give whybox as much work as it needs to be as precise as each peer, then time both."""
    split = breast_cancer()
    model.fit(split.X_train, split.y_train)
    background = split.X_train[np.random.default_rng(0).choice(len(split.X_train), 25, replace=False)]
    rows = split.X_test[: effort.choose(24, 4)]
    predict = model.decision_function if unit == "margin" else model.predict_proba
    n_judged = effort.choose(8, 2)
    weights = equal_weights(background)
    n_passes = effort.choose(80 if what == "kNN" else 300, 8)
    reference = sample_permutations(predict, rows[:n_judged], background, weights, n_passes=n_passes)
    peers = [
        kernel_explainer(DEFAULT, predict, rows, background, n_rows=n_judged),
        kernel_explainer(HONEST, predict, rows, background, n_rows=n_judged, l1_reg=0),
        permutation_explainer(PERMUTATIONS, predict, rows, background, n_rows=n_judged),
    ]
    ours = whybox_beside(peers, reference, partial(whybox_rows, model, rows, background, unit=unit))
    promises = [f"{what}: ≥ {bar or 0:g}x {peer.name} at equal error" for peer in peers]
    bars = [
        Bar(promise, match.name, peer.name, ratio=bar, error_share=1.0)
        for promise, match, peer in zip(promises, ours[1:], peers, strict=True)
        if bar is not None
    ]
    return Job(
        title=f"{what}, {len(rows)} rows x 30 columns, background {len(background)}",
        contestants=[*ours, *peers],
        reference=reference,
        bars=bars,
        note=EQUAL_ERROR_NOTE,
    )
