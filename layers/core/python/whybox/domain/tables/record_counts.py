"""How many records and columns a file has, counted in little memory before any cell is made."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from whybox.domain.tables.record_blocks import CARRIAGE_RETURN, LINE_FEED, Bools, Bytes, inside_quotes

CHUNK_BYTES = 1024 * 1024


@dataclass(slots=True)
class RecordCounts:
    """Records with any character, the header among them; blank records; and cells of the header."""

    n_records: int = 0
    n_blank: int = 0
    n_columns: int = 1


def count_records(data: bytes, delimiter: str, *, chunk_bytes: int = CHUNK_BYTES) -> RecordCounts:
    """Count records and the header's cells; exact wherever quotes open, close or are doubled as they should.

    Linear in the bytes, with about ten times ``chunk_bytes`` of memory.
    """
    counting = _Counting(ord(delimiter))
    for start in range(0, len(data), chunk_bytes):
        n_bytes = min(chunk_bytes, len(data) - start)
        counting.add(np.frombuffer(data, dtype=np.uint8, count=n_bytes, offset=start))
    return counting.finish()


def count_header_columns(data: bytes, delimiter: str, *, max_bytes: int, chunk_bytes: int = 65_536) -> int:
    """Return how many cells the first record has, exact as above; 0 where it does not end so early.

    Linear in the bytes of that record.
    """
    counting = _Counting(ord(delimiter))
    for start in range(0, min(len(data), max_bytes), chunk_bytes):
        n_bytes = min(chunk_bytes, len(data) - start, max_bytes - start)
        counting.add(np.frombuffer(data, dtype=np.uint8, count=n_bytes, offset=start))
        if counting.counts.n_records:
            return counting.counts.n_columns
    return 0


class _Counting:
    """The counts so far, and how the last byte leaves the next one."""

    def __init__(self, delimiter: int) -> None:
        self.delimiter = delimiter
        self.counts = RecordCounts()
        self.is_inside = False
        self.follows_end = True  # a line end at the start of the file closes a blank record
        self.follows_return = False

    def add(self, codes: Bytes) -> None:
        """Count a chunk of at least one byte."""
        inside = inside_quotes(codes) ^ self.is_inside
        is_return = (codes == CARRIAGE_RETURN) & ~inside
        is_end = (codes == LINE_FEED) & ~inside
        closes = is_end & ~_shift(is_return, first=self.follows_return)  # CRLF closes once, at its CR
        is_end |= is_return
        closes |= is_return
        is_blank = closes & _shift(is_end, first=self.follows_end)
        closes &= ~is_blank
        if not self.counts.n_records:
            stop = int(np.argmax(closes)) if closes.any() else len(codes)
            is_delimiter = (codes[:stop] == self.delimiter) & ~inside[:stop]
            self.counts.n_columns += int(np.count_nonzero(is_delimiter))
        self.counts.n_records += int(np.count_nonzero(closes))
        self.counts.n_blank += int(np.count_nonzero(is_blank))
        self.is_inside = bool(inside[-1])
        self.follows_end, self.follows_return = bool(is_end[-1]), bool(is_return[-1])

    def finish(self) -> RecordCounts:
        """Return the counts, with the last record where it has no end."""
        self.counts.n_records += not self.follows_end
        return self.counts


def _shift(mask: Bools, *, first: bool) -> Bools:
    """Return the mask one byte later."""
    shifted = np.empty_like(mask)
    shifted[0], shifted[1:] = first, mask[:-1]
    return shifted
