"""Problems: a closed catalogue, one entry per error, and answers that repeat nothing of the request."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from whybox import errors
from whybox.errors import (
    AuthenticationError,
    ConfigurationError,
    Fault,
    InputError,
    InsufficientScopeError,
    MethodNotAllowedError,
    QuotaExceededError,
    QuotaUnavailableError,
    WhyboxError,
)
from whybox.http.problem_reference import PAGE, render_reference
from whybox.http.problems import CATALOGUE, problem_answer
from whybox.http.upcoming_problems import UPCOMING

NOW = datetime(2026, 11, 30, 23, 59, tzinfo=UTC)


def error_classes() -> list[type[WhyboxError]]:
    found = [thing for _, thing in inspect.getmembers(errors, inspect.isclass)]
    return [thing for thing in found if issubclass(thing, WhyboxError)]


def concrete_classes() -> list[type[WhyboxError]]:
    return [thing for thing in error_classes() if not thing.__subclasses__()]


def answer(error, **changes):
    status, headers, body = problem_answer(error, request_id="id-1", **changes)
    return status, headers, json.loads(body)


@pytest.mark.parametrize("error", concrete_classes(), ids=lambda error: error.__name__)
def test_every_concrete_error_has_a_code_of_its_own_kind_and_an_entry(error):
    assert error.code != "internal"
    assert error.code in CATALOGUE


def test_every_entry_has_an_error_that_can_cause_it():
    assert set(CATALOGUE) == {thing.code for thing in error_classes()}


ENTRIES = {entry.code: entry for entry in (*CATALOGUE.values(), *UPCOMING)}


def test_a_code_stands_for_one_problem_only():
    assert len(ENTRIES) == len(CATALOGUE) + len(UPCOMING)
    assert len({entry.title for entry in ENTRIES.values()}) == len(ENTRIES)


def test_what_no_error_stands_for_yet_says_what_it_awaits():
    assert all(entry.awaits for entry in UPCOMING)


def test_the_checked_in_reference_page_is_the_one_the_catalogue_describes():
    assert PAGE.read_text(encoding="utf-8") == render_reference(), "run: make problems"


def test_the_reference_page_has_every_code_once_where_it_belongs():
    answered, upcoming = render_reference().split("## Not yet reachable")

    for code, entry in ENTRIES.items():
        assert (f"### {code}\n" in answered) is (entry.awaits is None), code
        assert (f"| `{code}` |" in upcoming) is (entry.awaits is not None), code


@pytest.mark.parametrize("entry", ENTRIES.values(), ids=ENTRIES.keys())
def test_an_entry_says_what_it_means_and_what_to_do_in_sentences(entry):
    assert 400 <= entry.status <= 599
    for text in (entry.meaning, entry.remedy):
        assert text[0].isupper() or text[0].islower()
        assert text.endswith(".")
    assert not entry.title.endswith(".")


@pytest.mark.parametrize(
    ("branch", "statuses"),
    [
        (errors.RequestError, range(400, 500)),
        (errors.ComputationError, [500]),
        (errors.ConfigurationError, [500]),
        (errors.BackingServiceError, range(502, 505)),
    ],
)
def test_the_branch_of_an_error_decides_whose_fault_it_is(branch, statuses):
    for error in concrete_classes():
        if issubclass(error, branch):
            assert CATALOGUE[error.code].status in statuses, error


def test_a_problem_has_the_members_of_the_rfc_and_its_facts():
    error = InputError(
        "two rows are short",
        faults=[Fault("short", "cells", row=3, column="a")],
        n_faults=7,
        limit=5,
        actual=4,
    )

    status, headers, body = answer(error)

    assert status == 500, "a class without a code of its own is nobody's answer"
    assert headers["content-type"] == "application/problem+json"
    assert body == {
        "type": "/problems/internal",
        "title": CATALOGUE["internal"].title,
        "status": 500,
        "detail": "two rows are short",
        "instance": "id-1",
        "limit": 5,
        "actual": 4,
        "errors": [{"row": 3, "column": "a", "code": "cells", "detail": "short"}],
        "errors_total": 7,
    }


def test_at_most_twenty_places_are_listed_and_all_are_counted():
    _, _, body = answer(InputError("many", faults=[Fault("x", "y", row=row) for row in range(50)]))

    assert [place["row"] for place in body["errors"]] == list(range(20))
    assert body["errors_total"] == 50


def test_an_error_nobody_foresaw_says_nothing_of_itself():
    _, _, body = answer(ValueError("could not convert string to float: 'secret cell'"))

    assert "secret" not in json.dumps(body)
    assert body["detail"] == CATALOGUE["internal"].meaning


def test_a_configuration_is_the_operators_business():
    status, _, body = answer(ConfigurationError("WHYBOX_JWT_SECRET is weak"))

    assert status == 500
    assert "WHYBOX" not in json.dumps(body)


@pytest.mark.parametrize("cause", ["expired", "kid names none of our keys", ""])
def test_every_bad_token_gets_the_same_answer_which_names_ways_to_a_new_one(cause):
    status, headers, body = answer(AuthenticationError(cause))

    assert (status, headers["www-authenticate"]) == (401, 'Bearer error="invalid_token"')
    assert (status, headers, body) == answer("unauthenticated")
    assert "whybox token" in body["detail"]
    assert "Authorization: Bearer" in body["detail"]


def test_a_missing_scope_is_named():
    status, headers, body = answer(InsufficientScopeError("explain:write"))

    assert (status, headers["www-authenticate"]) == (403, 'Bearer error="insufficient_scope"')
    assert "explain:write" in body["detail"]


def test_a_used_up_quota_says_when_it_starts_again():
    error = QuotaExceededError(
        limit=100, used=100, period="2026-11", resets_at=datetime(2026, 12, 1, tzinfo=UTC)
    )

    status, headers, body = answer(error, now=NOW)

    assert (status, headers["retry-after"]) == (429, "60")
    assert (body["limit"], body["used"], body["period"]) == (100, 100, "2026-11")
    assert body["resets_at"] == "2026-12-01T00:00:00+00:00"


def test_a_failed_store_asks_for_another_try():
    status, headers, _ = answer(QuotaUnavailableError())

    assert (status, headers["retry-after"]) == (503, "5")


def test_another_method_lists_the_right_ones():
    status, headers, _ = answer(MethodNotAllowedError(["GET", "HEAD"]))

    assert (status, headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("text", ["half \ud800 a character", "nul \x00", "‮right to left", "x" * 100_000])
def test_any_text_can_be_told(text):
    _, _, raw = problem_answer(InputError(text), request_id="id-1")

    assert len(raw) < 2000
    assert json.loads(raw.decode("utf-8"))["status"] == 500


def test_problems_are_told_without_a_web_framework():
    script = "import sys, whybox.http.problems; print({'fastapi', 'numpy', 'pydantic'} & set(sys.modules))"

    printed = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)

    assert printed.stdout.strip() == "set()"
