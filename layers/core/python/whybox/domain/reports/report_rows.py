"""Single rows of a report: which to show, what was predicted for them, and the steps that led there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from whybox.domain.pages.numerals import format_count, format_number, with_minus
from whybox.domain.pages.web_pages import isolate
from whybox.domain.reports.answers import output_words
from whybox.domain.reports.findings import Findings, RowAttributions
from whybox.domain.reports.report_charts import row_chart


def single_rows(findings: Findings, attributions: RowAttributions) -> str:
    """Return the first explained row and the one the model is most wrong about, each step by step."""
    parts = []
    for heading, row in _choose_rows(findings, attributions):
        output = _output_of_row(findings, attributions, row)
        words = _row_words(findings, attributions, row, output)
        chart = row_chart(findings, attributions, row, output=output)
        parts.append(f"<h3>{heading}</h3><p>{words}</p>{chart}")
    return "".join(parts)


def _choose_rows(findings: Findings, attributions: RowAttributions) -> Iterator[tuple[str, int]]:
    yield "The first row", 0
    if not findings.y_true:
        return
    errors = [_wrongness(findings, attributions, row) for row in range(len(attributions.rows))]
    worst = int(np.argmax(errors))
    if worst != 0 and errors[worst] > 0:
        yield "The row it is most wrong about", worst


def _wrongness(findings: Findings, attributions: RowAttributions, row: int) -> float:
    """Return how far off the prediction of a row is: 0 if right, else how sure the model was of it."""
    place = int(attributions.rows[row])
    truth, predicted = findings.y_true[place], findings.y_pred[place]
    if not findings.is_classification:
        return abs(float(truth) - float(predicted))
    if str(truth) == str(predicted):
        return 0.0
    return abs(float(attributions.answers[row, _output_of_row(findings, attributions, row)]))


def _output_of_row(findings: Findings, attributions: RowAttributions, row: int) -> int:
    """Return the output to explain a row by: its predicted class where every class has one."""
    place = int(attributions.rows[row])
    label = str(findings.y_pred[place]) if place < len(findings.y_pred) else ""
    is_one = findings.is_classification and label in findings.outputs
    return findings.outputs.index(label) if is_one else findings.shown_output


def _row_words(findings: Findings, attributions: RowAttributions, row: int, output: int) -> str:
    place = int(attributions.rows[row])
    answer = with_minus(format_number(float(attributions.answers[row, output]), digits=3))
    number = findings.test_places[place] if place < len(findings.test_places) else place
    name = f"Test row {format_count(number + 1)}"
    if place >= len(findings.y_true):
        return f"{name}: the prediction is {answer}."
    truth = _label(findings.y_true[place])
    if not findings.is_classification:
        return f"{name}: the prediction is {answer}, the truth is {truth}."
    moved = output_words(findings, output, write=isolate)
    return (
        f"{name}: predicted {_label(findings.y_pred[place])}, the truth is {truth}. "
        f"This is how {moved} came out as {answer}:"
    )


def _label(value: Any) -> str:
    return with_minus(format_number(value)) if isinstance(value, float) else isolate(value)
