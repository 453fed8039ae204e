"""Every problem of the catalogue is provoked for real, and its answer keeps what every answer promises."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from whybox.http.problem_catalogue import CATALOGUE
from whybox.http.problems import problem_answer

from .conftest import RunningGateway
from .refused_beneath import BENEATH as BENEATH_REQUESTS
from .refused_jobs import OF_REQUESTS, OF_WORKERS
from .refused_requests import OVER_HTTP as OF_TABLES
from .refused_requests import Refusal, Stage
from .refused_tables import CANARY, REQUESTS

OVER_HTTP = OF_TABLES | OF_REQUESTS
BENEATH = BENEATH_REQUESTS | OF_WORKERS
MEMBERS = {"type", "title", "status", "detail", "instance"}
FACTS = {"errors", "errors_total", "limit", "actual", "used", "period", "resets_at"}
PLACE = {"row", "column", "pointer", "code", "detail"}
# A person has to find the column of a table or of a request, so these names, and no cell, are told.
NAMED = {"csv-column-name-invalid", "csv-duplicate-column"}


@pytest.fixture
def stage(gateway: RunningGateway, small_gateway: RunningGateway, tmp_path: Path) -> Iterator[Stage]:
    with ExitStack() as running:
        yield Stage(gateway, small_gateway, tmp_path, running)


@pytest.fixture(scope="module")
def pages(gateway: RunningGateway) -> Iterator[httpx.Client]:
    """A client of the service's own pages, without a token."""
    with httpx.Client(base_url=gateway.url, timeout=60, trust_env=False) as client:
        yield client


def beneath(code: str, folder: Path) -> Refusal:
    """Provoke an error where it arises, and answer it."""
    with pytest.raises(Exception) as caught:  # noqa: PT011 - any error there is: the answer says which
        BENEATH[code](folder)
    status, headers, body = problem_answer(caught.value, request_id="id-1")
    return Refusal(status, headers, json.loads(body))


def check_answer(code: str, found: Refusal, pages: httpx.Client) -> None:
    """Check what every refusal keeps: the form, the catalogue's words, a page, and no echo."""
    entry, document = CATALOGUE[code], found.document
    assert document["type"] == f"/problems/{code}"
    assert found.headers["content-type"] == "application/problem+json"
    assert found.status == document["status"] == entry.status
    assert document["title"] == entry.title
    assert document["instance"] == found.headers["x-request-id"]
    assert MEMBERS <= set(document) <= MEMBERS | FACTS
    assert re.fullmatch(r"[A-Z0-9'{].*[.?]", document["detail"], re.DOTALL), document["detail"]
    places = document.get("errors", [])
    assert len(places) <= 20
    assert len(places) <= document.get("errors_total", 0)
    assert all({"code", "detail"} <= set(place) <= PLACE for place in places)
    assert CANARY not in json.dumps(document) or code in NAMED
    assert not any(CANARY in value for value in found.headers.values())
    page = pages.get(document["type"])
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert f"/problems/{code}<" in page.text


def test_the_catalogue_is_closed_each_code_is_provoked_in_exactly_one_place() -> None:
    codes = [code for provoked in (OF_TABLES, OF_REQUESTS, BENEATH_REQUESTS, OF_WORKERS) for code in provoked]
    assert len(codes) == len(set(codes))
    assert set(OVER_HTTP) | set(BENEATH) == set(CATALOGUE)


def test_what_a_request_can_meet_does_not_await_anything() -> None:
    assert not [code for code in OVER_HTTP if CATALOGUE[code].awaits is not None]


@pytest.mark.parametrize("code", sorted(OVER_HTTP))
def test_a_request_that_meets_the_problem_is_answered_so(
    stage: Stage, pages: httpx.Client, code: str
) -> None:
    found = OVER_HTTP[code](stage)

    check_answer(code, found, pages)


@pytest.mark.parametrize("code", sorted(BENEATH))
def test_where_no_request_meets_it_the_error_is_answered_so(
    pages: httpx.Client, tmp_path: Path, code: str
) -> None:
    found = beneath(code, tmp_path)

    check_answer(code, found, pages)


@pytest.mark.parametrize(
    "code", ["csv-ragged-rows", "csv-too-many-rows", "integer-precision", "target-not-found"]
)
def test_a_refused_table_costs_nothing(stage: Stage, code: str) -> None:
    path, table = REQUESTS[code]
    before = stage.ask("/usage").document["used"]

    stage.post(path, table)

    assert stage.ask("/usage").document["used"] == before


def test_of_many_places_twenty_are_listed_and_all_are_counted(stage: Stage) -> None:
    document = OVER_HTTP["csv-ragged-rows"](stage).document

    assert (len(document["errors"]), document["errors_total"]) == (20, 31)
    assert document["errors"][0] == {"row": 42, "code": "csv-ragged-rows", "detail": "2 cells, expected 4"}
