"""Models: which may be asked for, chosen by family, name and checked parameters, and fitted to a task."""

from __future__ import annotations

import difflib
import importlib.util
from collections.abc import Mapping
from typing import Any, cast, get_args

import numpy as np
from numpy.typing import NDArray

from whybox.domain.models.booster_entries import GRADIENT_BOOSTING, LIGHTGBM, XGBOOST, catboost
from whybox.domain.models.classifier_entries import CLASSIFIERS
from whybox.domain.models.encodings import fit_encoder, notice_encoding
from whybox.domain.models.entries import ModelEntry
from whybox.domain.models.estimator_fits import fit_estimator
from whybox.domain.models.fitted_models import FittedModel, units_of
from whybox.domain.models.hidden_features import fit_hidden_features
from whybox.domain.models.parameter_ranges import Whole
from whybox.domain.models.regressor_entries import REGRESSORS
from whybox.domain.models.specs import Family, ModelSpec, ParameterValue, TaskKind, Unit
from whybox.domain.tasks import Task
from whybox.errors import (
    FitFailedError,
    ModelNotInstalledError,
    ModelTooManyRowsError,
    ModelUnknownError,
    ParameterInvalidError,
)

HIDDEN_FEATURES = Whole(0, 200)
LAYERS = Whole(1, 3)
SEEDS = Whole(0, 2**32 - 1)  # what every library here takes
SHOWN_NAMES = 5
WRAPPER_NAMES = {  # what else people call the boosters; only to point them to our name
    "xgbclassifier": "xgboost",
    "xgbregressor": "xgboost",
    "lgbmclassifier": "lightgbm",
    "lgbmregressor": "lightgbm",
}

_ENTRIES: Mapping[TaskKind, tuple[ModelEntry, ...]] = {
    "classification": (
        *CLASSIFIERS,
        XGBOOST,
        LIGHTGBM,
        GRADIENT_BOOSTING["classification"],
        catboost("CatBoostClassifier"),
    ),
    "regression": (
        *REGRESSORS,
        XGBOOST,
        LIGHTGBM,
        GRADIENT_BOOSTING["regression"],
        catboost("CatBoostRegressor"),
    ),
}


def list_models() -> dict[TaskKind, tuple[ModelEntry, ...]]:
    """Return every model that may be asked for, installed or not, by kind of task."""
    return dict(_ENTRIES)


def choose_model(
    kind: TaskKind,
    *,
    family: str,
    name: str | None = None,
    parameters: Mapping[str, object] | None = None,
    n_hidden_features: int = 0,
    n_layers: int = 1,
    seed: int = 0,
) -> ModelSpec:
    """Check a request for a model against the reviewed list and return what ``fit_model`` takes.

    ``family`` is "sklearn" (then ``name`` is the class name) or one of the boosters, which need no name.
    Raises ModelUnknownError with the closest names, ModelNotInstalledError, or ParameterInvalidError for a
    parameter that is unknown or out of range.
    """
    entry = _find_entry(kind, family, name)
    if importlib.util.find_spec(entry.module.partition(".")[0]) is None:
        raise ModelNotInstalledError(entry.name, instead=("xgboost", "lightgbm"))
    return ModelSpec(
        kind=kind,
        family=entry.family,
        name=entry.name,
        seed=cast("int", SEEDS.check("seed", seed)),
        parameters={**entry.defaults, **_check_parameters(entry, parameters or {})},
        n_hidden_features=cast("int", HIDDEN_FEATURES.check("n_hidden_features", n_hidden_features)),
        n_layers=cast("int", LAYERS.check("n_layers", n_layers)),
    )


def kinds_of_name(name: str) -> tuple[TaskKind, ...]:
    """Return the kinds of task that a class name stands for; none for a name that is not ours."""
    return tuple(kind for kind, entries in _ENTRIES.items() if name in {entry.name for entry in entries})


def list_units(spec: ModelSpec) -> tuple[Unit, ...]:
    """Return the units that the fitted model will answer in, its natural one first."""
    return units_of(spec.kind, has_log_odds=_find_entry(spec.kind, spec.family, spec.name).has_log_odds)


