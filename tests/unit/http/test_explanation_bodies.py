"""The documents that ask for an explanation: each field reaches the request, and no other is taken."""

from __future__ import annotations

import json
from typing import Any

import pytest

from whybox.domain.jobs.explanation_requests import (
    DEFAULT_SPLIT,
    Dialect,
    DrawnSplit,
    ExplanationRequest,
    ModelChoice,
)
from whybox.errors import SchemaInvalidError
from whybox.http.explanation_bodies import ExplanationBody, JobBody
from whybox.http.json_bodies import parse_json_body

UPLOAD = {"upload_id": "0" * 32}


def read(document: Any, model: Any = ExplanationBody) -> Any:
    return parse_json_body(json.dumps(document).encode(), "application/json", model=model)


def request_of(**fields: Any) -> ExplanationRequest:
    return read(fields, JobBody).as_request()


def pointers(document: Any, model: Any = ExplanationBody) -> list[str | None]:
    with pytest.raises(SchemaInvalidError) as refusal:
        read(document, model).inline_table()
    return [fault.pointer for fault in refusal.value.faults]


def test_what_is_left_out_has_the_documented_default():
    request = request_of()

    assert request == ExplanationRequest(
        kind=None,
        model=ModelChoice("xgboost", None),
        method="shap",
        target="target",
        split=DEFAULT_SPLIT,
        seed=0,
        route="/v1/explanations",
    )


@pytest.mark.parametrize(
    ("fields", "attribute", "expected"),
    [
        ({"target": "y"}, "target", "y"),
        ({"task": "regression"}, "kind", "regression"),
        ({"split": {"column": "is_train"}}, "split", "is_train"),
        ({"split": {"test_size": 0.25}}, "split", DrawnSplit(0.25, None)),
        ({"split": {"test_size": 0.25, "stratify": False}}, "split", DrawnSplit(0.25, False)),
        ({"split": None}, "split", DEFAULT_SPLIT),
        (
            {"model": {"family": "sklearn", "name": "Ridge", "parameters": {"alpha": 2}}},
            "model",
            ModelChoice("sklearn", "Ridge", parameters={"alpha": 2}),
        ),
        (
            {"model": {"family": "sklearn", "name": "Ridge", "n_hidden_features": 5, "n_layers": 2}},
            "model",
            ModelChoice("sklearn", "Ridge", 5, 2),
        ),
        ({"explain": None}, "method", None),
        ({"explain": {"method": "permutation"}}, "method", "permutation"),
        ({"explain": {"unit": "margin"}}, "unit", "margin"),
        ({"explain": {"background": 7}}, "n_background", 7),
        ({"explain": {"rows": [3, 1]}}, "rows", (3, 1)),
        ({"explain": {"rows": []}}, "rows", ()),
        ({"explain": {"groups": {"size": ["a", "b"]}}}, "groups", {"size": ("a", "b")}),
        ({"explain": {"n_repeats": 3}}, "n_repeats", 3),
        ({"explain": {"scoring": "r2"}}, "scoring", "r2"),
        ({"seed": 7}, "seed", 7),
        ({"budget_seconds": 2}, "budget_seconds", 2.0),
        ({"budget_seconds": 1.5}, "budget_seconds", 1.5),
        (
            {"dialect": {"delimiter": ";", "decimal": ",", "encoding": "latin-1", "missing": ["NA"]}},
            "dialect",
            Dialect(";", ",", "latin-1", ("NA",)),
        ),
    ],
)
def test_each_field_reaches_the_request(fields, attribute, expected):
    assert getattr(request_of(**fields), attribute) == expected


