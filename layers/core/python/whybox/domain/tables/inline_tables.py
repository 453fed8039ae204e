"""Tables that come inside a JSON request, written as the CSV bytes that the one reader of tables takes.

A cell means what it means in a file: null is missing, true and false are truth values, and a text that looks
like a number is one.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence

from whybox.errors import Fault, SchemaInvalidError

Cell = str | int | float | bool | None

SHOWN_FAULTS = 20


def write_records(records: Sequence[Mapping[str, Cell]]) -> bytes:
    """Return rows that name their cells as CSV, the columns in the order of the first row.

    Raises
    ------
    SchemaInvalidError
        There is no row, or a row has other names than the first.

    """
    if not records:
        raise SchemaInvalidError([Fault("has no rows", "too_short", pointer="/source/records")], n_faults=1)
    names = list(records[0])
    unlike = [row for row, record in enumerate(records) if record.keys() != records[0].keys()]
    _refuse(unlike, "has other names than the first row", "/source/records")
    return _write(names, ([record[name] for name in names] for record in records))


def write_rows(columns: Sequence[str], data: Sequence[Sequence[Cell]]) -> bytes:
    """Return columns and rows of cells as CSV.

    Raises
    ------
    SchemaInvalidError
        A row has another number of cells than there are columns.

    """
    unlike = [row for row, cells in enumerate(data) if len(cells) != len(columns)]
    _refuse(unlike, f"has another number of cells than the {len(columns)} columns", "/source/data")
    return _write(columns, data)


def _refuse(rows: Sequence[int], detail: str, pointer: str) -> None:
    if rows:
        faults = [Fault(detail, "invalid", pointer=f"{pointer}/{row}") for row in rows[:SHOWN_FAULTS]]
        raise SchemaInvalidError(faults, n_faults=len(rows))


def _write(names: Sequence[str], rows: Iterable[Sequence[Cell]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([_spelled(cell) for cell in row] for row in rows)
    return text.getvalue().encode("utf-8", "surrogatepass")


def _spelled(cell: Cell) -> str | int | float | None:
    return ("true" if cell else "false") if isinstance(cell, bool) else cell
