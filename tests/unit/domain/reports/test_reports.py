"""The report shows what the document says, to anybody, whatever the table's names are."""

from __future__ import annotations

import base64
import hashlib
import json
import re

import numpy as np
import pytest

from whybox.domain.pages.page_styles import STYLE
from whybox.domain.pages.web_pages import CONTENT_SECURITY_POLICY
from whybox.domain.reports import render_report

HOSTILE_NAMES = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</title></style></table><h1>",
    "&lt;b&gt; &amp; &#x3c;",
    "{{7*7}} ${7*7} <%= 7 %>",
    "\u202etxt.exe\u202c",
    "عمر المريض",
    "🦠 count",
    "a_name_without_any_break_" * 9,
    "nul\x00bell\x07",
    "lone \ud800 surrogate",
    "",
]


def shown(text: str) -> str:
    """Return a name as HTML can hold it."""
    return re.sub("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]", "\ufffd", text)


def number(text: str) -> float:
    return float(text.replace("−", "-").replace("±", "").replace("\u2007", "").strip())


def rows_of(table) -> list[list[str]]:
    (body,) = table.all("tbody")
    return [[cell.text for cell in row.children] for row in body.all("tr")]


def test_same_document_same_bytes(attribution_document):
    document = attribution_document()

    assert render_report(document) == render_report(json.loads(json.dumps(document)))


@pytest.mark.parametrize("classes", [(0, 1), ("x", "y", "z"), ()])
def test_a_report_runs_nothing_and_loads_nothing(attribution_document, assert_self_contained, classes):
    assert_self_contained(render_report(attribution_document(classes=classes)))


def test_a_permutation_report_runs_nothing_and_loads_nothing(permutation_document, assert_self_contained):
    assert_self_contained(render_report(permutation_document))


def test_hostile_names_are_text_and_change_nothing_else(
    attribution_document, read_page, assert_self_contained
):
    tame = attribution_document([f"column {place}" for place in range(len(HOSTILE_NAMES))])
    document = attribution_document(HOSTILE_NAMES)
    document["warnings"] = [{"code": "<b>", "detail": "<script>", "column": HOSTILE_NAMES[0]}]
    document["receipt"] = {"<u>": {"<i>": ["<script>"]}}
    page = render_report(document)

    assert_self_contained(page)
    root = read_page(page)
    names = [cell.text for cell in root.all("table", "ranked")[0].all("th", "name")[1:]]
    assert sorted(names) == sorted(map(shown, HOSTILE_NAMES))
    tame_root = read_page(render_report(tame))
    assert {tag for tag in ("h1", "b", "u", "i", "img", "script") if root.all(tag)} == {"h1"}
    assert len(root.all("h1")) == len(tame_root.all("h1")) == 1
    page.encode()  # a lone surrogate could not be written to a file


def test_hostile_classes_and_cells_are_text(attribution_document, assert_self_contained):
    document = attribution_document(classes=("<b>yes</b>", "לא"))
    document["explanation"]["feature_values"] = [["<img src=x>", 1.5, None, ""]] * 6

    page = render_report(document)

    assert_self_contained(page)
    assert "&lt;b&gt;yes&lt;/b&gt;" in page
    assert "&lt;img src=x&gt;" in page
    assert "<bdi>לא</bdi>" in page


def test_names_cannot_turn_the_direction_of_what_follows(attribution_document, read_page):
    root = read_page(render_report(attribution_document(HOSTILE_NAMES)))

    for cell in root.all("table", "ranked")[0].all("th", "name")[1:]:
        assert [child.tag for child in cell.children] == ["bdi"]


def test_the_policy_allows_the_one_style_sheet_and_nothing_else(attribution_document, read_page):
    root = read_page(render_report(attribution_document()))
    (style,) = root.all("style")
    digest = base64.b64encode(hashlib.sha256(style.text.encode()).digest()).decode()
    (policy,) = [meta.attributes["content"] for meta in root.all("meta") if meta.attributes.get("http-equiv")]

    assert style.text == STYLE
    for text in (policy, CONTENT_SECURITY_POLICY):
        assert f"style-src 'sha256-{digest}'" in text
        assert "default-src 'none'" in text
        assert "script-src" not in text


