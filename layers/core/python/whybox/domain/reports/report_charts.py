"""The three charts of a report as HTML tables: ranked columns, the swarm of all rows, one row step by step.

Each picture stands in a table cell between its name and its number, so the chart is its own text version.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from whybox.domain.pages.numerals import (
    align_decimals,
    format_column,
    format_count,
    format_number,
    with_minus,
)
from whybox.domain.pages.web_pages import escape, isolate, isolate_plain
from whybox.domain.reports.answers import output_words, unit_words
from whybox.domain.reports.charts import (
    N_SHADES,
    UNKNOWN_SHADE,
    Scale,
    axis_svg,
    bar_svg,
    fit_scale,
    level_svg,
    shade_by_rank,
    step_svg,
    swarm_svg,
)
from whybox.domain.reports.findings import Findings, RowAttributions

N_BARS = 30  # columns drawn at once; the others follow, folded
N_SWARMS = 12  # columns of the swarm: what fits on one printed page
N_STEPS = 10  # columns of one row that are shown by name
N_DOTS = 400  # dots of one swarm, beyond which more rows show no more
MAX_CELL_LENGTH = 40  # letters of a row's own cell; a text column may hold pages
FIGURE_SPACE = "\u2007"  # as wide as a digit: keeps decimal points under each other

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def importance_chart(findings: Findings) -> str:
    """Return all columns ranked: a bar, its error, and the noise floor where the method has one."""
    ranking = findings.ranking
    floor = ranking.noise_floor
    ends = np.concatenate([ranking.importance - ranking.error, ranking.importance + ranking.error])
    scale = fit_scale(float(np.min(ends, initial=0.0)), float(np.max(ends, initial=floor or 0.0)))
    shown, folded = ranking.order[:N_BARS], ranking.order[N_BARS:]
    chart = _importance_table(findings, shown, scale, caption=_importance_caption(findings))
    if not len(folded):
        return chart
    rest = _importance_table(findings, folded, scale, caption="", first_rank=N_BARS + 1)
    return f"{chart}<details><summary>{len(folded)} more columns</summary>{rest}</details>"


def swarm_chart(findings: Findings, attributions: RowAttributions, output: int) -> str:
    """Return one dot per explained row and column for one output, for the highest ranked columns."""
    columns = findings.ranking.order[:N_SWARMS]
    rows = _spread_rows(len(attributions.values))
    values = attributions.values[rows][:, :, output]
    shown = values[:, columns]
    scale = fit_scale(float(np.min(shown, initial=0.0)), float(np.max(shown, initial=0.0)))
    shades, key = _shade_rows(findings, attributions, rows)
    means = np.abs(attributions.values[:, columns, output]).mean(axis=0)
    numbers = _align([number for number, _ in format_column(means.tolist(), [0.0] * len(columns), digits=3)])
    lines = []
    for column, number in zip(columns.tolist(), numbers, strict=True):
        picture = swarm_svg(
            scale,
            values[:, column],
            shades[:, column],
            title=escape(isolate_plain(findings.feature_names[column])),
            description=_range_words(values[:, column]),
        )
        name = _head_cell(isolate(findings.feature_names[column]))
        lines.append(_row(name, _plot_cell(picture), _amount_cell(number)))
    caption = (
        f"Each dot is one of {format_count(len(rows))} rows; right of zero the column raised "
        f"{output_words(findings, output, write=isolate)}, left of zero it lowered it.{key}"
    )
    head = _head(scale, before=(("name", "column"),), after=(("num amount", "mean size"),))
    return _table("swarm unranked", head, lines, caption=caption)


def row_chart(findings: Findings, attributions: RowAttributions, row: int, *, output: int) -> str:
    """Return how one explained row gets from the base value to its prediction, the largest steps first."""
    steps = _steps(findings, attributions, row, output)
    base = float(attributions.base_values[row, output])
    levels = base + np.concatenate([[0.0], np.cumsum([amount for _, _, amount, _ in steps])])
    scale = fit_scale(float(np.min(levels)), float(np.max(levels)))
    pairs = format_column([amount for _, _, amount, _ in steps], [error for _, _, _, error in steps])
    amounts = _align([_signed(number) for number, _ in pairs])
    has_errors = any(error for _, error in pairs)
    lines = [_level_row(scale, "base value", base, has_errors=has_errors)]
    for place, (name, own, _, _) in enumerate(steps):
        picture = step_svg(scale, float(levels[place]), float(levels[place + 1]))
        cells = (_head_cell(name), f'<td role="cell" class="num own">{own}</td>', _plot_cell(picture))
        lines.append(_row(*cells, _amount_cell(amounts[place]), _error_cell(pairs[place][1]) * has_errors))
    answer = float(attributions.answers[row, output])
    lines.append(_level_row(scale, "prediction", answer, has_errors=has_errors))
    head = _head(
        scale,
        before=(("name", "column"), ("num own", "its value")),
        after=(("num amount", "moves it by"), ("error", "± error"))[: 1 + has_errors],
    )
    return _table("steps unranked", head, lines)


def _importance_table(
    findings: Findings, columns: Integers, scale: Scale, *, caption: str, first_rank: int = 1
) -> str:
    ranking = findings.ranking
    values, errors = ranking.importance[columns].tolist(), ranking.error[columns].tolist()
    pairs = format_column(values, errors)
    numbers = _align([with_minus(number) for number, _ in pairs])
    has_errors = any(error for _, error in pairs)
    lines = []
    for place, column in enumerate(columns.tolist()):
        picture = bar_svg(scale, values[place], errors[place], noise_floor=ranking.noise_floor)
        is_faint = ranking.noise_floor is not None and values[place] <= ranking.noise_floor
        lines.append(
            _row(
                f'<td role="cell" class="rank">{first_rank + place}</td>',
                _head_cell(isolate(findings.feature_names[column])),
                _plot_cell(picture),
                _amount_cell(numbers[place]),
                _error_cell(pairs[place][1]) * has_errors,
                kind="faint" if is_faint else "",
            )
        )
    head = _head(
        scale,
        before=(("rank", "#"), ("name", "column")),
        after=(("num amount", "importance"), ("error", "± std. error"))[: 1 + has_errors],
    )
    return _table("ranked", head, lines, caption=caption)


def _importance_caption(findings: Findings) -> str:
    unit = escape(unit_words(findings))
    whiskers = "Whiskers and ± are one standard error"
    if findings.method != "permutation":
        over = " and classes" if len(findings.outputs) > 2 else ""
        return f"Mean absolute SHAP value over the explained rows{over}, in {unit}. {whiskers} of that mean."
    lost = f"What the model loses, in {unit}, when one column is shuffled. {whiskers} over the shuffles."
    if findings.ranking.noise_floor is None:
        return lost
    floor = format_number(findings.ranking.noise_floor, digits=2)
    return (
        f'{lost} The <span class="noise-key">dashed line</span> at {floor} is the noise floor: columns that '
        "carry nothing stay below it in 19 of 20 tables."
    )


def _steps(
    findings: Findings, attributions: RowAttributions, row: int, output: int
) -> list[tuple[str, str, float, float]]:
    """Return (name, own value, amount, error) of the columns of one row, the small ones as one step."""
    values, errors = attributions.values[row, :, output], attributions.std_error[row, :, output]
    order = np.argsort(-np.abs(values), kind="stable")
    # One column alone is named rather than called "1 other column".
    named = order[: N_STEPS if len(order) > N_STEPS + 1 else len(order)]
    steps = [
        (
            isolate(findings.feature_names[column]),
            _cell_text(attributions, row, column),
            float(values[column]),
            float(errors[column]),
        )
        for column in named.tolist()
    ]
    rest = order[len(named) :]
    if len(rest):
        # A row adds up exactly, so the errors of its columns cancel out: on average over the choice of
        # columns they are negatively correlated, and the root of the sum of squares is not too small.
        error = float(np.sqrt(np.square(errors[rest]).sum()))
        steps.append((f"{len(rest)} other columns", "", float(values[rest].sum()), error))
    return steps


def _shade_rows(findings: Findings, attributions: RowAttributions, rows: Integers) -> tuple[Integers, str]:
    """Return (rows, p) palette steps and their key: each column's own value if known, else the true class."""
    n_columns = len(findings.feature_names)
    if len(attributions.feature_values):
        cells = np.array(
            [[_number(cell) for cell in attributions.feature_values[row]] for row in rows.tolist()]
        )
        shades = np.column_stack([shade_by_rank(cells[:, column]) for column in range(n_columns)])
        ramp = "".join(_swatch(shade) for shade in range(N_SHADES))
        key = f"<span>dot colour: the column’s own value, low {ramp} high</span>"
        has_unknown = bool((shades[:, findings.ranking.order[:N_SWARMS]] == UNKNOWN_SHADE).any())
        unknown = f"<span>{_swatch(UNKNOWN_SHADE)} missing, or no number</span>" if has_unknown else ""
        return shades, f'<span class="key">{key}{unknown}</span>'
    truth = [
        str(findings.y_true[place]) for place in attributions.rows.tolist() if place < len(findings.y_true)
    ]
    labels = [label for label in findings.classes if label in truth]
    if len(truth) != len(attributions.rows) or not 1 < len(labels) <= N_SHADES:
        return np.full((len(rows), n_columns), 1), ""
    steps = {label: round(place * (N_SHADES - 1) / (len(labels) - 1)) for place, label in enumerate(labels)}
    one_column = np.array([steps[truth[row]] for row in rows.tolist()])
    key = "".join(f"<span>{_swatch(steps[label])} {isolate(label)}</span>" for label in labels)
    shades = np.repeat(one_column[:, None], n_columns, axis=1)
    return shades, f'<span class="key"><span>dot colour: the true class</span>{key}</span>'


