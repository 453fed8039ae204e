"""The one strict pass over CSV bytes: where cells and records end, found block by block, and what is wrong.

A quote is legal only where it opens a cell, closes it, or is doubled inside a quoted cell. So quotes open and
close in turn, the parity of the quotes before a byte says whether it stands inside a quoted cell, and one
vectorised sweep finds every cell and record end. A quote pair's neighbours tell whether the rule was kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from whybox.domain.tables.dialects import ReadOptions
from whybox.errors import (
    CellTooLargeError,
    EncodingError,
    LineTooLongError,
    MalformedQuoteError,
    NulByteError,
)

BLOCK_BYTES = 4 * 1024 * 1024  # large enough to hide the cost per block, small enough to bound memory
PIECE_BYTES = 256 * 1024  # positions take eight bytes each: they are looked at piece by piece
CELL_END = "\0"  # marks cell ends once the text is known to hold no NUL
QUOTE, LINE_FEED, CARRIAGE_RETURN = b'"\n\r'

NOWHERE = 2**62  # beyond any file

Bools = NDArray[np.bool_]
Int64s = NDArray[np.int64]
Bytes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Whole records of a file.

    Attributes
    ----------
    codes : uint8 (n_bytes,)
        The bytes, the last one a record end.
    cell_ends : int64 (n_cells,)
        Positions of the delimiters and record ends that close a cell; blank records have none.
    is_record_end : bool (n_cells,)
        Which of them close a record.
    is_kept : bool (n_bytes,), or None where every byte is
        Which bytes are content or ends: not quotes, nor the CR of CRLF, nor ends of blank records.
    blank_records : int64
        Numbers of records without any character; the file's first record is 1.
    first_record, n_records : int
        Number of the block's first record, and how many it has, blank ones included.
    """

    codes: Bytes
    cell_ends: Int64s
    is_record_end: Bools
    is_kept: Bools | None
    blank_records: Int64s
    first_record: int
    n_records: int

    def widths(self) -> Int64s:
        """Return the number of cells of each record that is not blank, int64."""
        return np.diff(np.flatnonzero(self.is_record_end), prepend=-1)

    def record_numbers(self) -> Int64s:
        """Return the number of each record that is not blank, int64."""
        numbers = np.arange(self.first_record, self.first_record + self.n_records)
        return np.delete(numbers, self.blank_records - self.first_record)

    def cells(self) -> list[str]:
        """Return the text of every cell, unquoted, record after record; the bytes must be UTF-8."""
        codes = self.codes.copy()
        codes[self.cell_ends] = 0
        if self.is_kept is not None:
            codes = codes[self.is_kept]
        cells = codes.tobytes().decode("utf-8").split(CELL_END)
        cells.pop()  # the text ends with a cell end, so nothing follows it
        return cells


def scan_blocks(data: bytes, options: ReadOptions, *, block_bytes: int = BLOCK_BYTES) -> Iterator[Block]:
    """Yield a file as blocks of whole records, in order; the file must not be empty.

    Raises NulByteError, EncodingError, MalformedQuoteError, CellTooLargeError or LineTooLongError at the
    first block that has such a fault. Memory is bound by the block, not by the file.
    """
    start, first_record = 0, 1
    window = max(block_bytes, options.max_line_bytes + len(b"\r\n"))
    while start < len(data):
        stop = min(len(data), start + window)
        piece = data[start:stop]
        if stop < len(data):
            piece = _cut_to_records(data, start, stop, options=options, first_record=first_record)
        _check_encoding(piece, start, first_record)
        block = _Sweep(piece, options, first_record).block()
        yield block
        start, first_record = start + len(piece), first_record + block.n_records


