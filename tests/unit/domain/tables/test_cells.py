"""Cells: a column of numbers is what Python's float makes of each of them, to the last bit."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from whybox.domain.tables.cells import parse_numbers

digits = st.text("0123456789", min_size=1, max_size=30)
wholes = digits.map(lambda text: text.lstrip("0") or "0")
spelled = st.builds(
    "".join,
    st.tuples(
        st.sampled_from(["", "-", "+"]),
        st.one_of(wholes, st.builds("{}.{}".format, wholes, digits), digits.map(".{}".format)),
        st.one_of(st.just(""), st.integers(-400, 400).map("e{}".format)),
    ),
)


def between(value: float) -> str:
    """Spell the number half way between a float and the next one, where rounding is hardest."""
    return str((Decimal(value) + Decimal(float(np.nextafter(value, np.inf)))) / 2)


halves = st.floats(1e-300, 1e300, allow_nan=False).map(between)
columns = st.lists(st.one_of(spelled, halves, st.sampled_from(["", "0", "-0", "-0.0"])), min_size=1)


@given(columns)
def test_numbers_are_read_as_float_reads_them(cells: list[str]) -> None:
    expected = np.array([float(cell) if cell else np.nan for cell in cells])

    numbers = parse_numbers("\0".join(cells))

    assert numbers is not None
    np.testing.assert_array_equal(numbers.view(np.int64), expected.view(np.int64))


@pytest.mark.parametrize("cell", ["1 2", "01", "1e", "--1", "1.2.3", "null", "[1]", "1,2", "-", "nan"])
def test_a_cell_that_is_no_number_makes_no_column_of_numbers(cell: str) -> None:
    assert parse_numbers(f"1.5\0{cell}\0") is None
