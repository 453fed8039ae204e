"""What a cell's text means: the grammar of numbers, truth values, dates, and words for "missing"."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray
from pydantic_core import from_json

from whybox.domain.tables.record_blocks import CELL_END

# A decimal number: sign, no needless leading zero, at least one digit, optional exponent.
NUMBER = re.compile(r"[+-]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
DECIMAL_COMMA = re.compile(r"[+-]?(?:0|[1-9][0-9]*)?,[0-9]+(?:[eE][+-]?[0-9]+)?")
INFINITY = re.compile(r"[+-]?inf(?:inity)?", re.IGNORECASE)
# What else people write for numbers; kept as text, and said so.
NUMBER_LIKE = re.compile(r"[+-]?[$€£]?\s?[0-9][0-9_,.' ]*\s?(?:%|[eE][+-]?[0-9]+)?|0[xX][0-9a-fA-F]+")
TRUTH_WORDS = (("True", "False"), ("true", "false"), ("TRUE", "FALSE"))
MISSING_WORDS = frozenset(
    {"NA", "N/A", "n/a", "#N/A", "NaN", "nan", "NAN", "null", "NULL", "None", "none", "NONE", "?", "-", "."}
)
_DAY_FIRST = r"[0-9]{1,2}[/.-][0-9]{1,2}[/.-][0-9]{2,4}"
_CLOCK = r"(?:[T ][0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?)?"
DATE_FORMATS = tuple(
    re.compile(pattern + _CLOCK)
    for pattern in (
        r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}",
        r"[0-9]{4}[/.][0-9]{1,2}[/.][0-9]{1,2}",
        _DAY_FIRST.replace("[/.-]", "/"),
        _DAY_FIRST.replace("[/.-]", r"\."),
        _DAY_FIRST.replace("[/.-]", "-"),
        r"[0-9]{1,2}[ -][A-Za-z]{3,9}[ -][0-9]{2,4}",
        r"[A-Za-z]{3,9} [0-9]{1,2},? [0-9]{4}",
    )
)
_DAY_AND_MONTH = re.compile(r"([0-9]{1,2})[/.-]([0-9]{1,2})[/.-]")
LAST_MONTH = 12
_NUMBER_BYTES = b"0123456789+-.eE\0"
_WHOLE_NEGATIVE_ZERO = b"\0-0\0"
_LEADING_ZERO = re.compile(rb"\0[+-]?0[0-9]")


def is_number(cell: str, *, decimal: str = ".") -> bool:
    """Whether the cell is a number with this decimal mark."""
    if decimal != ".":
        cell = cell.replace(".", "?").replace(decimal, ".")
    return NUMBER.fullmatch(cell) is not None


def date_format(cell: str) -> int | None:
    """Return which of DATE_FORMATS the cell is written in, None for no date."""
    return next((index for index, pattern in enumerate(DATE_FORMATS) if pattern.fullmatch(cell)), None)


def mixes_days_and_months(dates: Iterable[str]) -> bool:
    """Whether some of these dates can only be day first, and others only month first."""
    found = [parts for parts in map(_DAY_AND_MONTH.match, dates) if parts]
    return any(int(parts[1]) > LAST_MONTH for parts in found) and any(
        int(parts[2]) > LAST_MONTH for parts in found
    )


def parse_numbers(text: str) -> NDArray[np.float64] | None:
    """Return a column's numbers, float64 (n_rows,), or None when a cell that is not empty is no number.

    ``text`` holds the cells joined by NUL; NaN is an empty cell, infinity a number too large for float64.

    A number of JSON is a NUMBER, and a JSON reader reads a column to the same bits as Python's float does,
    but for a whole -0, which to JSON is the integer 0. Other cells that have only the bytes of a number and
    no needless leading zero are a NUMBER exactly when float reads them. Both ways are many times faster than
    matching the grammar cell by cell.
    """
    if not text.isascii():
        return None
    codes = b"\0" + text.encode("ascii") + b"\0"  # now every cell has a NUL on both sides
    if codes.translate(None, _NUMBER_BYTES):
        return None
    if _WHOLE_NEGATIVE_ZERO not in codes:
        listed = text.replace(CELL_END, ",")
        if b"\0\0" in codes:
            listed = ",".join(cell or "null" for cell in text.split(CELL_END))
        with suppress(ValueError, OverflowError):
            return np.array(from_json(f"[{listed}]"), dtype=np.float64)
    if _LEADING_ZERO.search(codes):
        return None
    try:
        return np.array([float(cell) if cell else np.nan for cell in text.split(CELL_END)])
    except ValueError:
        return None
