"""Files of another kind that carry a .csv name, told by their first bytes; nothing is ever unpacked."""

from __future__ import annotations

import re

from whybox.errors import (
    EncodingError,
    FileTypeError,
    LooksLikeHtmlError,
    LooksLikeJsonError,
    LooksLikeXmlError,
)

SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"\x1f\x8b", "a gzip archive"),
    (b"PK\x03\x04", "a zip archive or an Excel workbook (xlsx)"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"\xfd7zXZ\x00", "an xz archive"),
    (b"\x28\xb5\x2f\xfd", "a zstandard archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!\x1a\x07", "a rar archive"),
    (b"\x04\x22\x4d\x18", "an lz4 archive"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office document (xls)"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"%PDF-", "a PDF document"),
    (b"{\\rtf", "an RTF document"),
    (b"\x89PNG\r\n\x1a\n", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF87a", "a GIF image"),
    (b"GIF89a", "a GIF image"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
    (b"\x93NUMPY", "a numpy array file"),
    (b"\x7fELF", "a program"),
    (b"Obj\x01", "an Avro file"),
    (b"ARROW1\x00", "an Arrow file"),
    (b"\x80\x04\x95", "a pickle"),
    (b"\x80\x05\x95", "a pickle"),
)
# These signatures are printable, so a column could be called so: a second sign is needed.
BZIP2 = re.compile(rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)")
HTML = re.compile(rb"<(?:!doctype\s+html|html|head|body|table|script)\b", re.IGNORECASE)
XML = re.compile(rb"<(?:\?xml\b|!--|!doctype\b)", re.IGNORECASE)
TAG = re.compile(rb"<[A-Za-z_][\w:.-]*(?:\s[^<>]*)?/?>")
JSON_START = re.compile(rb"\{\s*(?:\"|\}|$)|\[\s*(?:[\[{\]]|\"[^\"]*\"\s*[,\]]|-?\d[\d.eE+-]*\s*[,\]]|$)")
UTF8_BOM = b"\xef\xbb\xbf"
UTF16_BOMS = (b"\xff\xfe", b"\xfe\xff")
UTF32_BOMS = (b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff")
SNIFFED_BYTES = 2048
LOWEST_TEXT_BYTE = 9  # a text file begins with a tab, a line end, or a printable character


def refuse_other_files(data: bytes) -> None:
    """Raise FileTypeError or a LooksLike error when the bytes are not a text table at all.

    Reads at most the first 2,048 and the last 64 bytes: the cost does not grow with the file.
    """
    head = data[:SNIFFED_BYTES]
    for signature, kind in SIGNATURES:
        if head.startswith(signature):
            raise FileTypeError(kind=kind)
    if BZIP2.match(head):
        raise FileTypeError(kind="a bzip2 archive")
    if head.startswith(b"PAR1") and data[-4:] == b"PAR1":
        raise FileTypeError(kind="a Parquet file")
    if head.startswith(b"ORC") and b"ORC" in data[-8:] and not head.isascii():
        raise FileTypeError(kind="an ORC file")
    if head[257:262] == b"ustar":
        raise FileTypeError(kind="a tar archive")
    _refuse_binary(head)
    _refuse_markup(head, data[-64:])


def _refuse_binary(head: bytes) -> None:
    """Raise for UTF-32, wide text without a byte order mark, and a first byte no text has (as of dBase)."""
    if head.startswith(UTF32_BOMS):
        raise EncodingError(encoding="UTF-8", byte_offset=0)
    if head.startswith(UTF16_BOMS):
        return
    if len(head) >= 4 and max(head[0::2].count(0), head[1::2].count(0)) > len(head) // 4:
        raise EncodingError(encoding="UTF-8", byte_offset=head.index(0))  # UTF-16 or UTF-32 without a mark
    if 0 < head[:1].ljust(1)[0] < LOWEST_TEXT_BYTE:
        raise FileTypeError(kind="a binary file")


def _refuse_markup(head: bytes, tail: bytes) -> None:
    start = head.removeprefix(UTF8_BOM).lstrip()
    if HTML.match(start):
        raise LooksLikeHtmlError
    if XML.match(start) or (TAG.match(start) and tail.rstrip().endswith(b">")):
        raise LooksLikeXmlError
    if start[:1] in {b"{", b"["}:
        is_closed = tail.rstrip()[-1:] in {b"}", b"]"}
        if JSON_START.match(start) and (is_closed or start[:1] == b"{" or b"{" in start[:64]):
            raise LooksLikeJsonError
