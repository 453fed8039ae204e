"""The application around every route: who may call, what answers carry, that errors stay answers."""

from __future__ import annotations

import gc
import json
import logging
from datetime import timedelta
from typing import Annotated

import pytest
from fastapi import APIRouter, Depends, Request
from fastapi.exceptions import HTTPException

from whybox.errors import ExplanationCheckError, QuotaUnavailableError
from whybox.http.answers import json_answer
from whybox.http.bearer_tokens import authorize
from whybox.http.identities import authenticate, authorize_explanation
from whybox.ports import Identity

router = APIRouter()


@router.get("/me")
async def me(identity: Annotated[Identity, Depends(authenticate)]):
    return json_answer({"tenant": identity.tenant})


@router.post("/task")
async def task(_identity: Annotated[Identity, Depends(authorize_explanation)]):
    return json_answer({"done": True})


@router.get("/collector")
async def collector():
    return json_answer({"runs": gc.isenabled()})


@router.get("/fail/{how}")
async def fail(how: str, request: Request):
    if how == "check":
        raise ExplanationCheckError("additivity", found=1.0, tolerance=0.1)
    if how == "store":
        raise QuotaUnavailableError
    if how == "nan":
        return json_answer({"x": float("nan")})
    if how == "http":
        raise HTTPException(418, "secret cell")
    if how == "group":
        raise ExceptionGroup("secret cell", [ValueError("secret cell")])
    return int("secret cell" + how)


@pytest.fixture
def function(service):
    return service.function(router)


def test_a_good_token_is_let_in_and_named_by_its_tenant(service, function):
    answer = service.call(function, "GET", "/me", token=service.token())

    assert answer.status == 200
    assert len(answer.document["tenant"]) == 64


def test_every_authenticated_answer_tells_the_quota(service, function):
    for path, status in (("/me", 200), ("/task", 405)):
        answer = service.call(function, "GET", path, token=service.token())
        assert answer.status == status
    forbidden = service.call(function, "POST", "/task", token=service.token(scopes=()))

    for answer in (service.call(function, "GET", "/me", token=service.token()), forbidden):
        assert answer.headers["ratelimit-policy"] == '"monthly";q=100;w=2592000'
        assert answer.headers["ratelimit"].startswith('"monthly";r=100;t=')
        assert answer.headers["x-ratelimit-remaining"] == "100"


def test_an_answer_to_nobody_tells_no_quota(service, function):
    answer = service.call(function, "GET", "/me")

    assert answer.status == 401
    assert not [name for name in answer.headers if "ratelimit" in name]


def test_every_answer_carries_the_gateways_request_id(service, function):
    good = service.call(function, "GET", "/me", token=service.token())
    bad = service.call(function, "GET", "/me")

    assert good.headers["x-request-id"] == "request-1"
    assert bad.headers["x-request-id"] == bad.document["instance"] == "request-2"


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Basic {token}",
        "{token}",
        "Bearer {token},Bearer {token}",
        "Bearer {token}, Bearer {other}",
        "Bearer {token} {token}",
        "Bearer {token}\r\nX: y",
        "Bearer\t{token}",
        "Bearer {expired}",
        "Bearer {stranger}",
    ],
)
def test_without_one_good_token_every_answer_is_the_same_401(service, function, authorization):
    tokens = {
        "token": service.token(),
        "other": service.token("grace"),
        "expired": service.token(now=service.clock.now() - timedelta(hours=30)),
        "stranger": service.token(issuer="stranger"),
    }
    headers = {} if authorization is None else {"authorization": authorization.format(**tokens)}

    answer = service.call(function, "GET", "/me", headers=headers)

    assert (answer.status, answer.code) == (401, "unauthenticated")
    assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    assert {**answer.document, "instance": ""} == {
        **service.call(function, "GET", "/me").document,
        "instance": "",
    }


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "Bearer  "])
def test_the_case_of_the_scheme_does_not_matter(service, function, scheme):
    headers = {"authorization": f"{scheme} {service.token()}"}

    assert service.call(function, "GET", "/me", headers=headers).status == 200


