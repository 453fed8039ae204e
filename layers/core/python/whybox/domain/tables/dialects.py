"""How a table is written: the options a caller declares, the limits, and signs of another dialect."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from whybox.errors import DelimiterError, HeaderSuspectError, ParameterInvalidError

DELIMITERS = (",", ";", "\t", "|")
ENCODINGS = (
    "utf-8",
    "utf-16",
    "latin-1",
    "cp1252",
    "cp1250",
    "cp1251",
    "iso8859-15",
    "mac-roman",
    "cp437",
    "cp850",
)
SEPARATOR_LINE = re.compile(r"sep=.[,;\t|]*", re.IGNORECASE)
SAMPLED_ROWS = 20  # rows compared with the header when another delimiter is suspected


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """Dialect and limits of one reading; the limits are checked before the work they bound.

    ``missing`` are cell spellings, besides the empty cell, that mean a missing value ("NA", "null"):
    none unless declared, since they may be words. ``max_cells`` counts rows times columns.
    """

    delimiter: str = ","
    decimal: str = "."
    encoding: str = "utf-8"
    missing: tuple[str, ...] = ()
    max_bytes: int = 128 * 1024 * 1024
    max_rows: int = 2_000_000
    max_columns: int = 1_000
    max_cells: int = 20_000_000
    max_cell_bytes: int = 131_072  # the csv module's own limit
    max_line_bytes: int = 4 * 1024 * 1024
    max_name_length: int = 256

    def __post_init__(self) -> None:
        if self.delimiter not in DELIMITERS:
            raise ParameterInvalidError("delimiter", reason="must be a comma, a semicolon, a tab or a pipe")
        if self.decimal not in {".", ","}:
            raise ParameterInvalidError("decimal", reason="must be a point or a comma")
        if self.decimal == self.delimiter:
            raise ParameterInvalidError("decimal", reason="must differ from the delimiter")
        canonical_encoding(self.encoding)


def canonical_encoding(name: str) -> str:
    """Return Python's name of an accepted encoding; raises ParameterInvalidError for any other."""
    try:
        found = codecs.lookup(name).name
    except (LookupError, ValueError):
        found = ""
    if found not in {codecs.lookup(accepted).name for accepted in ENCODINGS}:
        raise ParameterInvalidError("encoding", reason=f"must be one of {', '.join(ENCODINGS)}")
    return found


def check_dialect(sample: str, *, declared: str) -> None:
    """Refuse a first line or a separator that shows another dialect than the declared one.

    ``sample`` is the text of the header and the rows after it, quoted parts taken out, records ended by LF.
    Raises HeaderSuspectError for a "sep=;" line, and DelimiterError when the rows are split evenly by another
    delimiter. Only a header without the declared delimiter is suspicious: one that has it may hold others in
    its names.
    """
    header, *rows = [line for line in sample.split("\n") if line][: SAMPLED_ROWS + 1] or [""]
    if SEPARATOR_LINE.fullmatch(header):
        raise HeaderSuspectError(row=1, reason="is a separator line for a spreadsheet program")
    if declared in header:
        return
    for other in DELIMITERS:
        width = header.count(other)
        if width and all(row.count(other) == width for row in rows):
            raise DelimiterError(found=other, declared=declared)
