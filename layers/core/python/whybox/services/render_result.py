"""Render a result as files: a document, a page, and the attributions row by row as Parquet and CSV."""

from __future__ import annotations

import json
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from whybox.domain.exports import Columns
from whybox.domain.exports.csv_files import write_csv
from whybox.domain.exports.parquet_files import write_parquet
from whybox.domain.models.specs import Label
from whybox.domain.tasks import Int64s
from whybox.errors import ResultNotFiniteError
from whybox.services.deliver_result import RenderedFile
from whybox.services.describe_result import (
    ATTRIBUTIONS_FILE,
    PREDICTIONS_FILE,
    describe_result,
    sample_result,
    summarise_result,
)
from whybox.services.finish_explanation import ExplanationResult

CSV_CELLS: Final = 5_000_000
"""Cells up to which there is a CSV: 100 MB of text; beyond it Parquet is what can still be opened."""

REPORT_ROWS: Final = 1_000
REPORT_CELLS: Final = 300_000
"""Rows and attributions a page is made of at most, but for ten rows; its charts show fewer."""


def render_result(result: ExplanationResult, *, route: str, function: str) -> dict[str, RenderedFile]:
    """Return every file of a result by its name; of a large one no list of rows is ever made.

    ``route`` and ``function`` are where it was computed, for the receipt; nothing else depends on them.

    Raises
    ------
    ResultNotFiniteError
        A number is NaN or infinite.

    """
    place = {"route": route, "function": function}
    document = summarise_result(result)
    document["receipt"] |= place
    files = {"result.json": RenderedFile(_render_json(document), "application/json")}
    if document["explanation"] is not None:
        files["report.html"] = _render_page(result, document, place)
    columns = tabulate_explanation(result)
    files[ATTRIBUTIONS_FILE] = _parquet(columns)
    if "file" in document["predictions"]:
        files[PREDICTIONS_FILE] = _parquet(tabulate_predictions(result))
    if sum(len(column) for column in columns.values()) <= CSV_CELLS:
        files["attributions.csv"] = RenderedFile(write_csv(columns), "text/csv; charset=utf-8")
    return files


def tabulate_explanation(result: ExplanationResult) -> Columns:
    """Return what was explained as columns.

    One line per explained row and class: row id, class, truth, prediction, base value, then the value of each
    column in order, and their standard errors unless all are exactly 0. A permutation importance has one line
    per column of the table instead; without an explanation there are the predictions.
    """
    if result.permuted is not None:
        return _tabulate_importances(result)
    if result.attributed is None:
        return tabulate_predictions(result)
    prepared, attributed = result.prepared, result.attributed
    n_outputs = attributed.values.shape[2]
    columns = _tabulate_rows(result, prepared.rows, classes=_output_classes(result, n_outputs))
    columns["base_value"] = np.tile(attributed.base_values, len(prepared.rows))
    for player, name in enumerate(prepared.player_names):
        columns[f"value.{name}"] = attributed.values[:, player].reshape(-1)
    if attributed.std_error is not None:
        for player, name in enumerate(prepared.player_names):
            columns[f"std_error.{name}"] = attributed.std_error[:, player].reshape(-1)
    _refuse_infinite(columns)
    return columns


def tabulate_predictions(result: ExplanationResult) -> Columns:
    """Return the predictions of all test rows as columns, one line per row and class."""
    task = result.prepared.task
    places = np.arange(len(task.test))
    columns = _tabulate_rows(result, places, classes=list(range(len(task.classes))))
    _refuse_infinite(columns)
    return columns


def _output_classes(result: ExplanationResult, n_outputs: int) -> list[int]:
    """Return the class of each output; the one log-odds of two classes are those of the second."""
    n_classes = len(result.prepared.task.classes)
    return [1] if n_classes == 2 and n_outputs == 1 else list(range(n_classes))


def _tabulate_rows(
    result: ExplanationResult, places: Int64s, *, classes: list[int]
) -> dict[str, NDArray[Any]]:
    """Return ids, truths and predictions of test rows; of a classification one line per class."""
    task, outputs = result.prepared.task, result.fitted.outputs
    ids = task.test[places]
    if task.kind == "regression":
        columns: dict[str, NDArray[Any]] = {"row": ids, "y_true": task.y[ids], "y_pred": outputs[places, 0]}
        if result.intervals is not None:
            columns |= {
                "pi_lower": result.intervals.lower[places],
                "pi_upper": result.intervals.upper[places],
            }
        return columns
    labels, n_classes = _labels(task.classes), len(classes)
    return {
        "row": np.repeat(ids, n_classes),
        "class": np.tile(labels[classes], len(ids)),
        "y_true": np.repeat(labels[task.y[ids].astype(np.int64)], n_classes),
        "y_pred": np.repeat(labels[outputs[places].argmax(axis=1)], n_classes),
        "proba": outputs[places][:, classes].reshape(-1),
    }


def _labels(classes: tuple[Label, ...]) -> NDArray[Any]:
    """Return the classes as an array; words as objects, which is what the writers know as text."""
    return np.array(classes, dtype=object if isinstance(classes[0], str) else None)


def _tabulate_importances(result: ExplanationResult) -> Columns:
    found = result.permuted
    if found is None:
        return {}
    names = np.array(result.prepared.player_names, dtype=object)
    columns: dict[str, NDArray[Any]] = {
        "column": names,
        "importance": found.importances_mean,
        "deviation": found.importances_std,
    }
    low, high = found.interval
    if not np.isnan(low).any():
        columns |= {"low": low, "high": high}
    return columns


def _refuse_infinite(columns: Columns) -> None:
    for name, column in columns.items():
        if column.dtype.kind == "f" and not np.isfinite(column).all():
            raise ResultNotFiniteError(name.partition(".")[0])


def _render_page(result: ExplanationResult, document: dict[str, Any], place: dict[str, str]) -> RenderedFile:
    """Return the report, of a sample of the rows where they are many."""
    from whybox.domain.reports import render_report  # who answers at once starts without it

    n_cells = 1 if result.attributed is None else int(np.prod(result.attributed.values.shape[1:]))
    shown = sample_result(result, n_rows=min(REPORT_ROWS, max(10, REPORT_CELLS // n_cells)))
    if shown is None:
        shown = describe_result(result) if "is_summary" in document else document
    shown["receipt"] |= place
    return RenderedFile(render_report(shown).encode("utf-8", "replace"), "text/html; charset=utf-8")


def _parquet(columns: Columns) -> RenderedFile:
    return RenderedFile(write_parquet(columns), "application/vnd.apache.parquet")


def _render_json(document: dict[str, Any]) -> bytes:
    try:
        text = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except ValueError as error:
        raise ResultNotFiniteError("the result") from error
    return text.encode("utf-8", "replace")
