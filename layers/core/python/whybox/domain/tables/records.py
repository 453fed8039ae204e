"""Records: a rectangular table of text, gathered column by column from the blocks of a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from whybox.domain.tables.dialects import ReadOptions, check_dialect
from whybox.domain.tables.record_blocks import (
    BLOCK_BYTES,
    CELL_END,
    Block,
    Int64s,
    inside_quotes,
    scan_blocks,
)
from whybox.domain.tables.record_counts import count_header_columns, count_records
from whybox.errors import (
    HeaderSuspectError,
    RaggedRowsError,
    TableLimitError,
    TooManyCellsError,
    TooManyColumnsError,
    TooManyRowsError,
)

SHOWN_ROWS = 20  # ragged rows listed in an error
SAMPLE_BYTES = 65_536  # text in which another delimiter is looked for
SMALLEST_TABLE_WIDTH = 3  # from here on a single cell above even rows is a title, not a header


@dataclass(frozen=True, slots=True, eq=False)
class Records:
    """The header and each column's cells, joined by NUL.

    ``blank_records`` are the numbers, from 1, of the file's records without any character; they are left out.
    """

    header: tuple[str, ...]
    columns: tuple[str, ...]
    n_rows: int
    blank_records: Int64s

    def row_numbers(self, rows: Sequence[int] | Int64s) -> list[int]:
        """Return the record numbers in the file of data rows 0, 1, ... (2, 3, ... where no line is blank)."""
        ordinals = np.asarray(rows, dtype=np.int64) + 1
        n_records_before_blank = self.blank_records - 1 - np.arange(len(self.blank_records))
        n_blank_before = np.searchsorted(n_records_before_blank, ordinals, side="right")
        return [int(number) for number in ordinals + 1 + n_blank_before]


def read_records(data: bytes, options: ReadOptions, *, block_bytes: int = BLOCK_BYTES) -> Records:
    """Read CSV bytes (UTF-8, no byte order mark, not empty) into a rectangular table of text.

    Records end with LF, CR or CRLF outside quotes; the last one may lack its end. Raises the TableError of
    the first fault; ragged rows are counted to the end of the file first. Linear in the bytes; rows and cells
    are counted before any is made.
    """
    check_dialect(_sample(data), declared=options.delimiter)
    _refuse_oversize(data, options)
    gathering = _Gathering(options)
    for block in scan_blocks(data, options, block_bytes=block_bytes):
        gathering.add(block)
    return gathering.records()


def _sample(data: bytes) -> str:
    """Return the first whole lines of a file, ended by LF, of quoted cells only the closing quotes."""
    codes = np.frombuffer(data[:SAMPLE_BYTES], dtype=np.uint8)
    text = codes[~inside_quotes(codes)].tobytes().decode("utf-8", errors="replace")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text if len(data) <= SAMPLE_BYTES else text.rpartition("\n")[0]


def _refuse_oversize(data: bytes, options: ReadOptions) -> None:
    """Count columns, and rows and cells wherever so many bytes may be too many, before any is made."""
    header_bytes = options.max_line_bytes + len(b"\n")
    n_columns = count_header_columns(data, options.delimiter, max_bytes=header_bytes)
    _check_size(0, n_columns, options)
    n_lines = max(data.count(b"\n"), data.count(b"\r"))
    n_cells = n_lines + data.count(options.delimiter.encode())
    if n_lines <= options.max_rows and n_cells <= options.max_cells:
        return
    counts = count_records(data, options.delimiter)
    n_rows = max(counts.n_records - 1, counts.n_blank)  # blank lines are cheap, but not free
    _check_size(n_rows, counts.n_columns, options)


def _check_size(n_rows: int, n_columns: int, options: ReadOptions) -> None:
    limits: tuple[tuple[type[TableLimitError], int, int], ...] = (
        (TooManyColumnsError, options.max_columns, n_columns),
        (TooManyRowsError, options.max_rows, n_rows),
        (TooManyCellsError, options.max_cells, n_rows * n_columns),
    )
    for error, limit, actual in limits:
        if actual > limit:
            raise error(limit=limit, actual=actual)


@dataclass(slots=True)
class _Gathering:
    """Columns while blocks arrive; after the first ragged row only further ragged rows are counted."""

    options: ReadOptions
    header: tuple[str, ...] = ()
    parts: list[list[str]] = field(default_factory=list)
    n_rows: int = 0
    blank_records: list[Int64s] = field(default_factory=list)
    ragged: list[tuple[int, int]] = field(default_factory=list)
    n_ragged: int = 0
    n_rows_before_ragged: int = 0

    def add(self, block: Block) -> None:
        """Take a block's rows and note its faults."""
        self.blank_records.append(block.blank_records)
        widths = block.widths()
        if not len(widths):
            return
        n_columns = len(self.header) or int(widths[0])
        is_ragged = widths != n_columns
        if not self.n_ragged and is_ragged.any():
            self.n_rows_before_ragged = self.n_rows + int(np.argmax(is_ragged)) - (not self.header)
        self._add_faults(block.record_numbers()[is_ragged], widths[is_ragged])
        self.n_rows += len(widths) - (not self.header)
        _check_size(self.n_rows, n_columns, self.options)
        if self.n_ragged and self.header:
            return
        cells = block.cells()
        if not self.header:
            self.header = tuple(cells[:n_columns])
            self.parts = [[] for _ in self.header]
            cells = cells[n_columns:]
        if cells and not self.n_ragged:
            for position, part in enumerate(self.parts):
                part.append(CELL_END.join(cells[position::n_columns]))

    def records(self) -> Records:
        """Return what was gathered, or raise RaggedRowsError."""
        if self.n_ragged:
            self._refuse_title()
            raise RaggedRowsError(expected=len(self.header), widths=self.ragged, n_rows=self.n_ragged)
        return Records(
            header=self.header,
            columns=tuple(CELL_END.join(part) for part in self.parts),
            n_rows=self.n_rows,
            blank_records=np.concatenate([np.empty(0, dtype=np.int64), *self.blank_records]),
        )

    def _add_faults(self, numbers: Int64s, widths: Int64s) -> None:
        self.n_ragged += len(numbers)
        n_shown = SHOWN_ROWS - len(self.ragged)
        self.ragged.extend(zip(numbers[:n_shown].tolist(), widths[:n_shown].tolist(), strict=True))

    def _refuse_title(self) -> None:
        """Raise HeaderSuspectError for lines of one lone cell above rows that are all equally wide."""
        widths = {width for _, width in self.ragged}
        is_to_the_end = self.n_rows_before_ragged + self.n_ragged == self.n_rows
        has_title = len(self.header) == 1 and not self.header[0].startswith("#")
        if has_title and is_to_the_end and len(widths) == 1 and widths.pop() >= SMALLEST_TABLE_WIDTH:
            raise HeaderSuspectError(row=1, reason="has one cell above wider rows, like a title")
