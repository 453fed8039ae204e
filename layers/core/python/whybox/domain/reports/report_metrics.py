"""How good the explained model is, as a report shows it: scores, confusion of classes, predicted and true."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from whybox.domain.pages.numerals import format_column, format_count, format_number, with_minus
from whybox.domain.pages.web_pages import escape, isolate
from whybox.domain.reports.charts import fit_scale, scatter_svg
from whybox.domain.reports.findings import Findings

N_HEATS = 5  # steps of the confusion table's shading, h1 ... h5
N_CONFUSED = 12  # classes beyond which a confusion table is no longer readable
N_CLOUD = 2000  # dots of the predicted-against-true picture

Scores = Mapping[str, Any]


def metrics_section(findings: Findings) -> str:
    """Return the scores of the test rows with the picture that fits the task."""
    picture = _confusion(findings) if findings.is_classification else _cloud(findings)
    inside = "".join(f"<div>{block}</div>" for block in (picture, _score_tables(findings)) if block)
    return f'<div class="grid2">{inside}</div>' if inside else ""


def headline_score(findings: Findings) -> tuple[str, str, str] | None:
    """Return (name, number, small print) of the one score that stands at the top of the page."""
    for key, name in (("accuracy", "accuracy"), ("r2", "R²"), ("R² Score", "R²")):
        score = findings.metrics.get(key)
        number = score.get("value") if isinstance(score, Mapping) else score
        if isinstance(number, int | float):
            return name, with_minus(format_number(number, digits=3)), f"on {_row_words(findings.n_test_rows)}"
    return None


def _row_words(n_rows: int) -> str:
    return f"{format_count(n_rows)} test row{'' if n_rows == 1 else 's'}"


def _confusion(findings: Findings) -> str:
    """Return the counts of each true class against each predicted one; nothing for very many classes."""
    place = {label: index for index, label in enumerate(findings.classes)}
    if not findings.y_true or len(place) > N_CONFUSED:
        return ""
    if findings.confusion is None:
        truth, predicted = ([place[str(y)] for y in labels] for labels in (findings.y_true, findings.y_pred))
        counts = np.zeros((len(place), len(place)), dtype=np.int64)
        np.add.at(counts, (truth, predicted), 1)
    else:
        counts = np.asarray(findings.confusion, dtype=np.int64)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    head = "".join(f'<th scope="col">{isolate(label)}</th>' for label in place)
    lines = []
    for label, row in place.items():
        cells = "".join(
            f'<td class="h{_heat(share)}">{format_count(count)}</td>'
            for count, share in zip(counts[row].tolist(), shares[row].tolist(), strict=True)
        )
        lines.append(f'<tr><th scope="row">{isolate(label)}</th>{cells}</tr>')
    return (
        '<h3>True class against predicted class</h3><div class="scroll"><table class="heat">'
        f'<thead><tr><th scope="col">true ╲ predicted</th>{head}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table></div>"
        '<p class="note">A line of the table is a true class; the stronger the colour, the larger its share.'
        "</p>"
    )


def _heat(share: float) -> int:
    return 0 if share == 0 else min(N_HEATS, 1 + int(share * N_HEATS))


def _cloud(findings: Findings) -> str:
    """Return a picture of predicted against true values, with prediction intervals where there are some."""
    truth = np.asarray(findings.y_true, dtype=np.float64)
    predicted = np.asarray(findings.y_pred, dtype=np.float64)
    if not len(truth):
        return ""
    rows = np.unique(np.linspace(0, len(truth) - 1, min(len(truth), N_CLOUD)).round().astype(np.int64))
    spans = (
        [] if findings.intervals is None else [(low, high) for low, high in findings.intervals[rows].tolist()]
    )
    edges = [*truth[rows].tolist(), *predicted[rows].tolist(), *(edge for span in spans for edge in span)]
    title = f"Predicted against true values of {_row_words(len(rows))}"
    picture = scatter_svg(
        fit_scale(min(edges), max(edges)), truth[rows], predicted[rows], title=title, spans=spans
    )
    bars = " Upright lines are prediction intervals." if spans else ""
    return (
        f'<h3>Predicted (up) against true (across)</h3><div class="cloud">{picture}</div>'
        f'<p class="note">{title}; on the slanted line a prediction is right.{bars}</p>'
    )


def _score_tables(findings: Findings) -> str:
    """Return every number of the metrics: one table of single scores, one of scores per class."""
    single: dict[str, str] = {}
    grouped: dict[str, Scores] = {}
    _sort_scores(findings.metrics, single, grouped)
    parts = []
    if single:
        lines = "".join(
            f'<tr><th scope="row">{isolate(name)}</th><td class="num">{text}</td></tr>'
            for name, text in single.items()
        )
        parts.append(f"<h3>Scores on the test rows</h3><table><tbody>{lines}</tbody></table>")
    if grouped:
        parts.append(f'<h3>Scores per class</h3><div class="scroll">{_group_table(grouped)}</div>')
    return "".join(parts)


def _sort_scores(metrics: Scores, single: dict[str, str], grouped: dict[str, Scores]) -> None:
    """Tell single scores from those of a class; what holds nothing but classes is opened."""
    for name, score in metrics.items():
        if not isinstance(score, Mapping) or "value" in score:
            single[name] = _score_text(score)
        elif score and all(isinstance(inner, Mapping) and "value" not in inner for inner in score.values()):
            _sort_scores(score, single, grouped)
        else:
            grouped[name] = score


def _group_table(grouped: Mapping[str, Scores]) -> str:
    columns = list(dict.fromkeys(key for scores in grouped.values() for key in scores))
    texts = [_column_texts([scores.get(column) for scores in grouped.values()]) for column in columns]
    head = "".join(f'<th scope="col" class="num">{escape(column)}</th>' for column in columns)
    lines = "".join(
        f'<tr><th scope="row">{isolate(name)}</th>'
        + "".join(f'<td class="num">{column[place]}</td>' for column in texts)
        + "</tr>"
        for place, name in enumerate(grouped)
    )
    return f'<table><thead><tr><th scope="col">class</th>{head}</tr></thead><tbody>{lines}</tbody></table>'


def _column_texts(scores: list[Any]) -> list[str]:
    if all(isinstance(score, float) for score in scores):
        if all(score.is_integer() for score in scores):
            return [format_count(int(score)) for score in scores]
        return [with_minus(number) for number, _ in format_column(scores, [0.0] * len(scores))]
    return [_score_text(score) for score in scores]


def _score_text(score: Any) -> str:
    if isinstance(score, Mapping):
        interval = score.get("interval")
        text = _score_text(score.get("value"))
        return f"{text} ({_score_text(interval[0])} to {_score_text(interval[1])})" if interval else text
    if isinstance(score, bool) or not isinstance(score, int | float):
        return "" if score is None else escape(score)
    return format_count(score) if isinstance(score, int) else with_minus(format_number(score))
