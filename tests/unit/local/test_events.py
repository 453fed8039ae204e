import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from whybox.local.events import (
    Arrival,
    HttpRequest,
    authorizer_event,
    count_event_bytes,
    event_payload,
    request_event,
)
from whybox.local.routes import RouteMatch
from whybox.local.templates import Authorizer, Route
from whybox.local.worker import read_event

GUARD = Authorizer("Token", "Guard", ("authorization",), 60)
ARRIVAL = Arrival("id-1", datetime(2026, 3, 12, 19, 3, 58, 390_000, tzinfo=UTC))

# The example of "Create AWS Lambda proxy integrations for HTTP APIs", format 2.0: each key and its JSON type.
DOCUMENTED = {
    "version": str,
    "routeKey": str,
    "rawPath": str,
    "rawQueryString": str,
    "cookies": list,
    "headers": dict,
    "queryStringParameters": dict,
    "requestContext": dict,
    "body": str,
    "pathParameters": dict,
    "isBase64Encoded": bool,
}
DOCUMENTED_CONTEXT = {
    "accountId": str,
    "apiId": str,
    "authorizer": dict,
    "domainName": str,
    "domainPrefix": str,
    "http": dict,
    "requestId": str,
    "routeKey": str,
    "stage": str,
    "time": str,
    "timeEpoch": int,
}
DOCUMENTED_AUTHORIZER = {
    "version": str,
    "type": str,
    "routeArn": str,
    "identitySource": list,
    "routeKey": str,
    "rawPath": str,
    "rawQueryString": str,
    "cookies": list,
    "headers": dict,
    "queryStringParameters": dict,
    "requestContext": dict,
    "pathParameters": dict,
    "stageVariables": dict,
}


def request(
    path: str = "/jobs/7", query: str = "", headers: tuple[tuple[str, str], ...] = (), method: str = "POST"
) -> HttpRequest:
    return HttpRequest(method, path, query, headers, "1.1", "192.0.2.1", 8000)


def match(**parameters: str) -> RouteMatch:
    return RouteMatch(Route("POST", "/jobs/{id}", "F", GUARD), parameters)


def event(of: HttpRequest, **parameters: str) -> dict[str, Any]:
    return request_event(of, match(**parameters), arrival=ARRIVAL, authorizer_context={"tenant": "t"})


FULL = request(
    query="a=1&a=2&b=",
    headers=(
        ("host", "example.org"),
        ("cookie", "c=1; d=2"),
        ("user-agent", "curl"),
        ("x-a", "1"),
        ("x-a", "2"),
    ),
)


def received(event: dict[str, Any], body: bytes, *, content_type: str | None) -> dict[str, Any]:
    """Return the event as its function sees it."""
    payload = event_payload(event, body, content_type=content_type)
    found: dict[str, Any] = read_event(payload.head, payload.body)
    return found


def types(document: dict[str, Any]) -> dict[str, type]:
    return {name: type(value) for name, value in document.items()}


def test_an_event_has_exactly_the_documented_fields() -> None:
    full = event(FULL, id="7")
    full = received(full, b"hello", content_type="text/plain")

    assert types(full) == DOCUMENTED
    assert types(full["requestContext"]) == DOCUMENTED_CONTEXT
    assert set(full["requestContext"]["http"]) == {"method", "path", "protocol", "sourceIp", "userAgent"}
    assert full["requestContext"]["authorizer"] == {"lambda": {"tenant": "t"}}


def test_an_authorizers_event_has_exactly_the_documented_fields() -> None:
    asked = authorizer_event(FULL, match(id="7"), arrival=ARRIVAL, identity=("Bearer x",))

    assert types(asked) == DOCUMENTED_AUTHORIZER
    assert asked["type"] == "REQUEST"
    assert asked["identitySource"] == ["Bearer x"]
    assert asked["routeArn"].endswith("/$default/POST/jobs/7")
    assert types(asked["requestContext"]) == {
        name: kind for name, kind in DOCUMENTED_CONTEXT.items() if name != "authorizer"
    }


