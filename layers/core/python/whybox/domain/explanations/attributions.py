"""Attributions: how much each column moved each answer away from the base value."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from whybox.domain.explanations.links import Floats, Unit

ERROR_DIGITS = 4
"""An estimated error is itself off by percents: more digits would only take longer to write and to read."""

_POWERS = np.array([float(f"1e{power}") for power in range(300)])
_SMALLEST_ROUNDED = 1e-290


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


def round_errors(std_error: Floats) -> Floats:
    """Return standard errors, finite and not negative, to ``ERROR_DIGITS`` significant digits; any shape."""
    places = np.log10(np.maximum(std_error, _SMALLEST_ROUNDED))
    shift = ERROR_DIGITS - 1 - np.floor(places).astype(np.int64)
    # One of them is 1: only a whole number times or over a power of ten is the float nearest to its digits.
    above, below = _POWERS[np.maximum(shift, 0)], _POWERS[np.maximum(-shift, 0)]
    rounded = np.rint(std_error * above / below) * below / above
    return np.where(std_error > _SMALLEST_ROUNDED, rounded, std_error)


def additivity_residual(values: Floats, base_values: Floats, predictions: Floats) -> float:
    """Return the largest ``|base + sum of values - prediction|`` over rows and outputs, 0 for no rows."""
    residuals = np.abs(base_values + values.sum(axis=1) - predictions)
    return float(residuals.max(initial=0.0))