def _range_words(values: Floats) -> str:
    low, middle, high = (
        with_minus(format_number(float(edge), digits=3)) for edge in np.quantile(values, (0, 0.5, 1))
    )
    return f"from {low} to {high}, the median is {middle}"


def _spread_rows(n_rows: int) -> Integers:
    """Return all rows, or evenly spread ones where there are more than a swarm can show."""
    return np.unique(np.linspace(0, n_rows - 1, min(n_rows, N_DOTS)).round().astype(np.int64))


def _cell_text(attributions: RowAttributions, row: int, column: int) -> str:
    if not len(attributions.feature_values):
        return ""
    cell = attributions.feature_values[row][column]
    if cell is None or cell == "":
        return "missing"
    number = _number(cell)
    if np.isfinite(number):
        return with_minus(format_number(number))
    text = str(cell)
    return isolate(text if len(text) <= MAX_CELL_LENGTH else f"{text[: MAX_CELL_LENGTH - 1]}…")


def _number(cell: Any) -> float:
    try:
        return float(cell)
    except (TypeError, ValueError):
        return float("nan")


def _swatch(shade: int) -> str:
    return f'<svg viewBox="0 0 10 10" aria-hidden="true"><path class="v{shade}" d="M5 5h0"/></svg> '


def _level_row(scale: Scale, name: str, value: float, *, has_errors: bool) -> str:
    picture = level_svg(scale, value, is_first=name == "base value")
    amount = with_minus(format_number(value))
    cells = (_head_cell(name), '<td role="cell" class="own"></td>', _plot_cell(picture), _amount_cell(amount))
    return _row(*cells, _error_cell("") * has_errors, kind="total")


