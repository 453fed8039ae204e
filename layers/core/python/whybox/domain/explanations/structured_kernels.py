"""Kernel machines on the columns: distances or products to the support vectors are sums over columns."""

from __future__ import annotations

from typing import Any

import numpy as np

from whybox.domain.explanations.additive_stages import AdditiveStage, distance_stage, product_stage
from whybox.domain.explanations.links import Floats

_MACHINES = ("SVC", "SVR", "NuSVC", "NuSVR")


def read_kernel(model: Any) -> AdditiveStage | None:
    """Return the score of a kernel machine with one output as an additive stage of width n_vectors.

    Support vector machines of one score (regression, two classes), kernel ridge and Gaussian process
    regression with the default kernel. None for any other model.
    """
    name = type(model).__name__
    if name in _MACHINES and not len(model.support_vectors_):
        return None  # a constant: there is no distance to anything
    if name in _MACHINES and np.shape(model.dual_coef_)[0] == 1 and isinstance(model.dual_coef_, np.ndarray):
        vectors = np.asarray(model.support_vectors_, dtype=np.float64)
        # libsvm keeps the resolved gamma on the fitted model only under this name.
        gamma = float(model._gamma)
        head = _Score(model.dual_coef_[0], float(model.intercept_[0]))
        return _stage(str(model.kernel), vectors, head, gamma=gamma, shift=model.coef0, degree=model.degree)
    if name == "KernelRidge" and np.ndim(model.dual_coef_) == 1 and not model.kernel_params:
        vectors = np.asarray(model.X_fit_, dtype=np.float64)
        gamma = 1.0 / vectors.shape[1] if model.gamma is None else float(model.gamma)
        head = _Score(model.dual_coef_, 0.0)
        return _stage(str(model.kernel), vectors, head, gamma=gamma, shift=model.coef0, degree=model.degree)
    return _read_process(model) if name == "GaussianProcessRegressor" and model.kernel is None else None


def _read_process(model: Any) -> AdditiveStage | None:
    """Return a Gaussian process with the default kernel, a constant times a radial one of a single length."""
    parts = model.kernel_.get_params()
    if np.ndim(model.alpha_) != 1 or np.ndim(parts.get("k2__length_scale")) != 0:
        return None
    # The target was centred and scaled before the fit.
    scale = np.ravel(model._y_train_std)[0] * parts["k1__constant_value"]
    head = _Score(model.alpha_ * scale, float(np.ravel(model._y_train_mean)[0]))
    vectors = np.asarray(model.X_train_, dtype=np.float64)
    return _stage("rbf", vectors, head, gamma=0.5 / float(parts["k2__length_scale"]) ** 2)


class _Score:
    """Kernel values (n_vectors, n) to one score (1, n)."""

    def __init__(self, coefficients: Floats, intercept: float) -> None:
        self._coefficients = np.asarray(coefficients, dtype=np.float64)
        self._intercept = intercept

    def __call__(self, kernels: Floats) -> Floats:
        return np.asarray(self._coefficients @ kernels + self._intercept)[None]


def _stage(
    kernel: str,
    vectors: Floats,
    score: _Score,
    *,
    gamma: float,
    shift: float = 0.0,
    degree: float = 1.0,
) -> AdditiveStage | None:
    """Return the stage of a named kernel; its functions work in place on sums that nobody else needs."""
    if kernel == "rbf":
        return distance_stage(vectors, lambda sums: score(_exponential(sums, -gamma)))
    if kernel == "laplacian":
        return distance_stage(vectors, lambda sums: score(_exponential(sums, -gamma)), is_squared=False)
    no_offset = np.zeros(len(vectors))
    weights = np.ascontiguousarray(vectors.T)
    if kernel == "linear":
        return product_stage(weights, no_offset, score)
    if kernel in ("poly", "polynomial"):
        return product_stage(weights, no_offset, lambda sums: score((gamma * sums + shift) ** degree))
    if kernel == "sigmoid":
        return product_stage(weights, no_offset, lambda sums: score(np.tanh(gamma * sums + shift)))
    return None


def _exponential(sums: Floats, factor: float) -> Floats:
    sums *= factor
    return np.asarray(np.exp(sums, out=sums))
