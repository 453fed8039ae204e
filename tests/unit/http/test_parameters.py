"""Query parameters: the documented spellings, once each, and a hint for everything else."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote_plus

import pytest
from fastapi import APIRouter, Depends, Query
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from whybox.http.answers import json_answer
from whybox.http.compatible_queries import MlClassificationQuery, MlRegressionQuery
from whybox.http.parameters import refuse_repeats

router = APIRouter()


@router.get("/classification", dependencies=[Depends(refuse_repeats)])
async def classification(query: Annotated[MlClassificationQuery, Query()]):
    return json_answer(query.model_dump())


@router.get("/regression", dependencies=[Depends(refuse_repeats)])
async def regression(query: Annotated[MlRegressionQuery, Query()]):
    return json_answer(query.model_dump())


@pytest.fixture
def ask(service):
    function = service.function(router)
    return lambda query, path="/classification": service.call(function, "GET", path, query=query)


def test_without_parameters_the_documented_defaults_hold(ask):
    assert ask("").document == {
        "interpretability": None,
        "target": "target",
        "split": "training_index",
        "seed": 42,
        "n_repeats": 10,
        "scoring": None,
        "delimiter": ",",
        "decimal": ".",
        "encoding": "utf-8",
        "missing": "",
        "level": 95.0,
        "n_layers": 1,
        "upload_id": None,
        "base_model": "RandomForestClassifier",
        "n_hidden_features": 5,
        "predict_proba": True,
    }
    assert ask("", "/regression").document["base_model"] == "ElasticNet"
    assert ask("", "/regression").document["return_pi"] is False


@pytest.mark.parametrize(
    ("text", "value"),
    [("True", True), ("true", True), ("1", True), ("False", False), ("false", False), ("0", False)],
)
def test_booleans_have_six_spellings(ask, text, value):
    assert ask(f"predict_proba={text}").document["predict_proba"] is value


@pytest.mark.parametrize("text", ["", "yes", "TRUE", "on", "t", "2", "None", " true", "1.0"])
def test_any_other_boolean_is_refused_with_the_six(ask, text):
    answer = ask(f"predict_proba={quote_plus(text)}")

    assert (answer.status, answer.code) == (422, "parameter-invalid")
    assert answer.document["errors"][0]["column"] == "predict_proba"
    assert "True, true, 1, False, false, 0" in answer.document["detail"]


@pytest.mark.parametrize(
    "text", ["", "five", "5.0", "+5", " 5", "5 ", "1_0", "0x5", "1e1", "٥", "05", "--5", "9" * 5000, "NaN"]
)
def test_a_whole_number_has_one_spelling(ask, text):
    assert ask(f"n_hidden_features={quote_plus(text)}").code == "parameter-invalid"


@pytest.mark.parametrize(
    "query", ["seed=-1", "seed=4294967296", "n_repeats=0", "n_repeats=1000000", "n_layers=4"]
)
def test_a_number_out_of_range_is_refused_with_the_bound(ask, query):
    answer = ask(query)

    assert answer.code == "parameter-invalid"
    assert "must be" in answer.document["detail"]


@pytest.mark.parametrize("text", ["49.9", "100", "nan", "inf", "1e2", "", "95%", "9" * 400])
def test_a_level_is_a_percentage_that_intervals_can_have(ask, text):
    assert ask(f"level={quote_plus(text)}", "/regression").code == "parameter-invalid"


@pytest.mark.parametrize(("text", "level"), [("95", 95.0), ("99.9", 99.9), ("50", 50.0), ("87.5", 87.5)])
def test_a_level_may_have_decimals(ask, text, level):
    assert ask(f"level={text}", "/regression").document["level"] == level


@pytest.mark.parametrize(
    ("name", "closest"),
    [
        ("base_modl", "base_model"),
        ("Predict_Proba", "predict_proba"),
        ("hidden_features", "n_hidden_features"),
    ],
)
def test_an_unknown_parameter_is_answered_with_the_closest_one(ask, name, closest):
    answer = ask(f"{name}=1")

    assert (answer.status, answer.code) == (422, "parameter-invalid")
    assert closest in answer.document["detail"]
    assert answer.document["errors"] == [
        {"code": "parameter-unknown", "detail": "unknown parameter", "column": closest}
    ]


@pytest.mark.parametrize("name", ["zzz", "x" * 5000, "%00", "callback_url", "__proto__", "%F0%9F%A6%8A", ""])
def test_an_unknown_parameter_like_no_other_is_answered_with_all_there_are(ask, name):
    answer = ask(f"{name}=1")

    assert answer.code == "parameter-invalid"
    assert "base_model" in answer.document["detail"] or "did you mean" in answer.document["detail"]


def test_a_parameter_of_another_endpoint_is_unknown_here(ask):
    assert ask("return_pi=True").code == "parameter-invalid"
    assert ask("predict_proba=True", "/regression").code == "parameter-invalid"


@pytest.mark.parametrize("query", ["seed=1&seed=2", "seed=1&seed=1", "seed=1&target=a&seed=", "seed&seed"])
def test_a_parameter_given_twice_is_refused_by_name(ask, query):
    answer = ask(query)

    assert answer.code == "parameter-invalid"
    assert "'seed'" in answer.document["detail"]
    assert "more than once" in answer.document["detail"]


@pytest.mark.parametrize("value", ["Permutation", "lime", "", "shap "])
def test_a_choice_is_one_of_its_words(ask, value):
    answer = ask(f"interpretability={quote_plus(value)}")

    assert answer.code == "parameter-invalid"
    assert "'permutation' or 'shap'" in answer.document["detail"]


def test_all_faults_are_told_together(ask):
    answer = ask("seed=x&n_repeats=0&predict_proba=maybe")

    assert {fault["column"] for fault in answer.document["errors"]} == {"seed", "n_repeats", "predict_proba"}
    assert answer.document["errors_total"] == 3


@given(st.text(max_size=30), st.text(max_size=30))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_no_query_is_echoed_or_crashes(ask, name, value):
    canary = "canary-" + value
    answer = ask(f"{quote_plus(name)}={quote_plus(canary)}")

    if answer.status != 200:
        assert answer.code == "parameter-invalid"
        assert "canary-" not in answer.body.decode()


@pytest.mark.parametrize("query", ["%", "%zz", "=", "&&&", "=&=", "a=%ff", "\x00", "?", "seed=%00"])
def test_a_malformed_query_is_refused_or_ignored(ask, query):
    assert ask(query).status in {200, 422}
