"""Connections that bring something between a request and nothing: an answer or an end, in their time."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn

from whybox.errors import BodyTooLargeError, RequestMalformedError, RequestTimeoutError
from whybox.local.bodies import ClientGoneError, RequestBody
from whybox.local.events import HttpRequest
from whybox.local.malformed_requests import ProblemProtocol, check_framing, origin_form


class ImpatientProtocol(ProblemProtocol):
    """The same, for a test that cannot wait."""

    header_limit_seconds = 0.3


async def answer_ok(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body"})


@pytest.fixture(scope="module")
def address() -> Iterator[tuple[str, int]]:
    """An HTTP server of this protocol that answers every request at once."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        config = uvicorn.Config(
            answer_ok,
            http=ImpatientProtocol,
            ws="none",
            lifespan="off",
            loop="asyncio",
            log_config=None,
            timeout_keep_alive=1,
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield listener.getsockname()
        server.should_exit = True
        thread.join(timeout=10)
        assert not thread.is_alive()


def talk(address: tuple[str, int], *pieces: bytes, drip: bytes = b"") -> tuple[bytes, float]:
    """Send pieces, then drip bytes until the server closes; return what it said and how long that took."""
    started = time.monotonic()
    with socket.create_connection(address, timeout=5) as connection:
        for piece in pieces:
            connection.sendall(piece)
        connection.settimeout(0.05)
        said = b""
        while time.monotonic() - started < 5:
            try:
                if drip:
                    connection.sendall(drip)
                found = connection.recv(65536)
            except TimeoutError:
                continue
            except ConnectionError:
                break
            if not found:
                break
            said += found
    return said, time.monotonic() - started


@pytest.mark.parametrize(
    ("pieces", "drip"),
    [
        ((b"GET / HT",), b""),
        ((b"GET / HTTP/1.1\r\nHost: x\r\n",), b"X: y\r\n"),
        ((b"G",), b"E"),
    ],
)
def test_headers_that_do_not_end_are_given_up_with_a_problem(address, pieces, drip):
    said, seconds = talk(address, *pieces, drip=drip)

    head, _, body = said.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 408 ")
    assert json.loads(body)["type"] == "/problems/request-timeout"
    assert 0.2 < seconds < 2


def test_a_second_request_on_the_connection_has_the_same_time(address):
    said, seconds = talk(
        address, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"GET / HTTP/1.1\r\n", drip=b"X: y\r\n"
    )

    assert said.startswith(b"HTTP/1.1 200 ")
    assert b"/problems/request-timeout" in said
    assert seconds < 2


def test_a_connection_that_says_nothing_is_closed_without_a_word(address):
    said, seconds = talk(address)

    assert said == b""
    assert seconds < 2


def test_the_time_ends_with_the_headers(address):
    said, seconds = talk(address, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n")

    # The application has answered; what ends the connection is uvicorn's own time between requests.
    assert said.startswith(b"HTTP/1.1 200 ")
    assert b"408" not in said
    assert seconds < 3


def test_a_body_that_breaks_is_refused_once_and_its_request_is_over(address, caplog):
    request = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nno chunk\r\n"

    said, seconds = talk(address, request)

    assert said.startswith(b"HTTP/1.1 400 ")
    assert said.count(b"HTTP/1.1 4") == 1
    assert seconds < 2
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("/a", "/a"),
        ("http://host/a", "/a"),
        ("HTTPS://user:secret@host:8/a/b", "/a/b"),
        ("http://host", "/"),
        ("http:///a", "/a"),
        ("/http://host/a", "/http://host/a"),
        ("ftp://host/a", "ftp://host/a"),
        ("*", "*"),
        ("host:80", "host:80"),
    ],
)
def test_a_target_with_scheme_and_host_means_its_path(target, path):
    assert origin_form(target) == path


def make_request(path: str = "/", version: str = "1.1", **headers: str) -> HttpRequest:
    pairs = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return HttpRequest("POST", path, "", pairs, version, "127.0.0.1", 80)


@pytest.mark.parametrize(
    "request_",
    [
        make_request(content_length="1", transfer_encoding="chunked"),
        make_request(version="1.0", transfer_encoding="chunked"),
        make_request(version="2.0"),
        make_request(version="0.9"),
        make_request("read"),
        make_request("host:80"),
        make_request(""),
    ],
)
def test_what_could_end_in_two_places_is_no_request(request_):
    with pytest.raises(RequestMalformedError):
        check_framing(request_)


@pytest.mark.parametrize(
    "request_",
    [
        make_request(),
        make_request("*"),
        make_request(version="1.0", content_length="1"),
        make_request(transfer_encoding="chunked"),
    ],
)
def test_what_is_clear_passes(request_):
    check_framing(request_)


async def _never():
    await asyncio.Event().wait()


def test_a_body_that_does_not_come_to_its_end_is_given_up():
    body = RequestBody(make_request(content_length="3"), _never, limit_seconds=0.05)

    with pytest.raises(RequestTimeoutError):
        asyncio.run(body.read(10))
    assert not body.is_complete


def test_a_body_whose_client_left_has_nobody_to_answer():
    async def leave():
        return {"type": "http.disconnect"}

    with pytest.raises(ClientGoneError):
        asyncio.run(RequestBody(make_request(content_length="3"), leave).read(10))


def test_a_declared_length_of_any_size_is_only_compared():
    with pytest.raises(BodyTooLargeError):
        RequestBody(make_request(content_length="9" * 20), _never).refuse_beyond(10)
