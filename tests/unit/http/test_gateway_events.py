"""Events: what of them is trusted, and that none makes a function raise."""

from __future__ import annotations

from contextlib import suppress

import pytest
from fastapi import APIRouter, Request
from hypothesis import given
from hypothesis import strategies as st

from whybox.errors import BodyEncodingError, UnsupportedEventError
from whybox.http.app import create_app
from whybox.http.functions import HttpFunction
from whybox.http.gateway_events import checked_event, request_id

EVENT = {
    "version": "2.0",
    "rawPath": "/echo",
    "rawQueryString": "",
    "headers": {},
    "requestContext": {"requestId": "id-1", "http": {"method": "POST", "path": "/echo", "sourceIp": "::1"}},
    "isBase64Encoded": False,
}


class Context:
    aws_request_id = "lambda-1"


def echo_function(service) -> HttpFunction:
    router = APIRouter()

    @router.post("/{path:path}")
    async def echo(request: Request) -> dict[str, object]:
        return {
            "path": request.url.path,
            "query": request.url.query,
            "body": (await request.body()).decode("latin-1"),
            "headers": dict(request.headers),
        }

    return HttpFunction(create_app(router, clock=service.clock))


@pytest.mark.parametrize(
    "event",
    [
        None,
        [],
        {},
        "event",
        {"Records": [{"eventSource": "aws:s3"}]},
        {"version": "1.0", "resource": "/", "requestContext": {}},
        {**EVENT, "requestContext": None},
        {**EVENT, "rawPath": None},
        {**EVENT, "headers": ["authorization"]},
        {**EVENT, "body": 7},
        {**EVENT, "requestContext": {"http": {"method": None, "sourceIp": "::1"}}},
    ],
)
def test_an_event_that_is_no_http_request_gets_a_clean_answer(service, read, event):
    with pytest.raises(UnsupportedEventError):
        checked_event(event)

    answer = read(echo_function(service)(event, Context()))

    assert (answer.status, answer.code) == (400, "unsupported-event")
    assert answer.headers["x-request-id"] == answer.document["instance"]


@pytest.mark.parametrize("body", ["not base64!", "YQ", "YQ==\n", "YQ=", "é", "Y Q=="])
def test_a_body_marked_as_base64_that_is_not_is_told(service, read, body):
    event = {**EVENT, "isBase64Encoded": True, "body": body}
    with pytest.raises(BodyEncodingError):
        checked_event(event)

    answer = read(echo_function(service)(event, None))

    assert (answer.status, answer.code) == (400, "body-encoding")
    assert body not in answer.document["detail"]


@pytest.mark.parametrize("path", ["/", "/a b", "/a%2Fb", "/%00", "/ü/é", "//", "/a\x00b", "/%"])
def test_a_path_reaches_the_application_decoded_once(service, read, path):
    event = {**EVENT, "rawPath": path}

    answer = read(echo_function(service)(event, None))

    assert answer.status == 200
    assert answer.document["path"] == path


@pytest.mark.parametrize(
    "headers",
    [{"host": "[::1]:8000"}, {"host": "a:b:c"}, {"host": ":"}, {"x-forwarded-port": "http"}, {"x": "\ud800"}],
)
def test_odd_headers_do_not_stop_the_adapter(service, read, headers):
    answer = read(echo_function(service)({**EVENT, "headers": headers}, None))

    assert answer.status == 200


@pytest.mark.parametrize("headers", [None, {"accept": None}])
def test_absent_headers_are_no_error(service, read, headers):
    assert read(echo_function(service)({**EVENT, "headers": headers}, None)).status == 200


def test_the_request_id_is_the_gateways_then_lambdas_then_a_new_one():
    assert request_id(EVENT, Context()) == "id-1"
    assert request_id({}, Context()) == "lambda-1"
    assert len(request_id(None)) == 36
    assert "\n" not in request_id({"requestContext": {"requestId": "a\nb"}})


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from(sorted(EVENT)), json_values, st.sampled_from(["method", "path", "sourceIp", None]))
def test_any_event_is_refused_or_accepted_and_never_crashes(name, value, inner):
    event = {**EVENT, name: value}
    if inner:
        event = {**EVENT, "requestContext": {"http": {**EVENT["requestContext"]["http"], inner: value}}}  # type: ignore[index]  # a plain dictionary

    with suppress(UnsupportedEventError, BodyEncodingError):
        checked_event(event)
