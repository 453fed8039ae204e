"""Job documents: every default is written out, and whatever changes a result changes the job's id."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from whybox.domain.jobs.explanation_requests import Dialect, ExplanationRequest, ModelChoice
from whybox.domain.jobs.job_documents import TablePin, canonical, document_of, job_id_of, pin_of, request_of
from whybox.domain.models.specs import DrawnSplit

PIN = TablePin("tenants/t/uploads/u", "v1", "d" * 64, 124_000)
PLAIN = ExplanationRequest(kind=None, model=ModelChoice("xgboost", None), method="shap")
FULL = ExplanationRequest(
    kind="regression",
    model=ModelChoice("sklearn", "Ridge", 5, 2, {"alpha": 0.5, "fit_intercept": True}),
    method="permutation",
    target="é",
    split=DrawnSplit(0.25, is_stratified=False),
    n_background=50,
    groups={"size": ("a", "b")},
    n_repeats=7,
    scoring="mae",
    interval_level=90.0,
    seed=7,
    budget_seconds=2.5,
    dialect=Dialect(";", ",", "latin-1", ("NA",)),
)


def test_a_request_comes_back_from_its_document_through_json():
    for request in (PLAIN, FULL, replace(PLAIN, rows=(3, 1), unit="margin")):
        document = json.loads(json.dumps(document_of(request, PIN)))

        assert request_of(document) == request
        assert pin_of(document) == PIN


def job_id(request=PLAIN, *, tenant="t", pin=PIN, sha256="d" * 64, attempt=0, answer=None) -> str:
    return job_id_of(tenant, document_of(request, pin, answer=answer), sha256, attempt=attempt)


def test_the_same_request_for_the_same_bytes_is_one_job_wherever_they_are_stored():
    elsewhere = replace(PIN, key="batch/t/x.csv", version="v2")

    assert job_id(pin=elsewhere) == job_id()
    assert job_id(replace(PLAIN, route="/mlregression")) == job_id()


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "classification"},
        {"model": ModelChoice("lightgbm", None)},
        {"model": ModelChoice("xgboost", None, parameters={"n_estimators": 3})},
        {"method": None},
        {"target": "other"},
        {"split": "other"},
        {"split": DrawnSplit()},
        {"unit": "margin"},
        {"n_background": 99},
        {"rows": (1,)},
        {"groups": {"g": ("a",)}},
        {"n_repeats": 11},
        {"scoring": "log_loss"},
        {"interval_level": 80.0},
        {"seed": 43},
        {"budget_seconds": 1.0},
        {"dialect": Dialect(";")},
    ],
)
def test_whatever_changes_a_result_changes_the_id(change):
    assert job_id(replace(PLAIN, **change)) != job_id()


def test_tenants_bytes_attempts_and_shapes_of_the_answer_have_ids_of_their_own():
    ids = [
        job_id(),
        job_id(tenant="u"),
        job_id(sha256="e" * 64),
        job_id(attempt=1),
        job_id(attempt=11),
        job_id(answer="/mlregression"),
    ]

    assert len(set(ids)) == len(ids)
    assert all(len(name) == 32 and set(name) <= set("0123456789abcdef") for name in ids)


def test_the_canonical_form_is_sorted_compact_json_without_the_place_of_the_table():
    content = canonical(document_of(FULL, PIN))

    document = json.loads(content)
    assert "source" not in document
    assert content == json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
