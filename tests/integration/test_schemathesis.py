"""Requests generated from the OpenAPI document with one seed: a slice of what `make prove` sends."""

from __future__ import annotations

import pytest
from tests.proof.generated_requests import GeneratedRequests, send_generated_requests

CHECKS = {
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "positive_data_acceptance",
    "ignored_auth",
}


@pytest.fixture(scope="module")
def sent(gateway, tmp_path_factory) -> GeneratedRequests:
    folder = tmp_path_factory.mktemp("requests")
    return send_generated_requests(gateway.url, gateway.token(), folder, n_examples=14, phases="fuzzing")


def test_no_generated_request_gets_a_server_error(sent):
    assert sent.n_requests >= 60
    assert sent.n_server_errors == 0


def test_every_answer_to_a_generated_request_is_one_the_document_foresees(sent):
    assert not sent.failures
    assert set(sent.n_checks) >= CHECKS


def test_generated_requests_are_answered_and_refused(sent):
    assert sent.statuses[200] >= 10
    assert sent.statuses[422] >= 10
