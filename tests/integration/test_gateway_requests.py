"""What a function sees of a request and what a client sees of an answer, through the real local gateway."""

from __future__ import annotations

import base64
import json
import socket
from pathlib import Path

import httpx
import pytest

GOOD = {"Authorization": "Bearer good"}


def problem(response: httpx.Response) -> tuple[int, str]:
    document = response.json()
    assert response.headers["content-type"] == "application/problem+json"
    assert document["status"] == response.status_code
    assert document["instance"] == response.headers["x-request-id"]
    return response.status_code, document["type"].rsplit("/", 1)[-1]


def exchange(client: httpx.Client, request: bytes) -> bytes:
    """Send bytes as they are and return all that comes back until the connection ends."""
    with socket.create_connection(
        (client.base_url.host, client.base_url.port or 80), timeout=10
    ) as connection:
        connection.sendall(request)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def test_a_function_sees_an_event_in_payload_format_2(small_client: httpx.Client) -> None:
    response = small_client.post("/closed/a%20b?x=1&x=2", headers=GOOD, json={"y": 1})

    event = response.json()["event"]
    assert event["version"] == "2.0"
    assert event["routeKey"] == "POST /closed/{id}"
    assert event["rawPath"] == "/closed/a b"
    assert event["pathParameters"] == {"id": "a b"}
    assert event["queryStringParameters"] == {"x": "1,2"}
    assert event["requestContext"]["authorizer"] == {"lambda": {"tenant": "t-1", "n": 3}}
    assert json.loads(event["body"]) == {"y": 1}
    assert response.headers["x-request-id"] == event["requestContext"]["requestId"]


def test_a_form_arrives_as_base64_byte_for_byte(small_client: httpx.Client) -> None:
    content = bytes(range(256))

    event = small_client.post("/closed/1", headers=GOOD, files={"file": ("a.csv", content)}).json()["event"]

    assert event["isBase64Encoded"] is True
    assert content in base64.b64decode(event["body"])


@pytest.mark.parametrize("headers", [{}, {"Authorization": ""}, {"Authorization": "Bearer bad"}])
def test_without_a_good_token_the_answer_is_always_the_same_401(
    small_client: httpx.Client, headers: dict[str, str]
) -> None:
    def refusal(headers: dict[str, str]) -> dict[str, object]:
        response = small_client.post("/closed/1", headers=headers)
        assert problem(response) == (401, "unauthenticated")
        assert response.headers["www-authenticate"].startswith("Bearer")
        return {name: value for name, value in response.json().items() if name != "instance"}

    assert refusal(headers) == refusal({})


def test_two_authorization_headers_are_not_a_good_token(small_client: httpx.Client) -> None:
    twice = [("Authorization", "Bearer good"), ("Authorization", "Bearer good")]

    assert problem(small_client.post("/closed/1", headers=twice)) == (401, "unauthenticated")


@pytest.mark.parametrize("token", ["unclear", "crash"])
def test_an_authorizer_without_a_clear_answer_lets_nobody_in(small_client: httpx.Client, token: str) -> None:
    response = small_client.post("/closed/1", headers={"Authorization": f"Bearer {token}"})

    assert problem(response) == (502, "function-failed")


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/closed/1/2",
        "/read/",
        "//read",
        "/open/",
        "/%2e%2e/etc/passwd",
        "/%00",
        "/%ff%C0%AF",
        "/read%2F",
    ],
)
def test_a_path_that_no_route_has_is_a_404(small_client: httpx.Client, path: str) -> None:
    assert problem(small_client.get(path)) == (404, "not-found")


@pytest.mark.parametrize("method", ["PUT", "TRACE", "DELETE"])
def test_another_method_than_the_routes_is_a_405_that_names_them(
    small_client: httpx.Client, method: str
) -> None:
    response = small_client.request(method, "/closed/1", headers=GOOD)

    assert problem(response) == (405, "method-not-allowed")
    assert response.headers["allow"] == "POST"


def test_options_lists_the_methods_of_a_path_without_a_token(small_client: httpx.Client) -> None:
    response = small_client.options("/read")

    assert (response.status_code, response.headers["allow"], response.content) == (204, "GET, HEAD", b"")


def test_head_has_the_headers_of_get_and_no_body(small_client: httpx.Client) -> None:
    head = small_client.head("/read?do=binary")

    assert head.status_code == 201
    assert head.headers["content-length"] == "256"
    assert head.content == b""


def test_a_binary_answer_with_cookies_arrives_as_it_was_meant(small_client: httpx.Client) -> None:
    response = small_client.get("/read?do=binary")

    assert response.status_code == 201
    assert response.content == bytes(range(256))
    assert response.headers["content-type"] == "image/png"
    assert response.headers["x-number"] == "3"
    assert response.headers.get_list("set-cookie") == ["a=1", "b=2"]


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"hello\r\n\r\n",
        b"GET /read HTTP/1.1\r\n\r\n",
        b"GET /read HTTP/1.1\r\nHost: x\r\nX-Bad: a\x00b\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /open/1 HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /open/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"POST /open/1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nnot a chunk\r\n\r\n",
    ],
)
def test_what_is_no_http_request_gets_a_problem_document_too(
    small_client: httpx.Client, request_bytes: bytes
) -> None:
    head, _, body = exchange(small_client, request_bytes).partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"content-type: application/problem+json" in head.lower()
    assert json.loads(body)["type"] == "/problems/request-malformed"


def test_the_log_has_the_path_and_never_the_query_or_a_token(
    small_client: httpx.Client, small_home: Path
) -> None:
    small_client.post(
        "/closed/path-4711?do=about&secret=query-4711", headers={"Authorization": "Bearer token-4711"}
    )

    log = (small_home / "gateway.log").read_text()
    assert "POST /closed/path-4711 401" in log
    assert "query-4711" not in log
    assert "token-4711" not in log
