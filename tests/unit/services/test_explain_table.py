"""Explaining a table: refused for free, or one whole result document that is the same next time."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import numpy as np
import pytest
from tests.unit.row_threads import row_threads
from tests.unit.services.explained_tables import XGBOOST, classify, regress, write_table

from whybox.domain.jobs.explanation_requests import Dialect, ExplanationRequest, ModelChoice
from whybox.domain.reports import render_report
from whybox.errors import InputError, ModelUnknownError, ScoringUnknownError, TargetNotFoundError
from whybox.services.explain_blocks import BLOCK_ROWS
from whybox.services.explain_table import run_explanation
from whybox.services.prepare_explanation import prepare_explanation

N_ROWS = 60
CLASSIFY = ExplanationRequest(
    kind="classification", model=ModelChoice("sklearn", "DecisionTreeClassifier"), method="shap"
)
REGRESS = ExplanationRequest(kind="regression", model=ModelChoice("xgboost", None), method="shap")


@pytest.fixture(scope="module")
def table() -> bytes:
    """A word, a number with gaps, a number; the class follows the number, the amount both."""
    generator = np.random.default_rng(3)
    size = generator.normal(size=N_ROWS)
    shops = generator.choice(["east", "west"], N_ROWS)
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(["shop", "age", "size", "target", "amount", "training_index"])
    for row in range(N_ROWS):
        age = "" if row % 7 == 0 else row % 5
        label = "big" if size[row] > 0 else "small"
        amount = float(size[row] + (shops[row] == "east"))
        writer.writerow([shops[row], age, float(size[row]), label, amount, int(row % 3 > 0)])
    return file.getvalue().encode()


def explain(table: bytes, request: ExplanationRequest):
    return run_explanation(prepare_explanation(table, request))


def without_seconds(document):
    return {**document, "receipt": {**document["receipt"], "seconds": None}}


@pytest.mark.parametrize("request_", [classify(model=XGBOOST, unit="margin"), regress(model=XGBOOST)])
def test_any_number_of_threads_gives_the_same_bytes(request_):
    table = write_table(BLOCK_ROWS + 1_500, n_train=300)
    documents, n_names = [], []
    for n_threads in (1, 2, 3):
        with row_threads() as names:
            document = run_explanation(prepare_explanation(table, request_), n_threads=n_threads)
        documents.append(json.dumps(without_seconds(document)).encode())
        n_names.append(len(names))

    assert document["explanation"]["algorithm"] == "interventional_trees"
    assert documents[1:] == documents[:1] * 2
    assert n_names[0] == 0 < min(n_names[1:])


@pytest.mark.parametrize("method", ["shap", "permutation", None])
@pytest.mark.parametrize("request_", [CLASSIFY, replace(REGRESS, target="amount")])
def test_a_result_document_is_whole_plain_and_a_report_can_be_made_of_it(table, request_, method):
    document = explain(table, replace(request_, method=method))

    assert list(document) == ["predictions", "metrics", "explanation", "warnings", "receipt"]
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    if method is not None:
        assert document["explanation"]["method"] == method
        assert "<html" in render_report(document)
    else:
        assert document["explanation"] is None


def test_test_rows_are_told_by_their_place_in_the_file(table):
    predictions = explain(table, CLASSIFY)["predictions"]

    assert predictions["row_ids"] == [row for row in range(N_ROWS) if row % 3 == 0]
    labels = [row["target"] for row in csv.DictReader(io.StringIO(table.decode()))]
    assert predictions["y_true"] == [labels[row] for row in predictions["row_ids"]]


def test_the_explained_cells_come_back_as_they_were_written(table):
    document = explain(table, CLASSIFY)

    names = document["explanation"]["feature_names"]
    rows = list(csv.DictReader(io.StringIO(table.decode())))
    for place, row_id in enumerate(document["predictions"]["row_ids"][:10]):
        cells = dict(zip(names, document["explanation"]["feature_values"][place], strict=True))
        assert cells["shop"] == rows[row_id]["shop"]
        assert cells["age"] == (float(rows[row_id]["age"]) if rows[row_id]["age"] else None)


def test_the_background_is_made_of_training_rows_and_named_by_its_hash(table):
    background = explain(table, CLASSIFY)["explanation"]["background"]

    assert background["size"] == len(background["row_ids"]) == 40
    assert all(row % 3 for row in background["row_ids"])
    assert len(background["sha256"]) == 64


@pytest.mark.parametrize("request_", [CLASSIFY, replace(CLASSIFY, method="permutation"), REGRESS])
def test_the_same_request_gives_the_same_document(table, request_):
    asked = replace(request_, target="amount") if request_.kind == "regression" else request_

    assert without_seconds(explain(table, asked)) == without_seconds(explain(table, asked))


def test_intervals_do_not_change_the_predictions(table):
    asked = replace(REGRESS, target="amount", method=None)

    plain = explain(table, asked)["predictions"]
    wide = explain(table, replace(asked, interval_level=90.0))["predictions"]

    assert wide["y_pred"] == plain["y_pred"]
    assert (wide["pi_level"], len(wide["pi_lower"])) == (90.0, 20)
    assert "pi_lower" not in plain


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": 1},
        {"model": ModelChoice("sklearn", "DecisionTreeClassifier", 3)},
        {"model": ModelChoice("xgboost", None)},
        {"split": "age"},
    ],
)
def test_the_model_hash_changes_with_whatever_changes_the_model(table, changes):
    first = explain(table, replace(CLASSIFY, method=None))["receipt"]
    other = explain(table, replace(CLASSIFY, method=None, **changes))["receipt"]

    assert first["data_sha256"] == other["data_sha256"]
    assert first["model_sha256"] != other["model_sha256"]


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"target": "nothing"}, TargetNotFoundError),
        ({"model": ModelChoice("sklearn", "Nothing")}, ModelUnknownError),
        ({"method": "permutation", "scoring": "nothing"}, ScoringUnknownError),
        ({"dialect": Dialect(delimiter="x")}, InputError),
        ({"dialect": Dialect(encoding="nothing")}, InputError),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_fitted(table, changes, error):
    with pytest.raises(error):
        prepare_explanation(table, replace(CLASSIFY, **changes))


def test_what_the_table_is_read_with_and_what_the_fit_says_is_told(table):
    first_words = table.replace(b"training_index", b"part")

    codes = [warning["code"] for warning in explain(first_words, replace(CLASSIFY, method=None))["warnings"]]

    assert "split-drawn" in codes
