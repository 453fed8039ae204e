"""Tables: CSV bytes in, one immutable table out, or the one error that says where and how to mend the file.

    bytes ──signatures──▶ UTF-8 ──records──▶ header + cells ──headers, columns──▶ Table

Only numpy and the standard library are needed, so that a request for boosted trees loads neither pandas nor
scikit-learn.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import partial

from whybox.domain.notices import Notice
from whybox.domain.tables.cells import MISSING_WORDS, is_number
from whybox.domain.tables.column_kinds import infer_column
from whybox.domain.tables.columns import Column, RowNumbers
from whybox.domain.tables.dialects import ReadOptions, canonical_encoding
from whybox.domain.tables.file_signatures import UTF8_BOM, UTF16_BOMS, refuse_other_files
from whybox.domain.tables.headers import name_columns
from whybox.domain.tables.records import Records, read_records
from whybox.errors import EmptyTableError, EncodingError, HeaderSuspectError, NoRowsError, TooLargeError

SMALLEST_BODY = 3  # rows below a second header row that must be numbers before it is one
SUSPECT_COLUMNS = 2  # in one column alone the word may be a value


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
    digest = hashlib.sha256(data).hexdigest()
    notices: list[Notice] = []
    records = read_records(_to_utf8(data, options, notices), options)
    if records.n_rows <= 0:
        raise NoRowsError
    names, name_notices = name_columns(records.header, options)
    notices += name_notices
    if n_blank := len(records.blank_records):
        notices.append(Notice("blank-rows-skipped", f"{n_blank} blank lines were left out"))
    columns = []
    infer = partial(infer_column, options=options, row_numbers=records.row_numbers)
    for name, text in zip(names, records.columns, strict=True):
        column, column_notices = infer(name, text)
        columns.append(column)
        notices += column_notices
    _refuse_second_header(columns, records)
    return Table(tuple(columns), records.n_rows, tuple(notices), digest, records.row_numbers)


def _to_utf8(data: bytes, options: ReadOptions, notices: list[Notice]) -> bytes:
    """Return the text as UTF-8 without a byte order mark; files of another kind are refused."""
    encoding = canonical_encoding(options.encoding)
    if data.startswith(UTF16_BOMS) and not data.startswith(b"\xff\xfe\x00\x00"):
        encoding = "utf-16"
    if encoding == "utf-8" or data.startswith(UTF8_BOM):
        refuse_other_files(data)
        text = data.removeprefix(UTF8_BOM)
        if text is not data:
            notices.append(Notice("bom-removed", "the byte order mark at the start of the file was removed"))
    else:
        try:
            text = data.decode(encoding).removeprefix("\ufeff").encode("utf-8")
        except UnicodeError as error:
            offset = getattr(error, "start", None)
            raise EncodingError(encoding=encoding, byte_offset=offset) from None
        refuse_other_files(text)
        notices.append(Notice("encoding-converted", f"the file was converted from {encoding} to UTF-8"))
    if not text.strip():
        raise EmptyTableError
    return text


def _refuse_second_header(columns: list[Column], records: Records) -> None:
    """Raise HeaderSuspectError when the first row has no number and columns of numbers begin below it."""
    if records.n_rows <= SMALLEST_BODY or any(column.kind == "numeric" for column in columns):
        return
    if sum(map(_begins_below, columns)) >= SUSPECT_COLUMNS:
        row = records.row_numbers([0])[0]
        raise HeaderSuspectError(row=row, reason="looks like a second header above columns of numbers")


def _begins_below(column: Column) -> bool:
    """Whether all cells but the first, which is some word, are numbers."""
    first, *rest = column.cells
    is_word = first and first not in MISSING_WORDS and not is_number(first)
    return bool(is_word) and all(cell and is_number(cell) for cell in rest)
