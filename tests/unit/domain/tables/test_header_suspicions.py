"""A first row that may be no header, or a second one below it, is refused; odd but sound headers are not."""

from __future__ import annotations

import pytest

from whybox.domain.tables import read_table
from whybox.errors import HeaderSuspectError, RaggedRowsError


def refuse(text: str) -> int:
    """Return the row that is named as suspicious."""
    with pytest.raises(HeaderSuspectError) as caught:
        read_table(text.encode())
    return caught.value.row


@pytest.mark.parametrize(
    "text",
    [
        "1,2\n3,4\n",
        "5.1,3.5,setosa\n4.9,3.0,setosa\n7.0,3.2,versicolor\n",
        "2024-01-01,7\n2024-01-02,8\n",
        "red,True,4.5\nblue,False,1.0\nred,True,2.0\n",
        "ann,5.1,3.5,4.4\nbob,4.9,3.0,1.3\ncid,4.7,3.2,2.0\n",
    ],
)
def test_a_first_row_that_is_like_the_rows_below_it_is_no_header(text):
    assert refuse(text) == 1


@pytest.mark.parametrize(
    "text",
    [
        "country,2019,2020\nx,1,2\ny,3,4\n",
        "country,2021,2020\nx,1,2\ny,3,4\n",
        "level,0.1,0.5,0.9\nx,1,2,3\n",
        "sample,9.98,9.96,9.94\nx,1,2,3\n",
        "patient,7157,672,675\nx,1,2,3\n",
        "a,b\na,b\n",
        "yes,no\nyes,no\nno,yes\n",
    ],
)
def test_years_scales_and_repeated_words_are_names(text):
    assert read_table(text.encode()).names == tuple(text.partition("\n")[0].split(","))


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ("a,b\nkg,m\n1,2\n3,4\n5,6\n", 2),
        ("a,b\nkg,m\n1,2\n3,4\n", 2),
        ("a,b,c\nkg,,m\n1,2,3\n3,4,5\n5,6,7\n", 2),
        ("a,b\n\nkg,m\n1,\n,4\n5,6\n", 3),
        ("day,x,y\ndate,kg,m\n2024-01-01,1,2\n2024-01-02,3,4\n2024-01-03,5,6\n", 2),
    ],
)
def test_a_second_header_row_is_named(text, row):
    assert refuse(text) == row


@pytest.mark.parametrize(
    "text",
    [
        "a,b\nlow,2\n1,2\n3,4\n5,6\n",
        "name,score\nann,absent\nbob,5\ncid,6\ndan,7\n",
        "species,a,b\nsetosa,lost,none\nsetosa,1,2\nsetosa,3,4\nsetosa,5,6\n",
        "day,a,b\n2024-01-01,lost,none\n2024-01-02,1,2\n2024-01-03,3,4\n2024-01-04,5,6\n",
        "a,b\nNA,NA\n1,2\n3,4\n5,6\n",
        "a,b\nx,y\n1,2\n",
    ],
)
def test_words_above_numbers_in_a_row_that_also_holds_values_are_values(text):
    assert read_table(text.encode()).n_rows == text.count("\n") - 1


def test_the_header_again_between_numbers_is_two_tables_in_one_file():
    assert refuse("a,b\n1,2\n\n3,4\na,b\n5,6\n") == 5
    assert refuse("name,x\nann,2\nname,x\nbob,6\n") == 3


def test_the_header_again_among_words_is_a_row():
    assert read_table(b"a,b\nx,y\na,b\nz,w\n").n_rows == 3


@pytest.mark.parametrize(
    "text", ["Report\na,b,c\n1,2,3\n", "Report\n\nMay 2024\na,b,c\n1,2,3\n4,5,6\n", '"A, B"\na,b,c\n1,2,3\n']
)
def test_lines_of_one_cell_above_a_table_are_a_title(text):
    assert refuse(text) == 1


@pytest.mark.parametrize(
    "text",
    [
        "# by hand\na,b,c\n1,2,3\n",
        "Report\na,b,c\n1,2,3\nend\n",
        "Report\na,b,c\n1,2\n",
        "Report\na,b\n1,2\n",
    ],
)
def test_other_lines_of_one_cell_make_rows_ragged(text):
    with pytest.raises(RaggedRowsError):
        read_table(text.encode())
