"""Bytes on the wire that are hardly a request: so many answers, in bounded time, and an end."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Iterator

import httpx
import pytest

from whybox.http.problem_catalogue import CATALOGUE

from .conftest import RunningGateway

CANARY = b"canary4711"


@pytest.fixture(scope="module")
def client(gateway: RunningGateway) -> Iterator[httpx.Client]:
    """A client whose functions are warm."""
    with httpx.Client(base_url=gateway.url, headers=gateway.headers(), timeout=60, trust_env=False) as client:
        client.get("/")
        client.get("/usage")
        yield client


def exchange(gateway: RunningGateway, request: bytes) -> list[bytes]:
    """Send bytes as they are, and return the answers on the connection until it ends."""
    host, _, port = gateway.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(request)
        said = b"".join(iter(lambda: connection.recv(65536), b""))
    first, *answers = re.split(rb"HTTP/1\.1 (?=[0-9]{3} )", said)
    assert first == b""
    return answers


HOST = b"Host: x\r\n"
CLOSE = HOST + b"Connection: close\r\n"
POST = b"POST /usage HTTP/1.1\r\n" + HOST
GET = b"GET /health HTTP/1.1\r\n"
NEXT = GET + HOST + b"\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
CHUNKED_1_0 = b"POST /usage HTTP/1.0\r\n" + CHUNKED

# What is sent, and the status of each answer that comes back.
CASES = {
    "HTTP/1.0": (b"GET /health HTTP/1.0\r\n\r\n", [200]),
    "HTTP/1.0 kept alive": (b"GET /health HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", [200]),
    "absolute target": (b"GET http://elsewhere/health HTTP/1.1\r\n" + CLOSE + b"\r\n", [200]),
    "absolute target, user": (b"GET HTTP://u:canary4711@x/nowhere HTTP/1.1\r\n" + CLOSE + b"\r\n", [404]),
    "target of CONNECT": (b"CONNECT elsewhere:80 HTTP/1.1\r\n" + HOST + b"\r\n", [400]),
    "target of OPTIONS": (b"OPTIONS * HTTP/1.1\r\n" + CLOSE + b"\r\n", [404]),
    "target without slash": (b"GET health HTTP/1.1\r\n" + HOST + b"\r\n", [400]),
    "HTTP/2.0 in text": (b"GET /health HTTP/2.0\r\n" + HOST + b"\r\n", [400]),
    "preface of HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [400]),
    "HTTP/0.9": (b"GET /health\r\n\r\n", [400]),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 500, [400]),
    "length, then chunks": (POST + b"Content-Length: 6\r\n" + CHUNKED + b"\r\n0\r\n\r\n" + NEXT, [400]),
    "chunks, then length": (
        POST + CHUNKED + b"Content-Length: 4\r\n\r\n5c\r\n" + NEXT + b"\r\n0\r\n\r\n",
        [400],
    ),
    "two lengths": (POST + b"Content-Length: 0\r\nContent-Length: 44\r\n\r\n" + NEXT, [400]),
    "list of lengths": (POST + b"Content-Length: 0, 44\r\n\r\n" + NEXT, [400]),
    "signed length": (POST + b"Content-Length: +1\r\n\r\na", [400]),
    "hexadecimal length": (POST + b"Content-Length: 0x1\r\n\r\na", [400]),
    "endless length": (POST + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\na", [400]),
    "unknown coding": (POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", [400]),
    "two codings": (POST + CHUNKED + b"Transfer-Encoding: identity\r\n\r\n0\r\n\r\n", [400]),
    "space before colon": (POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", [400]),
    "control character": (POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", [400]),
    "chunks in HTTP/1.0": (CHUNKED_1_0 + b"\r\n0\r\n\r\n", [400]),
    "chunks, extended": (
        POST + b"Connection: close\r\n" + CHUNKED + b"\r\n3;a=b\r\nabc\r\n0\r\nT: x\r\n\r\n",
        [405],
    ),
    "two hosts": (GET + HOST + HOST + b"\r\n", [400]),
    "pipeline": (
        NEXT + NEXT.replace(b"health", b"usage") + b"GET /no HTTP/1.1\r\n" + CLOSE + b"\r\n",
        [200, 401, 404],
    ),
    "pipeline with rubbish": (NEXT + b"canary4711\r\n\r\n", [200, 400]),
    "consent to nothing": (GET + CLOSE + b"Expect: 100-continue\r\n\r\n", [200]),
    "consent refused": (POST + b"Expect: 100-continue\r\nContent-Length: 9000000\r\n\r\n", [413]),
    "upgrade": (GET + HOST + b"Connection: Upgrade, close\r\nUpgrade: websocket\r\n\r\n", [200]),
    "long target": (b"GET /" + b"canary4711" * 2000 + b" HTTP/1.1\r\n" + CLOSE + b"\r\n", [431]),
    "Latin-1 in a header": (GET + CLOSE + b"X-Y: \xe9\xff\r\n\r\n", [200]),
    "odd host": (GET + b"Host: a b/\\c@d\r\nConnection: close\r\n\r\n", [200]),
}


@pytest.mark.parametrize("name", CASES)
def test_bytes_on_the_wire_get_so_many_answers_and_the_connection_ends(
    gateway: RunningGateway, client: httpx.Client, name: str
) -> None:
    request_, statuses = CASES[name]

    answers = exchange(gateway, request_)

    assert [int(answer[:3]) for answer in answers] == statuses
    for answer in answers:
        head, _, body = answer.partition(b"\r\n\r\n")
        assert CANARY not in answer
        if not answer.startswith(b"200"):
            assert b"content-type: application/problem+json" in head.lower()
            assert json.loads(body)["type"].removeprefix("/problems/") in CATALOGUE


def test_clients_that_leave_early_leave_nothing_behind(gateway: RunningGateway, client: httpx.Client) -> None:
    host, _, port = gateway.url.removeprefix("http://").partition(":")
    threads = threading.active_count()
    heads = [
        b"",
        b"GET /hea",
        POST + b"Content-Length: 1000\r\n\r\nabc",
        b"POST /mlclassification HTTP/1.1\r\n" + HOST + b"Content-Length: 1000\r\n\r\n--B\r\n",
        b"GET /docs HTTP/1.1\r\n" + HOST + b"\r\n",
    ]
    for head in heads * 10:
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            connection.sendall(head)

    assert client.get("/health").status_code == 200
    assert threading.active_count() == threads
