"""Signs that the first row is no header, or that another one stands below it: either can be read two ways."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from whybox.domain.tables.cells import MISSING_WORDS, TRUTH_WORDS, date_format, is_number
from whybox.domain.tables.columns import Column, RowNumbers
from whybox.errors import HeaderSuspectError

SMALLEST_BODY = 3  # rows of numbers below a second header row, where not every column has one
SMALLEST_FULL_BODY = 2  # where every column has
SUSPECT_COLUMNS = 2  # in one column alone the word may be a value


def refuse_suspect_header(header: Sequence[str], columns: Sequence[Column], row_numbers: RowNumbers) -> None:
    """Raise HeaderSuspectError where the header is a row of data, stands twice, or has a second one below.

    ``header`` are the names as they stood in the file. Linear in the rows only where words stand.
    """
    _refuse_data(header, columns)
    _refuse_repetition(header, columns, row_numbers)
    _refuse_second_header(columns, row_numbers)


def _refuse_data(header: Sequence[str], columns: Sequence[Column]) -> None:
    """Refuse names that are all like the cells below them, or fractions in no order.

    Years, wavelengths and quantiles are often names, and then they rise or fall from left to right.
    """
    names = [name.strip() for name in header]
    numbers = [
        name
        for name, column in zip(names, columns, strict=True)
        if column.kind == "numeric" and is_number(name)
    ]
    is_like_data = all(map(_is_like_cells, names, columns))
    has_quantity = numbers or any(column.kind == "date" for column in columns)
    if (is_like_data and has_quantity) or _are_unordered_fractions(numbers):
        raise HeaderSuspectError(row=1, reason="looks like a row of data")


def _is_like_cells(name: str, column: Column) -> bool:
    if column.kind == "numeric":
        return is_number(name)
    if column.kind == "date":
        return date_format(name) is not None
    if column.kind == "boolean":
        return any(name in words for words in TRUTH_WORDS)
    return name in column.categories


def _are_unordered_fractions(names: Sequence[str]) -> bool:
    values = [float(name) for name in names]
    if sum(not name.isdigit() for name in names) < SUSPECT_COLUMNS:
        return False
    steps = [after - before for before, after in pairwise(values)]
    return min(steps) <= 0 <= max(steps)


def _refuse_repetition(header: Sequence[str], columns: Sequence[Column], row_numbers: RowNumbers) -> None:
    """Refuse a row equal to the header where a column would be numbers without it: two tables in one file."""
    if not all(name in column.categories for name, column in zip(header, columns, strict=True)):
        return
    is_header = np.ones(len(columns[0].values), dtype=np.bool_)
    for name, column in zip(header, columns, strict=True):
        is_header &= column.values == column.categories.index(name)
    rows = np.flatnonzero(is_header)
    has_numbers = any(
        len(column.categories) > 1 and all(is_number(word) for word in column.categories if word != name)
        for name, column in zip(header, columns, strict=True)
    )
    if len(rows) and has_numbers:
        reason = "repeats the header, like two tables in one file"
        raise HeaderSuspectError(row=row_numbers(rows[:1].tolist())[0], reason=reason)


def _refuse_second_header(columns: Sequence[Column], row_numbers: RowNumbers) -> None:
    """Refuse a first row without any number or date above columns of numbers."""
    n_below = len(columns[0].values) - 1
    if n_below < SMALLEST_FULL_BODY or any(_holds_value_first(column) for column in columns):
        return
    n_suspect = sum(map(_begins_below, columns))
    is_full = n_suspect == len(columns)
    if n_suspect >= SUSPECT_COLUMNS and (is_full or n_below >= SMALLEST_BODY):
        row = row_numbers([0])[0]
        raise HeaderSuspectError(row=row, reason="looks like a second header above columns of numbers")


def _holds_value_first(column: Column) -> bool:
    """Whether the first cell is a value like those below: a number, a truth value, a date, a word."""
    if np.isnan(column.values[0]):
        return False
    return column.kind in {"numeric", "boolean", "date"} or bool(
        column.kind == "categorical" and np.count_nonzero(column.values == column.values[0]) > 1
    )


def _begins_below(column: Column) -> bool:
    """Whether the first cell is some word, and all others that are not empty are numbers."""
    if not column.categories:
        return False
    first, *rest = column.cells
    if not first or first in MISSING_WORDS or is_number(first):
        return False
    numbers = [is_number(cell) for cell in rest if cell]
    return bool(numbers) and all(numbers)
