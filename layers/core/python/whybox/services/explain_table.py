"""Explain a table: everything that can be refused first and free, then fit, predict, score and attribute.

bytes ─▶ read_table ─▶ frame_task ─▶ choose_model          prepare_explanation: may refuse
                                         │
    fit_model ─▶ predict, score ─▶ permute_columns | attribute_rows      run_explanation: may fail
                                         │
                                  result document (plain dicts, lists and Python numbers)
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from time import perf_counter
from typing import Any, Final, Literal

import numpy as np

from whybox.domain.explanations import attribute_rows
from whybox.domain.explanations.attributions import additivity_residual
from whybox.domain.explanations.backgrounds import sample_background
from whybox.domain.explanations.global_importances import summarise_attributions
from whybox.domain.explanations.permutation_importances import permute_columns
from whybox.domain.explanations.scorings import choose_scoring
from whybox.domain.models.catalogue import choose_model, fit_model
from whybox.domain.models.fitted_models import FittedModel, Float64s, Unit
from whybox.domain.models.intervals import prediction_intervals
from whybox.domain.models.metrics import classification_report, regression_scores
from whybox.domain.models.specs import Family, ModelSpec, TaskKind
from whybox.domain.notices import Notice
from whybox.domain.plain_values import plain_cells, plain_interval, plain_numbers
from whybox.domain.tables import read_table
from whybox.domain.tables.dialects import ReadOptions
from whybox.domain.tasks import Task, frame_task
from whybox.errors import ExplanationCheckError
from whybox.services.read_versions import read_versions

Method = Literal["permutation", "shap"]

BACKGROUND_SIZE: Final = 100
ADDITIVITY_TOLERANCE: Final = 1e-6
"""Of the largest prediction: what attributions promise to add up to are the numbers of this very answer."""

UNITS: Final[Mapping[TaskKind, Unit]] = {"classification": "probability", "regression": "target"}


@dataclass(frozen=True, slots=True)
class Dialect:
    """How the table is written."""

    delimiter: str = ","
    decimal: str = "."
    encoding: str = "utf-8"
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """Which model: a family and, where the family has several, the name of one."""

    family: Family
    name: str | None
    n_hidden_features: int = 0
    n_layers: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplanationRequest:
    """What to do with a table: without ``method`` no explanation; ``interval_level`` is in percent."""

    kind: TaskKind
    model: ModelChoice
    method: Method | None
    target: str = "target"
    split: str = "training_index"
    seed: int = 42
    n_repeats: int = 10
    scoring: str | None = None
    interval_level: float | None = None
    dialect: Dialect = Dialect()
    route: str = "inline"


@dataclass(frozen=True, slots=True, eq=False)
class PreparedExplanation:
    """A table and a request that fit each other: nothing of it will be refused for its form any more."""

    request: ExplanationRequest
    spec: ModelSpec
    task: Task
    data_sha256: str
    seconds: float


def prepare_explanation(data: bytes, request: ExplanationRequest) -> PreparedExplanation:
    """Read the table and check all that can be checked without fitting; free of charge.

    Raises
    ------
    InputError
        The table, the task, the model or an option cannot be used.

    """
    started = perf_counter()
    if request.method == "permutation":
        choose_scoring(request.scoring, is_classifier=request.kind == "classification")
    spec = choose_model(
        request.kind,
        family=request.model.family,
        name=request.model.name,
        n_hidden_features=request.model.n_hidden_features,
        n_layers=request.model.n_layers,
        seed=request.seed,
    )
    table = read_table(data, options=ReadOptions(**asdict(request.dialect)))
    task = frame_task(table, kind=request.kind, target=request.target, split=request.split, seed=request.seed)
    return PreparedExplanation(request, spec, task, table.sha256, perf_counter() - started)


def run_explanation(prepared: PreparedExplanation) -> dict[str, Any]:
    """Fit, predict, score and explain; return the result document.

    The document holds plain Python values. Same bytes, request and versions give the same document, but for
    ``receipt.seconds``, and ``explanation.engine`` on another processor.

    Raises
    ------
    FitFailedError, IntervalLevelError
        The rows do not carry what was asked for.
    ComputationError
        A number failed its own check.

    """
    started = perf_counter()
    task = prepared.task
    model = fit_model(prepared.spec, task)
    outputs = model.predict_units(task.X[task.test], UNITS[model.kind])
    predictions, metrics = _predict(prepared, model, outputs)
    explanation = _explain(prepared, model, outputs)
    return {
        "predictions": predictions,
        "metrics": metrics,
        "explanation": explanation,
        "warnings": [_plain_notice(notice) for notice in (*task.warnings, *model.notices)],
        "receipt": _receipt(prepared, seconds=prepared.seconds + perf_counter() - started),
    }


def _predict(
    prepared: PreparedExplanation, model: FittedModel, outputs: Float64s
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return predictions and scores of the test rows."""
    task = prepared.task
    rows = {"row_ids": task.test.tolist()}
    if task.kind == "classification":
        labels, codes = task.y[task.test].astype(np.int64), outputs.argmax(axis=1)
        classified = {
            "classes": list(task.classes),
            "y_true": [task.classes[code] for code in labels.tolist()],
            "y_pred": [task.classes[code] for code in codes.tolist()],
            "proba": plain_numbers(outputs, "proba"),
        }
        return rows | classified, dict(classification_report(labels, codes, classes=task.classes))
    targets, values = task.y[task.test].astype(np.float64), outputs[:, 0]
    quantities: dict[str, Any] = {
        "y_true": plain_numbers(targets, "y_true"),
        "y_pred": plain_numbers(values, "y_pred"),
    }
    if prepared.request.interval_level is not None:
        level = prepared.request.interval_level
        intervals = prediction_intervals(model, task, predictions=values, level=level)
        quantities |= {
            "pi_lower": plain_numbers(intervals.lower, "pi_lower"),
            "pi_upper": plain_numbers(intervals.upper, "pi_upper"),
            "pi_coverage": intervals.coverage(targets),
            "pi_level": intervals.level,
            "pi_method": intervals.method,
        }
    return rows | quantities, dict(regression_scores(targets, values))


