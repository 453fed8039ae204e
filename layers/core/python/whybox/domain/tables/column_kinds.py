"""What kind a column is: numbers, truth values, dates or words; all its cells decide, never most of them."""

from __future__ import annotations

import numpy as np

from whybox.domain.notices import Notice
from whybox.domain.tables.cells import (
    DECIMAL_COMMA,
    INFINITY,
    MISSING_WORDS,
    NUMBER_LIKE,
    TRUTH_WORDS,
    date_format,
    is_number,
    mixes_days_and_months,
    parse_numbers,
)
from whybox.domain.tables.columns import Column, ColumnKind, Float64s, RowNumbers, is_free_text
from whybox.domain.tables.dialects import ReadOptions
from whybox.domain.tables.record_blocks import CELL_END
from whybox.errors import DecimalCommaError, IntegerPrecisionError, NonFiniteValuesError

LARGEST_EXACT_INTEGER = 2**53
SHOWN_ROWS = 20


def infer_column(
    name: str, text: str, *, options: ReadOptions, row_numbers: RowNumbers
) -> tuple[Column, list[Notice]]:
    """Find a column's kind and numbers from its cells (joined by NUL), and say what was changed or suspected.

    Numeric only if every cell that is not empty is a decimal number (``cells.NUMBER``); then truth values;
    then words. Raises NonFiniteValuesError, IntegerPrecisionError or DecimalCommaError, which name the rows.
    """
    inference = _Inference(name, text, options, row_numbers)
    return inference.column(), inference.notices


