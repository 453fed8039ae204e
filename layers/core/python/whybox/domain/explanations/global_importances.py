"""Global importance: how much each column moves predictions on average, with an interval over rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from whybox.domain.explanations.links import Floats
from whybox.domain.explanations.quantiles import student_quantile

INTERVAL_LEVEL = 0.95


@dataclass(frozen=True, slots=True, eq=False)
class GlobalImportance:
    """Mean absolute attribution per column and output.

    Attributes
    ----------
    mean_abs : float64 (p, n_outputs), mean over rows of ``|value|``, in the unit of the attributions
    low, high : float64 (p, n_outputs), 95 % Student interval of that mean if the rows are a sample of the
        rows to come; NaN for a single row. ``low`` is never negative.
    """

    mean_abs: Floats
    low: Floats
    high: Floats


def summarise_attributions(values: Floats) -> GlobalImportance:
    """Average attributions over rows.

    Parameters
    ----------
    values : float64 (n, p, n_outputs), n at least 1

    Returns
    -------
    GlobalImportance
        A column whose attribution is 0 in every row has exactly 0. Where values carry a sampling error of
        their own, ``|value|`` is on average a little larger than the truth's; it shrinks with the error.
    """
    sizes = np.abs(values)
    mean_abs = sizes.mean(axis=0)
    n_rows = len(values)
    if n_rows < 2:
        unknown = np.full_like(mean_abs, np.nan)
        return GlobalImportance(mean_abs=mean_abs, low=unknown, high=unknown.copy())
    error = sizes.std(axis=0, ddof=1) / np.sqrt(n_rows)
    half = student_quantile(0.5 + INTERVAL_LEVEL / 2, degrees_of_freedom=n_rows - 1) * error
    return GlobalImportance(mean_abs=mean_abs, low=np.maximum(mean_abs - half, 0.0), high=mean_abs + half)
