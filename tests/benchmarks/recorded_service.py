"""The recorded service's algorithm, written from its public description: what the eight requests did there.

StandardScaler ─▶ per layer: [S, KMeans(2) one-hot, relu([1, S, C] W)], W a Sobol sequence ─▶ base estimator
explained by KernelExplainer(predict, shap.kmeans(X_train, 10)) or permutation_importance(n_repeats=10)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import shap
import xgboost
from scipy.stats import qmc
from sklearn.base import BaseEstimator, clone
from sklearn.cluster import KMeans
from sklearn.ensemble import RandomForestClassifier
from sklearn.inspection import permutation_importance
from sklearn.linear_model import RidgeCV
from sklearn.preprocessing import StandardScaler
from tests.benchmarks.datasets import Split
from tests.benchmarks.measure import Floats

N_CENTRES = 10


@dataclass
class _Layer:
    clusters: KMeans
    scaler: StandardScaler
    weights: Floats


class HiddenNetwork(BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """A base estimator behind layers of quasi-random hidden features."""

    def __init__(self, base: Any, n_hidden: int = 5, n_layers: int = 1) -> None:
        self.base = base
        self.n_hidden = n_hidden
        self.n_layers = n_layers

    def fit(self, X: Floats, y: Any) -> Self:
        """Fit the scaler, the layers and the base estimator."""
        self.scaler_ = StandardScaler().fit(X)
        S = self.scaler_.transform(X)
        self.layers_: list[_Layer] = []
        for _ in range(self.n_layers):
            clusters = KMeans(n_clusters=2, n_init=10, random_state=0).fit(S)
            points = qmc.Sobol(d=S.shape[1] + 3, scramble=False).random_base2(
                int(np.ceil(np.log2(self.n_hidden + 2)))
            )
            layer = _Layer(clusters, StandardScaler(), 2.0 * points[2 : 2 + self.n_hidden].T - 1.0)
            layer.scaler.fit(self._added(layer, S))
            self.layers_.append(layer)
            S = np.hstack([S, layer.scaler.transform(self._added(layer, S))])
        self.base_ = clone(self.base).fit(S, y)
        if hasattr(self.base_, "classes_"):
            self.classes_ = self.base_.classes_
        return self

    def predict(self, X: Floats) -> Any:
        """Return labels or target values."""
        return self.base_.predict(self._columns(X))

    def predict_proba(self, X: Floats) -> Any:
        """Return class probabilities."""
        return self.base_.predict_proba(self._columns(X))

    def score(self, X: Floats, y: Any) -> float:
        """Return accuracy or R²."""
        return float(self.base_.score(self._columns(X), y))

    def _columns(self, X: Floats) -> Floats:
        S = self.scaler_.transform(X)
        for layer in self.layers_:
            S = np.hstack([S, layer.scaler.transform(self._added(layer, S))])
        return np.asarray(S)

    @staticmethod
    def _added(layer: _Layer, S: Floats) -> Floats:
        one_hot = np.eye(2)[layer.clusters.predict(S)]
        inputs = np.hstack([np.ones((len(S), 1)), S, one_hot])
        return np.hstack([one_hot, np.maximum(inputs @ layer.weights, 0.0)])


def base_estimator(name: str) -> Any:
    """Return an estimator with the recorded service's defaults."""
    boosting = {"n_estimators": 100, "learning_rate": 0.1, "max_depth": 3}
    estimators: dict[str, Any] = {
        "forest": lambda: HiddenNetwork(RandomForestClassifier(random_state=123)),
        "ridge": lambda: HiddenNetwork(RidgeCV()),
        "boosted classes": lambda: xgboost.XGBClassifier(**boosting),
        "boosted target": lambda: xgboost.XGBRegressor(**boosting),
    }
    return estimators[name]()


def answer_request(
    name: str, split: Split, *, explain: str, with_intervals: bool = False, n_layers: int = 1
) -> Any:
    """Fit, predict and explain as the recorded service did, without the HTTP."""
    model = base_estimator(name)
    if isinstance(model, HiddenNetwork):
        model.set_params(n_layers=n_layers)
    if with_intervals:
        half = len(split.X_train) // 2
        model.fit(split.X_train[:half], split.y_train[:half])
        np.quantile(np.abs(split.y_train[half:] - model.predict(split.X_train[half:])), 0.95)
    else:
        model.fit(split.X_train, split.y_train)
    model.predict(split.X_test)
    if explain == "permutation":
        return permutation_importance(model, split.X_test, split.y_test, n_repeats=10, random_state=42)
    has_proba = isinstance(model, HiddenNetwork) and hasattr(model, "classes_")
    predict = model.predict_proba if has_proba else model.predict
    explainer = shap.KernelExplainer(predict, shap.kmeans(split.X_train, N_CENTRES))
    return explainer.shap_values(split.X_test, silent=True)
