"""The sizes a request may have, at the limit and one byte beyond, through the real local gateway."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import httpx

from whybox.local.gateway import MAX_EVENT_BYTES

GOOD = {"Authorization": "Bearer good"}


def refusal(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["type"]


def test_a_body_up_to_the_limit_passes_and_one_byte_more_does_not(small_client: httpx.Client) -> None:
    def send(n_bytes: int) -> httpx.Response:
        return small_client.post("/closed/1?do=about", headers=GOOD, content=b"x" * n_bytes)

    # The gateway says how many bytes of body fit beside this client's own headers.
    limit = send(4_718_000).json()["limit"]

    assert send(limit).status_code == 200
    over = send(limit + 1)
    assert refusal(over) == (413, "/problems/body-too-large")
    assert over.json()["actual"] == limit + 1
    assert MAX_EVENT_BYTES - 4000 < limit * 4 / 3 < MAX_EVENT_BYTES


def test_text_whose_escapes_do_not_fit_is_refused_too(small_client: httpx.Client) -> None:
    headers = {**GOOD, "Content-Type": "text/csv"}

    fits = small_client.post("/closed/1?do=about", headers=headers, content=b"x" * 6_000_000)
    quotes = small_client.post("/closed/1?do=about", headers=headers, content=b'"' * 6_000_000)

    assert fits.status_code == 200
    assert refusal(quotes) == (413, "/problems/body-too-large")
    assert quotes.json()["actual"] > quotes.json()["limit"]


def test_a_body_without_declared_length_is_read_no_further_than_it_fits(small_client: httpx.Client) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(80):
            yield b"x" * 100_000

    response = small_client.post("/closed/1", headers=GOOD, content=chunks())

    assert refusal(response) == (413, "/problems/body-too-large")
    assert response.json()["actual"] < 5_500_000


def test_a_body_that_is_far_too_large_is_refused_before_anybody_looks_at_the_token(
    small_client: httpx.Client,
) -> None:
    started = time.monotonic()

    response = small_client.post("/closed/1", content=b"x" * 10_000_001)

    assert refusal(response) == (413, "/problems/body-too-large")
    assert response.json()["actual"] == 10_000_001
    assert time.monotonic() - started < 1


def test_a_client_that_waits_for_consent_never_has_to_send_a_body_that_is_too_large(
    small_client: httpx.Client,
) -> None:
    head = (
        b"POST /closed/1 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer good\r\n"
        b"Content-Length: 9000000\r\nExpect: 100-continue\r\n\r\n"
    )
    address = small_client.base_url.host, small_client.base_url.port or 80
    with socket.create_connection(address, timeout=10) as connection:
        connection.sendall(head)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))

    assert answer.startswith(b"HTTP/1.1 413 ")


def test_headers_up_to_the_limit_pass_and_one_byte_more_do_not(small_client: httpx.Client) -> None:
    def send(n_bytes: int) -> httpx.Response:
        return small_client.get("/read", headers={"x-long": "x" * n_bytes})

    over = send(20_000)
    assert refusal(over) == (431, "/problems/headers-too-large")
    limit, actual = over.json()["limit"], over.json()["actual"]
    assert limit == 10_240

    fits = 20_000 - (actual - limit)
    assert send(fits).status_code == 200
    assert send(fits + 1).status_code == 431
