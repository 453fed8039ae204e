"""Structured models: scikit-learn estimators, neither trees nor hidden columns, read as additive stages."""

from __future__ import annotations

from typing import Any

import numpy as np

from whybox.domain.explanations.additive_stages import AdditiveStage, linear_stage, link_head
from whybox.domain.explanations.links import Floats, Link, Unit
from whybox.domain.explanations.structured_bayes import read_bayes
from whybox.domain.explanations.structured_kernels import read_kernel
from whybox.domain.explanations.structured_networks import read_network

_SCORED_LINEARLY = (
    "LinearDiscriminantAnalysis",
    "LinearSVC",
    "LinearSVR",
    "LogisticRegression",
    "LogisticRegressionCV",
    "Perceptron",
    "RidgeClassifier",
    "RidgeClassifierCV",
    "SGDClassifier",
)


def read_stage(model: Any, unit: Unit) -> AdditiveStage | None:
    """Return a fitted estimator as an additive stage in ``unit``, None where it is not known as one.

    What comes back is held against the model's own answers before it is used (see ``structured_games``).
    """
    if type(model).__name__ == "CalibratedClassifierCV":
        return _read_calibrated(model) if unit == "probability" else None
    score = _read_score(model, unit)
    if score is not None:
        return score
    return read_network(model, unit) or read_bayes(model, unit)


def _read_score(model: Any, unit: Unit) -> AdditiveStage | None:
    """Return a kernel machine or a linear classifier by its score, behind the link to ``unit``."""
    if unit == "probability":
        if type(model).__name__ != "LinearDiscriminantAnalysis":
            return None
        coefficients, intercept = _read_linear_score(model)
        link: Link = "logistic" if len(intercept) == 1 else "softmax"
        return linear_stage(coefficients, intercept, link)
    if type(model).__name__ in _SCORED_LINEARLY:
        return linear_stage(*_read_linear_score(model), "identity")
    return read_kernel(model)


def _read_linear_score(model: Any) -> tuple[Floats, Floats]:
    """Return coefficients (q, n_margins) and intercept (n_margins,)."""
    coefficients = np.atleast_2d(np.asarray(model.coef_, dtype=np.float64)).T
    intercept = np.broadcast_to(np.asarray(model.intercept_, dtype=np.float64), coefficients.shape[1])
    return np.ascontiguousarray(coefficients), intercept


def _read_calibrated(model: Any) -> AdditiveStage | None:
    """Return a score behind the one sigmoid of ``CalibratedClassifierCV(ensemble=False)`` for two classes.

    The sigmoid is Platt's ``1 / (1 + exp(a score + b))``; more classes are normalised one against the rest.
    """
    calibrated = model.calibrated_classifiers_
    if len(calibrated) != 1 or len(model.classes_) != 2 or calibrated[0].method != "sigmoid":
        return None
    score = _read_score(calibrated[0].estimator, "margin")
    if score is None:
        return None
    sigmoid = calibrated[0].calibrators[0]
    if score.coefficients is not None:
        return linear_stage(
            -sigmoid.a_ * score.coefficients, -sigmoid.a_ * score.offset - sigmoid.b_, "logistic"
        )
    logistic = link_head("logistic")
    return score.then(lambda scores: logistic(-(sigmoid.a_ * scores + sigmoid.b_)))
