"""Fitting one estimator: its warnings become notices, and what it raises for its data one error of ours."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from whybox.domain.models.boosted_trees import fit_lightgbm, fit_xgboost, load_booster_library
from whybox.domain.models.core_limits import one_core
from whybox.domain.models.entries import ModelEntry
from whybox.domain.models.specs import ModelSpec
from whybox.domain.notices import Notice
from whybox.errors import FitFailedError

CALIBRATION_FOLDS = 5
SMALLEST_CALIBRATION_CLASS = 2  # rows of a class that out-of-fold scores need
SEED_PARAMETERS = {"catboost": "random_seed"}

REFUSALS: tuple[type[Exception], ...] = (
    *(ValueError, ArithmeticError, np.linalg.LinAlgError),
    # scikit-learn's way of saying that a solver found nothing: it goes on with None or an empty array
    *(TypeError, LookupError),
)

Float64s = NDArray[np.float64]
Fit = Callable[[], Any]

_WARNING_NOTICES: Mapping[str, Notice] = {
    "ConvergenceWarning": Notice(
        "not-converged",
        "the fit stopped before it converged: raise max_iter, or give the columns similar scales",
    ),
    "LinAlgWarning": Notice(
        "ill-conditioned",
        "columns are nearly sums of others: predictions are usually sound, single coefficients are not",
    ),
}


def fit_estimator(
    spec: ModelSpec, entry: ModelEntry, F: Float64s, y: NDArray[Any], *, n_classes: int
) -> tuple[Any, list[Notice]]:
    """Fit the estimator of a spec on F float64 (n, f) and y (n,), class codes or target values.

    Returns the fitted scikit-learn estimator or BoostedTrees, and its warnings as notices, each once. Raises
    FitFailedError where the library refuses the data; its own words stay in the cause.
    """
    failures = REFUSALS
    fit: Fit
    if spec.family == "xgboost":

        def fit() -> Any:
            return fit_xgboost(F, y, n_classes=n_classes, parameters=spec.parameters, seed=spec.seed)

    elif spec.family == "lightgbm":
        failures += (load_booster_library("lightgbm").basic.LightGBMError,)

        def fit() -> Any:
            return fit_lightgbm(F, y, n_classes=n_classes, parameters=spec.parameters, seed=spec.seed)

    else:

        def fit() -> Any:
            from sklearn import config_context

            estimator = _new_estimator(spec, entry, y)
            # Parameters are checked when they are read; to check them again takes as long as a small fit.
            with one_core(), config_context(skip_parameter_validation=True):
                return estimator.fit(F, y)

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            estimator = fit()
        except failures as error:
            raise FitFailedError(spec.name, reason=_reason(error)) from error
    notices = dict.fromkeys(_notice(warning.category) for warning in caught)
    if entry.is_calibrated:
        detail = f"{entry.name} has no probabilities: a sigmoid fitted on out-of-fold scores gives them"
        notices[Notice("probabilities-calibrated", detail)] = None
    return estimator, list(notices)


def _new_estimator(spec: ModelSpec, entry: ModelEntry, y: NDArray[Any]) -> Any:
    """Return the unfitted estimator; only its own module is imported."""
    parameters = dict(spec.parameters)
    if entry.is_seeded:
        parameters[SEED_PARAMETERS.get(entry.family, "random_state")] = spec.seed
    estimator = getattr(importlib.import_module(entry.module), entry.name)(**parameters)
    if not entry.is_calibrated:
        return estimator
    from sklearn.calibration import CalibratedClassifierCV

    n_folds = min(CALIBRATION_FOLDS, int(np.min(np.bincount(y))))
    if n_folds < SMALLEST_CALIBRATION_CLASS:
        raise FitFailedError(entry.name, reason="its probabilities need two training rows of each class")
    # one estimator on all rows, so that its own structure stays what predicts
    return CalibratedClassifierCV(estimator, method="sigmoid", cv=n_folds, ensemble=False)


def _reason(error: Exception) -> str:
    if isinstance(error, np.linalg.LinAlgError):
        return "columns that are sums of others leave its equations without a unique solution"
    if isinstance(error, ArithmeticError):
        return "its numbers overflowed; give the columns similar scales"
    return "its library refuses these training rows or this combination of parameters; try another model"


def _notice(category: type[Warning]) -> Notice:
    known = _WARNING_NOTICES.get(category.__name__)
    return known or Notice("fit-warning", f"the fit gave a warning of the kind {category.__name__}")
