"""Tables: CSV bytes in, one immutable table out, or the one error that says where and how to mend the file.

    bytes ──signatures──▶ UTF-8 ──records──▶ header + cells ──headers, columns──▶ Table

Only numpy, pydantic's JSON reader and the standard library are needed, so that a request for boosted trees
loads neither pandas nor scikit-learn.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import partial

from whybox.domain.notices import Notice
from whybox.domain.tables.column_kinds import infer_column
from whybox.domain.tables.columns import Column, RowNumbers
from whybox.domain.tables.dialects import ReadOptions, canonical_encoding
from whybox.domain.tables.file_signatures import (
    UTF8_BOM,
    UTF16_BOMS,
    UTF32_BOMS,
    refuse_other_formats,
    refuse_other_texts,
)
from whybox.domain.tables.header_suspicions import refuse_suspect_header
from whybox.domain.tables.headers import name_columns
from whybox.domain.tables.records import read_records
from whybox.errors import EmptyTableError, EncodingError, NoRowsError, TooLargeError


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """A table as it stood in the file: columns in order, rows in order, and notices of what was changed.

    ``sha256`` is the hex digest of the bytes that were read. ``row_numbers`` turns data rows (0, 1, ...) into
    row numbers of the file, for messages.
    """

    columns: tuple[Column, ...]
    n_rows: int
    warnings: tuple[Notice, ...]
    sha256: str
    row_numbers: RowNumbers

    @property
    def names(self) -> tuple[str, ...]:
        """The column names, in order."""
        return tuple(column.name for column in self.columns)

    def column(self, name: str) -> Column | None:
        """Return the column of this name, if there is one."""
        return next((column for column in self.columns if column.name == name), None)


DEFAULT_OPTIONS = ReadOptions()


def read_table(data: bytes, *, options: ReadOptions = DEFAULT_OPTIONS) -> Table:
    """Read a CSV file's bytes in one strict pass.

    Every cell is kept as it stands; a column is numeric only when all its cells are numbers, and each
    change of meaning is a notice. Linear in the bytes. Raises a TableError (an InputError) for anything that
    could be read in two ways, with the row and column, never with a cell's content.
    """
    if len(data) > options.max_bytes:
        raise TooLargeError(limit=options.max_bytes, actual=len(data))
    notices: list[Notice] = []
    records = read_records(_to_utf8(data, options, notices), options)
    if records.n_rows <= 0:
        raise NoRowsError
    names, name_notices = name_columns(records.header, options)
    notices += name_notices
    if n_blank := len(records.blank_records):
        notices.append(
            Notice(
                "blank-rows-skipped", f"{n_blank} blank line{'s were' if n_blank > 1 else ' was'} left out"
            )
        )
    columns = []
    infer = partial(infer_column, options=options, row_numbers=records.row_numbers)
    for name, text in zip(names, records.columns, strict=True):
        column, column_notices = infer(name, text)
        columns.append(column)
        notices += column_notices
    refuse_suspect_header(records.header, columns, records.row_numbers)
    digest = hashlib.sha256(data).hexdigest()
    return Table(tuple(columns), records.n_rows, tuple(notices), digest, records.row_numbers)


def _to_utf8(data: bytes, options: ReadOptions, notices: list[Notice]) -> bytes:
    """Return the text as UTF-8 without a byte order mark; files of another kind are refused."""
    encoding = canonical_encoding(options.encoding)
    has_utf16_mark = data.startswith(UTF16_BOMS) and not data.startswith(UTF32_BOMS)
    if has_utf16_mark:
        encoding = "utf-16"
    refuse_other_formats(data)
    if has_utf16_mark or data.startswith(UTF8_BOM):
        notices.append(Notice("bom-removed", "the byte order mark at the start of the file was removed"))
    if encoding == "utf-8" or data.startswith(UTF8_BOM):
        text = data.removeprefix(UTF8_BOM)
    else:
        try:
            text = data.decode(encoding).removeprefix("\ufeff").encode("utf-8")
        except UnicodeError as error:
            offset = getattr(error, "start", None)
            raise EncodingError(encoding=encoding, byte_offset=offset) from None
        notices.append(Notice("encoding-converted", f"the file was converted from {encoding} to UTF-8"))
    if not text or text.isspace():
        raise EmptyTableError
    refuse_other_texts(text)
    return text