@pytest.mark.parametrize("place", ["query", "cookie", "x-authorization"])
def test_a_token_anywhere_else_is_not_read(service, function, place):
    token = service.token()
    request = {"query": f"token={token}"} if place == "query" else {"headers": {place: f"Bearer {token}"}}

    assert service.call(function, "GET", "/me", **request).status == 401


@pytest.mark.parametrize(
    "said",
    [
        None,
        {},
        {"lambda": None},
        {"lambda": {}},
        {"lambda": {"tenant": "", "scopes": "explain:write"}},
        {"lambda": {"tenant": "f" * 64, "scopes": "explain:write"}},
        {"jwt": {"claims": {"sub": "ada"}}},
    ],
)
def test_a_good_token_without_the_authorizers_word_is_not_enough(service, function, read, said):
    event = service.event("GET", "/me", token=service.token())
    event["requestContext"]["authorizer"] = said

    assert read(function(event, None)).status == 401


def test_the_authorizers_word_without_a_good_token_is_not_enough(service, function, read):
    event = service.event("GET", "/me", token=service.token())
    event["headers"] = {}

    assert read(function(event, None)).status == 401


def test_the_word_for_one_caller_does_not_let_another_in(service, function, read):
    event = service.event("GET", "/me", token=service.token("ada"))
    event["headers"] = {"authorization": f"Bearer {service.token('grace')}"}

    assert read(function(event, None)).status == 401


def test_scopes_the_authorizer_adds_are_not_believed(service, function, read):
    event = service.event("POST", "/task", token=service.token(scopes=()))
    event["requestContext"]["authorizer"]["lambda"]["scopes"] = "explain:write"

    assert read(function(event, None)).status == 401


def test_a_cached_word_does_not_outlive_the_token(service, function, read):
    event = service.event("GET", "/me", token=service.token(lifetime=timedelta(minutes=1)))
    service.clock.time += timedelta(minutes=3)

    assert read(function(event, None)).status == 401


@pytest.mark.parametrize("scopes", [(), ("explain:writex",), ("explain",), ("jobs:read",)])
def test_a_token_without_the_scope_is_known_and_not_allowed(service, function, scopes):
    answer = service.call(function, "POST", "/task", token=service.token(scopes=scopes))

    assert (answer.status, answer.code) == (403, "insufficient-scope")
    assert service.call(function, "GET", "/me", token=service.token(scopes=scopes)).status == 200


@pytest.mark.parametrize("name", ["x-user-id", "x-tenant", "x-forwarded-for", "x-amzn-request-context"])
def test_headers_about_the_caller_are_not_believed(service, function, name):
    plain = service.call(function, "GET", "/me", token=service.token())

    answer = service.call(function, "GET", "/me", token=service.token(), headers={name: "somebody else"})

    assert answer.document == plain.document


@pytest.mark.parametrize("path", ["/collector", "/fail/group"])
def test_garbage_is_collected_between_requests_not_within(service, function, path):
    answer = service.call(function, "GET", path)

    assert answer.status == 500 or answer.document == {"runs": False}
    assert gc.isenabled()


def test_without_a_key_nobody_is_let_in(service):
    from whybox.http.app import create_app
    from whybox.http.functions import HttpFunction

    function = HttpFunction(create_app(router, clock=service.clock, usage=service.usage))

    assert service.call(function, "GET", "/me", token=service.token()).status == 401


@pytest.mark.parametrize(
    ("how", "status", "code"),
    [
        ("check", 500, "explanation-check-failed"),
        ("store", 503, "quota-unavailable"),
        ("nan", 500, "result-not-finite"),
        ("http", 500, "internal"),
        ("group", 500, "internal"),
        ("7", 500, "internal"),
    ],
)
def test_any_error_is_answered_from_the_catalogue_and_tells_nothing_else(
    service, function, caplog, how, status, code
):
    with caplog.at_level(logging.DEBUG):
        answer = service.call(function, "GET", f"/fail/{how}")

    assert (answer.status, answer.code) == (status, code)
    logged = json.dumps([{**vars(record), "exc_info": None} for record in caplog.records], default=str)
    assert "secret cell" not in answer.body.decode() + logged + caplog.text


