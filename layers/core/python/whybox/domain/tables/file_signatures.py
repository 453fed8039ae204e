"""Files of another kind that carry a .csv name, told by their first bytes; nothing is ever unpacked."""

from __future__ import annotations

import re

from whybox.errors import (
    EncodingError,
    FileTypeError,
    LooksLikeHtmlError,
    LooksLikeJsonError,
    LooksLikeXmlError,
    ParquetUnsupportedError,
)

SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"\x1f\x8b", "a gzip archive"),
    (b"PK\x03\x04", "a zip archive or an Excel workbook (xlsx)"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"PK\x07\x08", "a zip archive in several parts"),
    (b"\x1f\x9d", "a compress archive"),
    (b"\xfd7zXZ\x00", "an xz archive"),
    (b"\x28\xb5\x2f\xfd", "a zstandard archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!\x1a\x07", "a rar archive"),
    (b"\x04\x22\x4d\x18", "an lz4 archive"),
    (b"\xff\x06\x00\x00sNaPpY", "a snappy archive"),
    (b"LZIP\x01", "an lzip archive"),
    (b"\x5d\x00\x00", "an lzma archive"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office document (xls)"),
    *((b"\x09" + version, "an old Excel file (xls)") for version in (b"\0\4\0", b"\2\6\0", b"\4\6\0")),
    *((b"\x09\x08" + version, "an old Excel file (xls)") for version in (b"\x08\0\0\5", b"\x10\0\0\6")),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"%PDF-", "a PDF document"),
    (b"{\\rtf", "an RTF document"),
    (b"\x89PNG\r\n\x1a\n", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF87a", "a GIF image"),
    (b"GIF89a", "a GIF image"),
    (b"II*\x00", "a TIFF image"),
    (b"MM\x00*", "a TIFF image"),
    (b"%!PS-", "a PostScript document"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
    (b"\x93NUMPY", "a numpy array file"),
    (b"CDF\x01", "a NetCDF file"),
    (b"CDF\x02", "a NetCDF file"),
    (b"MATLAB 5.0 MAT-file", "a MATLAB file"),
    (b"RDX2\n", "an R data file"),
    (b"RDX3\n", "an R data file"),
    (b"$FL2@(#)", "an SPSS file"),
    (b"<stata_dta>", "a Stata file"),
    (b"\x00" * 12 + b"\xc2\xea\x81\x60", "a SAS file"),
    (b"\x00\x01\x00\x00Standard ", "an Access database"),
    (b"\x7fELF", "a program"),
    (b"MZ\x90\x00", "a program"),
    (b"Obj\x01", "an Avro file"),
    (b"ARROW1\x00", "an Arrow file"),
    (b"\xff\xff\xff\xff", "an Arrow stream"),
    (b"FEA1\x00", "a Feather file"),
    (b"\x80\x02", "a pickle"),
    (b"\x80\x03", "a pickle"),
    (b"\x80\x04\x95", "a pickle"),
    (b"\x80\x05\x95", "a pickle"),
)
# These signatures are printable, so a column could be called so: a second sign is needed.
BZIP2 = re.compile(rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)")
COMMENTS = re.compile(rb"(?:<!--.*?-->\s*)+", re.DOTALL)
HTML = re.compile(rb"<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE)
HTML_PART = re.compile(
    rb"<(?:title|meta|link|style|script|table|div|p|pre|center|h[1-6])[\s>/]", re.IGNORECASE
)
XML = re.compile(rb"<(?:\?xml\b|!--|!doctype\b)", re.IGNORECASE)
TAG = re.compile(rb"<([A-Za-z_][\w:.-]*)(?:\s[^<>]*)?(/?)>")
JSON_START = re.compile(
    rb"\{\s*(?:\"|\}|$)|\[\s*(?:[\[{\]]|\"[^\"]*\"\s*[,\]]|-?\d[\d.eE+-]*\s*[,\]]|(?:true|false|null)\s*[,\]]|$)"
)
UTF8_BOM = b"\xef\xbb\xbf"
UTF16_BOMS = (b"\xff\xfe", b"\xfe\xff")
UTF32_BOMS = (b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff")
SNIFFED_BYTES = 2048
SEPARATORS = frozenset(b",;|\t\r\n")
LOWEST_TEXT_BYTE = 9  # a text file begins with a tab, a line end, or a printable character
DBASE_VERSIONS = frozenset(b"\x02\x03\x04\x05\x30\x31\x32\x43\x63\x7b\x83\x8b\x8e\xcb\xf5\xfb")


def refuse_other_formats(data: bytes) -> None:
    """Raise FileTypeError when the bytes, as they were sent, are those of a known format that is no text.

    Reads at most the first 2,048 and the last 8 bytes: the cost does not grow with the file.
    """
    head = data[:SNIFFED_BYTES]
    for signature, kind in SIGNATURES:
        if head.startswith(signature):
            raise FileTypeError(kind=kind)
    if BZIP2.match(head):
        raise FileTypeError(kind="a bzip2 archive")
    if data[-4:] in {b"PAR1", b"PARE"} and head.startswith(data[-4:]):
        raise ParquetUnsupportedError
    if head.startswith(b"ORC") and b"ORC" in data[-8:] and not head.isascii():
        raise FileTypeError(kind="an ORC file")
    if head[257:262] == b"ustar":
        raise FileTypeError(kind="a tar archive")
    if _is_dbase(head):
        raise FileTypeError(kind="a dBase table")


def refuse_other_texts(data: bytes) -> None:
    """Raise for bytes that are no UTF-8 text from their start on, and for HTML, XML and JSON.

    Reads at most the first and the last 2,048 bytes.
    """
    head = data[:SNIFFED_BYTES]
    _refuse_binary(head)
    _refuse_markup(head, data[-SNIFFED_BYTES:])


def _is_dbase(head: bytes) -> bool:
    """Whether a dBase header stands here: version, date, sizes, and the zeros that every text lacks."""
    if len(head) < 32 or head[0] not in DBASE_VERSIONS or b"\0" not in head[12:32]:
        return False
    _, month, day = head[1:4]
    n_header_bytes, n_record_bytes = (int.from_bytes(head[at : at + 2], "little") for at in (8, 10))
    return 1 <= month <= 12 and 1 <= day <= 31 and n_header_bytes > 32 and n_record_bytes > 0


def _refuse_binary(head: bytes) -> None:
    """Raise for UTF-32, wide text without a byte order mark, and a first byte no text has."""
    if head.startswith(UTF32_BOMS):
        raise EncodingError(encoding="UTF-8", byte_offset=0)
    if 0 in head and _is_wide(head):
        raise EncodingError(encoding="UTF-8", byte_offset=head.index(0))
    if 0 < head[:1].ljust(1)[0] < LOWEST_TEXT_BYTE:
        raise FileTypeError(kind="a binary file")


def _is_wide(head: bytes) -> bool:
    """Whether two bytes make a character: in most of them one is 0, or in most of the separators.

    Otherwise zeros stand in a text that is damaged.
    """
    even, odd = head[0::2], head[1::2]
    if 0 in head[:4] and max(even.count(0), odd.count(0)) > len(head) // 4:
        return True
    n_separators = sum(map(SEPARATORS.__contains__, head))
    n_wide = max(
        sum(high == 0 and low in SEPARATORS for low, high in zip(first, second, strict=False))
        for first, second in ((even, odd), (odd, even))
    )
    return 2 * n_wide > n_separators


def _refuse_markup(head: bytes, tail: bytes) -> None:
    start, end = head.removeprefix(UTF8_BOM).lstrip(), tail.rstrip()
    body = COMMENTS.sub(b"", start, count=1) if start.startswith(b"<!--") else start
    # a column may be called like a tag: then the first line and the last have as many cells
    has_rows = _has_rows(start, end)
    if HTML.match(body) or (HTML_PART.match(body) and end.endswith(b">") and not has_rows):
        raise LooksLikeHtmlError
    tag = None if has_rows else TAG.match(body)
    if XML.match(start) or (tag and (end.endswith(b"</" + tag[1] + b">") or (tag[2] and body == tag[0]))):
        raise LooksLikeXmlError
    if start[:1] in {b"{", b"["}:
        is_closed = tail.rstrip()[-1:] in {b"}", b"]"}
        if JSON_START.match(start) and (is_closed or start[:1] == b"{" or b"{" in start[:64]):
            raise LooksLikeJsonError


def _has_rows(start: bytes, end: bytes) -> bool:
    """Whether a text has several lines, and the last one as many cells as the first."""
    lines = start.splitlines()
    if len(lines) < 2 or not end:
        return False
    first, last = lines[0], end.splitlines()[-1]
    return any(first.count(mark) == last.count(mark) > 0 for mark in (b",", b";", b"\t", b"|"))
