"""The example tables are what the recipe says, read back to the bit."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import datasets

from whybox.domain.tables import read_table
from whybox.domain.tables.example_tables import KINDS, list_example_tables, make_example_table
from whybox.domain.tasks import frame_task
from whybox.errors import ParameterInvalidError

SHAPES = {
    "breast_cancer": (569, 30),
    "iris": (150, 4),
    "wine": (178, 13),
    "diabetes": (442, 10),
    "friedman1": (506, 13),
}


def test_the_example_tables_are_these():
    assert list_example_tables() == tuple(SHAPES)


@pytest.mark.parametrize("name", SHAPES)
def test_an_example_table_is_read_without_a_single_notice_of_the_reader(name):
    table = read_table(make_example_table(name))

    assert (table.n_rows, len(table.columns) - 2) == SHAPES[name]
    assert table.warnings == ()
    assert {column.kind for column in table.columns} == {"numeric"}


@pytest.mark.parametrize("name", ["breast_cancer", "iris", "wine", "diabetes"])
def test_a_data_set_is_scikit_learns_to_the_bit(name):
    bunch = getattr(datasets, f"load_{name}")()

    task = frame_task(read_table(make_example_table(name)), kind=KINDS[name])

    assert task.feature_names == tuple(bunch.feature_names)
    np.testing.assert_array_equal(task.X, bunch.data)
    np.testing.assert_array_equal(task.y, bunch.target)


def test_the_breast_cancer_split_is_the_field_examples():
    task = frame_task(read_table(make_example_table("breast_cancer")), kind="classification")

    assert (len(task.train), len(task.test)) == (398, 171)
    assert np.bincount(task.y[task.test]).tolist() == [64, 107]
    assert task.classes == (0, 1)


def test_carriage_returns_give_the_same_table():
    plain, windows = (read_table(make_example_table("iris", line_end=end)) for end in ("\n", "\r\n"))

    for one, other in zip(plain.columns, windows.columns, strict=True):
        np.testing.assert_array_equal(one.values, other.values)


def test_a_table_comes_out_the_same_every_time():
    assert make_example_table("friedman1") == make_example_table("friedman1")


def test_an_unknown_table_is_refused():
    with pytest.raises(ParameterInvalidError):
        make_example_table("boston")
