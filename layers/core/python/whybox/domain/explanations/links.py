"""The functions between a model's margin (the sum it learns) and the unit it answers in."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Link = Literal["identity", "logistic", "softmax", "exponential"]
Unit = Literal["probability", "margin", "target"]


def count_outputs(link: Link, n_margins: int) -> int:
    """Return how many outputs a link makes of ``n_margins`` margins (a binary margin has two classes)."""
    return 2 if link == "logistic" else n_margins


def apply_link(margins: Floats, link: Link) -> Floats:
    """Turn margins into the model's answer.

    Parameters
    ----------
    margins : float64 (..., n_margins)
        Sums of leaf values or of coefficients times columns, base included.
    link : "identity", "logistic", "softmax" or "exponential"
        "logistic" takes one margin and gives two probabilities, class 0 first.

    Returns
    -------
    float64 (..., n_outputs)
        Probabilities of the last axis add up to one. NaN stays NaN; no value overflows.
    """
    if link == "identity":
        return margins
    if link == "exponential":
        return np.exp(margins)
    if link == "logistic":
        # exp(-|m|) never overflows, and both classes keep their relative precision in the tails.
        small = np.exp(-np.abs(margins[..., 0]))
        larger = 1.0 / (1.0 + small)
        smaller = small * larger
        is_positive = margins[..., 0] >= 0.0
        return np.stack(
            [np.where(is_positive, smaller, larger), np.where(is_positive, larger, smaller)], axis=-1
        )
    powers = np.exp(margins - margins.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True), dtype=np.float64)