@pytest.mark.parametrize(
    ("source", "table"),
    [
        (UPLOAD, None),
        ({"records": [{"a": 1, "b": "x"}, {"a": 2, "b": None}]}, b"a,b\n1,x\n2,\n"),
        ({"columns": ["a", "b"], "data": [[1, "x"], [2.5, True]]}, b"a,b\n1,x\n2.5,true\n"),
    ],
)
def test_a_source_is_an_upload_or_a_table_in_the_document(source, table):
    assert read({"source": source}).inline_table() == table


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({}, ["/source"]),
        ({"source": {}}, ["/source"]),
        ({"source": None}, ["/source"]),
        ({"source": []}, ["/source"]),
        ({"source": {"url": "http://x"}}, ["/source"]),
        ({"source": {"upload_id": None}}, ["/source/upload_id"]),
        ({"source": {"upload_id": "../x"}}, ["/source/upload_id"]),
        ({"source": {**UPLOAD, "records": []}}, ["/source"]),
        ({"source": {"columns": ["a"]}}, ["/source/data"]),
        ({"source": {"data": [[1]]}}, ["/source/columns"]),
        ({"source": {"records": [1]}}, ["/source/records/0"]),
        ({"source": {"records": [{"a": 1}, {"a": {}}]}}, ["/source/records/1"]),
        ({"source": {"columns": ["a"], "data": [[1], [1, 2]]}}, ["/source/data/1"]),
        ({"source": {"columns": [1], "data": []}}, ["/source/columns/0"]),
        ({"source": {"columns": ["a"] * 1001, "data": []}}, ["/source/columns"]),
        ({"source": {"records": []}, "dialect": {"delimiter": ";"}}, ["/dialect"]),
        ({"source": UPLOAD, "split": {}}, ["/split"]),
        ({"source": UPLOAD, "split": {"column": "a", "test_size": 0.3}}, ["/split"]),
        ({"source": UPLOAD, "split": {"test_size": 1}}, ["/split/test_size"]),
        ({"source": UPLOAD, "split": {"test_size": 0.3, "stratify": 1}}, ["/split/stratify"]),
        ({"source": UPLOAD, "model": {}}, ["/model/family"]),
        ({"source": UPLOAD, "model": {"family": "keras"}}, ["/model/family"]),
        ({"source": UPLOAD, "model": {"family": "xgboost", "parameters": {"a": [1]}}}, ["/model/parameters"]),
        ({"source": UPLOAD, "model": {"family": "xgboost", "parameters": dict.fromkeys(map(str, range(51)))}},
         ["/model/parameters"]),
        ({"source": UPLOAD, "model": {"family": "xgboost", "n_hidden_features": 201}},
         ["/model/n_hidden_features"]),
        ({"source": UPLOAD, "explain": {"method": "lime"}}, ["/explain/method"]),
        ({"source": UPLOAD, "explain": {"background": 0}}, ["/explain/background"]),
        ({"source": UPLOAD, "explain": {"rows": [True]}}, ["/explain/rows/0"]),
        ({"source": UPLOAD, "explain": {"rows": [-1]}}, ["/explain/rows/0"]),
        ({"source": UPLOAD, "explain": {"groups": {"g": "a"}}}, ["/explain/groups"]),
        ({"source": UPLOAD, "explain": {"n_repeats": 1_000_000}}, ["/explain/n_repeats"]),
        ({"source": UPLOAD, "explain": {"n_repeats": 0}}, ["/explain/n_repeats"]),
        ({"source": UPLOAD, "seed": "1"}, ["/seed"]),
        ({"source": UPLOAD, "seed": True}, ["/seed"]),
        ({"source": UPLOAD, "seed": 2**32}, ["/seed"]),
        ({"source": UPLOAD, "budget_seconds": 0}, ["/budget_seconds"]),
        ({"source": UPLOAD, "dialect": {"delimiter": "::"}}, ["/dialect/delimiter"]),
        ({"source": UPLOAD, "dialect": {"missing": [""]}}, ["/dialect/missing/0"]),
        ({"source": UPLOAD, "callback_url": "http://x"}, [""]),
        ({"source": UPLOAD, "tenant": "0" * 64}, [""]),
        ([], [""]),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_at_its_place(document, expected):
    assert pointers(document) == expected


def test_a_table_that_came_by_another_way_has_no_source():
    assert pointers({"source": UPLOAD}, JobBody) == [""]


def test_words_for_missing_cells_are_for_any_table():
    body = read({"source": {"records": [{"a": "NA"}]}, "dialect": {"missing": ["NA"]}})

    assert body.inline_table() == b"a\nNA\n"
    assert body.as_request().dialect.missing == ("NA",)