def _table(kind: str, head: str, lines: Sequence[str], *, caption: str = "") -> str:
    title = f"<caption>{caption}</caption>" if caption else ""
    # The roles repeat what the elements mean: on a phone the rows are laid out as a grid, and some browsers
    # then forget that they are rows.
    body = f'<tbody role="rowgroup">{"".join(lines)}</tbody>'
    return f'<table class="chart {kind}" role="table">{title}{head}{body}</table>'


def _head(scale: Scale, *, before: Sequence[tuple[str, str]], after: Sequence[tuple[str, str]]) -> str:
    def cells(titles: Sequence[tuple[str, str]]) -> str:
        return "".join(
            f'<th role="columnheader" scope="col" class="{kind}">{text}</th>' for kind, text in titles
        )

    inside = f"{cells(before)}{_plot_cell(axis_svg(scale))}{cells(after)}"
    return f'<thead role="rowgroup"><tr role="row">{inside}</tr></thead>'


def _row(*cells: str, kind: str = "") -> str:
    return f'<tr role="row"{f" class={kind}" if kind else ""}>{"".join(cells)}</tr>'


def _head_cell(text: str) -> str:
    return f'<th role="rowheader" class="name" scope="row">{text}</th>'


def _plot_cell(picture: str) -> str:
    return f'<td role="cell" class="plot">{picture}</td>'


def _amount_cell(text: str) -> str:
    return f'<td role="cell" class="num amount">{text}</td>'


def _error_cell(error: str) -> str:
    return f'<td role="cell" class="error">{f"± {error}" if error else ""}</td>'


def _align(numbers: list[str]) -> list[str]:
    return align_decimals(numbers, pad=FIGURE_SPACE)


def _signed(number: str) -> str:
    return with_minus(number) if number.startswith("-") or float(number) == 0 else f"+{number}"
