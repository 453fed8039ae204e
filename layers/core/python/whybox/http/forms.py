"""Multipart bodies: the one file a form must carry, and nothing beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

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
    media_type, options = parse_options_header(content_type)
    if media_type.decode().lower() != MULTIPART:
        raise ContentTypeUnsupportedError(expected=MULTIPART)
    if len(body) > MAX_BODY_BYTES:
        raise BodyTooLargeError(limit=MAX_BODY_BYTES, actual=len(body))
    boundary = options.get(b"boundary")
    if not boundary:
        raise MultipartInvalidError("The Content-Type names no boundary between the parts of the form.")
    return _only_file(_split(body, boundary))


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
    return bytes(files[0].content)


class _Part:
    """One part, while it is read."""

    def __init__(self) -> None:
        self.headers: dict[bytes, bytes] = {}
        self.content = bytearray()

    @property
    def name(self) -> str:
        return self._disposition.get(b"name", b"").decode("utf-8", "replace")

    @property
    def has_file_name(self) -> bool:
        return b"filename" in self._disposition

    @property
    def _disposition(self) -> dict[bytes, bytes]:
        return parse_options_header(self.headers.get(b"content-disposition"))[1]


class _Reader:
    """Collects what the parser reports."""

    def __init__(self) -> None:
        self.parts: list[_Part] = []
        self.is_complete = False
        self._field = bytearray()
        self._value = bytearray()

    def callbacks(self) -> MultipartCallbacks:
        return {
            "on_part_begin": lambda: self.parts.append(_Part()),
            "on_part_data": lambda data, start, end: self.parts[-1].content.extend(data[start:end]),
            "on_header_begin": self._start_header,
            "on_header_field": lambda data, start, end: self._field.extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
            "on_header_end": self._keep_header,
            "on_end": self._finish,
        }

    def _start_header(self) -> None:
        self._field.clear()
        self._value.clear()

    def _keep_header(self) -> None:
        self.parts[-1].headers[bytes(self._field).lower()] = bytes(self._value)

    def _finish(self) -> None:
        self.is_complete = True
