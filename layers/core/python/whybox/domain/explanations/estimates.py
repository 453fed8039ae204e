"""Estimates: Shapley values with their standard errors, and the plan that says how precise they should be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from whybox.domain.explanations.links import Floats


@dataclass(frozen=True, slots=True)
class SamplingPlan:
    """How much work an estimate may do.

    Attributes
    ----------
    n_evaluations : answers the model is asked for in the first round, over all rows together, counted in
        answers of a model of middling cost: a structure that is cheaper to evaluate gives more of them.
        At least 4 pairs per row are drawn.
    target_error : stop when mean standard error / mean ``|value|`` is at most this; None is one round only
    max_rounds : with a target, never more work than so many times the first round; trees behind a link may
        spend ten of them without one, too
    """

    n_evaluations: int = 400_000
    target_error: float | None = None
    max_rounds: int = 64


@dataclass(frozen=True, slots=True, eq=False)
class Estimate:
    """What one way of attributing found.

    Attributes
    ----------
    values : float64 (n, n_players, n_outputs)
    std_error : float64, like ``values``; 0 where the value is exact
    base_values : float64 (n_outputs,), the weighted mean answer over the background
    predictions : float64 (n, n_outputs)
    algorithm : a stable name
    degrees_of_freedom : of the standard errors, for Student intervals; 0 where everything is exact
    n_evaluations : rows the model, or its structure, was asked for
    engine : what computed, "numpy" or "kernel" and its level
    """

    values: Floats
    std_error: Floats
    base_values: Floats
    predictions: Floats
    algorithm: str
    degrees_of_freedom: int = 0
    n_evaluations: int = 0
    engine: str = "numpy"

    @property
    def is_exact(self) -> bool:
        """Whether every value is the Shapley value itself and not an estimate."""
        return self.degrees_of_freedom == 0


def relative_error(values: Floats, std_error: Floats) -> float:
    """Return mean standard error / mean ``|value|``; 0 where all values are 0 with certainty."""
    size = float(np.mean(np.abs(values))) if values.size else 0.0
    error = float(np.mean(std_error)) if values.size else 0.0
    return 0.0 if error == 0.0 else error / max(size, np.finfo(np.float64).tiny)
