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
GOOD = b'Content-Disposition: form-data; name="file"; filename="t"\r\n'


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
    [
        TYPE,
        "Multipart/Form-Data; boundary=B",
        'multipart/form-data;boundary="B"',
        TYPE + "; x=1",
        TYPE + "; charset=utf-8",
        'multipart/form-data; Charset="UTF-8"; boundary=B',
    ],
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
        TYPE + "; charset=utf-16",
        "multipart/form-data; charset=latin-1; boundary=B",
        TYPE + "; charset=",
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


@pytest.mark.parametrize("epilogue", [b"more", b"\r\n--B\r\n", part(b"second") + b"--B--\r\n", b"--B--"])
def test_nothing_may_stand_behind_the_last_boundary(epilogue):
    with pytest.raises(MultipartInvalidError, match="goes on"):
        read_file(form(part(b"first")) + epilogue, TYPE)

    assert read_file(form(part(b"first")) + b"\r\n \r\n", TYPE) == b"first"


@pytest.mark.parametrize(
    "headers",
    [
        GOOD + b"Content-Disposition: form-data; name=x",
        GOOD + b"Content-Transfer-Encoding: base64",
        GOOD + b"Content-Transfer-Encoding: quoted-printable",
        GOOD + b"Content-Type: Multipart/Mixed; boundary=C",
        b'Content-Disposition: form-data; name="file"; filename="a\rb"',
        GOOD + b"No colon",
        GOOD + b"X: " + b"x" * 4_000_000,
        b'Content-Disposition: form-data; name="file"; filename="' + b"x" * 4_000_000 + b'"',
        b"X: y\r\n" * 500_000 + b"Z: z",
    ],
    ids=[
        "header twice", "base64", "quoted-printable", "nested form", "split name", "no colon",
        "long header", "long name", "many headers",
    ],
)  # fmt: skip
def test_a_part_that_readers_would_take_apart_differently_is_refused(headers):
    with pytest.raises(MultipartInvalidError):
        read_file(b"--B\r\n" + headers + b"\r\n\r\na,b\r\n--B--\r\n", TYPE)


@pytest.mark.parametrize(
    "disposition",
    [
        'attachment; name="file"; filename="t"',
        'form-data; name="x"; name="file"; filename="t"',
        'form-data; name="file"; NAME="x"; filename="t"',
        'form-data; name="file; filename="t"',
        'form-data; name=file" ; filename="t"',
        "form-data; name*=UTF-8''file; filename=t",
        'name="file"; filename="t"',
        "",
    ],
)
def test_a_part_that_is_not_clearly_named_file_is_not_taken_for_it(disposition):
    with pytest.raises(FileMissingError):
        read_file(form(part(b"a", disposition)), TYPE)


@pytest.mark.parametrize(
    "disposition",
    [
        "form-data; name=file; filename=t.csv",
        'form-data; filename="a;b\\"c.csv"; name="file"',
        "form-data; name=\"file\"; filename*=UTF-8''t%C3%A4.csv",
        'form-data; name="file"; filename="\x00\x01\x1b[31m.csv"',
        'form-data; name="file"; filename="../../etc/passwd";',
        'FORM-DATA ; Name="file" ; FileName=""',
        'form-data; name="file"; filename="é\u202e.csv"',
    ],
)
def test_what_the_file_is_called_does_not_matter(disposition):
    assert read_file(form(part(b"a", disposition)), TYPE) == b"a"


def test_ten_thousand_parts_are_refused_without_being_collected():
    with pytest.raises(MultipartInvalidError, match="more than 1000 parts"):
        read_file(form(*[part(b"a")] * 10_000), TYPE)


def test_a_boundary_given_twice_is_none():
    with pytest.raises(MultipartInvalidError, match="no boundary"):
        read_file(form(part(b"a")), "multipart/form-data; boundary=C; boundary=B")
