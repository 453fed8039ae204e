"""One file of every class that public collections hold, with the verdict it gets and, if read, its cells."""

from __future__ import annotations

import gzip
import tracemalloc

import pytest

from whybox.domain.tables import read_table
from whybox.domain.tables.dialects import ReadOptions
from whybox.errors import FileTypeError, InputError, ParameterInvalidError

READ = {
    "commas in quotes": ('a,b\n1,"x, y"\n', [["1", "x, y"]]),
    "empty cells, quoted or not": ('a,b,c\n1,"",\n2,3,4\n', [["1", "", ""], ["2", "3", "4"]]),
    "doubled quotes": ('a,b\n1,"ha ""ha"" ha"\n2,""""\n', [["1", 'ha "ha" ha'], ["2", '"']]),
    "JSON in a cell": ('key,val\n1,"{""type"": ""Point""}"\n', [["1", '{"type": "Point"}']]),
    "line ends in quotes": ('a,b\r\n1,"x\ny"\r\n2,"p\r\nq"\r\n', [["1", "x\ny"], ["2", "p\r\nq"]]),
    "mixed line ends, none at the end": ("a,b\r\n1,2\n3,4\r5,6", [["1", "2"], ["3", "4"], ["5", "6"]]),
    "CR CR LF": ("a,b\r\r\n1,2\r\r\n", [["1", "2"]]),
    "other separators of lines": ("a,b\n1\x0b2,3\x854\n", [["1\x0b2", "3\x854"]]),
    "letters of every kind": ("a,ʤ\nžlutý,日本🎉\n", [["žlutý", "日本🎉"]]),
    "direction and width marks": ("a,b\n\u202ex\u202c,y\u200b\n", [["\u202ex\u202c", "y\u200b"]]),
    "a mark, then quotes": ('\ufeff"a","b"\n1,2\n', [["1", "2"]]),
    "a row of empty cells": ("a,b\n,\n1,2\n", [["", ""], ["1", "2"]]),
    "a row of quoted empty cells": ('a,b\n"",""\n1,2\n', [["", ""], ["1", "2"]]),
    "blank lines": ("\n\na,b\n\n1,2\n\n", [["1", "2"]]),
    "spaces are content": ("a,b\n x , y\n", [[" x ", " y"]]),
    "single quotes are letters": ("a,b\n'x',2\n", [["'x'", "2"]]),
    "backslashes are letters": ("a,b\nx\\y,\\N\n", [["x\\y", "\\N"]]),
    "formulas": ("a,b\n=1+1,@x\n", [["=1+1", "@x"]]),
    "a script as name and cell": ("<script>1</script>,b\n{{7*7}},<b>\n", [["{{7*7}}", "<b>"]]),
    "markup in every cell": ("<b>x</b>,<b>y</b>\n<b>1</b>,<b>2</b>\n", [["<b>1</b>", "<b>2</b>"]]),
    "tags as names and last cell": ("<a>,<b>\n1,<b>\n", [["1", "<b>"]]),
    "a comment's mark inside a row": ("a,b\n#1,2\n", [["#1", "2"]]),
    "a wide header": (",".join(f"c{n}" for n in range(1000)) + "\n" + "1," * 999 + "1", [["1"] * 1000]),
    "a long cell": ("a,b\n1," + "x" * 131_072, [["1", "x" * 131_072]]),
}  # fmt: skip

