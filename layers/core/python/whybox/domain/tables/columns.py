"""Columns: a named list of cells each, with the kind it was found to be and the numbers this gives it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from whybox.domain.tables.record_blocks import CELL_END

ColumnKind = Literal["numeric", "boolean", "categorical", "text", "date"]
RowNumbers = Callable[[Sequence[int]], list[int]]  # from data rows to the row numbers of the file
Float64s = NDArray[np.float64]

FEW_CATEGORIES = 20  # up to here words are categories in any table


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """A column of a table.

    Attributes
    ----------
    name : str
    kind : "numeric", "boolean", "categorical", "text" or "date"
        Text is words that hardly repeat; dates are kept as words.
    text : str
        The cells as they stood in the file, joined by NUL.
    values : float64 (n_rows,)
        The number; 1 for true and 0 for false; else the index into ``categories``. NaN is a missing cell.
    categories : tuple of str
        The different cells of a column of words, sorted by code point; empty for numbers and truth values.
    is_integer : bool
        Whether every cell that is not missing is written as a whole number.
    """

    name: str
    kind: ColumnKind
    text: str
    values: Float64s
    categories: tuple[str, ...] = ()
    is_integer: bool = False

    @property
    def cells(self) -> list[str]:
        """The cells as they stood in the file, one string per row."""
        return self.text.split(CELL_END)

    @property
    def is_missing(self) -> NDArray[np.bool_]:
        """Which rows have no value, bool (n_rows,)."""
        return np.isnan(self.values)


def is_free_text(n_words: int, n_rows: int, *, max_categories: int) -> bool:
    """Whether so many different words in so many rows are text that hardly repeats, not categories."""
    return n_words > max_categories or n_words > max(FEW_CATEGORIES, n_rows / 2)
