"""The service's own pages, and the answer to whatever is not there."""

from __future__ import annotations

import json

import pytest

from whybox import __version__
from whybox.http import site
from whybox.http.problem_catalogue import CATALOGUE

PAGES = ["/", "/docs", "/problems", "/problems/csv-ragged-rows"]


@pytest.fixture
def function(service):
    return service.function(site.router, methods_of_path=site.methods_of_path)


@pytest.mark.parametrize("path", PAGES)
def test_a_page_needs_no_token_and_lets_nothing_run(service, function, path):
    answer = service.call(function, "GET", path)

    assert answer.status == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "script-src" not in answer.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", [*PAGES, "/health", "/openapi.json"])
def test_what_can_be_got_can_be_asked_about(service, function, path):
    assert service.call(function, "HEAD", path).status == 200


@pytest.mark.parametrize("code", CATALOGUE)
def test_every_problem_has_its_page(service, function, code):
    answer = service.call(function, "GET", f"/problems/{code}")

    assert answer.status == 200
    assert code in answer.body.decode()


def test_health_tells_version_time_and_storage(service, function):
    answer = service.call(function, "GET", "/health")

    assert answer.document == {
        "status": "ok",
        "version": __version__,
        "time": "2026-11-20T12:00:00+00:00",
        "storage": "reachable",
    }
    assert answer.headers["cache-control"] == "no-store"


def test_health_is_answered_when_the_store_is_not(service, function, tmp_path):
    (tmp_path / "usage").mkdir()

    answer = service.call(function, "GET", "/health")

    assert (answer.status, answer.document["status"]) == (200, "degraded")
    assert answer.document["storage"] == "unreachable"


def test_the_openapi_document_is_served_as_it_is_checked_in(service, function):
    answer = service.call(function, "GET", "/openapi.json")

    assert answer.document == site.read_openapi()
    assert answer.document["openapi"].startswith("3.1")


def test_the_pages_show_commands_for_the_host_that_was_asked(service, function):
    assert "https://whybox.example/mlclassification" in service.call(function, "GET", "/").body.decode()


@pytest.mark.parametrize("host", ["<script>", "a b", "", None, "x" * 300, "a/b", "a:port"])
def test_a_host_that_is_none_is_not_shown(service, function, read, host):
    event = service.event("GET", "/")
    event["requestContext"]["domainName"] = host

    answer = read(function(event, None))

    assert answer.status == 200
    assert "http://127.0.0.1:8000/mlclassification" in answer.body.decode()


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/problems/nothing",
        "/docs/",
        "//",
        "/%00",
        "/\x00",
        "/..",
        "/../etc/passwd",
        "/v1",
        "/é",
        "/" + "x" * 5000,
    ],
)
def test_an_unknown_path_is_not_found(service, function, path):
    answer = service.call(function, "GET", path)

    assert (answer.status, answer.code) == (404, "not-found")
    assert "x" * 50 not in answer.body.decode()


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/", "GET, HEAD"),
        ("DELETE", "/health", "GET, HEAD"),
        ("TRACE", "/docs", "GET, HEAD"),
        ("PUT", "/problems/internal", "GET, HEAD"),
        ("GET", "/mlclassification", "POST"),
        ("OPTIONS", "/gbdtregression", "POST"),
        ("HEAD", "/mlregression", "POST"),
        ("POST", "/usage", "GET"),
        ("NONSENSE", "/usage", "GET"),
    ],
)
def test_another_method_of_a_path_there_is_lists_the_right_ones(service, function, method, path, allowed):
    answer = service.call(function, method, path)

    assert (answer.status, answer.code) == (405, "method-not-allowed")
    assert answer.headers["allow"] == allowed


def test_every_link_of_a_problem_leads_to_a_page(service, function):
    missing = service.call(function, "GET", "/nothing")

    assert service.call(function, "GET", json.loads(missing.body)["type"]).status == 200
