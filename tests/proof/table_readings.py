"""Random tables in random dialects: what is accepted equals the csv module's reading, cell by cell.

Each case is a table of random cells, written in a random dialect by a writer of its own; a third of the
cases are damaged by a few edits of their bytes. What the reader takes must have the cells that the csv module
reads from the same text, with the number that float makes of each; what it refuses must be one of our
problems, with an entry in the catalogue. Any other exception is a violation.
"""

from __future__ import annotations

import csv
import io
import math
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from whybox.domain.tables import Table, read_table
from whybox.domain.tables.columns import Column
from whybox.domain.tables.dialects import ReadOptions
from whybox.errors import InputError, WhyboxError
from whybox.http.problem_catalogue import CATALOGUE

WORDS = st.sampled_from(
    ["", " ", "x", "red", "Blue", "NA", "None", "null", "nan", "inf", "-inf", "007", "1_000", "0x10", "1,5",
     "1.5", "12%", "a b", " pad ", "#c", "sep=;", "é", "žluťoučký", "日本", "🎉", "e\u0301", "\u202eevil",
     "z\u200bw", "=1+1", "<b>", "{{7*7}}", 'say "hi"', '"', '""', "two\nlines", "two\r\nlines", "\r", "\n",
     "a;b", "a,b", "a|b", "a\tb", "'", "\\", "\x0b", "\x0c", "\x1f", "\x85", "\u2028", "\ufeff",
     "2024-01-31", "31/12/2023"]
)  # fmt: skip
NUMBERS = st.one_of(
    st.integers(-(10**6), 10**6).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.sampled_from(
        [
            "",
            "0",
            "-0",
            "+1",
            "1.",
            ".5",
            "1e5",
            " 2",
            "9007199254740992",
            "9007199254740993",
            "1e999",
            "1e-400",
        ]
    ),
)
TRUTHS = st.sampled_from(["True", "False", "", "true", "TRUE", "1"])
DATES = st.dates().map(str) | st.dates().map(lambda day: f"{day:%d.%m.%Y}")
LETTERS = st.text(alphabet="abcxyz", min_size=1, max_size=6)
CELLS_OF_A_COLUMN = (NUMBERS, NUMBERS, TRUTHS, DATES, LETTERS, WORDS, WORDS | NUMBERS, st.text(max_size=5))
PLAIN_NAMES = st.lists(LETTERS, min_size=2, max_size=6, unique=True)
ODD_NAMES = st.lists(LETTERS | WORDS | NUMBERS | st.text(max_size=5), min_size=1, max_size=6)
PIECES = st.sampled_from(
    [b'"', b'""', b",", b";", b"\t", b"|", b"\n", b"\r", b"\r\n", b"\n\n", b"\0", b"\xff", b"\xe9", b" ",
     b"\xef\xbb\xbf", b"\xff\xfe", b"1", b"x", b"PK\x03\x04", b"\x1f\x8b", b"<html>", b"{", b"[", b"#"]
)  # fmt: skip
ENCODINGS = ("utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16", "latin-1", "cp1252")
LINE_ENDS = ("\n", "\r\n", "\r")


@dataclass(frozen=True, slots=True)
class TableFile:
    """A file, the encoding it was written in, and how it is said to be written."""

    data: bytes
    encoding: str
    options: ReadOptions


@dataclass(frozen=True, slots=True)
class TableReadings:
    """How many files were read, how many accepted, which codes the others got, and where readings differ."""

    n_cases: int
    n_accepted: int
    refusals: dict[str, int]
    violations: tuple[str, ...]


@st.composite
def tables(draw: st.DrawFn) -> list[list[str]]:
    """Draw a header, mostly a plain one, and rows of as many columns, each with cells of one sort."""
    names = draw(ODD_NAMES if draw(st.integers(0, 4)) == 0 else PLAIN_NAMES)
    n_rows = draw(st.integers(0, 9))
    columns = []
    for name in names:
        cells = draw(st.sampled_from(CELLS_OF_A_COLUMN))
        columns.append([name, *draw(st.lists(cells, min_size=n_rows, max_size=n_rows))])
    return [list(row) for row in zip(*columns, strict=True)]


@st.composite
def table_files(draw: st.DrawFn) -> TableFile:
    """Draw a table written in some dialect, in a third of the cases damaged."""
    delimiter = draw(st.sampled_from((",", ",", ",", ";", "\t", "|")))
    line_ends = draw(st.sampled_from((*((end,) for end in LINE_ENDS), LINE_ENDS)))
    quotes_all = draw(st.booleans())
    lines = []
    for row in draw(tables()):
        is_quoted = [quotes_all or _needs_quotes(cell, delimiter) or draw(st.booleans()) for cell in row]
        cells = [_quote(cell) if has else cell for cell, has in zip(row, is_quoted, strict=True)]
        end = draw(st.sampled_from(line_ends)) * draw(st.sampled_from((1, 1, 1, 1, 2)))
        lines.append(delimiter.join(cells) + end)
    text = "".join(lines)
    if draw(st.booleans()):
        text = text.rstrip("\r\n")
    encoding = draw(st.sampled_from(ENCODINGS))
    data = text.encode(encoding, "replace" if encoding in {"latin-1", "cp1252"} else "strict")
    if draw(st.integers(0, 2)) == 0:
        for _ in range(draw(st.integers(1, 3))):
            data = _damage(draw, data)
    is_declared = draw(st.integers(0, 9)) > 0
    options = ReadOptions(
        delimiter=delimiter if is_declared else ",",
        decimal=draw(st.sampled_from((".", ".", ".", ","))) if is_declared and delimiter != "," else ".",
        encoding=encoding if encoding != "utf-8-sig" and is_declared else "utf-8",
        missing=draw(st.sampled_from(((), (), ("NA",), ("NA", "null", "-1")))),
    )
    return TableFile(data, encoding, options)