def test_importances_stand_in_order_beside_what_they_are_of(attribution_document, read_page):
    document = attribution_document(n_rows=30)
    values = np.array(document["explanation"]["values"])
    means = np.abs(values).mean(axis=(0, 2))

    lines = rows_of(read_page(render_report(document)).all("table", "ranked")[0])

    order = np.argsort(-means)
    assert [line[1] for line in lines] == [document["explanation"]["feature_names"][c] for c in order]
    assert [line[0] for line in lines] == ["1", "2", "3", "4"]
    for line, column in zip(lines, order, strict=True):
        digits = len(line[3].replace("\u2007", "").partition(".")[2])
        assert number(line[3]) == pytest.approx(means[column], abs=0.5 * 10**-digits)
        assert line[4].startswith("± 0.")


def test_a_single_row_adds_up_from_base_value_to_prediction(attribution_document, read_page):
    document = attribution_document([f"c{place}" for place in range(14)])
    root = read_page(render_report(document))

    for table in root.all("table", "steps"):
        amounts = [number(row.all("td", "amount")[0].text) for row in table.all("tbody")[0].all("tr")]
        base, *steps, prediction = amounts
        assert base + sum(steps) == pytest.approx(prediction, abs=1e-3)
        assert "4 other columns" in table.text


def test_the_first_row_is_shown_and_the_one_it_is_most_wrong_about(attribution_document, read_page):
    document = attribution_document(n_rows=5)
    document["predictions"]["y_pred"] = [0, 1, 1, 1, 0]
    document["predictions"]["y_true"] = [0, 1, 0, 0, 0]
    answers = np.array(document["predictions"]["proba"])
    worst = 2 if answers[2, 1] > answers[3, 1] else 3

    text = read_page(render_report(document)).text

    assert "Test row 1: predicted 0, the truth is 0." in text
    assert f"Test row {worst + 1}: predicted 1, the truth is 0." in text


def test_a_model_without_mistakes_has_no_row_it_is_wrong_about(attribution_document, read_page):
    document = attribution_document()
    document["predictions"]["y_true"] = document["predictions"]["y_pred"]

    assert "most wrong" not in read_page(render_report(document)).text


def test_cells_of_the_row_stand_beside_their_columns(attribution_document, read_page):
    document = attribution_document(n_rows=2)
    document["explanation"]["feature_values"] = [[41.5, None, "north", 2024.0], [1.0, 2.0, "south", 2025.0]]

    table = read_page(render_report(document)).all("table", "steps")[0]
    cells = {line[0]: line[1] for line in rows_of(table)[1:-1]}

    assert cells == {"age": "41.50", "dose": "missing", "site": "north", "year": "2024"}


def test_dots_are_coloured_by_the_true_class_where_the_cells_are_not_known(attribution_document, read_page):
    text = read_page(render_report(attribution_document())).text

    assert "dot colour: the true class" in text


def test_the_proof_is_added_up_again_from_the_document(attribution_document, read_page):
    document = attribution_document()
    document["predictions"]["proba"][3][1] += 0.125

    (proof,) = [
        part
        for part in read_page(render_report(document)).all("section")
        if part.attributes["aria-labelledby"] == "proof"
    ]

    assert "the largest gap is 1.2e-16" in proof.text
    assert "probabilities: 0.12" in proof.text


def test_exact_and_estimated_attributions_are_told_apart(attribution_document, read_page):
    exact = attribution_document()
    estimated = attribution_document()
    estimated["explanation"]["std_error"] = np.full((6, 4, 2), 0.004).tolist()

    assert "Every attribution is exact" in read_page(render_report(exact)).text
    text = read_page(render_report(estimated)).text
    assert "the standard error of one is 0.0040 at the median" in text
    assert "± 0.004" in text


