"""Tables that come inside a JSON request, written as the CSV bytes that the one reader of tables takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Cell = str | int | float | bool | None


def write_records(records: Sequence[Mapping[str, Cell]]) -> bytes:
    """Return rows that name their cells as CSV, the columns in the order of the first row; null is missing.

    Raises
    ------
    SchemaInvalidError
        There is no row, or a row has other names than the first.

    """
    raise NotImplementedError


def write_rows(columns: Sequence[str], data: Sequence[Sequence[Cell]]) -> bytes:
    """Return columns and rows of cells as CSV; null is missing.

    Raises
    ------
    SchemaInvalidError
        A row has another number of cells than there are columns.

    """
    raise NotImplementedError