def fit_model(spec: ModelSpec, task: Task, *, rows: NDArray[np.int64] | None = None) -> FittedModel:
    """Fit encoder, hidden features and estimator on some rows of a task.

    Parameters
    ----------
    spec : from ``choose_model``, for the task's kind
    rows : int64 row ids, the task's training rows by default; every class must be among them

    Returns
    -------
    FittedModel, with notices of what the encoder did to any row of the task and what the fit warned of.

    Raises
    ------
    ModelTooManyRowsError, FitFailedError : nothing an estimator raises for its data comes out as it is.
    """
    entry = _find_entry(spec.kind, spec.family, spec.name)
    rows = task.train if rows is None else rows
    y = task.y[rows]
    check_training_rows(spec, y, n_classes=len(task.classes))
    takes_missing = entry.takes_missing and not spec.has_hidden_features
    encoder = fit_encoder(task.X, rows=rows, categories=task.categories, takes_missing=takes_missing)
    notices = notice_encoding(encoder, task.X, task.feature_names)
    F = encoder.transform(task.X[rows])
    hidden = None
    if spec.has_hidden_features:
        hidden = fit_hidden_features(F, n_hidden_features=spec.n_hidden_features, n_layers=spec.n_layers)
        F = hidden.transform(F)
    estimator, fit_notices = fit_estimator(spec, entry, F, y, n_classes=len(task.classes))
    return FittedModel(
        spec=spec,
        feature_names=task.feature_names,
        classes=task.classes,
        encoder=encoder,
        hidden=hidden,
        estimator=estimator,
        has_log_odds=entry.has_log_odds,
        notices=(*notices, *fit_notices),
    )


def _find_entry(kind: TaskKind, family: str, name: str | None) -> ModelEntry:
    entries = [entry for entry in _ENTRIES[kind] if entry.family == family]
    if not entries:
        raise ModelUnknownError(family, kind=kind, closest=get_args(Family))
    if family != "sklearn" and (name is None or name.casefold() == family):
        return entries[0]
    for entry in entries:
        if entry.name == name:
            return entry
    names = WRAPPER_NAMES | {entry.name.casefold(): entry.name for entry in _ENTRIES[kind]}
    folded = (name or "").casefold()[:100]
    closest = difflib.get_close_matches(folded, names, n=SHOWN_NAMES, cutoff=0.3)
    suggested = dict.fromkeys(names[match] for match in closest or list(names)[-SHOWN_NAMES:])
    raise ModelUnknownError(name or "", kind=kind, closest=list(suggested))


def _check_parameters(entry: ModelEntry, parameters: Mapping[str, object]) -> dict[str, ParameterValue]:
    checked: dict[str, ParameterValue] = {}
    for name, value in parameters.items():
        allowed = entry.parameters.get(name)
        if allowed is None:
            known = ", ".join(sorted(entry.parameters)) or "none"
            # Of the caller's own making, the name is not repeated.
            reason = f"has one that cannot be set for {entry.name}; settable: {known}"
            raise ParameterInvalidError("parameters", reason=reason)
        checked[name] = allowed.check(name, value)
    return checked


def check_training_rows(spec: ModelSpec, y: NDArray[Any], *, n_classes: int) -> None:
    """Refuse training targets (n,) that the model cannot be fitted to, as ``fit_model`` would, but for free.

    Raises ModelTooManyRowsError, FitFailedError.
    """
    entry = _find_entry(spec.kind, spec.family, spec.name)
    if entry.max_rows is not None and len(y) > entry.max_rows:
        raise ModelTooManyRowsError(entry.name, limit=entry.max_rows, actual=len(y))
    if n_classes and len(np.unique(y)) < n_classes:
        raise FitFailedError(entry.name, reason="a class has no row among its training rows")
    if entry.needs_positive_target and y.min() <= 0:
        raise FitFailedError(entry.name, reason="it needs a target that is greater than 0 in every row")
