"""The OpenAPI document: current, closed, and true of the routes."""

from __future__ import annotations

import json
from importlib import resources

import pytest

from whybox.errors import (
    BodyTooLargeError,
    FunctionBusyError,
    FunctionFailedError,
    FunctionTimeoutError,
    HeadersTooLargeError,
    NotAcceptableError,
    RequestMalformedError,
    RequestTimeoutError,
)
from whybox.http.compatible_queries import (
    CompatibleQuery,
    GbdtClassificationQuery,
    GbdtRegressionQuery,
    MlClassificationQuery,
    MlRegressionQuery,
)
from whybox.http.openapi import build_openapi, render_openapi
from whybox.http.problem_catalogue import CATALOGUE

QUERIES: dict[str, type[CompatibleQuery]] = {
    "/mlclassification": MlClassificationQuery,
    "/mlregression": MlRegressionQuery,
    "/gbdtclassification": GbdtClassificationQuery,
    "/gbdtregression": GbdtRegressionQuery,
}
PUBLIC_PATHS = {"/", "/health", "/docs", "/openapi.json", "/problems", "/problems/{code}"}


@pytest.fixture(scope="module")
def document():
    return build_openapi()


def test_the_checked_in_document_is_the_one_the_code_describes():
    checked_in = resources.files("whybox.http").joinpath("openapi.json").read_text(encoding="utf-8")

    assert checked_in == render_openapi(), "run: make openapi"


def test_every_reference_points_to_something(document):
    text = json.dumps(document)
    for part in text.split('"$ref": "#/')[1:]:
        found = document
        for name in part.split('"')[0].split("/"):
            found = found[name]


def test_exactly_the_public_paths_need_no_token(document):
    for path, operations in document["paths"].items():
        for operation in operations.values():
            expected = [] if path in PUBLIC_PATHS else [{"bearer": []}]
            assert operation["security"] == expected, path


@pytest.mark.parametrize("path", QUERIES)
def test_the_parameters_of_an_endpoint_are_those_of_its_query(document, path):
    (operation,) = document["paths"][path].values()
    described = {given["name"]: given for given in operation["parameters"] if given["in"] == "query"}

    assert set(described) == set(QUERIES[path].model_fields)
    assert all(given["description"] for given in described.values())


def test_bounds_are_written_as_json_schema_writes_them(document):
    (operation,) = document["paths"]["/mlregression"].values()
    schemas = {given["name"]: given["schema"] for given in operation["parameters"]}

    assert (schemas["seed"]["minimum"], schemas["seed"]["maximum"]) == (0, 2**32 - 1)
    assert (schemas["level"]["minimum"], schemas["level"]["maximum"]) == (50, 99.9)
    assert schemas["return_pi"]["type"] == "boolean"


def test_every_problem_of_the_catalogue_is_in_the_document(document):
    types = document["components"]["schemas"]["Problem"]["properties"]["type"]["enum"]

    assert types == [f"/problems/{code}" for code in CATALOGUE]


def test_every_error_of_every_operation_is_a_problem(document):
    for operations in document["paths"].values():
        for operation in operations.values():
            for status, answer in operation["responses"].items():
                if status != "200":
                    assert list(answer["content"]) == ["application/problem+json"]


def test_every_operation_names_the_statuses_that_any_request_may_meet(document):
    met_before_the_function = {
        RequestMalformedError,
        NotAcceptableError,
        RequestTimeoutError,
        BodyTooLargeError,
        HeadersTooLargeError,
        FunctionFailedError,
        FunctionBusyError,
        FunctionTimeoutError,
    }
    statuses = {str(CATALOGUE[error.code].status) for error in met_before_the_function} | {"500"}

    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert statuses <= operation["responses"].keys(), f"{method} {path}"


def test_operations_have_names_of_their_own(document):
    names = [
        operation["operationId"]
        for operations in document["paths"].values()
        for operation in operations.values()
    ]

    assert len(names) == len(set(names))