def test_an_error_is_logged_with_its_place_and_its_request_id(service, function, caplog):
    with caplog.at_level(logging.INFO):
        service.call(function, "GET", "/fail/7")

    (line,) = [record for record in caplog.records if record.name == "whybox.http.app"]
    assert (line.levelname, line.problem, line.api_request_id) == ("ERROR", "internal", "request-1")
    assert "builtins.ValueError" in line.trace[0]
    assert "test_app.fail" in line.trace[0]


def test_a_request_is_one_log_line_without_what_the_caller_sent(service, function, caplog):
    token = service.token("ada-the-subject")
    with caplog.at_level(logging.INFO):
        service.call(
            function,
            "GET",
            "/me",
            query="canary=1",
            token=token,
            headers={"x-canary": "canary", "cookie": "canary"},
        )
        service.call(function, "GET", "/me/canary", token=token)
        service.call(function, "CANARY", "/me", token=token)

    lines = [record for record in caplog.records if record.name.startswith("whybox")]
    text = json.dumps([vars(line) for line in lines], default=str)
    assert len(lines) == 3
    assert "canary" not in text.lower()
    assert "ada-the-subject" not in text
    assert token not in text
    assert lines[0].tenant == service.call(function, "GET", "/me", token=token).document["tenant"]


def test_why_a_token_was_refused_stands_in_the_log_only(service, function, caplog):
    with caplog.at_level(logging.INFO):
        answer = service.call(function, "GET", "/me", headers={"authorization": "Bearer a.b.c"})

    (line,) = [record for record in caplog.records if record.name == "whybox.http.app"]
    assert line.cause
    assert line.cause not in answer.body.decode()


@pytest.mark.parametrize(
    ("path", "status", "code"), [("/nowhere", 404, "not-found"), ("/", 404, "not-found")]
)
def test_an_unknown_path_is_told_in_the_same_form(service, function, path, status, code):
    answer = service.call(function, "GET", path)

    assert (answer.status, answer.code) == (status, code)


@pytest.mark.parametrize("method", ["GET", "DELETE", "TRACE", "NONSENSE"])
def test_another_method_is_told_with_the_right_ones(service, function, method):
    answer = service.call(function, method, "/task")

    assert (answer.status, answer.code) == (405, "method-not-allowed")
    assert answer.headers["allow"] == "POST"


def test_without_a_ledger_answers_carry_no_quota_and_stay_answers(service, function, tmp_path):
    (tmp_path / "usage").mkdir()

    answer = service.call(function, "GET", "/me", token=service.token())

    assert answer.status == 200
    assert "ratelimit" not in answer.headers


def test_the_authorizer_says_yes_with_a_tenant_and_no_with_nothing(service):
    yes = authorize(
        {"headers": {"authorization": f"Bearer {service.token()}"}}, key=service.key, clock=service.clock
    )
    no = authorize({"headers": {"authorization": "Bearer x"}}, key=service.key, clock=service.clock)

    assert yes["isAuthorized"] is True
    assert set(yes["context"]) == {"tenant", "scopes"}
    assert no == {"isAuthorized": False}


def test_the_authorizer_reads_its_header_in_any_case_but_only_one(service):
    value = f"Bearer {service.token()}"

    def is_let_in(headers):
        return authorize({"headers": headers}, key=service.key, clock=service.clock)["isAuthorized"]

    assert is_let_in({"Authorization": value})
    assert not is_let_in({"Authorization": value, "authorization": value})


@pytest.mark.parametrize("event", [None, {}, {"headers": None}, {"headers": {"authorization": 7}}, []])
def test_the_authorizer_says_no_to_any_odd_event(service, event):
    assert authorize(event, key=service.key, clock=service.clock) == {"isAuthorized": False}