def test_what_a_request_does_not_have_is_absent_and_not_empty() -> None:
    bare = event(request())

    assert not {"body", "cookies", "queryStringParameters", "pathParameters", "stageVariables"} & set(bare)


def test_repeated_headers_and_parameters_are_joined_with_commas() -> None:
    full = event(FULL)

    assert full["headers"]["x-a"] == "1,2"
    assert full["queryStringParameters"] == {"a": "1,2", "b": ""}
    assert full["rawQueryString"] == "a=1&a=2&b="
    assert full["cookies"] == ["c=1", "d=2"]


def test_parameters_are_decoded_and_the_raw_query_is_not() -> None:
    decoded = event(request(query="a=%C3%A9+b%26c"))

    assert decoded["queryStringParameters"] == {"a": "é b&c"}
    assert decoded["rawQueryString"] == "a=%C3%A9+b%26c"


def test_the_path_arrives_decoded_as_on_the_live_gateway() -> None:
    decoded = event(request(path="/jobs/a%20b"))

    assert decoded["rawPath"] == decoded["requestContext"]["http"]["path"] == "/jobs/a b"


def test_bytes_that_are_not_utf_8_in_a_path_do_not_break_the_event() -> None:
    assert json.dumps(event(request(path="/jobs/%C0%AF%ff"))).isascii()


def test_the_source_address_is_the_connections_whatever_the_client_claims() -> None:
    spoofed = event(request(headers=(("x-forwarded-for", "203.0.113.9"),)))

    assert spoofed["requestContext"]["http"]["sourceIp"] == "192.0.2.1"
    assert spoofed["headers"]["x-forwarded-for"] == "203.0.113.9, 192.0.2.1"


def test_the_time_is_written_as_the_gateway_writes_it() -> None:
    context = event(request())["requestContext"]

    assert (context["time"], context["timeEpoch"]) == ("12/Mar/2026:19:03:58 +0000", 1_773_342_238_390)


@pytest.mark.parametrize(
    ("content_type", "is_text"),
    [
        ("text/csv", True),
        ("application/json; charset=utf-8", True),
        ("APPLICATION/JSON", True),
        ("application/xml", True),
        ("application/javascript", True),
        ("multipart/form-data; boundary=x", False),
        ("application/x-www-form-urlencoded", False),
        ("application/octet-stream", False),
        (None, False),
    ],
)
def test_a_body_is_text_or_base64_by_its_media_type(content_type: str | None, *, is_text: bool) -> None:
    carried = received({}, "é".encode(), content_type=content_type)

    assert carried == (
        {"isBase64Encoded": False, "body": "é"} if is_text else {"isBase64Encoded": True, "body": "w6k="}
    )


def test_text_that_is_not_utf_8_reaches_the_function_byte_for_byte() -> None:
    carried = received({}, b"\xff\xfe{\x00", content_type="application/json")

    assert carried["isBase64Encoded"] is True
    assert base64.b64decode(carried["body"]) == b"\xff\xfe{\x00"


@pytest.mark.parametrize("content_type", ["application/json", "application/octet-stream"])
@pytest.mark.parametrize(
    "body", [b"", b"x" * 100, b'"\n' * 50, "é\u2028".encode() * 20, b"\x00" * 33, b"\xff" * 100]
)
def test_an_event_is_as_long_as_its_json_wherever_its_body_travels(body: bytes, content_type: str) -> None:
    payload = event_payload({"version": "2.0"}, body, content_type=content_type)
    whole = {**read_event(payload.head, payload.body)}
    whole.setdefault("body", "")
    n_bytes = len(json.dumps(whole, ensure_ascii=False, separators=(",", ":")).encode())

    assert count_event_bytes(payload, limit=0) == n_bytes
    assert n_bytes <= count_event_bytes(payload, limit=10_000) <= 10_000
