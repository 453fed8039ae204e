"""The report: one result document as one page that a person can read, print, keep and check.

document ──read_findings──▶ answer · facts · warnings · charts · scores · proof · receipt ──▶ HTML
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from whybox.domain.pages.numerals import format_count, format_number, with_minus
from whybox.domain.pages.web_pages import escape, isolate, isolate_plain, render_page
from whybox.domain.reports.answers import algorithm_words, answer_in_words, unit_words
from whybox.domain.reports.findings import Findings, RowAttributions, read_findings
from whybox.domain.reports.report_charts import importance_chart, swarm_chart
from whybox.domain.reports.report_metrics import headline_score, metrics_section
from whybox.domain.reports.report_rows import single_rows

__all__ = ["render_report"]

N_CLASS_SWARMS = 4  # classes with a swarm of their own; more would hide what differs between them
N_LISTED = 10  # entries of a list in the receipt


def render_report(document: Mapping[str, Any]) -> str:
    """Return a result document as one self-contained HTML page.

    Same document, same bytes: the page shows no time and no number that is not in the document or computed
    from it. Raises ResultDocumentError where the document lacks a part.
    """
    findings = read_findings(document)
    attributions = findings.attributions
    headline, lead = answer_in_words(findings, write=isolate)
    sections = [
        f"<h1>{headline}</h1>" + (f'<p class="lead">{lead}</p>' if lead else ""),
        _facts(findings),
        _warnings(findings),
        _section("columns", "Which columns matter", importance_chart(findings)),
    ]
    if attributions is not None:
        rows = single_rows(findings, attributions)
        sections += [
            _section("swarm", "Where each column pushes", _swarms(findings, attributions)),
            _section("row", "Why one row came out as it did", rows),
        ]
    sections.append(_section("scores", "How good the model is", metrics_section(findings)))
    if attributions is not None:
        sections.append(_section("proof", "Proof that it adds up", _proof(findings, attributions)))
    sections.append(_section("receipt", "Receipt", _receipt(findings)))
    top = findings.feature_names[int(findings.ranking.order[0])]
    return render_page(f"{isolate_plain(top)} and the rest · whybox", "\n".join(filter(None, sections)))


def _section(name: str, title: str, inside: str) -> str:
    if not inside:
        return ""
    return f'<section aria-labelledby="{name}"><h2 id="{name}">{title}</h2>\n{inside}</section>'


def _facts(findings: Findings) -> str:
    """Return the few numbers that stand at the top of the page."""
    score, seconds = headline_score(findings), findings.receipt.get("seconds")
    unit = f"importance in {escape(unit_words(findings))}"
    method = "SHAP" if findings.method == "shap" else escape(findings.method)
    facts = [] if score is None else [score]
    facts.append(("columns", format_count(len(findings.feature_names)), unit))
    facts.append(("method", method, escape(algorithm_words(findings))))
    if findings.attributions is not None:
        facts += _sum_facts(findings, findings.attributions)
    if isinstance(seconds, int | float):
        facts.append(("computed in", f"{format_number(seconds, digits=2)}\u00a0s", ""))
    inside = "".join(
        f"<div><dt>{name}</dt><dd>{number}{f'<small>{small}</small>' if small else ''}</dd></div>"
        for name, number, small in facts
    )
    return f'<dl class="facts">{inside}</dl>'


def _sum_facts(findings: Findings, attributions: RowAttributions) -> list[tuple[str, str, str]]:
    output = findings.shown_output
    base = float(attributions.base_values[:, output].mean())
    whose = f"class {isolate(findings.outputs[output])}" if findings.is_classification else "mean prediction"
    facts = [("base value", with_minus(format_number(base, digits=3)), whose)]
    gap = _largest_gap(findings, attributions)
    if gap is not None:
        facts.append(("largest gap", format_number(gap, digits=2), "between sum and prediction"))
    return facts


def _warnings(findings: Findings) -> str:
    lines = []
    for warning in findings.warnings:
        column = warning.get("column")
        about = f" (column {isolate(column)})" if column else ""
        code, detail = escape(warning.get("code", "")), isolate(warning.get("detail", ""))
        lines.append(f"<li>{detail}{about} <code>{code}</code></li>")
    return f'<ul class="alerts" aria-label="Warnings">{"".join(lines)}</ul>' if lines else ""


def _swarms(findings: Findings, attributions: RowAttributions) -> str:
    n_outputs = len(findings.outputs)
    if n_outputs <= 2:
        return swarm_chart(findings, attributions, findings.shown_output)
    charts = [
        f"<h3>Class {isolate(name)}</h3>{swarm_chart(findings, attributions, output)}"
        for output, name in enumerate(findings.outputs[:N_CLASS_SWARMS])
    ]
    if n_outputs > N_CLASS_SWARMS:
        rest = n_outputs - N_CLASS_SWARMS
        charts.append(f'<p class="note">{rest} more classes are in the result document.</p>')
    return "".join(charts)


def _proof(findings: Findings, attributions: RowAttributions) -> str:
    n_rows, n_columns, n_outputs = attributions.values.shape
    unit = escape(unit_words(findings))
    lines = []
    if attributions.stated_residual is not None:
        lines.append(
            f"For every explained row, base value + {n_columns} attributions = the model’s own answer. Over "
            f"{format_count(n_rows * n_outputs)} sums the largest gap is "
            f"<strong>{format_number(attributions.stated_residual, digits=2)}</strong> ({unit})."
        )
    recomputed = _recompute_gap(findings, attributions)
    if recomputed is not None:
        lines.append(
            "Added up once more while this page was made, from the numbers of the document against its "
            f"predicted probabilities: <strong>{format_number(recomputed, digits=2)}</strong>."
        )
    errors = attributions.std_error
    if errors.any():
        median, largest = (
            format_number(float(edge), digits=2) for edge in (np.median(errors), np.max(errors))
        )
        lines.append(
            f"The attributions are estimates: the standard error of one is {median} at the median and "
            f"{largest} at most. Their sum is exact all the same."
        )
    else:
        lines.append("Every attribution is exact: its standard error is 0.")
    return "".join(f"<p>{line}</p>" for line in lines)


def _largest_gap(findings: Findings, attributions: RowAttributions) -> float | None:
    stated = attributions.stated_residual
    return _recompute_gap(findings, attributions) if stated is None else stated


def _recompute_gap(findings: Findings, attributions: RowAttributions) -> float | None:
    """Return the largest gap between the sums and the predicted probabilities, None without such."""
    if findings.scores is None or findings.unit != "probability":
        return None
    predicted = findings.scores[attributions.rows]
    if predicted.shape != attributions.answers.shape:
        return None
    return float(np.max(np.abs(predicted - attributions.answers)))


def _receipt(findings: Findings) -> str:
    entries = (*_flatten(findings.background, "background"), *_flatten(findings.receipt))
    lines = "".join(f'<dt>{escape(name)}</dt><dd class="mono">{text}</dd>' for name, text in entries)
    return f'<dl class="pairs">{lines}</dl>' if lines else ""


def _flatten(part: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in part.items():
        title = f"{prefix} {name}".strip().replace("_", " ")
        if isinstance(value, Mapping):
            yield from _flatten(value, title)
        elif isinstance(value, Sequence) and not isinstance(value, str):
            shown = ", ".join(isolate(entry) for entry in value[:N_LISTED])
            yield title, f"{shown} … ({format_count(len(value))})" if len(value) > N_LISTED else shown
        elif isinstance(value, float):
            yield title, with_minus(format_number(value))
        elif value is not None:
            yield title, isolate(value)
