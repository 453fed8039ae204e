"""Tables inside a JSON document: rows of cells, written as the CSV that the one reader of tables takes.

An inline table goes the way of an uploaded one, byte for byte: the same reader, the same warnings, the same
hash. In messages about a table row 1 is the line of names, so the first record is row 2.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from whybox.errors import Fault, SchemaInvalidError

MAX_FAULTS: Final = 20
QUOTE: Final = '"'
EMPTY: Final = '""'

_WORDS: Final = {True: "true", False: "false", None: ""}
_NEEDS_QUOTES: Final = re.compile(r'[",\r\n]')

Cell = str | int | float | bool | None


def write_records(records: Sequence[Mapping[str, Any]]) -> bytes:
    """Return the table of objects that all have the names of the first one, in its order.

    Raises
    ------
    SchemaInvalidError
        Some do not; it points at them.

    """
    names = list(records[0]) if records else []
    known = set(names)
    rows: list[list[Any]] = []
    faults = _Faults()
    for position, record in enumerate(records):
        if record.keys() != known:
            faults.add(
                f"/source/records/{position}", "record_names", "must have the names of the first record"
            )
            continue
        rows.append([record[name] for name in names])
        if not all(map(_is_cell, rows[-1])):
            faults.add(
                f"/source/records/{position}", "cell_type", "must hold texts, numbers, true, false, null"
            )
    faults.raise_any()
    return _write(names, rows)


def write_rows(columns: Sequence[str], data: Sequence[Sequence[Any]]) -> bytes:
    """Return the table of arrays that have as many cells as there are columns.

    Raises
    ------
    SchemaInvalidError
        Some have not; it points at them.

    """
    faults = _Faults()
    for position, row in enumerate(data):
        if len(row) != len(columns):
            detail = f"must have {len(columns)} cells, as columns has"
            faults.add(f"/source/data/{position}", "row_length", detail)
        elif not all(map(_is_cell, row)):
            column = next(place for place, cell in enumerate(row) if not _is_cell(cell))
            detail = "must be a text, a number, true, false or null"
            faults.add(f"/source/data/{position}/{column}", "cell_type", detail)
    faults.raise_any()
    return _write(columns, data)


class _Faults:
    """The places that are wrong: the first are kept, all are counted."""

    def __init__(self) -> None:
        self._first: list[Fault] = []
        self._count = 0

    def add(self, pointer: str, code: str, detail: str) -> None:
        self._count += 1
        if len(self._first) < MAX_FAULTS:
            self._first.append(Fault(detail, code, pointer=pointer))

    def raise_any(self) -> None:
        if self._count:
            raise SchemaInvalidError(self._first, n_faults=self._count)


def _is_cell(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float)


def _write(names: Sequence[str], rows: Iterable[Iterable[Cell]]) -> bytes:
    """Return the lines as RFC 4180 has them; not by the csv module, whose quotes depend on its version."""
    if not names:
        return b""
    lines = [",".join(map(_quoted, names)), *(",".join(_quoted(_text(cell)) for cell in row) for row in rows)]
    # A line of one empty cell would be no line.
    return "".join(f"{line or EMPTY}\n" for line in lines).encode()


def _quoted(text: str) -> str:
    return f'"{text.replace(QUOTE, QUOTE + QUOTE)}"' if _NEEDS_QUOTES.search(text) else text


def _text(cell: Cell) -> str:
    """Return a cell as it stands in a file: a number with all its digits, nothing for null."""
    if cell is None or isinstance(cell, bool):
        return _WORDS[cell]
    return cell if isinstance(cell, str) else repr(cell)