class _Inference:
    """One column under examination."""

    def __init__(self, name: str, text: str, options: ReadOptions, row_numbers: RowNumbers) -> None:
        self.name = name
        self.text = text
        self.options = options
        self.row_numbers = row_numbers
        self.notices: list[Notice] = []

    def column(self) -> Column:
        """Return the column as the first kind that all its cells are."""
        text = self._without_declared_missing()
        numbers = self._read_numbers(text)
        if numbers is not None:
            values, spelled = numbers
            self._check_numbers(values, spelled)
            is_integer = not any(mark in spelled for mark in ".eE") and not np.isnan(values).all()
            return Column(self.name, "numeric", self.text, values, is_integer=is_integer)
        cells = text.split(CELL_END)
        words = sorted(set(cells) - {""})
        self._refuse_near_numbers(cells, words)
        for true, false in TRUTH_WORDS:
            if {true, false}.issuperset(words):
                self._notice("boolean-column", "true is read as 1 and false as 0")
                return Column(self.name, "boolean", self.text, _encode(cells, {true: 1.0, false: 0.0}))
        kind = self._kind_of_words(words, len(cells))
        if kind != "date":
            self._notice_numbers_among_words(cells, words)
        values = _encode(cells, {word: float(code) for code, word in enumerate(words)})
        return Column(self.name, kind, self.text, values, categories=tuple(words))

    def _notice(self, code: str, detail: str) -> None:
        self.notices.append(Notice(code, detail, column=self.name))

    def _shown(self, rows: list[int]) -> list[int]:
        return self.row_numbers(rows[:SHOWN_ROWS])

    def _without_declared_missing(self) -> str:
        declared = {word.strip(" \t") for word in self.options.missing}
        cells = self.text.split(CELL_END) if declared else []
        n_missing = sum(cell.strip(" \t") in declared for cell in cells)
        if not n_missing:
            return self.text
        self._notice("declared-missing", f"{n_missing} cells with a declared spelling are missing values")
        return CELL_END.join("" if cell.strip(" \t") in declared else cell for cell in cells)

    def _read_numbers(self, text: str) -> tuple[Float64s, str] | None:
        """Return the numbers and the text they were read from (trimmed, with decimal points), or None."""
        if self.options.decimal == ",":
            if "." in text:
                return None
            text = text.replace(",", ".")
        values = parse_numbers(text)
        if values is not None:
            return values, text
        if " " not in text and "\t" not in text:
            return None
        cells = text.split(CELL_END)
        trimmed = CELL_END.join(cell.strip(" \t") for cell in cells)
        values = parse_numbers(trimmed)
        if values is None:
            return None
        n_blank = int(np.count_nonzero(np.isnan(values))) - cells.count("")
        blank = f"; {n_blank} cells of spaces alone are missing values" if n_blank else ""
        self._notice("spaces-trimmed", f"spaces around the numbers were removed{blank}")
        return values, trimmed

    def _check_numbers(self, values: Float64s, spelled: str) -> None:
        """Refuse numbers that float64 cannot keep, and say so when tiny ones became zero."""
        sizes = np.abs(values)
        has_tiny = "e-" in spelled or "E-" in spelled
        if not has_tiny and not (sizes >= LARGEST_EXACT_INTEGER).any():
            return
        infinite = np.flatnonzero(np.isinf(sizes)).tolist()
        if infinite:
            raise NonFiniteValuesError(column=self.name, rows=self._shown(infinite), n_cells=len(infinite))
        large = np.flatnonzero(sizes >= LARGEST_EXACT_INTEGER).tolist()
        if not large and not has_tiny:
            return
        cells = spelled.split(CELL_END)
        whole = [row for row in large if not set(".eE") & set(cells[row])]
        inexact = [row for row in whole if abs(int(cells[row])) > LARGEST_EXACT_INTEGER]
        if inexact:
            raise IntegerPrecisionError(column=self.name, rows=self._shown(inexact), n_cells=len(inexact))
        n_lost = sum(_has_digits(cells[row]) for row in np.flatnonzero(sizes == 0)) if has_tiny else 0
        if n_lost:
            self._notice("underflow-to-zero", f"{n_lost} numbers are too small for float64 and became 0")

    def _refuse_near_numbers(self, cells: list[str], words: list[str]) -> None:
        """Refuse a column of numbers with infinities spelled out, or with decimal commas nobody declared."""
        words_of: dict[str, set[str]] = {"number": set(), "infinity": set(), "comma": set()}
        for word in words:
            kind = self._near_number(word)
            if kind is None:
                return
            words_of[kind].add(word)
        has_sign = any(word.strip(" \t")[0] in "+-" for word in words_of["infinity"])
        if words_of["infinity"] and (words_of["number"] or has_sign):
            rows = [row for row, cell in enumerate(cells) if cell in words_of["infinity"]]
            raise NonFiniteValuesError(column=self.name, rows=self._shown(rows), n_cells=len(rows))
        if words_of["comma"]:
            row = next(row for row, cell in enumerate(cells) if cell in words_of["comma"])
            raise DecimalCommaError(column=self.name, row=self.row_numbers([row])[0])

    def _near_number(self, word: str) -> str | None:
        word = word.strip(" \t")
        if is_number(word, decimal=self.options.decimal):
            return "number"
        if INFINITY.fullmatch(word):
            return "infinity"
        # where commas separate the cells, a quoted 1,5 may as well be thousands: it stays text
        is_suspicious = self.options.delimiter != "," and self.options.decimal == "."
        return "comma" if is_suspicious and DECIMAL_COMMA.fullmatch(word) else None

    def _kind_of_words(self, words: list[str], n_rows: int) -> ColumnKind:
        formats = set()
        for word in words:
            formats.add(date_format(word))
            if None in formats:
                limit = self.options.max_categories
                return "text" if is_free_text(len(words), n_rows, max_categories=limit) else "categorical"
        if len(formats) > 1 or mixes_days_and_months(words):
            self._notice("mixed-date-formats", "dates in different formats are kept as different words")
        else:
            self._notice(
                "date-kept-as-text", "dates are kept as words; send a number to use them as a quantity"
            )
        return "date"

    def _notice_numbers_among_words(self, cells: list[str], words: list[str]) -> None:
        """Say so when a column is text only because of a few cells, or because of how its numbers look."""
        missing = MISSING_WORDS.intersection(words)
        numbers = {word for word in words if is_number(word.strip(" \t"), decimal=self.options.decimal)}
        number_like = [word for word in words if word not in numbers and NUMBER_LIKE.fullmatch(word)]
        if not (numbers or number_like or missing):
            return
        others = [row for row, cell in enumerate(cells) if cell and cell not in numbers]
        n_numbers = sum(cell in numbers for cell in cells)
        detail = f"kept as text: {n_numbers} cells are numbers, {len(others)} are not "
        detail += f"(first in row {self.row_numbers(others[:1])[0]})"
        if missing:
            n_missing = sum(cell in missing for cell in cells)
            detail += (
                f"; {n_missing} are words for a missing value, which only count as missing when declared"
            )
        if number_like:
            detail += "; some have leading zeros, separators, signs or units, which are never removed"
        self._notice("column-kept-as-text", detail)


def _encode(cells: list[str], codes: dict[str, float]) -> Float64s:
    return np.array([codes.get(cell, np.nan) for cell in cells])


def _has_digits(cell: str) -> bool:
    """Whether the mantissa of a number is not 0."""
    return bool(set("123456789") & set(cell.lower().partition("e")[0]))
