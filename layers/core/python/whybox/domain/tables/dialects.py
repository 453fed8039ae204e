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
MOST_MISSING_WORDS, LONGEST_MISSING_WORD = 20, 40
SAMPLED_ROWS = 20  # rows compared with the header when another delimiter is suspected


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """Dialect and limits of one reading; the limits are checked before the work they bound.

    ``missing`` are cell spellings, besides the empty cell, that mean a missing value ("NA", "null"):
    none unless declared, since they may be words; spaces around them are ignored. ``max_cells`` counts rows
    times columns. A column with more different words than ``max_categories`` is text.
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
    max_categories: int = 1_000

    def __post_init__(self) -> None:
        if self.delimiter not in DELIMITERS:
            raise ParameterInvalidError("delimiter", reason="must be a comma, a semicolon, a tab or a pipe")
        if self.decimal not in {".", ","}:
            raise ParameterInvalidError("decimal", reason="must be a point or a comma")
        if self.decimal == self.delimiter:
            raise ParameterInvalidError("decimal", reason="must differ from the delimiter")
        canonical_encoding(self.encoding)
        if len(self.missing) > MOST_MISSING_WORDS:
            raise ParameterInvalidError("missing", reason=f"has more than {MOST_MISSING_WORDS} words")
        if any(not 0 < len(word.strip()) <= LONGEST_MISSING_WORD for word in self.missing):
            reason = f"must be words of 1 to {LONGEST_MISSING_WORD} characters"
            raise ParameterInvalidError("missing", reason=reason)


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

    ``sample`` is the text of the header and the rows after it, of quoted cells only the closing quotes,
    records ended by LF.
    Raises HeaderSuspectError for a "sep=;" line, and DelimiterError when another delimiter splits all rows
    evenly and the declared one does not. Where both do, the declared one holds.
    """
    lines = [line for line in sample.split("\n") if line][: SAMPLED_ROWS + 1] or [""]
    if SEPARATOR_LINE.fullmatch(lines[0]):
        raise HeaderSuspectError(row=1, reason="is a separator line for a spreadsheet program")
    if _even_count(declared, lines):
        return
    for other in DELIMITERS:
        if _even_count(other, lines):
            raise DelimiterError(found=other, declared=declared)


def _even_count(delimiter: str, lines: list[str]) -> int:
    """Return how often the delimiter stands in each line; 0 where lines differ or quotes do not allow it."""
    width = lines[0].count(delimiter)
    is_even = width > 0 and all(line.count(delimiter) == width for line in lines)
    # of a quoted cell only closing quotes are left
    quoted = [line for line in lines if '"' in line] if is_even else []
    cells = (cell for line in quoted for cell in line.split(delimiter))
    return width if is_even and all('"' not in cell or not cell.strip('"') for cell in cells) else 0