def _cut_to_records(data: bytes, start: int, stop: int, *, options: ReadOptions, first_record: int) -> bytes:
    """Return data[start:stop] up to its last record end; raise when it has none, being one endless record."""
    codes = np.frombuffer(data, dtype=np.uint8, count=stop - start, offset=start)
    outside = ~inside_quotes(codes)
    ends = np.flatnonzero(((codes == LINE_FEED) | (codes == CARRIAGE_RETURN)) & outside)
    if len(ends):
        end = start + int(ends[-1]) + 1
        is_split = data[end - 1 : end + 1] == b"\r\n"  # never between the two
        return data[start : end + is_split]
    if data.count(b'"', start) % 2:
        raise MalformedQuoteError(row=first_record, position=1, reason="a quote is never closed")
    longest, _ = longest_run((codes == ord(options.delimiter)) & outside)
    if longest > options.max_cell_bytes and (b"\n" in data or b"\r" in data):
        raise CellTooLargeError(limit=options.max_cell_bytes, actual=longest, row=first_record)
    raise LineTooLongError(limit=options.max_line_bytes, actual=len(codes), row=first_record)


def inside_quotes(codes: Bytes) -> Bools:
    """Return whether an odd number of quotes stands at or before each byte, bool (n_bytes,)."""
    is_quote: Bools = codes == QUOTE
    if not is_quote.any():
        return is_quote
    parity: NDArray[np.uint8] = np.bitwise_xor.accumulate(is_quote.view(np.uint8))
    return parity.view(np.bool_)


def longest_run(is_end: Bools) -> tuple[int, int]:
    """Return the most bytes in a row that are no end, and where the end after them stands.

    Linear in the bytes, in little memory however many ends there are.
    """
    longest, place, last = 0, 0, -1
    for start in range(0, len(is_end), PIECE_BYTES):
        ends = np.flatnonzero(is_end[start : start + PIECE_BYTES]) + start
        if len(ends):
            n_bytes = np.diff(ends, prepend=last) - 1
            at = int(np.argmax(n_bytes))
            if n_bytes[at] > longest:
                longest, place = int(n_bytes[at]), int(ends[at])
            last = int(ends[-1])
    n_after = len(is_end) - last - 1
    return (n_after, len(is_end)) if n_after > longest else (longest, place)


def _check_encoding(piece: bytes, start: int, first_record: int) -> None:
    if piece.isascii():
        return
    try:
        piece.decode("utf-8")
    except UnicodeDecodeError as error:
        head = np.frombuffer(piece, dtype=np.uint8, count=error.start)
        outside = head[~inside_quotes(head)]
        n_ends = max(np.count_nonzero(outside == LINE_FEED), np.count_nonzero(outside == CARRIAGE_RETURN))
        row = first_record + int(n_ends)
        raise EncodingError(encoding="UTF-8", byte_offset=start + error.start, row=row) from None


def _first(mask: Bools) -> int:
    return int(np.argmax(mask)) if mask.any() else NOWHERE


def _last(mask: Bools) -> int:
    return len(mask) - 1 - _first(mask[::-1])


