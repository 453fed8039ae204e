"""A table is read as it stands, every change of meaning is told, and every other file gets its own answer."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import math
import subprocess
import sys
import zipfile
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whybox.domain.tables import read_table
from whybox.domain.tables.dialects import ReadOptions
from whybox.errors import (
    BlankColumnError,
    ColumnNameError,
    DecimalCommaError,
    DuplicateColumnError,
    EmptyTableError,
    EncodingError,
    FileTypeError,
    HeaderSuspectError,
    IntegerPrecisionError,
    LooksLikeHtmlError,
    LooksLikeJsonError,
    LooksLikeXmlError,
    NonFiniteValuesError,
    NoRowsError,
    TableError,
    TooFewColumnsError,
    TooLargeError,
    WhyboxError,
)


def read(text: str | bytes, **options):
    return read_table(text if isinstance(text, bytes) else text.encode(), options=ReadOptions(**options))


def column_of(*cells: str, **options):
    """Read a table of the cells beside a column of row numbers, and return the column with its notices."""
    quoted = ['"' + cell.replace('"', '""') + '"' for cell in cells]
    delimiter = options.get("delimiter", ",")
    lines = [f"x{delimiter}row", *(f"{cell}{delimiter}{row}" for row, cell in enumerate(quoted))]
    table = read("\n".join(lines), **options)
    return table.columns[0], [notice.code for notice in table.warnings if notice.column == "x"]


def zip_of(name: str) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr(name, "a,b\n1,2\n")
    return target.getvalue()


def test_numbers_are_float64_and_the_table_knows_its_bytes():
    table = read("a,b\n24.7,1\n-0.1,2\n")

    assert table.names == ("a", "b")
    assert table.n_rows == 2
    assert table.column("a").values.tolist() == [24.7, -0.1]
    assert [column.is_integer for column in table.columns] == [False, True]
    assert table.warnings == ()
    assert table.sha256 == hashlib.sha256(b"a,b\n24.7,1\n-0.1,2\n").hexdigest()
    assert table.column("c") is None


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
@settings(deadline=None)
def test_every_finite_float_is_read_back_to_the_bit(values):
    column, _ = column_of(*map(repr, values))

    assert column.values.tolist() == values


@pytest.mark.parametrize(
    "cell", ["0", "-0.5", "+1", "1.", ".5", "1e5", "1E-05", "6.02e+23", "9007199254740992"]
)
def test_decimal_numbers_are_numbers(cell):
    column, _ = column_of(cell, "2")

    assert column.kind == "numeric"
    assert column.values[0] == float(cell)


@pytest.mark.parametrize(
    "cell",
    ["NA", "None", "null", "nan", "NaN", "007", "-01", "00", "1_000", "0x10", "1,000", "12%", "1e", ".", "-",
     "--1", "1-2", "e5", "٣", "½", "1 2", "−1", "True1", "1.2.3"],
)  # fmt: skip
def test_what_is_no_decimal_number_keeps_its_column_text(cell):
    column, _ = column_of(cell, "2", "3", "3")

    assert column.kind == "categorical"
    assert column.categories == tuple(sorted({cell, "2", "3"}))
    assert [column.categories[int(code)] for code in column.values] == column.cells == [cell, "2", "3", "3"]


@pytest.mark.parametrize(
    "cell", ["NA", "007", "1_000", "0x10", "1,000", "12%", "three", "1\u00a0", "1\u2028"]
)
def test_a_column_kept_as_text_among_numbers_says_so(cell):
    _, codes = column_of(cell, "2", "3", "3")

    assert codes == ["column-kept-as-text"]


def test_the_notice_of_a_text_column_counts_but_never_shows_its_cells():
    table = read("x,y\n1,1\nNA,2\nsecret-7,3\n2,4\n")

    (notice,) = table.warnings
    assert "2 cells are numbers, 2 are not (first in row 3)" in notice.detail
    assert "1 are words for a missing value" in notice.detail
    assert "secret" not in notice.detail


def test_declared_missing_words_are_missing_and_counted():
    column, codes = column_of("1", "NA", "2", missing=("NA",))

    assert column.kind == "numeric"
    assert column.values[0] == 1
    assert math.isnan(column.values[1])
    assert column.cells == ["1", "NA", "2"]
    assert codes == ["declared-missing"]


def test_empty_cells_are_missing_in_every_kind_of_column():
    for cells in (("1", "", "2"), ("True", "", "False"), ("a", "", "b"), ("2020-01-01", "", "2020-01-02")):
        column, _ = column_of(*cells)
        assert column.is_missing.tolist() == [False, True, False]


def test_a_column_without_any_value_is_numeric_and_missing():
    column, _ = column_of("", "")

    assert column.kind == "numeric"
    assert not column.is_integer
    assert column.is_missing.all()


def test_spaces_around_numbers_are_removed_and_told():
    table = read("a, b\n 1, 2\n 3, 4 \n")

    assert table.names == ("a", "b")
    assert table.column("b").values.tolist() == [2, 4]
    assert {notice.code for notice in table.warnings} == {"column-name-trimmed", "spaces-trimmed"}


@pytest.mark.parametrize("words", [("True", "False"), ("true", "false"), ("TRUE", "FALSE")])
def test_truth_values_are_one_and_zero_and_told(words):
    column, codes = column_of(words[1], words[0], words[0])

    assert column.kind == "boolean"
    assert column.values.tolist() == [0, 1, 1]
    assert codes == ["boolean-column"]


def test_truth_values_mixed_with_other_spellings_are_words():
    column, _ = column_of("True", "1", "yes", "true")

    assert column.kind == "categorical"
    assert column.categories == ("1", "True", "true", "yes")


@pytest.mark.parametrize(
    ("cells", "code"),
    [
        (("2024-01-31", "2024-02-01"), "date-kept-as-text"),
        (("2024-01-31T10:00:00Z", "2024-02-01 11:30"), "date-kept-as-text"),
        (("31.01.2024", "01/02/2024"), "mixed-date-formats"),
        (("2024-01-31", "5 Feb 2024"), "mixed-date-formats"),
    ],
)
def test_dates_are_kept_as_words_and_told(cells, code):
    column, codes = column_of(*cells)

    assert column.kind == "date"
    assert codes == [code]


def test_words_that_hardly_repeat_are_text():
    few, _ = column_of(*(f"w{row % 21}" for row in range(60)))
    many, _ = column_of(*(f"w{row}" for row in range(60)))

    assert (few.kind, many.kind) == ("categorical", "text")


@pytest.mark.parametrize("cell", ["inf", "-Infinity", "+INF", "1e999", "-1e999"])
def test_infinite_numbers_are_refused_with_row_and_column(cell):
    with pytest.raises(NonFiniteValuesError) as caught:
        column_of("1", cell, "2")

    (fault,) = caught.value.faults
    assert (fault.row, fault.column) == (3, "x")


def test_a_word_that_only_looks_infinite_stays_a_word():
    column, _ = column_of("inf", "sup", "inf")

    assert column.kind == "categorical"


@pytest.mark.parametrize("cell", ["9007199254740993", "-9007199254740993", "12345678901234567890123"])
def test_whole_numbers_that_float64_would_change_are_refused(cell):
    with pytest.raises(IntegerPrecisionError):
        column_of("1", cell)


def test_large_numbers_with_an_exponent_are_quantities_and_stay():
    column, _ = column_of("1e20", "2.5e300")

    assert column.values.tolist() == [1e20, 2.5e300]


def test_numbers_too_small_for_float64_become_zero_and_are_told():
    column, codes = column_of("1e-400", "0e-5", "1")

    assert column.values.tolist() == [0, 0, 1]
    assert codes == ["underflow-to-zero"]


def test_undeclared_decimal_commas_are_refused_where_they_are_no_separator():
    with pytest.raises(DecimalCommaError):
        read("a;b\n1;1,5\n2;2,5\n", delimiter=";")


def test_declared_decimal_commas_are_decimal_points():
    table = read("a;b\n1;1,5\n2;-2,5e-1\n", delimiter=";", decimal=",")

    assert table.column("b").values.tolist() == [1.5, -0.25]


def test_a_decimal_point_is_no_number_where_the_comma_was_declared():
    column, _ = column_of("1.000", "2.5", delimiter=";", decimal=",")

    assert column.kind == "categorical"


@pytest.mark.parametrize("data", [b"", b"\n\n\r\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\n", b"  \n"])
def test_a_file_without_content_is_empty(data):
    with pytest.raises(EmptyTableError):
        read(data)


@pytest.mark.parametrize("data", ["a,b", "a,b\n", "a,b\n\n\n"])
def test_a_header_alone_has_no_rows(data):
    with pytest.raises(NoRowsError):
        read(data)


def test_a_byte_order_mark_is_removed_and_told():
    for encoding, codes in (
        ("utf-8-sig", ["bom-removed"]),
        ("utf-16", ["bom-removed", "encoding-converted"]),
    ):
        table = read("a,é\n1,2\n".encode(encoding))
        assert table.names == ("a", "é")
        assert [notice.code for notice in table.warnings] == codes


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"])
def test_wide_text_that_does_not_say_so_is_an_encoding_error(encoding):
    with pytest.raises(EncodingError):
        read("alpha,beta\n1,2\n".encode(encoding))


def test_a_declared_encoding_is_converted_and_told():
    table = read("name,n\nJosé,1\n".encode("cp1252"), encoding="windows-1252")

    assert table.column("name").cells == ["José"]
    assert [notice.code for notice in table.warnings] == ["encoding-converted"]


def test_bytes_that_a_declared_encoding_does_not_have_are_refused():
    with pytest.raises(EncodingError):
        read(b"a,b\n\x81,2\n", encoding="cp1252")


@pytest.mark.parametrize(
    ("header", "error"),
    [
        ("a,", BlankColumnError),
        ("a, ,c", BlankColumnError),
        ("a,a", DuplicateColumnError),
        ("a, A ", DuplicateColumnError),
        ("stra\u00dfe,STRASSE", DuplicateColumnError),
        ("caf\u00e9,cafe\u0301", DuplicateColumnError),
        ("a," + "b" * 257, ColumnNameError),
        ("a,__proto__", ColumnNameError),
        ('a,"b\nc"', ColumnNameError),
        ("a,b\x07", ColumnNameError),
        ("a,b\u0085c", ColumnNameError),
        ("1,2.5", HeaderSuspectError),
        ("Report,,", HeaderSuspectError),
        ("a", TooFewColumnsError),
    ],
)
def test_names_that_cannot_name_a_column_are_refused(header, error):
    width = header.count(",") + 1
    with pytest.raises(error):
        read(f"{header}\n{','.join('1' * width)}\n")


def test_an_error_in_the_header_names_the_positions():
    with pytest.raises(BlankColumnError) as caught:
        read("a,,c,\n1,2,3,4\n")

    assert caught.value.positions == (2, 4)


def test_names_are_kept_character_for_character():
    names = ["mean radius", "=1+1", "<script>", "{{7*7}}", "\u202eevil\u202c", "z\u200bw", "2019"]

    assert read(",".join(names) + "\n" + ",".join("1" * len(names))).names == tuple(names)


def test_a_second_header_row_is_suspect():
    with pytest.raises(HeaderSuspectError) as caught:
        read("a,b\nkg,m\n1,2\n3,4\n5,6\n")

    assert caught.value.row == 2


@pytest.mark.parametrize(
    "text", ["a,b\nlow,2\n1,2\n3,4\n5,6\n", "name,score\nann,absent\nbob,5\ncid,6\ndan,7\n"]
)
def test_a_single_word_above_numbers_is_no_second_header(text):
    assert {column.kind for column in read(text).columns} <= {"categorical", "numeric"}


@pytest.mark.parametrize(
    "data",
    [
        gzip.compress(b"a,b\n1,2\n", mtime=0),
        zip_of("xl/workbook.xml"),
        b"BZh91AY&SY\x00\x00",
        b"\xfd7zXZ\x00\x00",
        b"\x28\xb5\x2f\xfd\x04",
        b"PAR1\x15\x04\x00PAR1",
        b"SQLite format 3\x00\x10",
        b"%PDF-1.7\n",
        b"\x89PNG\r\n\x1a\n\x00",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\x00",
        b"\x03\x7c\x01\x01\x03\x00\x00\x00",
        b"\x93NUMPY\x01\x00",
        b"\x80\x04\x95\x1e\x00",
        b"x" * 257 + b"ustar\x0000",
    ],
)
def test_other_files_are_refused_by_their_first_bytes(data):
    with pytest.raises(FileTypeError):
        read(data)


@pytest.mark.parametrize("name", ["PAR1", "BZh", "ORC", "Rar", "MZ", "PK"])
def test_a_column_may_be_called_like_a_printable_signature(name):
    assert read(f"{name},b\n1,2\n").names[0] == name


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("<!DOCTYPE html>\n<html><body>Sign in</body></html>", LooksLikeHtmlError),
        ("\n  <HTML><head></head>", LooksLikeHtmlError),
        ('<?xml version="1.0"?><rows/>', LooksLikeXmlError),
        ("<Workbook xmlns='x'><a/></Workbook>", LooksLikeXmlError),
        (json.dumps({"detail": "Token has expired"}), LooksLikeJsonError),
        (json.dumps([{"a": 1}, {"a": 2}]), LooksLikeJsonError),
        (json.dumps([[1, 2], [3, 4]]), LooksLikeJsonError),
        ('{"a": 1}\n{"a": 2}\n', LooksLikeJsonError),
        ("[]", LooksLikeJsonError),
    ],
)
def test_other_texts_are_told_apart(text, error):
    for data in (text.encode(), b"\xef\xbb\xbf" + text.encode()):
        with pytest.raises(error):
            read(data)


@pytest.mark.parametrize("header", ["[kg],b", "<10,b", "<low>x,b", "{x},b", "[1],b"])
def test_brackets_in_a_name_are_no_other_text(header):
    assert read(f"{header}\n1,2\n").n_rows == 1


def test_a_file_over_the_byte_limit_is_refused_before_it_is_looked_at():
    with pytest.raises(TooLargeError) as caught:
        read(b"\x1f\x8b" * 100, max_bytes=199)
    assert (caught.value.limit, caught.value.actual) == (199, 200)
    assert read("a,b\n1,2", max_bytes=7).n_rows == 1


@given(st.binary(max_size=80))
@settings(deadline=None, max_examples=400)
def test_any_bytes_are_a_table_or_one_of_our_errors(data):
    with suppress(TableError):
        assert read(data).n_rows > 0


@given(
    cell=st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=12, max_size=20).filter(
        lambda cell: cell.strip() and not cell.isascii()
    ),
    rest=st.lists(
        st.sampled_from(["1", "1e999", "inf", "", "x", '"', "9007199254740993"]), min_size=1, max_size=5
    ),
)
@settings(deadline=None, max_examples=200)
def test_no_error_and_no_notice_shows_a_cell(cell, rest):
    lines = ["a,b", *(f"{other},{cell}" for other in rest)]
    try:
        shown = [notice.detail for notice in read("\n".join(lines)).warnings]
    except WhyboxError as error:
        shown = [error.detail, *(fault.detail for fault in error.faults)]

    assert not any(cell in text for text in shown)


def test_reading_imports_neither_pandas_nor_scikit_learn():
    program = (
        "import sys; import whybox.domain.tasks, whybox.domain.models.metrics;"
        "import whybox.domain.models.catalogue;"
        "print(sorted({'pandas', 'scipy', 'sklearn'} & set(sys.modules)))"
    )

    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert found.stdout.strip() == "[]"


def test_a_table_of_many_columns_and_rows_is_read_exactly():
    values = np.random.default_rng(0).normal(size=(3_000, 40)).round(6)
    lines = [
        ",".join(f"c{column}" for column in range(40)),
        *(",".join(map(repr, row)) for row in values.tolist()),
    ]

    table = read("\r\n".join(lines))

    np.testing.assert_array_equal(np.column_stack([column.values for column in table.columns]), values)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a,b,A\n1,2,3\n", "1 column repeats an earlier name, the first is 'A'"),
        ("a,b,a,b\n1,2,3,4\n", "2 columns repeat an earlier name, the first is 'a'"),
        ("a,b\n1e999,2\n", "Column 'a' has 1 infinite or overflowing value, first in row 2"),
        ("a,b\n1e999,2\n-1e999,3\n", "Column 'a' has 2 infinite or overflowing values, first in row 2"),
        ("a,b\n1,9007199254740993\n", "Column 'b' has 1 whole number beyond 2^53 in size, first in row 2"),
    ],
)
def test_a_detail_names_the_column_and_counts_in_good_english(text, words):
    with pytest.raises(TableError) as caught:
        read(text)

    assert caught.value.detail.startswith(words)
