"""Requests that break a rule, through the project's own gateway: each gets its refusal, at once, no echo."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
import socket
from collections.abc import Iterator

import httpx
import pytest

from whybox.http.forms import MAX_BODY_BYTES
from whybox.http.problem_catalogue import CATALOGUE
from whybox.local.gateway import MAX_EVENT_BYTES, MAX_HEADER_BYTES
from whybox.local.payloads import Payload
from whybox.local.processes import Surroundings
from whybox.local.server import project_template
from whybox.local.templates import read_stack
from whybox.local.workers import Workers

from .conftest import RunningGateway

CANARY = "canary4711"
TABLE = b"a,b,target\n" + b"".join(b"%d,%d,%d\n" % (row, row % 7, row % 2) for row in range(40))
FORM = "multipart/form-data; boundary=B"
GOOD_PART = b'Content-Disposition: form-data; name="file"; filename="t.csv"'


@pytest.fixture(scope="module")
def client(gateway: RunningGateway) -> Iterator[httpx.Client]:
    """A client with a good token; the functions it asks are warm."""
    with httpx.Client(base_url=gateway.url, headers=gateway.headers(), timeout=60, trust_env=False) as client:
        for path in ("/", "/usage"):
            client.get(path)
        client.post("/mlclassification", content=b"")
        yield client


def write_form(*parts: bytes, end: bytes = b"--B--\r\n") -> bytes:
    return b"".join(b"--B\r\n" + part + b"\r\n" for part in parts) + end


def post(client: httpx.Client, body: bytes, *, query: str = "", **headers: str) -> httpx.Response:
    given = {"content-type": FORM, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return client.post(f"/mlclassification{query}", content=body, headers=given)


def refusal(response: httpx.Response) -> tuple[int, str]:
    """Check what every refusal keeps, and return its status and code."""
    document = response.json()
    code = document["type"].removeprefix("/problems/")
    assert response.headers["content-type"] == "application/problem+json"
    assert document["status"] == response.status_code == CATALOGUE[code].status
    assert document["instance"] == response.headers["x-request-id"]
    assert response.status_code < 500
    assert response.elapsed.total_seconds() < 2
    assert CANARY not in response.text
    assert not any(CANARY in value for value in response.headers.values())
    return response.status_code, code


def exchange(gateway: RunningGateway, request: bytes) -> list[bytes]:
    """Send bytes as they are, and return the answers on the connection until it ends."""
    host, _, port = gateway.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(request)
        said = b"".join(iter(lambda: connection.recv(65536), b""))
    first, *answers = re.split(rb"HTTP/1\.1 (?=[0-9]{3} )", said)
    assert first == b""
    return answers


# Bodies


def test_an_empty_body_is_told_as_such(client: httpx.Client) -> None:
    assert refusal(post(client, b"")) == (400, "body-missing")


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "text/csv",
        "application/json",
        "application/xml",
        "application/x-www-form-urlencoded",
        CANARY,
    ],
)
def test_another_content_type_is_refused(client: httpx.Client, content_type: str) -> None:
    assert refusal(post(client, TABLE, content_type=content_type)) == (415, "content-type-unsupported")


def test_a_body_that_says_nothing_of_its_content_type_is_refused(client: httpx.Client) -> None:
    assert refusal(client.post("/mlclassification", content=TABLE)) == (415, "content-type-unsupported")


def test_text_that_is_not_utf_8_is_refused_and_not_decoded(client: httpx.Client) -> None:
    for content_type in ("application/json", "text/csv; charset=utf-16"):
        answer = post(client, '{"a": "é"}'.encode("utf-16"), content_type=content_type)
        assert refusal(answer) == (415, "content-type-unsupported")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (write_form(GOOD_PART + b"\r\n\r\n" + TABLE, end=b""), "multipart-invalid"),
        (write_form(GOOD_PART + b"\r\n\r\n" + TABLE, end=b"--B"), "multipart-invalid"),
        (write_form(GOOD_PART + b"\r\n\r\na", GOOD_PART + b"\r\n\r\nb"), "multipart-invalid"),
        (write_form(GOOD_PART + b"\r\n\r\na") + write_form(GOOD_PART + b"\r\n\r\nb"), "multipart-invalid"),
        (write_form(GOOD_PART + b"\r\nContent-Type: multipart/mixed\r\n\r\n--C--"), "multipart-invalid"),
        (write_form(GOOD_PART + b"\r\nContent-Transfer-Encoding: base64\r\n\r\nYQ=="), "multipart-invalid"),
        (write_form(*[GOOD_PART + b"\r\n\r\na"] * 10_000), "multipart-invalid"),
        (write_form(GOOD_PART + b"\r\nX: " + b"x" * 4_000_000 + b"\r\n\r\na"), "multipart-invalid"),
        (write_form(GOOD_PART + b"\r\n" + b"X-%d: y\r\n" * 10_000 + b"\r\n\r\na"), "multipart-invalid"),
        (write_form(b"\r\na"), "file-missing"),
        (write_form(GOOD_PART.replace(b'"file"', b'"canary4711"') + b"\r\n\r\na"), "file-missing"),
        (gzip.compress(write_form(GOOD_PART + b"\r\n\r\n" + TABLE)), "multipart-invalid"),
        (b"\r\n" * 1_000_000, "multipart-invalid"),
        (b"-" * 4_000_000, "multipart-invalid"),
    ],
    ids=[
        "no last boundary", "half a boundary", "two files", "two forms", "a form in the form", "base64",
        "10000 parts", "long header",
        "many headers", "no headers", "another name", "gzip", "line ends", "dashes",
    ],
)  # fmt: skip
def test_an_odd_form_is_refused(client: httpx.Client, body: bytes, code: str) -> None:
    assert refusal(post(client, body))[1] == code


@pytest.mark.parametrize(
    "name", ["a\x00b\x1b[31m", "../../canary4711", "\u202egpj.csv", "x" * 500, "a;b=c", "C:\\t.csv"]
)
def test_the_name_of_the_file_does_not_matter(client: httpx.Client, name: str) -> None:
    part = f'Content-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'.encode() + TABLE

    answer = post(client, write_form(part))

    assert answer.status_code == 200
    assert CANARY not in answer.text


def test_a_body_may_have_so_many_bytes_and_not_one_more(client: httpx.Client) -> None:
    def send(n_bytes: int) -> tuple[int, str]:
        return refusal(post(client, write_form(GOOD_PART + b"\r\n\r\n").ljust(n_bytes)))

    assert send(MAX_BODY_BYTES - 1) == (422, "csv-empty")
    assert send(MAX_BODY_BYTES) == (422, "csv-empty")
    assert send(MAX_BODY_BYTES + 1) == (413, "body-too-large")
    assert send(MAX_EVENT_BYTES // 4 * 3) == (413, "body-too-large")
    assert send(10_000_001) == (413, "body-too-large")


# Accept, methods, paths, queries, headers


@pytest.mark.parametrize(
    ("path", "accept", "is_served"),
    [
        ("/usage", "application/x-unknown", False),
        ("/usage", "text/html", False),
        ("/usage", "application/json;q=0", False),
        ("/usage", "application/json;q=0, */*", False),
        ("/usage", "text/html, application/*;q=0.1", True),
        ("/usage", "*/*", True),
        ("/usage", "", True),
        ("/usage", "nonsense", True),
        ("/usage", "Application/JSON; charset=utf-8", True),
        ("/", "text/html,application/xhtml+xml,*/*;q=0.8", True),
        ("/", "application/json", False),
        ("/health", "application/json", True),
        ("/health", "image/png", False),
        ("/problems/internal", "text/*", True),
    ],
)
def test_an_answer_comes_in_a_type_the_caller_takes_or_not_at_all(
    client: httpx.Client, path: str, accept: str, is_served: bool
) -> None:
    answer = client.get(path, headers={"accept": accept})

    assert answer.status_code == 200 if is_served else refusal(answer) == (406, "not-acceptable")


def test_a_form_whose_answer_nobody_takes_is_not_computed(client: httpx.Client) -> None:
    before = client.get("/usage").json()["used"]

    answer = post(client, write_form(GOOD_PART + b"\r\n\r\n" + TABLE), accept="text/csv")

    assert refusal(answer) == (406, "not-acceptable")
    assert client.get("/usage").json()["used"] == before


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE", "CANARY4711"])
@pytest.mark.parametrize(
    ("path", "allowed"),
    [("/usage", "GET"), ("/mlclassification", "POST"), ("/", "GET, HEAD"), ("/problems/x", "GET, HEAD")],
)
def test_another_method_is_refused_with_the_right_ones(
    client: httpx.Client, method: str, path: str, allowed: str
) -> None:
    answer = client.request(method, path)

    assert refusal(answer) == (405, "method-not-allowed")
    assert answer.headers["allow"] == allowed


@pytest.mark.parametrize(
    "path",
    [
        "/canary4711", "/usage/", "//usage", "/usage//", "/USAGE", "/%00", "/usage%00", "/usage%2F",
        "/usage%2f..", "/%2e%2e/", "/%2e%2e/usage",
        "/..%2fusage", "/%c0%ae%c0%ae/", "/%c0%af", "/usage%e0%80%af", "/%ff", "/%", "/%zz",
        "/problems/..%2f..%2fetc%2fpasswd",
        "/problems/canary4711", "/problems/%00", "/problems/%F0%9F%98%80", "/\\usage", "/usage;x=1",
        "/./usage", "/usage%3Fa=b", "/usage%20",
        "/%0d%0aset-cookie:x", "/v2/explanations", "/$default", "/" + "a/" * 1000, "/" + "%41" * 2000, "*",
        "/*",
    ],
)  # fmt: skip
def test_a_path_that_is_no_route_is_a_404_and_nothing_else(
    gateway: RunningGateway, client: httpx.Client, path: str
) -> None:
    # Not through the client, which would tidy the path first.
    (answer,) = exchange(gateway, f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())

    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"404 ")
    assert json.loads(body)["type"] == "/problems/not-found"
    assert CANARY not in body.decode()


@pytest.mark.parametrize(
    "query",
    [
        "n_repeats=0", "n_repeats=-1", "n_repeats=1e9", "n_repeats=1000000000", "n_repeats=abc",
        "n_repeats=", "n_repeats=1&n_repeats=2", "n_repeats=%EF%BC%91",
        "n_repeats=1.0", "n_repeats=0x1", "n_repeats=+1", "n_repeats=%201", "n_repeats=01",
        "n_repeats=" + "9" * 5000, "n_repeats=1%00", "seed=NaN",
        "seed=1&seed=1", "canary4711=1", "=1", "&=&", "n_repeats[]=1", "n_repeats[0]=1", "limit=1",
        "a" * 5000, "%ff=%ff", "interpretability=canary4711",
        "target=", "target=" + "x" * 300,
    ],
)  # fmt: skip
def test_a_parameter_of_another_spelling_is_refused(client: httpx.Client, query: str) -> None:
    answer = post(client, write_form(GOOD_PART + b"\r\n\r\n" + TABLE), query=f"?{query}")

    assert refusal(answer) == (422, "parameter-invalid")


def test_a_route_without_parameters_takes_none(client: httpx.Client) -> None:
    for query in ("limit=0", "limit=1&limit=2", "canary4711"):
        assert refusal(client.get(f"/usage?{query}")) == (422, "parameter-invalid")


def test_headers_beyond_the_limit_are_refused(client: httpx.Client) -> None:
    for n_bytes in (MAX_HEADER_BYTES + 1, 60_000):
        assert refusal(client.get("/usage", headers={"x": "x" * n_bytes})) == (431, "headers-too-large")
        assert refusal(client.get("/" + "x" * n_bytes)) == (431, "headers-too-large")
    assert refusal(client.get("/usage", headers=[("x", "y")] * 11_000)) == (431, "headers-too-large")


@pytest.mark.parametrize(
    "name",
    [
        "X-Forwarded-For", "X-User-Id", "X-Tenant", "X-Whybox-Tenant", "X-Amzn-Request-Context",
        "X-Authenticated-User", "Forwarded",
        "X-Original-URL", "X-Rewrite-URL", "X-HTTP-Method-Override", "X-Forwarded-Host",
        "X-Forwarded-Proto", "X-Forwarded-Port", "Cookie",
        "X-Request-Id", "X-Amzn-Trace-Id",
    ],
)  # fmt: skip
def test_headers_about_the_caller_are_not_believed(client: httpx.Client, name: str) -> None:
    plain, spoofed = client.get("/usage"), client.get("/usage", headers={name: CANARY})

    assert (spoofed.status_code, spoofed.json()) == (200, plain.json())
    assert not any(CANARY in value for value in spoofed.headers.values())


# Events that no gateway sends


@pytest.mark.parametrize("function", ["Site", "Usage"])
def test_a_function_answers_any_event_with_a_clean_refusal(gateway: RunningGateway, function: str) -> None:
    http = {"method": "GET", "path": "/usage", "sourceIp": "192.0.2.1", "protocol": "HTTP/1.1"}
    event = {"version": "2.0", "rawPath": "/usage", "headers": {}, "requestContext": {"http": http}}
    odd: dict[str, list[object]] = {
        "unsupported-event": [None, [], CANARY, {}, {"Records": []}, {**event, "version": "1.0"}],
        "body-encoding": [{**event, "body": body, "isBase64Encoded": True} for body in (CANARY, "YQ", "é")],
    }
    odd["body-encoding"].append({**event, "body": "\ud800"})

    async def call_all() -> list[tuple[str, dict[str, object]]]:
        functions = read_stack(project_template()).functions.values()
        unset = {name: "" for one in functions for name in one.environment if name.startswith("WHYBOX_")}
        settings = {**unset, "WHYBOX_STORAGE": "local", "WHYBOX_HOME": str(gateway.home)}
        workers = Workers(functions, surroundings=Surroundings(settings))
        try:
            return [
                (
                    code,
                    (await workers.call(function, Payload(json.dumps(one).encode()), request_id="1")).value(),
                )
                for code, events in odd.items()
                for one in events
            ]
        finally:
            await workers.close()

    for code, answer in asyncio.run(call_all()):
        assert answer["statusCode"] == 400
        assert json.loads(str(answer["body"]))["type"] == f"/problems/{code}"
        assert CANARY not in str(answer)
