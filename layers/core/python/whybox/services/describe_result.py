"""Describe a result in plain Python values: whole, or without what is long, or by a sample of its rows."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from whybox.domain.explanations.global_importances import summarise_attributions
from whybox.domain.notices import Notice
from whybox.domain.plain_values import plain_cells, plain_interval, plain_numbers
from whybox.domain.tasks import Int64s
from whybox.services.finish_explanation import AttributedRows, ExplanationResult
from whybox.services.prepare_explanation import PreparedExplanation
from whybox.services.read_versions import read_versions

Document = dict[str, Any]

ATTRIBUTIONS_FILE: Final = "attributions.parquet"
PREDICTIONS_FILE: Final = "predictions.parquet"
SUMMARY_CELLS: Final = 200_000
"""Numbers a document holds per row at most, of the predictions and of the attributions: 4 MB of JSON each at
worst. With more, a file has them."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How an attribution is told.

    ``has_cells``: with the explained rows' cells. ``has_output_axis``: values, standard errors, base values
    and importances with an axis for outputs, also where there is one only.
    """

    has_cells: bool = True
    has_output_axis: bool = True


FULL_LAYOUT: Final = Layout()


@dataclass(frozen=True, slots=True, eq=False)
class _Shown:
    """What is told of single rows: test rows and explained rows by position, None for none of them."""

    test: Int64s | None
    explained: Int64s | None


def describe_result(result: ExplanationResult, layout: Layout = FULL_LAYOUT) -> Document:
    """Return the whole result document, whatever its size.

    Same bytes, request and versions give the same document, but for ``receipt.seconds``.

    Raises
    ------
    ResultNotFiniteError
        A number is NaN or infinite.

    """
    everything = _Shown(np.arange(len(result.prepared.task.test)), np.arange(len(result.prepared.rows)))
    return _describe(result, everything, layout)


def summarise_result(result: ExplanationResult) -> Document:
    """Return the result document, with the name of a file in place of what would be too long a list."""
    task, n_explained = result.prepared.task, len(result.prepared.rows)
    has_rows = _count_predictions(result) <= SUMMARY_CELLS
    has_attributions = _count_attributions(result) <= SUMMARY_CELLS
    if has_rows and has_attributions:
        return describe_result(result)
    shown = _Shown(
        np.arange(len(task.test)) if has_rows else None, np.arange(n_explained) if has_attributions else None
    )
    return _describe(result, shown) | {"is_summary": True}


def sample_result(result: ExplanationResult, *, n_rows: int) -> Document | None:
    """Return a document of evenly spaced rows with the scores and importances of all; None if all are few."""
    task, prepared = result.prepared.task, result.prepared
    if max(len(task.test), len(prepared.rows)) <= n_rows:
        return None
    explained = _spread(len(prepared.rows), n_rows)
    places = prepared.rows[explained]
    document = _describe(result, _Shown(places, explained))
    document["predictions"] |= {"n_rows": len(task.test), "places": places.tolist()}
    if task.kind == "classification":
        document["predictions"]["confusion"] = _count_confusions(result).tolist()
    if document["explanation"] is not None:
        document["explanation"].pop("rows", None)  # each row of the attributions is one of the predictions
        document["explanation"]["n_rows"] = len(prepared.rows)
    detail = (
        f"this page shows {len(places)} of {len(prepared.rows)} rows, evenly spaced; scores and importances "
        "are of all rows"
    )
    document["warnings"].append(_plain_notice(Notice("rows-sampled", detail)))
    return document


def _describe(result: ExplanationResult, shown: _Shown, layout: Layout = FULL_LAYOUT) -> Document:
    task, model = result.prepared.task, result.fitted.model
    return {
        "predictions": _predictions(result, shown.test),
        "metrics": dict(result.metrics),
        "explanation": _explanation(result, shown.explained, layout),
        "warnings": [_plain_notice(notice) for notice in (*task.warnings, *model.notices)],
        "receipt": _receipt(result.prepared, seconds=result.seconds),
    }


def _predictions(result: ExplanationResult, places: Int64s | None) -> Document:
    """Return the predictions of test rows, or the name of the file that has them."""
    task, outputs = result.prepared.task, result.fitted.outputs
    is_classification = task.kind == "classification"
    if places is None:
        told: Document = {"n_rows": len(task.test), "file": PREDICTIONS_FILE}
        told |= {"classes": list(task.classes)} if is_classification else {}
    elif is_classification:
        told = {
            "row_ids": task.test[places].tolist(),
            "classes": list(task.classes),
            "y_true": [task.classes[code] for code in task.y[task.test[places]].tolist()],
            "y_pred": [task.classes[code] for code in outputs[places].argmax(axis=1).tolist()],
            "proba": plain_numbers(outputs[places], "proba"),
        }
    else:
        told = {
            "row_ids": task.test[places].tolist(),
            "y_true": plain_numbers(task.y[task.test[places]].astype(np.float64), "y_true"),
            "y_pred": plain_numbers(outputs[places, 0], "y_pred"),
        }
    return told | _intervals(result, places)


def _intervals(result: ExplanationResult, places: Int64s | None) -> Document:
    intervals, task = result.intervals, result.prepared.task
    if intervals is None:
        return {}
    ends: Document = {}
    if places is not None:
        ends = {
            "pi_lower": plain_numbers(intervals.lower[places], "pi_lower"),
            "pi_upper": plain_numbers(intervals.upper[places], "pi_upper"),
        }
    return ends | {
        "pi_coverage": intervals.coverage(task.y[task.test].astype(np.float64)),
        "pi_level": intervals.level,
        "pi_method": intervals.method,
    }


def _explanation(result: ExplanationResult, chosen: Int64s | None, layout: Layout) -> Document | None:
    if result.permuted is not None:
        return _permuted(result)
    if result.attributed is None:
        return None
    prepared, attributed = result.prepared, result.attributed
    background, importance = attributed.background, summarise_attributions(attributed.values)
    outputs = slice(None) if layout.has_output_axis else 0
    values, std_error = _values(attributed, chosen, outputs)
    told: Document = {
        "method": "shap",
        "algorithm": attributed.algorithm,
        "engine": attributed.engine,
        "feature_names": list(prepared.player_names),
        "unit": prepared.unit,
        "background": {
            "size": len(background.rows),
            "sha256": background.sha256,
            "row_ids": background.row_ids.tolist(),
        },
        "base_values": plain_numbers(attributed.base_values[..., outputs], "base_values"),
        "values": values,
        "std_error": std_error,
        "additivity_residual": attributed.additivity_residual,
        "global_importance": {
            "mean_abs": plain_numbers(importance.mean_abs[..., outputs], "global_importance"),
            "interval": plain_interval(importance.low[..., outputs], importance.high[..., outputs]),
        },
    }
    if chosen is not None and layout.has_cells:
        told["feature_values"] = _cells(prepared, chosen)
    return told | _asked(prepared, chosen)


def _values(attributed: AttributedRows, chosen: Int64s | None, outputs: slice | int) -> tuple[Any, Any]:
    """Return values and standard errors of the chosen rows, or the name of the file that has them all."""
    if chosen is None:
        place = {"file": ATTRIBUTIONS_FILE, "shape": list(attributed.values.shape)}
        return place, 0.0 if attributed.std_error is None else place
    values = attributed.values[chosen][..., outputs]
    errors = attributed.std_error
    std_error = np.zeros_like(values) if errors is None else errors[chosen][..., outputs]
    return plain_numbers(values, "values"), plain_numbers(std_error, "std_error")


def _cells(prepared: PreparedExplanation, chosen: Int64s) -> list[list[Any]]:
    """Return the cells of explained rows, one per player; a group of several columns has none of its own."""
    task = prepared.task
    rows = plain_cells(task.X[task.test[prepared.rows[chosen]]], categories=task.categories)
    if not prepared.has_groups:
        return rows
    columns = [members[0] if len(members) == 1 else None for members in prepared.members.values()]
    return [[None if column is None else row[column] for column in columns] for row in rows]


def _asked(prepared: PreparedExplanation, chosen: Int64s | None) -> Document:
    """Return which rows and groups the caller chose."""
    told: Document = {}
    if prepared.request.rows is not None and chosen is not None:
        places = prepared.rows[chosen]
        told |= {"rows": places.tolist(), "row_ids": prepared.task.test[places].tolist()}
    if prepared.has_groups:
        names = prepared.task.feature_names
        told["groups"] = {
            name: [names[column] for column in columns] for name, columns in prepared.members.items()
        }
    return told


def _permuted(result: ExplanationResult) -> Document | None:
    found, prepared = result.permuted, result.prepared
    if found is None:
        return None
    return {
        "method": "permutation",
        "algorithm": "scikit-learn shuffles",
        "feature_names": list(prepared.player_names),
        "importances_mean": plain_numbers(found.importances_mean, "importances_mean"),
        "importances_std": plain_numbers(found.importances_std, "importances_std"),
        "n_repeats": prepared.request.n_repeats,
        "scoring": found.scoring,
        "unit": found.unit,
        "baseline_score": found.baseline_score,
        "interval": plain_interval(*found.interval),
        "noise_floor": found.noise_floor,
    } | _asked(prepared, None)


def _plain_notice(notice: Notice) -> Document:
    return {name: part for name, part in asdict(notice).items() if part is not None}


def _receipt(prepared: PreparedExplanation, *, seconds: float) -> Document:
    """Return what it takes to compute the answer again, and how long it took this time."""
    request, spec = prepared.request, prepared.spec
    versions = read_versions(spec.family)
    split = request.split if isinstance(request.split, str) else asdict(request.split)
    recipe = {
        "data": prepared.data_sha256,
        "model": {**asdict(spec), "parameters": dict(spec.parameters)},
        "target": request.target,
        "split": split,
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


def _spread(n_rows: int, n_shown: int) -> Int64s:
    """Return all positions, or evenly spaced ones where there are more than can be shown."""
    return np.unique(np.linspace(0, n_rows - 1, min(n_rows, n_shown)).round().astype(np.int64))


def _count_predictions(result: ExplanationResult) -> int:
    n_outputs: int = result.fitted.outputs.shape[1]
    return len(result.prepared.task.test) * (3 + n_outputs)


def _count_attributions(result: ExplanationResult) -> int:
    """Return values, standard errors and cells."""
    if result.attributed is None:
        return 0
    n_rows, n_players, n_outputs = result.attributed.values.shape
    return int(n_rows * n_players * (2 * n_outputs + 1))


def _count_confusions(result: ExplanationResult) -> NDArray[np.int64]:
    """Return test rows by true and predicted class, (n_classes, n_classes)."""
    task, n_classes = result.prepared.task, len(result.prepared.task.classes)
    pairs = task.y[task.test].astype(np.int64) * n_classes + result.fitted.outputs.argmax(axis=1)
    return np.bincount(pairs, minlength=n_classes**2).reshape(n_classes, n_classes)
