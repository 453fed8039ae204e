"""A model's own answer as a float64 matrix in one unit, whatever library it comes from."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np

from whybox.domain.explanations.links import Floats, Unit
from whybox.errors import ColumnCountError, UnitUnavailableError

Decode = Callable[[Floats], Any]

_XGBOOST_CLASSES = ("binary:logistic", "multi:softprob", "multi:softmax")
_LIGHTGBM_CLASSES = ("binary", "multiclass", "multiclassova")


def library_of(model: Any) -> str:
    """Return the top package a model's class comes from, such as "sklearn"; nothing is imported."""
    return type(model).__module__.partition(".")[0]


def is_native_booster(model: Any) -> bool:
    """Tell a library's own Booster from its scikit-learn wrapper."""
    return type(model).__name__ == "Booster" and library_of(model) in ("xgboost", "lightgbm")


def is_classifier(model: Any) -> bool:
    """Tell whether a model answers with classes."""
    if is_native_booster(model):
        return _booster_objective(model) in _XGBOOST_CLASSES + _LIGHTGBM_CLASSES
    if isinstance(getattr(model, "_estimator_type", None), str):
        return bool(model._estimator_type == "classifier")
    return hasattr(model, "predict_proba") or hasattr(model, "classes_")


def choose_unit(model: Any, unit: Unit | None) -> Unit:
    """Return the unit to explain in, the natural one when none is asked for.

    Raises
    ------
    UnitUnavailableError : a regressor has no probability, a classifier no target, and only boosted trees
        and linear models have a margin.
    """
    if not is_classifier(model):
        if unit not in (None, "target") and not (unit == "margin" and is_native_booster(model)):
            raise UnitUnavailableError(unit=str(unit), available=("target",))
        return unit or "target"
    available: tuple[Unit, ...] = (
        *(("probability",) if is_native_booster(model) or hasattr(model, "predict_proba") else ()),
        *(("margin",) if has_margin(model) else ()),
    )
    chosen = unit or (available[0] if available else None)
    if chosen not in available:
        raise UnitUnavailableError(unit=str(chosen), available=available)
    return chosen


def has_margin(model: Any) -> bool:
    """Tell whether a classifier can answer with the sum behind its probabilities."""
    if type(model).__name__ == "AdaBoostClassifier":
        return False  # its decision function is a share of votes, not what its softmax takes
    return (
        is_native_booster(model)
        or hasattr(model, "get_booster")
        or hasattr(model, "booster_")
        or hasattr(model, "decision_function")
    )


def plain_predict(model: Any, unit: Unit, decode: Decode) -> Callable[[Floats], Floats]:
    """Return the model's own answer as a function float64 (n, p) -> float64 (n, n_outputs)."""
    ask = _booster_answer(model, unit) if is_native_booster(model) else _estimator_answer(model, unit)

    def predict(X: Floats) -> Floats:
        answer = np.asarray(ask(decode(X)), dtype=np.float64)
        answer = answer.reshape(len(X), -1)
        if unit == "probability" and answer.shape[1] == 1:
            return np.hstack([1.0 - answer, answer])
        return answer

    return predict


def _estimator_answer(model: Any, unit: Unit) -> Callable[[Any], Any]:
    """Return the method of a scikit-learn style estimator that answers in a unit."""
    if unit == "probability":
        return lambda rows: model.predict_proba(rows)
    if unit == "target":
        return lambda rows: model.predict(rows)
    if hasattr(model, "get_booster"):
        return lambda rows: model.predict(rows, output_margin=True)
    if hasattr(model, "booster_"):
        return lambda rows: model.predict(rows, raw_score=True)
    return lambda rows: model.decision_function(rows)


def _booster_answer(booster: Any, unit: Unit) -> Callable[[Any], Any]:
    """Return the prediction of a native Booster in a unit."""
    is_margin = unit == "margin"
    if library_of(booster) == "lightgbm":
        return lambda rows: booster.predict(rows, raw_score=is_margin)
    from xgboost import DMatrix

    def predict(rows: Any) -> Any:
        matrix = DMatrix(rows, feature_names=booster.feature_names, feature_types=booster.feature_types)
        return booster.predict(matrix, output_margin=is_margin)

    return predict


def _booster_objective(booster: Any) -> str:
    """Return the name of the loss a Booster was trained on."""
    if library_of(booster) == "xgboost":
        return str(json.loads(booster.save_config())["learner"]["objective"]["name"])
    return str(booster.dump_model(num_iteration=0)["objective"]).partition(" ")[0]


def count_columns(model: Any) -> int | None:
    """Return how many columns a model was fitted on, None where it does not say."""
    if is_native_booster(model):
        return int(model.num_features() if library_of(model) == "xgboost" else model.num_feature())
    count = getattr(model, "n_features_in_", None)
    return None if count is None else int(count)


def agree_on_columns(model: Any, n_columns: int | None) -> int:
    """Return the number of user columns; raises ColumnCountError where model and rows differ."""
    fitted = count_columns(model)
    if n_columns is None and fitted is not None:
        return fitted
    if n_columns is None:
        raise ColumnCountError(expected=1, actual=0)
    if fitted is not None and fitted != n_columns:
        raise ColumnCountError(expected=fitted, actual=n_columns)
    return n_columns


def count_outputs(model: Any, unit: Unit) -> int | None:
    """Return the number of outputs in a unit where the model says it, else None."""
    classes = getattr(model, "classes_", None)
    if unit == "probability" and isinstance(classes, np.ndarray):
        return len(classes)
    if unit == "margin" and isinstance(classes, np.ndarray):
        return 1 if len(classes) == 2 else len(classes)
    if library_of(model) in ("xgboost", "lightgbm") and unit == "target":
        return 1 if getattr(model, "n_outputs_", 1) == 1 else None
    return None