def _explain(prepared: PreparedExplanation, model: FittedModel, outputs: Float64s) -> dict[str, Any] | None:
    if prepared.request.method == "permutation":
        return _permute(prepared, model)
    return _attribute(prepared, model, outputs) if prepared.request.method == "shap" else None


def _permute(prepared: PreparedExplanation, model: FittedModel) -> dict[str, Any]:
    request, task = prepared.request, prepared.task
    found = permute_columns(
        model,
        task.X[task.test],
        task.y[task.test],
        n_repeats=request.n_repeats,
        seed=request.seed,
        scoring=request.scoring,
    )
    return {
        "method": "permutation",
        "algorithm": "scikit-learn shuffles",
        "feature_names": list(task.feature_names),
        "importances_mean": plain_numbers(found.importances_mean, "importances_mean"),
        "importances_std": plain_numbers(found.importances_std, "importances_std"),
        "n_repeats": request.n_repeats,
        "scoring": found.scoring,
        "unit": found.unit,
        "baseline_score": found.baseline_score,
        "interval": plain_interval(*found.interval),
        "noise_floor": found.noise_floor,
    }


def _attribute(prepared: PreparedExplanation, model: FittedModel, outputs: Float64s) -> dict[str, Any]:
    task, seed = prepared.task, prepared.request.seed
    background = sample_background(
        task.X[task.train],
        task.y[task.train],
        kind=task.kind,
        size=BACKGROUND_SIZE,
        seed=seed,
        row_ids=task.train,
    )
    rows = task.X[task.test]
    found = attribute_rows(
        model,
        rows,
        background=background.rows,
        weights=background.weights,
        unit=UNITS[task.kind],
        seed=seed,
    )
    residual = additivity_residual(found.values, found.base_values, outputs)
    tolerance = ADDITIVITY_TOLERANCE * max(1.0, float(np.abs(outputs).max()))
    if residual > tolerance:
        raise ExplanationCheckError("additivity to the predictions", found=residual, tolerance=tolerance)
    importance = summarise_attributions(found.values)
    return {
        "method": "shap",
        "algorithm": found.algorithm,
        "engine": found.engine,
        "feature_names": list(task.feature_names),
        "unit": found.unit,
        "background": {
            "size": len(background.rows),
            "sha256": background.sha256,
            "row_ids": background.row_ids.tolist(),
        },
        "base_values": plain_numbers(found.base_values, "base_values"),
        "values": plain_numbers(found.values, "values"),
        "std_error": plain_numbers(found.std_error, "std_error"),
        "additivity_residual": residual,
        "global_importance": {
            "mean_abs": plain_numbers(importance.mean_abs, "global_importance"),
            "interval": plain_interval(importance.low, importance.high),
        },
        "feature_values": plain_cells(rows, categories=task.categories),
    }


def _plain_notice(notice: Notice) -> dict[str, Any]:
    return {name: part for name, part in asdict(notice).items() if part is not None}


def _receipt(prepared: PreparedExplanation, *, seconds: float) -> dict[str, Any]:
    """Return what it takes to compute the answer again, and how long it took this time."""
    request, spec = prepared.request, prepared.spec
    versions = read_versions(spec.family)
    recipe = {
        "data": prepared.data_sha256,
        "model": {**asdict(spec), "parameters": dict(spec.parameters)},
        "target": request.target,
        "split": request.split,
        "dialect": asdict(request.dialect),
        "versions": versions,
    }
    canonical = json.dumps(recipe, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return {
        "data_sha256": prepared.data_sha256,
        "model_sha256": hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest(),
        "model": {"family": spec.family, "name": spec.name},
        "seed": request.seed,
        "versions": versions,
        "seconds": round(seconds, 6),
        "route": request.route,
    }
