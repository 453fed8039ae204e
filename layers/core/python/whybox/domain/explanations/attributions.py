"""Attributions: how much each column moved each answer away from the base value."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from whybox.domain.explanations.links import Floats, Unit


@dataclass(frozen=True, slots=True, eq=False)
class Attributions:
    """Shapley values of some rows, with what is needed to check and to read them.

    Attributes
    ----------
    values : float64 (n, p, n_outputs), in ``unit``; p user columns, or groups of them
    base_values : float64 (n_outputs,), the mean answer over the background
    predictions : float64 (n, n_outputs); ``base_values + values.sum(axis=1)`` equals it up to
        ``additivity_residual``
    std_error : float64, like ``values``; 0 where the value is exact
    algorithm : how the values were computed, a stable name
    unit : "probability", "margin" or "target"
    additivity_residual : the largest ``|base_values + values.sum(axis=1) - predictions|``
    is_exact : whether every value is the Shapley value itself and not an estimate
    engine : what computed: "numpy", or "kernel" and its level, which gives the same values faster
    """

    values: Floats
    base_values: Floats
    predictions: Floats
    std_error: Floats
    algorithm: str
    unit: Unit
    additivity_residual: float
    is_exact: bool
    engine: str = "numpy"


def additivity_residual(values: Floats, base_values: Floats, predictions: Floats) -> float:
    """Return the largest ``|base + sum of values - prediction|`` over rows and outputs, 0 for no rows."""
    residuals = np.abs(base_values + values.sum(axis=1) - predictions)
    return float(residuals.max(initial=0.0))