def test_a_noise_floor_is_drawn_in_every_row_and_dims_what_is_below(permutation_document, read_page):
    (table,) = read_page(render_report(permutation_document)).all("table", "ranked")
    rows = table.all("tbody")[0].all("tr")

    assert [row.all("th")[0].text for row in rows] == ["dose", "noise", "harm"]
    assert [row.attributes.get("class", "") for row in rows] == ["", "faint", "faint"]
    assert all(len(row.all("line", "noise")) == 1 for row in rows)
    assert "noise floor" in table.text


def test_warnings_metrics_and_receipt_are_shown(permutation_document, read_page):
    text = read_page(render_report(permutation_document)).text

    for part in ("The rows were split 70/30.", "split-made", "0.7500", "d" * 64, "versions numpy", "2.4.0"):
        assert part in text


def test_the_confusion_of_classes_is_counted(permutation_document, read_page):
    (table,) = read_page(render_report(permutation_document)).all("table", "heat")

    assert rows_of(table) == [["0", "2", "0"], ["1", "1", "1"]]


def test_scores_with_an_interval_show_it(permutation_document, read_page):
    permutation_document["metrics"] = {
        "accuracy": {"value": 0.75, "interval": [0.5, 1.0]},
        "classes": {"0": {"precision": 1.0, "support": 2}, "1": {"precision": 0.5, "support": 2}},
    }

    root = read_page(render_report(permutation_document))

    assert "0.7500 (0.5000 to 1)" in root.text
    assert ["1", "0.500", "2"] in [line for table in root.all("table") for line in rows_of(table)]


def test_a_regression_shows_predicted_against_true_with_its_intervals(attribution_document, read_page):
    document = attribution_document(classes=())
    predicted = np.array(document["predictions"]["y_pred"])
    document["predictions"] |= {"pi_lower": (predicted - 3).tolist(), "pi_upper": (predicted + 3).tolist()}

    root = read_page(render_report(document))

    assert "Upright lines are prediction intervals" in root.text
    assert len(re.findall(r"M\d+ \d+V\d+", root.all("path", "span")[0].attributes["d"])) == len(predicted)


def test_more_columns_than_fit_are_folded_and_none_is_lost(attribution_document, read_page):
    names = [f"column {place}" for place in range(45)]
    root = read_page(render_report(attribution_document(names)))

    assert "15 more columns" in root.text
    listed = [line[1] for table in root.all("table", "ranked") for line in rows_of(table)]
    assert sorted(listed) == sorted(names)


@pytest.mark.parametrize("n_rows", [1, 2, 1000])
def test_any_number_of_rows_has_a_report(attribution_document, read_page, n_rows):
    read_page(render_report(attribution_document(n_rows=n_rows)))


def test_a_model_that_answers_always_the_same_has_a_report(attribution_document, read_page):
    document = attribution_document()
    document["explanation"]["values"] = np.zeros((6, 4, 2)).tolist()
    document["predictions"]["proba"] = [[0.5, 0.5]] * 6

    assert "No column moves the predictions" in read_page(render_report(document)).text


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_and_marks_have_enough_contrast(scheme):
    light, dark = (
        dict(re.findall(r"--([\w-]+):(#[0-9a-f]+)", part))
        for part in STYLE.split("@media print")[0].split("@media")[:2]
    )
    colours = light if scheme == "light" else light | dark

    # WCAG 2.2: 4.5 for text (1.4.3), 3 for what a picture is read by (1.4.11).
    for name in ("ink", "muted", "link", "noise"):
        assert contrast(colours[name], colours["paper"]) >= 4.5, name
    for name in ("muted", "ink"):
        assert contrast(colours[name], colours["sheet"]) >= 4.5, name
    assert contrast(colours["alert"], colours["alert-sheet"]) >= 4.5
    for step in ("h1", "h2", "h3", "h4"):
        assert contrast(colours["ink"], colours[step]) >= 4.5, step
    assert contrast(colours["heat-end"], colours["h5"]) >= 4.5
    for name in ("bar", "up", "down", "whisker"):
        assert contrast(colours[name], colours["paper"]) >= 3.0, name


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    parts = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
