"""Prefer: read as RFC 7240 has it, and never a reason to refuse a request."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from whybox.http.preferences import MAX_WAIT_SECONDS, read_preferences
from whybox.services.submit_job import Preference


def read(*headers: str) -> Preference:
    raw = [(b"prefer", header.encode("latin-1")) for header in headers]
    return read_preferences(Request({"type": "http", "headers": raw}))


@pytest.mark.parametrize(
    ("headers", "is_async", "wait"),
    [
        ([], False, None),
        ([""], False, None),
        (["respond-async"], True, None),
        (["Respond-Async"], True, None),
        (["respond-async, wait=10"], True, 10),
        (["wait=10", "respond-async"], True, 10),
        (["wait = 10"], False, 10),
        (['wait="10"'], False, 10),
        (["wait=10; why=none"], False, 10),
        (["return=minimal; a=b, , wait=3"], False, 3),
        (["wait=0"], False, 0),
        (["wait=25"], False, 25),
        (["wait=26"], False, MAX_WAIT_SECONDS),
        (["wait=999999999"], False, MAX_WAIT_SECONDS),
        (["wait=5, wait=9"], False, 5),
        (["wait=5", "wait=9"], False, 5),
        (["respond-async=yes"], True, None),
        (['foo="a, respond-async, b"'], False, None),
    ],
)
def test_preferences_are_read_as_the_rfc_has_them(headers, is_async, wait):
    assert read(*headers) == Preference(is_async, wait)


@pytest.mark.parametrize(
    "header",
    [
        "wait",
        "wait=",
        "wait=soon",
        "wait=-1",
        "wait=1.5",
        "wait=1e1",
        "wait=9999999999",
        "x" * 100_000,
        "\n",
        "wait\n",
    ],
)
def test_what_cannot_be_read_counts_for_nothing(header):
    assert read(header) == Preference()


@given(st.text(st.characters(max_codepoint=255), max_size=60))
def test_no_header_is_an_error(header):
    found = read(header)

    assert found.wait_seconds is None or 0 <= found.wait_seconds <= MAX_WAIT_SECONDS
