"""Neural networks: the first layer is a sum over columns, the other layers are evaluated on top of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from whybox.domain.explanations.additive_stages import AdditiveStage, link_head, product_stage
from whybox.domain.explanations.head_walks import RectifiedUnits
from whybox.domain.explanations.links import Floats, Link, Unit

Activation = Callable[[Floats], Floats]


def _rectify(sums: Floats) -> Floats:
    return np.maximum(sums, 0.0, out=sums)


def _squash(sums: Floats) -> Floats:
    return 1.0 / (1.0 + np.exp(-np.clip(sums, -700.0, 700.0)))


def _keep(sums: Floats) -> Floats:
    return sums


_ACTIVATIONS: dict[str, Activation] = {
    "relu": _rectify,
    "tanh": np.tanh,
    "logistic": _squash,
    "identity": _keep,
}
_LINKS: dict[str, Link] = {
    "identity": "identity",
    "logistic": "logistic",
    "softmax": "softmax",
    "exp": "exponential",
}


def read_network(model: Any, unit: Unit) -> AdditiveStage | None:
    """Return scikit-learn's multilayer perceptron as a stage of its first layer, None for other models."""
    if type(model).__name__ not in ("MLPClassifier", "MLPRegressor") or model.activation not in _ACTIVATIONS:
        return None
    link = _LINKS.get(model.out_activation_)
    has_several_labels = link == "logistic" and model.n_outputs_ > 1
    if link is None or unit == "margin" or has_several_labels:
        return None
    weights = [np.asarray(layer, dtype=np.float64) for layer in model.coefs_]
    biases = [np.asarray(layer, dtype=np.float64) for layer in model.intercepts_]
    activate = _ACTIVATIONS[model.activation]
    answer = link_head(link)

    def head(sums: Floats) -> Floats:
        for weight, bias in zip(weights[1:], biases[1:], strict=True):
            sums = weight.T @ activate(sums) + bias[:, None]
        return answer(sums)

    stage = product_stage(weights[0], biases[0], head)
    if model.activation != "relu" or len(weights) != 2:
        return stage
    of_units = np.ascontiguousarray(weights[1].T)
    units = RectifiedUnits(weights[0], biases[0], of_units=of_units, offset=biases[1], link=link)
    return replace(stage, units=units)
