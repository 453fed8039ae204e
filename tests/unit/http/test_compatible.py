"""The compatible endpoints on small tables: shapes, refusals that cost nothing, and repeats."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import pytest
from tests.unit.row_threads import row_threads

from whybox.domain.explanations.row_blocks import LEAST_ROWS
from whybox.http import compatible
from whybox.http.compatible_answers import CLASSIFICATION_SCHEMA, REGRESSION_SCHEMA

from .small_tables import classes_table, numbers_table, without_seconds

CLASSIFY = "/mlclassification"
REGRESS = "/mlregression"
TREE = "base_model=DecisionTreeClassifier&n_hidden_features=0"
RIDGE = "base_model=Ridge&n_hidden_features=0"


def test_a_classification_has_exactly_the_documented_keys(send):
    answer = send(CLASSIFY, TREE, classes_table()).document

    assert list(answer) == [
        "y_true", "y_pred", "no", "yes", "accuracy", "macro avg", "weighted avg", "proba",
        "warnings", "receipt",
    ]  # fmt: skip
    assert len(answer["y_true"]) == len(answer["y_pred"]) == len(answer["proba"]) == 20
    assert set(answer["y_true"]) == {"no", "yes"}
    for row in answer["proba"]:
        assert sum(row) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize(("text", "has_proba"), [("True", True), ("1", True), ("False", False), ("0", False)])
def test_probabilities_are_in_the_answer_when_wanted(send, text, has_proba):
    answer = send(CLASSIFY, f"{TREE}&predict_proba={text}", classes_table()).document

    assert ("proba" in answer) is has_proba


def test_a_regression_has_exactly_the_documented_keys(send):
    plain = send(REGRESS, RIDGE, numbers_table()).document
    with_intervals = send(REGRESS, f"{RIDGE}&return_pi=True&level=90", numbers_table()).document

    assert list(plain) == ["y_true", "y_pred", "Score", "warnings", "receipt"]
    assert list(with_intervals) == [
        "y_true", "y_pred", "pi_lower", "pi_upper", "pi_coverage", "Score", "warnings", "receipt",
    ]  # fmt: skip
    assert set(plain["Score"]) == {
        "R² Score",
        "MAE (Mean Absolute Error)",
        "MSE (Mean Squared Error)",
        "RMSE (Root Mean Squared Error)",
        "MAPE (Mean Absolute Percentage Error)",
        "Max Error",
        "support",
    }
    assert with_intervals["y_pred"] == plain["y_pred"]


def test_a_request_is_worked_on_in_its_functions_threads(start_service, form):
    query = "model_type=xgboost&interpretability=shap"
    explained = []
    for n_threads in (1, 2):
        service = start_service(n_threads=n_threads)
        explain = service.function(compatible.gbdtregression)
        headers, body = form(numbers_table(3 * (LEAST_ROWS + 100)))
        with row_threads() as names:
            answer = service.call(
                explain,
                "POST",
                "/gbdtregression",
                query=query,
                token=service.token(),
                headers=headers,
                body=body,
            )
        assert bool(names) == (n_threads > 1)
        explained.append(answer.document["interpretability"])

    assert explained[0] == explained[1]


def test_coverage_is_the_percentage_of_targets_inside(send):
    answer = send(REGRESS, f"{RIDGE}&return_pi=True", numbers_table()).document

    inside = [
        low <= y <= high
        for low, y, high in zip(answer["pi_lower"], answer["y_true"], answer["pi_upper"], strict=True)
    ]
    assert answer["pi_coverage"] == pytest.approx(100 * sum(inside) / len(inside))


@pytest.mark.parametrize(("labels", "n_classes"), [(("no", "yes"), 2), (("a", "b", "c"), 3)])
@pytest.mark.parametrize(
    ("path", "query"), [(CLASSIFY, TREE), ("/gbdtclassification", "model_type=xgboost"), (CLASSIFY, "")]
)
def test_attributions_of_a_classification_add_up_to_its_probabilities(send, path, query, labels, n_classes):
    answer = send(path, f"{query}&interpretability=shap".lstrip("&"), classes_table(labels)).document
    explanation = answer["interpretability"]
    values = np.array(explanation["values"])

    assert values.shape == (20, 3, n_classes)
    assert np.array(explanation["std_error"]).shape == values.shape
    assert explanation["feature_names"] == ["width", "height of it", "noise"]
    assert explanation["unit"] == "probability"
    sums = np.array(explanation["base_values"]) + values.sum(axis=1)
    gap = np.abs(sums - np.array(answer["proba"])).max()
    assert gap < 1e-6
    assert explanation["additivity_residual"] == pytest.approx(gap, abs=1e-12)


@pytest.mark.parametrize(
    ("path", "query"), [(REGRESS, RIDGE), ("/gbdtregression", "model_type=xgboost"), (REGRESS, "")]
)
def test_attributions_of_a_regression_add_up_to_its_predictions(send, path, query):
    answer = send(path, f"{query}&interpretability=shap".lstrip("&"), numbers_table()).document
    explanation = answer["interpretability"]
    values = np.array(explanation["values"])

    assert values.shape == (20, 2)
    assert isinstance(explanation["base_values"], float)
    assert explanation["unit"] == "target"
    np.testing.assert_allclose(explanation["base_values"] + values.sum(axis=1), answer["y_pred"], atol=1e-6)
    importance = explanation["global_importance"]
    parts = (importance["mean_abs"], importance["interval"]["low"], importance["interval"]["high"])
    assert [np.array(part).shape for part in parts] == [(2,)] * 3


@pytest.mark.parametrize(("path", "query", "n_columns"), [(CLASSIFY, TREE, 3), (REGRESS, RIDGE, 2)])
def test_permutation_importances_have_a_mean_and_a_deviation_per_column(send, path, query, n_columns):
    table = classes_table() if path == CLASSIFY else numbers_table()

    explanation = send(path, f"{query}&interpretability=permutation", table).document["interpretability"]

    assert explanation["method"] == "permutation"
    for name in ("importances_mean", "importances_std", "feature_names"):
        assert len(explanation[name]) == n_columns
    assert explanation["n_repeats"] == 10


def test_one_repeat_has_no_interval_and_no_nan(send):
    answer = send(CLASSIFY, f"{TREE}&interpretability=permutation&n_repeats=1", classes_table())

    assert answer.status == 200
    assert answer.document["interpretability"]["interval"] is None


def test_labels_keep_their_kind(send):
    for labels in ((0, 1), (1.5, 2.5), ("True", "False"), (3, 1)):
        answer = send(CLASSIFY, TREE, classes_table(labels)).document
        kinds = {type(label) for label in answer["y_true"] + answer["y_pred"]}
        assert len(kinds) == 1
        assert {str(label) for label in answer["y_true"]} <= set(answer)


def test_line_ends_do_not_change_the_numbers(send):
    unix = send(CLASSIFY, f"{TREE}&interpretability=shap", classes_table()).document
    windows = send(
        CLASSIFY, f"{TREE}&interpretability=shap", classes_table().replace(b"\n", b"\r\n").rstrip()
    ).document

    assert windows["interpretability"]["values"] == unix["interpretability"]["values"]
    assert windows["receipt"]["data_sha256"] != unix["receipt"]["data_sha256"]


def test_without_a_split_column_the_answer_says_how_it_split(send):
    rows = [line.rsplit(b",", 1)[0] for line in classes_table().splitlines()]

    answer = send(CLASSIFY, TREE, b"\n".join(rows)).document

    assert [warning["code"] for warning in answer["warnings"]] == ["split-drawn"]
    assert len(answer["y_true"]) == 18


def test_target_and_split_can_have_other_names(send):
    table = classes_table().replace(b"target", b"class").replace(b"training_index", b"part")

    assert send(CLASSIFY, f"{TREE}&target=class&split=part", table).status == 200
    assert send(CLASSIFY, TREE, table).code == "target-not-found"


def test_another_dialect_is_read_when_it_is_declared(send):
    table = numbers_table().decode().replace(",", ";").replace(".", ",").encode()

    declared = send(REGRESS, f"{RIDGE}&delimiter=%3B&decimal=%2C", table)

    assert declared.document["y_pred"] == send(REGRESS, RIDGE, numbers_table()).document["y_pred"]
    assert send(REGRESS, RIDGE, table).code == "csv-delimiter"


def test_words_for_missing_values_are_read_so_when_declared_and_every_cell_is_counted(send):
    header, *rows = numbers_table().decode().splitlines()
    rows[1], rows[4] = ("NA," + rows[1].partition(",")[2], "-," + rows[4].partition(",")[2])
    table = "\n".join([header, *rows]).encode()

    answer = send("/gbdtregression", "model_type=xgboost&missing=NA,-", table)

    (notice,) = [notice for notice in answer.document["warnings"] if notice["code"] == "declared-missing"]
    assert notice["detail"].startswith("2 cells")
    assert send("/gbdtregression", "model_type=xgboost&missing=NA,", table).code == "parameter-invalid"
    codes = {notice["code"] for notice in send("/gbdtregression", "", table).document["warnings"]}
    assert "declared-missing" not in codes


def test_the_seed_decides_the_answer(send):
    query = "base_model=RandomForestClassifier&n_hidden_features=0&interpretability=permutation"
    first, again, other = (
        send(CLASSIFY, f"{query}&seed={seed}", classes_table()).document for seed in (1, 1, 2)
    )

    assert without_seconds(first) == without_seconds(again)
    assert first["proba"] != other["proba"]
    assert first["receipt"]["model_sha256"] != other["receipt"]["model_sha256"]


def test_the_receipt_says_what_it_takes_to_compute_it_again(send):
    receipt = send("/gbdtregression", "model_type=xgboost", numbers_table()).document["receipt"]

    assert set(receipt) == {"data_sha256", "model_sha256", "model", "seed", "versions", "seconds", "route"}
    assert set(receipt["versions"]) == {"whybox", "python", "numpy", "xgboost-cpu"}
    assert receipt["route"] == "/gbdtregression"


@pytest.mark.parametrize(
    ("path", "query", "schema"),
    [
        (CLASSIFY, f"{TREE}&interpretability=shap", CLASSIFICATION_SCHEMA),
        (CLASSIFY, f"{TREE}&interpretability=permutation", CLASSIFICATION_SCHEMA),
        (REGRESS, f"{RIDGE}&return_pi=1&interpretability=shap", REGRESSION_SCHEMA),
        (REGRESS, RIDGE, REGRESSION_SCHEMA),
    ],
)
def test_an_answer_is_what_the_openapi_document_says(send, path, query, schema):
    jsonschema_rs = pytest.importorskip("jsonschema_rs")
    table = classes_table() if path == CLASSIFY else numbers_table()

    answer = send(path, query, table).document

    jsonschema_rs.validator_for(schema).validate(answer)


REFUSALS = [
    ("base_model=Nothing", classes_table(), 422, "model-unknown"),
    ("base_model=../../etc/passwd", classes_table(), 422, "model-unknown"),
    (f"{TREE}&level=5", classes_table(), 422, "parameter-invalid"),
    (f"{TREE}&scoring=nothing&interpretability=permutation", classes_table(), 422, "scoring-unknown"),
    (f"{TREE}&delimiter=x", classes_table(), 422, "parameter-invalid"),
    (f"{TREE}&encoding=rot13", classes_table(), 422, "parameter-invalid"),
    (f"{TREE}&target=nothing", classes_table(), 422, "target-not-found"),
    (f"{TREE}&split=nothing", classes_table(), 422, "split-not-found"),
    (TREE, b"", 422, "csv-empty"),
    (TREE, b"a,b\n", 422, "csv-no-rows"),
    (TREE, b"PK\x03\x04" + bytes(100), 415, "file-type-unsupported"),
    (TREE, b"<!DOCTYPE html><html></html>", 422, "file-looks-like-html"),
    (TREE, b"\xff\xfe\x00", 422, None),
    (TREE, classes_table(("accuracy", "yes")), 422, "label-collision"),
    (TREE, classes_table(("proba", "yes")), 422, "label-collision"),
    (TREE, classes_table(("receipt", "yes")), 422, "label-collision"),
    (TREE, classes_table(("same", "same")), 422, "target-single-class"),
    (TREE, numbers_table(), 422, "task-mismatch"),
]


@pytest.mark.parametrize(("query", "table", "status", "code"), REFUSALS)
def test_a_refused_request_is_explained_and_costs_nothing(send, used, query, table, status, code):
    answer = send(CLASSIFY, query, table)

    assert answer.status == status
    assert code is None or answer.code == code
    assert answer.headers["x-ratelimit-remaining"] == "100"
    assert used() == 0


def test_a_model_that_is_not_installed_names_others(send):
    answer = send("/gbdtregression", "model_type=catboost", numbers_table())

    assert (answer.status, answer.code) == (422, "model-not-installed")
    assert "xgboost" in answer.document["detail"]


@pytest.mark.parametrize(
    ("headers", "body", "status", "code"),
    [
        ({}, b"", 400, "body-missing"),
        ({"content-type": "text/csv"}, b"a,b\n1,2", 415, "content-type-unsupported"),
        ({"content-type": "application/json"}, b"{}", 415, "content-type-unsupported"),
        ({"content-type": "multipart/form-data"}, b"x", 400, "multipart-invalid"),
        ({"content-type": "multipart/form-data; boundary=B"}, b"--B--\r\n", 422, "file-missing"),
        ({"content-type": "multipart/form-data; boundary=B"}, b"x" * 4_400_001, 413, "body-too-large"),
    ],
)
def test_a_body_that_is_no_form_is_explained(service, functions, headers, body, status, code):
    answer = service.call(
        functions[CLASSIFY], "POST", CLASSIFY, token=service.token(), headers=headers, body=body
    )

    assert (answer.status, answer.code) == (status, code)


def test_who_calls_is_settled_before_the_table_is_read(service, functions, form):
    headers, body = form(b"no table at all")

    nobody = service.call(
        functions[CLASSIFY], "POST", CLASSIFY, query="nonsense=1", headers=headers, body=body
    )
    reader = service.call(
        functions[CLASSIFY],
        "POST",
        CLASSIFY,
        token=service.token(scopes=("jobs:read",)),
        headers=headers,
        body=body,
    )

    assert (nobody.code, reader.code) == ("unauthenticated", "insufficient-scope")


def test_a_failed_fit_costs_nothing(send, used):
    table = numbers_table().replace(b"-", b"")
    rows = table.splitlines()
    rows[1] = b"1,1,-5,1"

    answer = send(REGRESS, "base_model=GammaRegressor&n_hidden_features=0", b"\n".join(rows))

    assert (answer.status, answer.code) == (422, "fit-failed")
    assert used() == 0


def test_each_call_counts_also_an_identical_one(send, used):
    first = send(CLASSIFY, TREE, classes_table())
    second = send(CLASSIFY, TREE, classes_table())

    assert (first.status, second.status) == (200, 200)
    assert first.headers["x-ratelimit-remaining"] == "99"
    assert second.headers["x-ratelimit-remaining"] == "98"
    assert used() == 2


def test_a_repeated_idempotency_key_gets_the_same_bytes_for_one_unit(send, used):
    first = send(CLASSIFY, TREE, classes_table(), idempotency_key="k-1")
    second = send(CLASSIFY, TREE, classes_table(), idempotency_key="k-1")

    assert first.body == second.body
    assert ("idempotency-replayed" in first.headers, second.headers["idempotency-replayed"]) == (
        False,
        "true",
    )
    assert second.headers["content-type"] == "application/json"
    assert used() == 1


def test_the_boundary_of_a_form_does_not_make_it_another_request(service, functions, form, send):
    first = send(CLASSIFY, TREE, classes_table(), idempotency_key="k-1")
    headers, body = form(classes_table(), file_name="another name.csv")

    again = service.call(
        functions[CLASSIFY],
        "POST",
        CLASSIFY,
        query=TREE,
        token=service.token(),
        headers={"content-type": headers["content-type"].replace("a-b", "c-b"), "idempotency-key": "k-1"},
        body=body.replace(b"a-boundary", b"c-boundary"),
    )

    assert again.body == first.body


@pytest.mark.parametrize(
    ("query", "table"), [(f"{TREE}&seed=7", classes_table()), (TREE, classes_table() + b"1,2,3,no,0\n")]
)
def test_an_idempotency_key_with_another_request_is_refused(send, used, query, table):
    send(CLASSIFY, TREE, classes_table(), idempotency_key="k-1")

    answer = send(CLASSIFY, query, table, idempotency_key="k-1")

    assert (answer.status, answer.code) == (422, "idempotency-key-reused")
    assert used() == 1


@pytest.mark.parametrize("key", ["", " ", "x" * 256, "naïve", "a\tb", "a\x00b"])
def test_an_idempotency_key_that_cannot_be_kept_is_refused(send, used, key):
    answer = send(CLASSIFY, TREE, classes_table(), idempotency_key=key)

    assert (answer.status, answer.code) == (400, "idempotency-key-invalid")
    assert used() == 0


def test_a_key_whose_request_was_refused_is_free(send):
    assert send(CLASSIFY, "base_model=Nothing", classes_table(), idempotency_key="k-1").status == 422
    assert send(CLASSIFY, TREE, classes_table(), idempotency_key="k-1").status == 200


def test_the_last_request_of_the_month_is_the_last(start_service, form):
    service = start_service(limit=2)
    function = service.function(compatible.mlclassification)
    headers, body = form(classes_table())
    request = {"query": TREE, "token": service.token(), "headers": headers, "body": body}

    answers = [service.call(function, "POST", CLASSIFY, **request) for _ in range(3)]

    assert [answer.status for answer in answers] == [200, 200, 429]
    refused = answers[-1]
    assert refused.code == "quota-exceeded"
    assert refused.headers["retry-after"] == str(10 * 86400 + 12 * 3600)
    assert refused.headers["x-ratelimit-remaining"] == "0"
    assert refused.document["resets_at"] == "2026-12-01T00:00:00+00:00"


def test_without_a_ledger_nothing_is_computed(send, tmp_path):
    (tmp_path / "usage").mkdir()

    answer = send(CLASSIFY, TREE, classes_table())

    assert (answer.status, answer.code) == (503, "quota-unavailable")


def test_numbers_keep_all_their_digits(send):
    answer = send(REGRESS, RIDGE, numbers_table())
    sent = [
        float(row["target"])
        for row in csv.DictReader(io.StringIO(numbers_table().decode()))
        if row["training_index"] == "0"
    ]

    assert answer.document["y_true"] == sent
    assert json.dumps(answer.document["y_true"], separators=(",", ":")).encode() in answer.body
