"""Results as files: each says the same as the arrays, and a large one never becomes a list."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import fastparquet
import numpy as np
import pandas as pd
import pytest
from tests.unit.services.explained_tables import (
    RIDGE,
    TREE,
    XGBOOST,
    classify,
    explain,
    regress,
    write_table,
)

from whybox.domain.pages.numerals import format_count
from whybox.errors import ResultNotFiniteError
from whybox.services.describe_result import describe_result, sample_result, summarise_result
from whybox.services.render_result import REPORT_ROWS, render_result, tabulate_explanation

LARGE = write_table(60_200, n_train=200)


def render(result):
    return render_result(result, route="heavy", function="ExplainHeavy")


def read_parquet(files, folder, name="attributions.parquet") -> pd.DataFrame:
    path = folder / name
    path.write_bytes(files[name].content)
    with path.open("rb") as file:
        return fastparquet.ParquetFile(file).to_pandas()


def columns_of(frame: pd.DataFrame, prefix: str) -> np.ndarray:
    return frame[[name for name in frame if name.startswith(prefix)]].to_numpy()


@pytest.mark.parametrize(
    "request_",
    [
        classify(),
        classify(unit="margin"),
        classify(model=XGBOOST, rows=(80, 61)),
        classify(groups={"g": ("a", "b")}),
        regress(),
        regress(interval_level=90.0),
        regress(model=RIDGE, rows=(70,)),
    ],
)
def test_the_parquet_file_holds_the_numbers_of_the_document_bit_for_bit(request_, tmp_path):
    result = explain(request_)
    document = describe_result(result)
    explanation, predictions = document["explanation"], document["predictions"]

    frame = read_parquet(render(result), tmp_path)

    values = np.array(explanation["values"])
    n_rows, n_columns, n_outputs = values.shape
    assert columns_of(frame, "value.").tobytes() == values.transpose(0, 2, 1).tobytes()
    assert [name for name in frame if name.startswith("value.")] == [
        f"value.{name}" for name in explanation["feature_names"]
    ]
    errors = np.array(explanation["std_error"]).transpose(0, 2, 1).reshape(n_rows * n_outputs, n_columns)
    if errors.any():
        np.testing.assert_array_equal(columns_of(frame, "std_error."), errors)
    else:
        assert columns_of(frame, "std_error.").shape[1] == 0
    assert frame["base_value"].tolist() == explanation["base_values"] * n_rows
    places = explanation.get("rows", range(n_rows))
    rows = [predictions["row_ids"][place] for place in places]
    assert frame["row"].tolist() == np.repeat(rows, n_outputs).tolist()
    for name in ("y_true", "y_pred", "pi_lower", "pi_upper"):
        if name in predictions:
            told = [predictions[name][place] for place in places]
            assert frame[name].tolist() == np.repeat(told, n_outputs).tolist()
        else:
            assert name not in frame


def test_of_a_classification_every_class_has_a_line_and_the_one_log_odds_are_those_of_the_second(tmp_path):
    probability = read_parquet(render(explain(classify())), tmp_path)
    margin = read_parquet(render(explain(classify(unit="margin"))), tmp_path)

    assert probability["class"].tolist() == ["big", "small"] * 30
    assert margin["class"].tolist() == ["small"] * 30
    assert margin["proba"].tolist() == probability["proba"].tolist()[1::2]
    sums = probability["base_value"] + columns_of(probability, "value.").sum(axis=1)
    np.testing.assert_allclose(sums, probability["proba"], atol=1e-9)


def test_csv_says_the_same_as_parquet(tmp_path):
    files = render(explain(classify()))

    rows = list(csv.DictReader(io.StringIO(files["attributions.csv"].content.decode(), newline="")))

    frame = read_parquet(files, tmp_path)
    assert list(rows[0]) == list(frame)
    for name in frame:
        told = [type(cell)(row[name]) for cell, row in zip(frame[name].tolist(), rows, strict=True)]
        assert told == frame[name].tolist()


def test_a_permutation_importance_has_one_line_per_column(tmp_path):
    result = explain(regress(method="permutation"))
    told = describe_result(result)["explanation"]

    frame = read_parquet(render(result), tmp_path)

    assert frame["column"].tolist() == told["feature_names"]
    assert frame["importance"].tolist() == told["importances_mean"]
    assert frame["low"].tolist() == told["interval"]["low"]


def test_without_an_explanation_the_predictions_are_the_lines_and_there_is_no_page(tmp_path):
    files = render(explain(classify(method=None)))

    assert set(files) == {"result.json", "attributions.parquet", "attributions.csv"}
    frame = read_parquet(files, tmp_path)
    assert list(frame) == ["row", "class", "y_true", "y_pred", "proba"]
    assert len(frame) == 60


def test_small_results_are_told_whole_with_where_they_were_computed():
    result = explain(classify())
    document = json.loads(render(result)["result.json"].content)

    whole = describe_result(result)
    whole["receipt"] |= {"route": "heavy", "function": "ExplainHeavy"}
    assert document == whole
    assert "is_summary" not in document


def test_the_same_result_is_the_same_bytes_but_for_the_time_it_took():
    first, second = (render(explain(classify(model=XGBOOST))) for _ in range(2))

    for name in ("attributions.parquet", "attributions.csv"):
        assert first[name].content == second[name].content
    documents = [json.loads(files["result.json"].content) for files in (first, second)]
    for document in documents:
        document["receipt"].pop("seconds")
    assert documents[0] == documents[1]


@pytest.fixture(scope="module")
def large():
    return explain(classify(model=TREE), LARGE)


def test_a_large_result_names_the_files_that_have_its_rows(large, tmp_path):
    files = render(large)
    document = json.loads(files["result.json"].content)

    assert document["is_summary"] is True
    assert len(files["result.json"].content) < 20_000
    assert document["predictions"]["file"] == "predictions.parquet"
    assert document["explanation"]["values"] == {"file": "attributions.parquet", "shape": [60_000, 5, 2]}
    assert document["explanation"]["std_error"] == 0.0
    assert "feature_values" not in document["explanation"]
    whole = describe_result(large)
    for part in ("metrics", "warnings"):
        assert document[part] == whole[part]
    assert document["explanation"]["global_importance"] == whole["explanation"]["global_importance"]
    predictions = read_parquet(files, tmp_path, "predictions.parquet")
    assert predictions["proba"].tolist() == np.array(whole["predictions"]["proba"]).reshape(-1).tolist()
    assert predictions["y_true"].tolist()[::2] == whole["predictions"]["y_true"]


def test_the_page_of_a_large_result_shows_a_sample_with_the_importances_and_scores_of_all(large):
    sample = sample_result(large, n_rows=REPORT_ROWS)
    assert sample is not None
    page = render(large)["report.html"].content.decode()

    explanation = sample["explanation"]
    assert len(explanation["values"]) == len(sample["predictions"]["y_true"]) == REPORT_ROWS
    assert sample["predictions"]["places"][-1] == 59_999
    assert np.sum(sample["predictions"]["confusion"]) == 60_000
    assert "this page shows 1000 of 60000 rows" in page
    assert f"on {format_count(60_000)} test rows" in page
    assert "ExplainHeavy" in page
    assert "<script" not in page


def test_a_sample_has_the_rows_of_the_whole(large):
    sample, whole = sample_result(large, n_rows=100), describe_result(large)
    assert sample is not None

    places = sample["predictions"]["places"]
    assert sample["explanation"]["values"] == [whole["explanation"]["values"][place] for place in places]
    assert sample["predictions"]["row_ids"] == [whole["predictions"]["row_ids"][place] for place in places]
    assert sample_result(explain(classify()), n_rows=100) is None


def test_a_few_chosen_rows_of_many_are_told_whole(tmp_path):
    result = explain(regress(rows=(60_199, 500)), LARGE)
    files = render(result)
    document = json.loads(files["result.json"].content)

    assert document["predictions"]["file"] == "predictions.parquet"
    assert document["explanation"]["row_ids"] == [60_199, 500]
    assert len(document["explanation"]["values"]) == 2
    assert read_parquet(files, tmp_path)["row"].tolist() == [60_199, 500]
    assert len(read_parquet(files, tmp_path, "predictions.parquet")) == 60_000
    assert "this page shows 2 of 2 rows" in files["report.html"].content.decode()


def test_beyond_a_size_there_is_no_csv():
    table = write_table(240_000, n_train=500)

    files = render(explain(classify(model=TREE), table))

    assert set(files) == {"result.json", "report.html", "attributions.parquet", "predictions.parquet"}


def test_a_number_that_is_not_finite_is_withheld_from_every_file():
    result = explain(regress())
    assert result.attributed is not None
    result.attributed.values[0, 0, 0] = np.nan

    for make in (render, tabulate_explanation, summarise_result):
        with pytest.raises(ResultNotFiniteError):
            make(result)


def test_a_group_of_columns_shows_no_cell_of_its_own_and_says_what_is_in_it():
    told = describe_result(explain(regress(groups={"both": ("a", "shop")})))["explanation"]

    assert told["feature_names"] == ["both", "b", "c", "label"]
    assert told["groups"] == {"both": ["a", "shop"], "b": ["b"], "c": ["c"], "label": ["label"]}
    assert all(cells[0] is None and isinstance(cells[1], float) for cells in told["feature_values"])


def test_chosen_rows_are_told_by_their_place_and_their_id():
    told = describe_result(explain(regress(rows=(89, 60))))

    assert told["explanation"]["rows"] == [29, 0]
    assert told["explanation"]["row_ids"] == [89, 60]
    assert len(told["predictions"]["y_true"]) == 30
    assert describe_result(explain(replace(regress(), rows=None)))["explanation"].get("rows") is None
