"""The Accept header: the most specific range decides, and what says nothing rules nothing out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whybox.http.acceptable_types import accepts


@pytest.mark.parametrize(
    "header",
    [
        "application/json",
        "APPLICATION/JSON",
        "application/*",
        "*/*",
        "text/html, application/json;q=0.1",
        "text/html;q=0, */*",
        "application/json;q=1.000, */*;q=0",
        "application/json; charset=utf-8",
        "\tapplication/json ;\tq=0.001",
        "application/json;q=2",
        "",
        ",,",
        "json",
        "*",
    ],
)
def test_json_is_taken(header):
    assert accepts(header, "application/json")


@pytest.mark.parametrize(
    "header",
    [
        "application/x-unknown",
        "text/html",
        "text/*, image/png",
        "application/json;q=0",
        "application/json;q=0.000, */*",
        "application/*;q=0, */*",
        "*/*;q=0",
        "application/problem+json",
        "application/jsonx",
    ],
)
def test_json_is_ruled_out(header):
    assert not accepts(header, "application/json")


@given(st.text(max_size=60))
def test_any_header_is_read(header):
    assert accepts(header, "application/json") in (True, False)
