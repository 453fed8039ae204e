"""CSV: columns as text that a spreadsheet shows and does not run."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any, Final

from numpy.typing import NDArray

from whybox.domain.exports import Columns

FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\0", "＝", "＋", "－", "＠")
"""What makes a spreadsheet take a text for a formula, full-width forms included (ASVS 1.2.10)."""

ROWS_AT_ONCE: Final = 10_000


def write_csv(columns: Columns) -> bytes:
    """Return columns as UTF-8 CSV: every number with all its digits, no text that starts a formula.

    Such a text is given an apostrophe in front; numbers never are.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(map(_harmless, columns))
    n_rows = len(next(iter(columns.values()), ()))
    for start in range(0, n_rows, ROWS_AT_ONCE):
        cells = [_cells(column[start : start + ROWS_AT_ONCE]) for column in columns.values()]
        writer.writerows(zip(*cells, strict=True))
    return text.getvalue().encode()


def _cells(column: NDArray[Any]) -> Sequence[Any]:
    """Return the cells of some rows, as plain values."""
    values: list[Any] = column.tolist()
    return [_harmless(value) if isinstance(value, str) else value for value in values]


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text
