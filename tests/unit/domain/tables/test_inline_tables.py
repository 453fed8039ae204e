"""Inline tables: what the reader of tables makes of them is what the document said, cell for cell."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from whybox.domain.tables import read_table
from whybox.domain.tables.inline_tables import write_records, write_rows
from whybox.errors import EmptyTableError, NoRowsError, SchemaInvalidError

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=12)
CELLS = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | TEXT


def as_text(cell: object) -> str:
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return "" if cell is None else str(cell)


def read_back(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode(), newline=""), strict=True))


@given(st.lists(st.tuples(CELLS, CELLS, CELLS), max_size=8))
def test_every_cell_comes_back_as_it_was(rows):
    assert read_back(write_rows(["a", "b, c", 'd"'], rows)) == [
        ["a", "b, c", 'd"'],
        *([as_text(cell) for cell in row] for row in rows),
    ]


@given(st.lists(CELLS, min_size=1, max_size=8))
def test_a_line_of_one_cell_is_a_line_whatever_the_cell_is(cells):
    written = write_rows(["only"], [[cell] for cell in cells])

    assert read_back(written)[1:] == [[as_text(cell)] for cell in cells]


def test_objects_and_arrays_of_the_same_cells_are_the_same_bytes():
    rows = [[0.1, "x", None, True], [-3, 'say "hi"', "two\nlines", False]]
    names = ["n", "word", "missing", "flag"]

    assert write_rows(names, rows) == write_records([dict(zip(names, row, strict=True)) for row in rows])


def test_the_order_of_names_in_later_objects_does_not_matter():
    assert write_records([{"a": 1, "b": 2}, {"b": 4, "a": 3}]) == b"a,b\n1,2\n3,4\n"


def test_the_reader_finds_numbers_words_and_missing_cells_where_they_were():
    generator = np.random.default_rng(3)
    numbers = generator.normal(size=30).tolist()
    records = [
        {"number": number, "word": "ab"[i % 2], "gap": None if i % 3 else i, "flag": i % 2 == 0}
        for i, number in enumerate(numbers)
    ]

    table = read_table(write_records(records))

    columns = {column.name: column for column in table.columns}
    assert columns["number"].values.tolist() == numbers
    assert [columns[name].kind for name in columns] == ["numeric", "categorical", "numeric", "boolean"]
    assert np.isnan(columns["gap"].values).tolist() == [record["gap"] is None for record in records]


@pytest.mark.parametrize(
    ("write", "pointers"),
    [
        (lambda: write_records([{"a": 1}, {"b": 1}]), ["/source/records/1"]),
        (lambda: write_records([{"a": 1}, {"a": 1, "b": 1}, {}]), ["/source/records/1", "/source/records/2"]),
        (lambda: write_records([{"a": 1}, {"a": [1]}]), ["/source/records/1"]),
        (lambda: write_records([{"a": {}}]), ["/source/records/0"]),
        (lambda: write_rows(["a"], [[1], [1, 2], []]), ["/source/data/1", "/source/data/2"]),
        (lambda: write_rows(["a", "b"], [[1, 2], [1, []]]), ["/source/data/1/1"]),
    ],
)
def test_what_does_not_fit_is_pointed_at(write, pointers):
    with pytest.raises(SchemaInvalidError) as refusal:
        write()

    assert [fault.pointer for fault in refusal.value.faults] == pointers


def test_of_many_rows_that_do_not_fit_twenty_are_listed_and_all_counted():
    with pytest.raises(SchemaInvalidError) as refusal:
        write_rows(["a"], [[1, 2]] * 500)

    assert (len(refusal.value.faults), refusal.value.n_faults) == (20, 500)


@pytest.mark.parametrize(
    ("data", "error"),
    [(write_records([]), EmptyTableError), (write_rows([], []), EmptyTableError), (b"", EmptyTableError),
     (write_rows(["a", "b"], []), NoRowsError)],
)  # fmt: skip
def test_a_table_of_nothing_is_refused_as_an_empty_file_is(data, error):
    with pytest.raises(error):
        read_table(data)