def _needs_quotes(cell: str, delimiter: str) -> bool:
    return any(mark in cell for mark in (delimiter, '"', "\r", "\n"))


def _quote(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"'


def _damage(draw: st.DrawFn, data: bytes) -> bytes:
    at = draw(st.integers(0, len(data)))
    n_removed = draw(st.sampled_from((0, 0, 1, 2, len(data))))
    piece = draw(st.sampled_from((b"",)) if n_removed > 2 else PIECES | st.binary(max_size=2))
    return data[:at] + piece + data[at + n_removed :]


def difference(file: TableFile) -> tuple[str, str | None]:
    """Read a file both ways; return "accepted" or the refusal's code, and what is wrong, if anything."""
    try:
        table = read_table(file.data, options=file.options)
    except InputError as error:
        return error.code, None if error.code in CATALOGUE else f"{error.code} is not in the catalogue"
    except WhyboxError as error:
        return error.code, f"{error.code} is not the caller's fault"
    except Exception as error:  # noqa: BLE001 - whatever leaves the reader is a finding, not an end of the proof
        return "exception", f"{type(error).__name__} left the reader"
    try:
        return "accepted", _compare(table, file)
    except (UnicodeError, csv.Error) as error:
        return "accepted", f"the csv module does not read it: {type(error).__name__}"


def _compare(table: Table, file: TableFile) -> str | None:
    text = io.StringIO(_decode(file), newline="")
    header, *rows = [row for row in csv.reader(text, delimiter=file.options.delimiter, strict=True) if row]
    if table.names != tuple(name.strip() for name in header):
        return "other names"
    if table.n_rows != len(rows) or any(len(row) != len(header) for row in rows):
        return "other rows"
    for column, cells in zip(table.columns, zip(*rows, strict=True), strict=True):
        if tuple(column.cells) != cells:
            return "other cells"
        if not all(
            _means(column, value, cell, file.options)
            for value, cell in zip(column.values.tolist(), cells, strict=True)
        ):
            return f"another value in a {column.kind} column"
    return None


def _decode(file: TableFile) -> str:
    """Return the text as its bytes say it is written, else as it was declared."""
    if file.data.startswith(b"\xef\xbb\xbf"):
        return file.data[3:].decode("utf-8")
    if file.data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return file.data.decode("utf-16")
    return file.data.decode(file.options.encoding).removeprefix("\ufeff")


def _means(column: Column, value: float, cell: str, options: ReadOptions) -> bool:
    """Whether the value is what the cell says: a number, a truth value, its word, or nothing."""
    if cell == "" or cell.strip(" \t") in options.missing:
        return math.isnan(value)
    if column.kind == "numeric":
        stripped = cell.strip(" \t").replace(options.decimal, ".")
        return math.isnan(value) if stripped == "" else float(stripped) == value
    if column.kind == "boolean":
        return value == (cell.lower() == "true")
    return column.categories[int(value)] == cell


def prove(n_examples: int = 5_000, *, seed_number: int = 0) -> TableReadings:
    """Read as many random files both ways."""
    verdicts: Counter[str] = Counter()
    violations: list[str] = []

    def examine(file: TableFile) -> None:
        verdict, wrong = difference(file)
        verdicts[verdict] += 1
        if wrong:
            violations.append(f"{wrong}: {file.data!r} with {file.options}")

    _for_each(examine, n_examples, seed_number)
    n_accepted = verdicts.pop("accepted", 0)
    n_cases = n_accepted + verdicts.total()
    return TableReadings(n_cases, n_accepted, dict(verdicts.most_common()), tuple(violations))


def _for_each(examine: Callable[[TableFile], None], n_examples: int, seed_number: int) -> None:
    @seed(seed_number)
    @settings(
        max_examples=n_examples,
        phases=(Phase.generate,),
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(table_files())
    def run(file: TableFile) -> None:
        examine(file)

    run()


if __name__ == "__main__":
    found = prove(int(sys.argv[1]) if len(sys.argv) > 1 else 5_000)
    print(f"{found.n_cases} files: {found.n_accepted} accepted, {found.refusals}")
    print("\n".join(found.violations[:20]) or "no difference")
    sys.exit(bool(found.violations))