REFUSED = {
    "quoted nothing": ('""', "csv-no-rows"),
    "one quoted line end": ('"\n"', "csv-no-rows"),
    "names only": ('"a","b"\n', "csv-no-rows"),
    "blank names": (",,\n,,\n", "csv-blank-column"),
    "a quoted blank name": ('"",b\n1,2\n', "csv-blank-column"),
    "a row index without a name": (",a,b\n0,1,2\n", "csv-blank-column"),
    "a separator at each end": ("a,b,\n1,2,\n", "csv-blank-column"),
    "a separator at the end of rows": ("a,b\n1,2,\n3,4,\n", "csv-ragged-rows"),
    "a quoted empty line": ('a,b\n""\n1,2\n', "csv-ragged-rows"),
    "a line of spaces": ("a,b\n1,2\n  \n", "csv-ragged-rows"),
    "an end-of-file mark": ("a,b\n1,2\n\x1a", "csv-ragged-rows"),
    "a footer": ("a,b\n1,2\nTotal\n", "csv-ragged-rows"),
    "single quotes that hold commas": ("'a','b'\n'x, y','2'\n", "csv-ragged-rows"),
    "backslash quotes": ('a,b\n"x\\"y",2\n', "csv-malformed-quote"),
    "spaces before quotes": ('a,b\n1, "x, y"\n', "csv-malformed-quote"),
    "spaces after quotes": ('a,b\n"1" ,2\n', "csv-malformed-quote"),
    "an inch": ('a,b\n1,5"\n', "csv-malformed-quote"),
    "one column": ("a\n1\n", "csv-too-few-columns"),
    "one column with quoted empty cells": ('a\n""\nb\n', "csv-too-few-columns"),
    "one column with blank lines": ("a\n1\n\n2\n", "csv-too-few-columns"),
    "spaces as separators": ("a b c\n1 2 3\n", "csv-too-few-columns"),
    "colons as separators": ("a:b\n1:2\n", "csv-too-few-columns"),
    "a table drawn with pipes": ("| a | b |\n|---|---|\n| 1 | 2 |\n", "csv-delimiter"),
    "tabs under names with commas": ("a, x\tb\n1\t2\n3\t4\n", "csv-delimiter"),
    "semicolons under names with commas": ("a, x;b\n1;2\n3,5;4\n", "csv-delimiter"),
    "a bad quote is no other separator": ('"a"b,"c"\n"1\t2","3"\n', "csv-malformed-quote"),
    "a quoted line end in a name": ('"a\nb",c\n1,2\n', "csv-column-name-invalid"),
    "zeros inside": ("a,b\n1," + "\0" * 40 + "\n", "csv-nul-byte"),
    "overlong UTF-8": (b"a,b\n\xc0\x80,1\n", "csv-encoding"),
    "surrogates in UTF-8": (b"a,b\n\xed\xa0\x80,1\n", "csv-encoding"),
    "half a character at the end": ("a,b\n1,é".encode()[:-1], "csv-encoding"),
    "half a UTF-16 character": (b"\xff\xfea\0,\0b", "csv-encoding"),
    "HTML below a comment": ("<!-- x --><html></html>", "file-looks-like-html"),
    "a piece of HTML": ("<h1>502 Bad Gateway</h1>\n", "file-looks-like-html"),
    "XML without a declaration": ("<rows><row a='1'/></rows>\n", "file-looks-like-xml"),
    "Cyrillic in UTF-16": ("имя,город\nАнна,Москва\n".encode("utf-16-le"), "csv-encoding"),
    "Chinese in UTF-16": ("姓名;上海\n上上;北京\n".encode("utf-16-be"), "csv-encoding"),
    "Chinese in UTF-32": ("姓名,上海\n上上,北京\n".encode("utf-32-le"), "csv-encoding"),
    "one zero in a short text": (b"a,b\n1,\0\n", "csv-nul-byte"),
    "a zero in each row": (b"a,b\n" + b"1,\0x\n2,y\n" * 9, "csv-nul-byte"),
    "zeros for missing cells": (b"a,b\n" + b"\0,x\n\0,y\n" * 9, "csv-nul-byte"),
    "words of JSON": ("[true, null]\n", "file-looks-like-json"),
    "an infinity behind a space": ("a,b\n1, inf\n2, 3\n", "non-finite-values"),
    "infinities alone": ("a,b\n1,-inf\n2,-inf\n", "non-finite-values"),
}  # fmt: skip

DBASE = b"\x18\x01\x05\1\0\0\0\x41\0\x10\0" + b"\0" * 200
FORMATS = {
    "compress": b"\x1f\x9d\x90a",
    "lzma": b"\x5d\x00\x00\x80\x00",
    "tiff": b"II*\x00\x08",
    "dbase 3": b"\x03" + DBASE,
    "dbase 3 with memo": b"\x83" + DBASE,
    "foxpro": b"\x30" + DBASE,
    "stata": b"<stata_dta><header>",
    "spss": b"$FL2@(#) IBM",
    "excel 5": b"\x09\x08\x08\x00\x00\x05\x05\x00\xd3\x10\xcc\x07",
    "excel 8 without a container": b"\x09\x08\x10\x00\x00\x06\x05\x00\xd3\x10\xcc\x07",
    "excel 4": b"\x09\x04\x06\x00\x00\x00\x10\x00",
    "sas": b"\0" * 12 + b"\xc2\xea\x81\x60",
    "old pickle": b"\x80\x03}q\x00.",
    "netcdf": b"CDF\x01\x00",
    "parquet": b"PAR1\x15\x04\x00PAR1",
    "encrypted parquet": b"PARE\x15\x04\x00PARE",
    "control characters": b"\x02abc",
}