class _Sweep:
    """One block's masks, and the checks on them."""

    def __init__(self, piece: bytes, options: ReadOptions, first_record: int) -> None:
        self.options = options
        self.first_record = first_record
        self.has_quotes = b'"' in piece
        self.codes = np.frombuffer(piece if piece.endswith((b"\n", b"\r")) else piece + b"\n", dtype=np.uint8)
        self.closes_cell = self.codes == ord(options.delimiter)
        self.closes_record = self.codes == LINE_FEED
        self.returns = (
            np.flatnonzero(self.codes == CARRIAGE_RETURN) if b"\r" in piece else np.empty(0, np.int64)
        )
        self.closes_record[self.returns] = True
        self.is_kept: Bools | None = None
        self.nul = piece.find(b"\0")

    def block(self) -> Block:
        """Return the block, every fault of it refused."""
        if self.has_quotes:
            self._unquote()
        if self.nul >= 0:
            row, position = self._place(self.nul)
            raise NulByteError(row=row, position=position)
        self._check_lengths()
        self._join_line_ends()
        record_ends = np.flatnonzero(self.closes_record)
        is_blank = self._find_blank(record_ends)
        self.closes_record[record_ends[is_blank]] = False
        self._leave_out(record_ends[is_blank])
        cell_ends = np.flatnonzero(self.closes_cell | self.closes_record)
        return Block(
            codes=self.codes,
            cell_ends=cell_ends,
            is_record_end=self.closes_record[cell_ends],
            is_kept=self.is_kept,
            blank_records=np.flatnonzero(is_blank) + self.first_record,
            first_record=self.first_record,
            n_records=len(record_ends),
        )

    def _leave_out(self, positions: Int64s) -> None:
        if len(positions):
            if self.is_kept is None:
                self.is_kept = np.ones(len(self.codes), dtype=np.bool_)
            self.is_kept[positions] = False

    def _unquote(self) -> None:
        """Clear the ends inside quotes, check every quote, and leave out those that are not content.

        Masks, not positions: a file may be quotes for the most part.
        """
        is_quote = self.codes == QUOTE
        inside = inside_quotes(self.codes)
        is_opening = is_quote & inside
        is_neighbour = self.closes_cell | self.closes_record
        is_neighbour |= is_quote
        for closes in (self.closes_cell, self.closes_record):
            closes &= ~inside
        is_closing = is_quote & ~inside
        places = {
            "a quote stands inside a cell that is not quoted": 1
            + _first(is_opening[1:] & ~is_neighbour[:-1]),
            # the last byte is a record end, never a quote
            "text follows a closing quote": _first(is_closing[:-1] & ~is_neighbour[1:]),
            "a quote is never closed": _last(is_opening) if inside[-1] else NOWHERE,
        }
        at, reason = min((at, reason) for reason, at in places.items())
        if at < len(self.codes):
            row, position = self._place(at)
            raise MalformedQuoteError(row=row, position=position, reason=reason)
        # an opening right after a closing is the second of a doubled quote: it is content
        is_opening[1:] &= is_closing[:-1]
        is_opening[0] = False
        is_quote ^= is_opening
        self.is_kept = ~is_quote

    def _join_line_ends(self) -> None:
        """Let CRLF outside quotes be one record end, its LF."""
        returns = self.returns[self.closes_record[self.returns]]
        returns = returns[returns + 1 < len(self.codes)]
        crlf: Int64s = returns[self.codes[returns + 1] == LINE_FEED]
        self.closes_record[crlf] = False
        self._leave_out(crlf)

    def _find_blank(self, record_ends: Int64s) -> Bools:
        starts = np.concatenate([[0], record_ends[:-1] + 1])
        n_bytes = record_ends - starts
        is_blank: Bools = (n_bytes == 0) | ((n_bytes == 1) & (self.codes[starts] == CARRIAGE_RETURN))
        return is_blank

    def _check_lengths(self) -> None:
        """Refuse long cells and lines; while CR and LF both end a record, neither is a part of it."""
        options = self.options
        if len(self.codes) <= min(options.max_cell_bytes, options.max_line_bytes):
            return
        n_bytes, end = longest_run(self.closes_cell | self.closes_record)
        is_in_table = self.first_record > 1 or bool(self.closes_record[:-2].any())
        if n_bytes > options.max_cell_bytes and is_in_table:
            row, _ = self._place(end)
            raise CellTooLargeError(limit=options.max_cell_bytes, actual=n_bytes, row=row)
        n_bytes, end = longest_run(self.closes_record)
        if n_bytes > options.max_line_bytes:
            row, _ = self._place(end)
            raise LineTooLongError(limit=options.max_line_bytes, actual=n_bytes, row=row)

    def _place(self, at: int) -> tuple[int, int]:
        """Return the record number and the cell's position in it, from 1, of a byte."""
        record_ends = np.flatnonzero(self.closes_record[:at])
        # before the blank ones are taken out, both bytes of a CRLF end a record; it is one row
        is_crlf = (self.codes[record_ends] == CARRIAGE_RETURN) & (self.codes[record_ends + 1] == LINE_FEED)
        record_ends = record_ends[~is_crlf]
        start = int(record_ends[-1]) + 1 if len(record_ends) else 0
        row = self.first_record + len(record_ends)
        return row, 1 + int(np.count_nonzero(self.closes_cell[start:at]))
