"""Linear models as coefficients: margin = Z @ coefficients + intercept, then a link."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from whybox.domain.explanations.links import Floats, Link, Unit, apply_link, count_outputs

_SOFTMAX_OR_LOGISTIC = ("LogisticRegression", "LogisticRegressionCV")
_MARGIN_ONLY = (
    "RidgeClassifier",
    "RidgeClassifierCV",
    "LinearSVC",
    "Perceptron",
    "PassiveAggressiveClassifier",
)
_EXPONENTIAL = ("PoissonRegressor", "GammaRegressor", "TweedieRegressor")


@dataclass(frozen=True, slots=True, eq=False)
class LinearForm:
    """Coefficients (q, n_margins), intercept (n_margins,) and the link to the unit of the view."""

    coefficients: Floats
    intercept: Floats
    link: Link

    @property
    def n_outputs(self) -> int:
        """Outputs per row, behind the link."""
        return count_outputs(self.link, len(self.intercept))

    def margins(self, Z: Floats) -> Floats:
        """Return ``Z @ coefficients + intercept``: float64 (n, n_margins)."""
        return np.asarray(Z @ self.coefficients + self.intercept, dtype=np.float64)

    def predict(self, Z: Floats) -> Floats:
        """Return the outputs behind the link: float64 (n, n_outputs)."""
        return apply_link(self.margins(Z), self.link)


def read_linear(model: Any, *, unit: Unit) -> LinearForm | None:
    """Return the coefficients of a scikit-learn linear model with the link to ``unit``.

    None for any other model, and for probabilities that no link here describes (one-versus-rest classifiers
    normalise theirs).
    """
    is_linear = type(model).__module__.startswith("sklearn.linear_model")
    if not is_linear and type(model).__name__ not in ("LinearSVC", "LinearSVR"):
        return None
    if not hasattr(model, "coef_") or not isinstance(getattr(model, "intercept_", None), float | np.ndarray):
        return None
    link = "identity" if unit == "margin" else _link_of(model)
    if link is None or not isinstance(model.coef_, np.ndarray):
        return None
    coefficients = np.atleast_2d(np.asarray(model.coef_, dtype=np.float64)).T
    intercept = np.broadcast_to(np.asarray(model.intercept_, dtype=np.float64), coefficients.shape[1]).copy()
    return LinearForm(coefficients=np.ascontiguousarray(coefficients), intercept=intercept, link=link)


def _link_of(model: Any) -> Link | None:
    """Return the link from a linear model's margin to its natural unit."""
    name = type(model).__name__
    if name in _EXPONENTIAL:
        is_log = (
            name != "TweedieRegressor" or model.link == "log" or (model.link == "auto" and model.power > 0)
        )
        return "exponential" if is_log else "identity"
    if not hasattr(model, "classes_"):
        return "identity"
    n_classes = len(model.classes_)
    if name in _MARGIN_ONLY or not hasattr(model, "predict_proba"):
        return "identity"
    if name in _SOFTMAX_OR_LOGISTIC or (name == "SGDClassifier" and model.loss == "log_loss"):
        is_one_versus_rest = name == "SGDClassifier" or getattr(model, "multi_class", "") == "ovr"
        if n_classes == 2:
            return "logistic"
        return None if is_one_versus_rest or model.solver == "liblinear" else "softmax"
    return None