def code_of(data: bytes, **options) -> str:
    with pytest.raises(InputError) as caught:
        read_table(data, options=ReadOptions(**options))
    return caught.value.code


@pytest.mark.parametrize(("text", "rows"), READ.values(), ids=READ)
def test_sound_files_are_read_cell_by_cell(text, rows):
    table = read_table(text.encode())

    assert [list(row) for row in zip(*(column.cells for column in table.columns), strict=True)] == rows


@pytest.mark.parametrize(("text", "code"), REFUSED.values(), ids=REFUSED)
def test_files_with_two_readings_get_the_answer_that_helps(text, code):
    assert code_of(text if isinstance(text, bytes) else text.encode()) == code


@pytest.mark.parametrize("data", FORMATS.values(), ids=FORMATS)
@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "utf-16"])
def test_formats_are_told_whatever_encoding_was_declared(data, encoding):
    if encoding == "utf-8" or data[0] != 2:
        assert code_of(data, encoding=encoding) == "file-type-unsupported"


def test_a_parquet_file_is_told_that_parquet_is_not_read():
    with pytest.raises(FileTypeError, match="Parquet is not read here"):
        read_table(FORMATS["parquet"])


def test_a_compressed_bomb_is_refused_without_being_unpacked():
    bomb = gzip.compress(gzip.compress(b"0," * 50_000_000, mtime=0), mtime=0)
    tracemalloc.start()

    code = code_of(bomb)

    _, n_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (code, n_bytes < 1_000_000) == ("file-type-unsupported", True)


def test_a_byte_that_is_no_text_is_named_by_its_row_not_its_line():
    with pytest.raises(InputError) as caught:
        read_table(b'a,b\r\n1,"x\ny\nz"\r\n2,Jos\xe9\r\n')

    assert caught.value.faults[0].row == 3


def test_dates_that_are_day_first_here_and_month_first_there_are_mixed():
    table = read_table(b"d,x\n31/01/2024,1\n01/31/2024,2\n")

    assert [(notice.code, notice.column) for notice in table.warnings] == [("mixed-date-formats", "d")]


def test_cells_of_spaces_among_numbers_are_counted_as_missing():
    table = read_table(b"a,b\n1, \n2, 3\n3,\n")

    (notice,) = table.warnings
    assert table.column("b").is_missing.tolist() == [True, False, True]
    assert notice.detail.endswith("1 cells of spaces alone are missing values")


def test_missing_words_are_found_behind_spaces_and_every_cell_is_counted():
    table = read_table(b"a,b\n1, NA\n2, 3\nNA, -\n", options=ReadOptions(missing=("NA", "-")))

    assert table.column("b").values[1] == 3
    assert [column.is_missing.tolist() for column in table.columns] == [
        [False, False, True],
        [True, False, True],
    ]
    counts = {n.column: n.detail.split()[0] for n in table.warnings if n.code == "declared-missing"}
    assert counts == {"a": "1", "b": "2"}


@pytest.mark.parametrize("missing", [("",), ("NA", " "), ("x" * 41,), tuple(map(str, range(21)))])
def test_missing_words_that_cannot_be_meant_are_refused(missing):
    with pytest.raises(ParameterInvalidError, match="missing"):
        ReadOptions(missing=missing)


def test_the_number_of_categories_can_be_set():
    data = "x,y\n" + "".join(f"w{row % 4},{row}\n" for row in range(9))

    kinds = [
        read_table(data.encode(), options=ReadOptions(max_categories=limit)).columns[0].kind
        for limit in (3, 4, 5)
    ]

    assert kinds == ["text", "categorical", "categorical"]


@pytest.mark.parametrize("length", [255, 256, 257])
def test_a_name_may_be_as_long_as_the_limit(length):
    data = f"{'é' * length},b\n1,2\n".encode()

    if length <= 256:
        assert len(read_table(data).names[0]) == length
    else:
        assert code_of(data) == "csv-column-name-invalid"
    assert code_of(data, max_name_length=length - 1) == "csv-column-name-invalid"
