"""Forms: one file, its bytes untouched, and a plain answer to everything else."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whybox.errors import (
    BodyMissingError,
    BodyTooLargeError,
    ContentTypeUnsupportedError,
    FileMissingError,
    MultipartInvalidError,
    RequestError,
)
from whybox.http.forms import MAX_BODY_BYTES, read_file

TYPE = "multipart/form-data; boundary=B"


def part(content: bytes, disposition: str = 'form-data; name="file"; filename="t.csv"') -> bytes:
    return f"--B\r\nContent-Disposition: {disposition}\r\n\r\n".encode() + content + b"\r\n"


def form(*parts: bytes) -> bytes:
    return b"".join(parts) + b"--B--\r\n"


@pytest.mark.parametrize(
    "content", [b"", b"a,b\n1,2", b"\r\n--not the boundary\r\n", bytes(range(256)) * 50, b"--B", b"\r\n"]
)
def test_the_bytes_of_the_file_come_out_as_they_were_sent(content):
    assert read_file(form(part(content)), TYPE) == content


@pytest.mark.parametrize(
    "content_type",
    [TYPE, "Multipart/Form-Data; boundary=B", 'multipart/form-data;boundary="B"', TYPE + "; x=1"],
)
def test_the_content_type_may_be_spelled_as_the_rfc_allows(content_type):
    assert read_file(form(part(b"a")), content_type) == b"a"


def test_headers_of_the_part_do_not_matter():
    body = (
        b'--B\r\ncontent-type: text/csv\r\nCONTENT-DISPOSITION: form-data; filename="x"; name="file"\r\n'
        b"X-More: 1\r\n\r\nabc\r\n--B--\r\n"
    )

    assert read_file(body, TYPE) == b"abc"


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "text/csv",
        "application/json",
        "application/x-www-form-urlencoded",
        "multipart/mixed; boundary=B",
    ],
)
def test_a_body_that_is_no_form_is_refused(content_type):
    with pytest.raises(ContentTypeUnsupportedError):
        read_file(form(part(b"a")), content_type)


@pytest.mark.parametrize("content_type", [None, TYPE, "text/csv"])
def test_no_body_is_told_as_such(content_type):
    with pytest.raises(BodyMissingError):
        read_file(b"", content_type)


def test_a_body_beyond_what_a_function_takes_is_refused_before_it_is_read():
    read_file(form(part(b"x" * 100)).ljust(MAX_BODY_BYTES, b" "), TYPE)

    with pytest.raises(BodyTooLargeError) as refusal:
        read_file(b"x" * (MAX_BODY_BYTES + 1), TYPE)

    assert (refusal.value.limit, refusal.value.actual) == (MAX_BODY_BYTES, MAX_BODY_BYTES + 1)


def test_a_form_without_the_file_is_refused():
    with pytest.raises(FileMissingError):
        read_file(form(part(b"a", 'form-data; name="data"; filename="t.csv"')), TYPE)
    with pytest.raises(FileMissingError):
        read_file(b"--B--\r\n", TYPE)


def test_a_forgotten_at_sign_of_curl_is_explained():
    with pytest.raises(FileMissingError, match=r"file=@table\.csv"):
        read_file(form(part(b"table.csv", 'form-data; name="file"')), TYPE)


def test_a_second_part_is_refused():
    with pytest.raises(MultipartInvalidError, match="2 parts"):
        read_file(form(part(b"a"), part(b"b")), TYPE)
    with pytest.raises(MultipartInvalidError, match="query"):
        read_file(form(part(b"a"), part(b"5", 'form-data; name="seed"')), TYPE)


@pytest.mark.parametrize("cut", [3, 5, 8, 20, 60])
def test_a_form_that_was_cut_off_is_refused(cut):
    with pytest.raises(MultipartInvalidError):
        read_file(form(part(b"some content"))[:-cut], TYPE)


@pytest.mark.parametrize(
    "content_type",
    ["multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=C"],
)
def test_a_form_without_its_boundary_is_refused(content_type):
    with pytest.raises(MultipartInvalidError):
        read_file(form(part(b"a")), content_type)


@given(st.binary(max_size=200) | st.binary(max_size=100).map(lambda noise: form(part(noise)[:60] + noise)))
def test_noise_is_refused_or_read_and_never_crashes(body):
    with suppress(RequestError):
        read_file(body, TYPE)


@given(st.text(max_size=80))
def test_any_content_type_is_refused_or_read_and_never_crashes(content_type):
    with suppress(RequestError):
        read_file(form(part(b"a")), content_type)
