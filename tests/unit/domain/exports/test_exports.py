"""Exports: what pandas and the csv module read back, the same bytes every time, no formulas in text."""

from __future__ import annotations

import csv
import io

import fastparquet
import numpy as np
import pandas as pd
import pytest

from whybox.domain.exports.csv_files import write_csv
from whybox.domain.exports.parquet_files import ROWS_PER_GROUP, write_parquet

COLUMNS = {
    "row": np.arange(5),
    "class": np.array(["a", "=1+1", "é\n", "", "-2"], dtype=object),
    "is_hit": np.array([True, False, True, False, True]),
    "value.x": np.array([0.1, -1 / 3, 1e-300, -0.0, 12345678901234567.0]),
}


def read_parquet(content: bytes, folder) -> pd.DataFrame:
    path = folder / "written.parquet"
    path.write_bytes(content)
    with path.open("rb") as file:
        return fastparquet.ParquetFile(file).to_pandas()


def test_parquet_holds_every_bit_and_kind(tmp_path):
    found = read_parquet(write_parquet(COLUMNS), tmp_path)

    assert list(found) == list(COLUMNS)
    for name, column in COLUMNS.items():
        assert found[name].tolist() == column.tolist()
    assert found["value.x"].to_numpy().tobytes() == COLUMNS["value.x"].tobytes()


def test_parquet_of_more_rows_than_a_group_comes_back_in_order(tmp_path):
    rows = np.arange(2 * ROWS_PER_GROUP + 7)

    found = read_parquet(write_parquet({"row": rows, "x": rows / 3}), tmp_path)

    assert np.array_equal(found["row"], rows)
    assert np.array_equal(found["x"], rows / 3)


def test_the_same_columns_are_the_same_bytes():
    assert write_parquet(COLUMNS) == write_parquet({name: it.copy() for name, it in COLUMNS.items()})
    assert write_csv(COLUMNS) == write_csv({name: it.copy() for name, it in COLUMNS.items()})


def test_csv_holds_numbers_with_all_their_digits():
    rows = list(csv.DictReader(io.StringIO(write_csv(COLUMNS).decode(), newline="")))

    assert [float(row["value.x"]) for row in rows] == COLUMNS["value.x"].tolist()
    assert [int(row["row"]) for row in rows] == list(range(5))
    assert [row["value.x"] for row in rows][1].startswith("-"), "a negative number stays a number"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\0", "＝", "＋", "－", "＠"])
def test_no_text_starts_a_formula_neither_in_a_cell_nor_in_a_name(start):
    cells = np.array([f"{start}cmd", f"x{start}", "plain"], dtype=object)

    content = write_csv({f"{start}name": cells}).decode()

    rows = list(csv.reader(io.StringIO(content, newline="")))
    assert rows == [[f"'{start}name"], [f"'{start}cmd"], [f"x{start}"], ["plain"]]


def test_many_rows_are_written_in_order():
    rows = np.arange(25_003)

    assert write_csv({"row": rows}).decode().splitlines()[1:] == [str(row) for row in rows]
