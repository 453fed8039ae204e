"""Multipart bodies: the one file a form must carry, and nothing beside it."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Final

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser

from whybox.errors import (
    BodyMissingError,
    BodyTooLargeError,
    ContentTypeUnsupportedError,
    FileMissingError,
    MultipartInvalidError,
)

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

MAX_BODY_BYTES: Final = 4_400_000
"""A Lambda invocation carries 6 MB; base64 grows a body by a third, and the event around it needs room."""

FILE_PART: Final = "file"
MULTIPART: Final = "multipart/form-data"
CHARSET: Final = "utf-8"
"""A form has none of its own; whoever names another one means bytes that nobody would read so."""

FORM_DATA: Final = "form-data"
MAX_PARTS: Final = 1000
"""One is right; beyond this many nobody needs to be told how many there are."""

# Content as it is; what base64 or quoted-printable stand for would have to be decoded (RFC 7578, 4.7).
PLAIN_ENCODINGS: Final = frozenset({b"", b"7bit", b"8bit", b"binary"})

# A parameter of a header, its value quoted or plain; the last one may be empty.
_PARAMETER: Final = re.compile(
    r"""[ \t]*;[ \t]*(?:([!#$%&'*+.^_`|~0-9a-z-]+)=("[^"\\]*+(?:\\.[^"\\]*+)*+"|[^\s;"]*))?[ \t]*""",
    re.IGNORECASE,
)

# The parser would write bytes of the body into the log.
logging.getLogger("python_multipart").setLevel(logging.CRITICAL)


def read_file(body: bytes, content_type: str | None) -> bytes:
    """Return the bytes of the part named file.

    Raises
    ------
    BodyMissingError, BodyTooLargeError
        There are no bytes, or too many.
    ContentTypeUnsupportedError
        The body is not said to be a multipart form.
    MultipartInvalidError
        The form is malformed, cut off, or has other parts.
    FileMissingError
        The form has no part named file, or that part is text and not a file.

    """
    if not body:
        raise BodyMissingError
    if content_type is None or not content_type.isascii():
        raise ContentTypeUnsupportedError(expected=MULTIPART)
    media_type, parameters = _read_header(content_type)
    if media_type != MULTIPART or parameters.get("charset", CHARSET).lower() != CHARSET:
        raise ContentTypeUnsupportedError(expected=MULTIPART)
    if len(body) > MAX_BODY_BYTES:
        raise BodyTooLargeError(limit=MAX_BODY_BYTES, actual=len(body))
    boundary = parameters.get("boundary")
    if not boundary:
        raise MultipartInvalidError("The Content-Type names no boundary between the parts of the form.")
    return _only_file(_split(body, boundary.encode("latin-1")))


def _read_header(value: str) -> tuple[str, dict[str, str]]:
    """Return what stands in front, and the parameters; none of them where one is malformed or given twice."""
    front, semicolon, _ = value.partition(";")
    parameters: dict[str, str] = {}
    position = len(front)
    while semicolon and position < len(value):
        found = _PARAMETER.match(value, position)
        if found is None or (found[1] or "").lower() in parameters:
            return front.strip(" \t").lower(), {}
        if found[1]:
            text: str = found[2]
            is_quoted = text.startswith('"')
            parameters[found[1].lower()] = re.sub(r"\\(.)", r"\1", text[1:-1]) if is_quoted else text
        position = found.end()
    return front.strip(" \t").lower(), parameters


def _split(body: bytes, boundary: bytes) -> list[_Part]:
    reader = _Reader()
    try:
        parser = MultipartParser(boundary, reader.callbacks())
        parser.write(body)
        parser.finalize()
    except FormParserError as error:
        raise MultipartInvalidError("The form is malformed.") from error
    if not reader.is_complete:
        raise MultipartInvalidError("The form is cut off: its last boundary is missing.")
    # The parser ends at the first of these and forgets the rest, where another might find a second form.
    if (b"\r\n" + body).partition(b"\r\n--" + boundary + b"--")[2].strip():
        raise MultipartInvalidError("The form goes on after its last boundary.")
    return reader.parts


def _only_file(parts: list[_Part]) -> bytes:
    files = [part for part in parts if part.name == FILE_PART]
    if not files:
        raise FileMissingError
    if len(parts) > 1:
        raise MultipartInvalidError(
            f"The form has {len(parts)} parts; it must have one, named file. Options go into the query."
        )
    if not files[0].has_file_name:
        raise FileMissingError("The part named file is text, not a file; with curl write file=@table.csv.")
    files[0].refuse_encoded_content()
    return bytes(files[0].content)


class _Part:
    """One part, while it is read."""

    def __init__(self) -> None:
        self.headers: dict[bytes, bytes] = {}
        self.content = bytearray()

    @property
    def name(self) -> str:
        return self._disposition.get("name", "")

    @property
    def has_file_name(self) -> bool:
        return not {"filename", "filename*"}.isdisjoint(self._disposition)

    def refuse_encoded_content(self) -> None:
        """Raise MultipartInvalidError where the bytes only stand for the table."""
        if self.headers.get(b"content-type", b"").lower().startswith(b"multipart/"):
            raise MultipartInvalidError("The part named file is a form again; send the one file in it.")
        encoding = self.headers.get(b"content-transfer-encoding", b"").strip().lower()
        if encoding not in PLAIN_ENCODINGS:
            raise MultipartInvalidError(
                "The part named file has a transfer encoding; send its bytes as they are."
            )

    @property
    def _disposition(self) -> dict[str, str]:
        kind, parameters = _read_header(self.headers.get(b"content-disposition", b"").decode("latin-1"))
        return parameters if kind == FORM_DATA else {}


class _Reader:
    """Collects what the parser reports."""

    def __init__(self) -> None:
        self.parts: list[_Part] = []
        self.is_complete = False
        self._field = bytearray()
        self._value = bytearray()

    def callbacks(self) -> MultipartCallbacks:
        return {
            "on_part_begin": self._start_part,
            "on_part_data": lambda data, start, end: self.parts[-1].content.extend(data[start:end]),
            "on_header_begin": self._start_header,
            "on_header_field": lambda data, start, end: self._field.extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
            "on_header_end": self._keep_header,
            "on_end": self._finish,
        }

    def _start_part(self) -> None:
        if len(self.parts) == MAX_PARTS:
            raise MultipartInvalidError(
                f"The form has more than {MAX_PARTS} parts; it must have one, named file."
            )
        self.parts.append(_Part())

    def _start_header(self) -> None:
        self._field.clear()
        self._value.clear()

    def _keep_header(self) -> None:
        name, headers = bytes(self._field).lower(), self.parts[-1].headers
        if name in headers:
            raise MultipartInvalidError("A part of the form has a header twice.")
        headers[name] = bytes(self._value)

    def _finish(self) -> None:
        self.is_complete = True
