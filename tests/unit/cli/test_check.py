"""``whybox check``: the verdict of the service on a file, in words a person can act on."""

from __future__ import annotations

import io
import json
import os
import random
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from whybox.cli.main import main
from whybox.http.problem_catalogue import CATALOGUE

NAMES = ("id", "city", "area", "rooms", "price")
CITIES = ("Hamburg", "München", "Köln")
Rows = Sequence[tuple[object, ...]]
Run = Callable[..., tuple[int, str]]


def houses() -> Rows:
    draw = random.Random(4)  # noqa: S311 - a table, not a secret
    return [
        (
            row,
            draw.choice(CITIES),
            round(draw.uniform(30, 200), 1),
            draw.randint(1, 6),
            round(draw.uniform(9e4, 9e5), 2),
        )
        for row in range(1, 61)
    ]


def write(
    rows: Rows | None = None,
    *,
    names: Sequence[str] = NAMES,
    delimiter: str = ",",
    decimal: str = ".",
    line_end: str = "\r\n",
    encoding: str = "utf-8",
) -> bytes:
    """Return a table as a program would export it."""
    lines = [
        names,
        *([str(cell).replace(".", decimal) for cell in row] for row in (houses() if rows is None else rows)),
    ]
    return "".join(delimiter.join(line) + line_end for line in lines).encode(encoding)


def with_row(number: int, line: str) -> bytes:
    """Return the table with another line at a row, counted as an editor counts."""
    lines = write().decode().split("\r\n")
    return "\r\n".join([*lines[: number - 1], line, *lines[number:]]).encode()


IN_TASK = {
    "empty target": ["--task", "regression", "--target", "price"],
    "one class": ["--task", "classification", "--target", "sold"],
    "id target": ["--task", "classification", "--target", "id"],
}

# Ten files a user might have: the name, the bytes, the code, and words of the answer that let a person act.
TEN = {
    "semicolon export": (
        "excel.csv",
        write(delimiter=";", decimal=",", encoding="cp1252"),
        "csv-delimiter",
        ["';'", "whybox check --delimiter ';' --encoding cp1252 --decimal , excel.csv"],
    ),
    "latin-1": (
        "latin-1.csv",
        write(encoding="latin-1"),
        "csv-encoding",
        [
            "row 4",
            "UTF-8",
            "--encoding cp1252 is the usual one",
            "whybox check --encoding cp1252 latin-1.csv",
        ],
    ),
    "two header rows": (
        "two-headers.csv",
        write([("number", "name", "m2", "count", "EUR"), *houses()]),
        "csv-header-suspect",
        ["Row 2", "second header", "Remove"],
    ),
    "trailing commas": (
        "trailing.csv",
        write(line_end=",\r\n"),
        "csv-blank-column",
        ["position 6", "end of every line"],
    ),
    "decimal commas": (
        "decimals.csv",
        write(decimal=","),
        "csv-ragged-rows",
        ["60 rows", "the header's 5", "decimal commas", "2-21", "first 20 of 60"],
    ),
    "quotes": (
        "quotes.csv",
        with_row(31, '30,the "old" town,70.5,3,250000.0'),
        "csv-malformed-quote",
        ["cell 2", "not quoted", '"the ""old"" town"'],
    ),
    "ragged": (
        "ragged.csv",
        with_row(31, "30,Köln, Süd,70.5,3,250000.0"),
        "csv-ragged-rows",
        ["1 row has", "row 31 with 6", "comma that is not quoted"],
    ),
    "empty target": (
        "empty-target.csv",
        write([(*row[:4], "" if int(str(row[0])) % 7 == 3 else row[4]) for row in houses()]),
        "target-missing-values",
        ["'price'", "9 rows", "row 4", "remove the rows"],
    ),
    "one class": (
        "one-class.csv",
        write([(*row, "no") for row in houses()], names=(*NAMES, "sold")),
        "target-single-class",
        ["'sold'", "one single value", "target that varies"],
    ),
    "id target": (
        "id-target.csv",
        write([(f"H-{row:04}", *houses()[row % 60][1:]) for row in range(200)]),
        "target-high-cardinality",
        ["'id'", "200 different values", "identifier", "regression"],
    ),
}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of its own, in which files are named as a person names them."""
    for name in [name for name in os.environ if name.startswith("WHYBOX_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def check(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command; return its exit code and what it printed."""

    def run(*arguments: str) -> tuple[int, str]:
        code = main(["check", *arguments])
        return code, capsys.readouterr().out

    return run


@pytest.mark.parametrize("case", TEN)
def test_a_broken_file_is_refused_with_the_code_and_words_to_act_on(
    check: Run, here: Path, case: str
) -> None:
    name, data, code, words = TEN[case]
    (here / name).write_bytes(data)

    status, printed = check(*IN_TASK.get(case, []), name)

    assert status == 1
    told = " ".join(printed.split())
    assert told.startswith(f"{name}: {CATALOGUE[code].title} ({code})")
    assert "what to do" in told
    for word in words:
        assert word in told, printed


@pytest.mark.parametrize("case", TEN)
def test_a_program_gets_the_very_problem_document_of_the_service(check: Run, here: Path, case: str) -> None:
    name, data, code, _ = TEN[case]
    (here / name).write_bytes(data)

    status, printed = check("--json", *IN_TASK.get(case, []), name)

    (line,) = printed.splitlines()
    document = json.loads(line)
    assert status == 1
    assert (document["type"], document["status"]) == (f"/problems/{code}", CATALOGUE[code].status)
    assert (document["title"], document["instance"]) == (CATALOGUE[code].title, name)
    assert len(document.get("errors", [])) <= min(20, document.get("errors_total", 0))


def test_the_options_it_proposes_do_read_the_file(check: Run, here: Path) -> None:
    (here / "excel.csv").write_bytes(TEN["semicolon export"][1])
    _, refused = check("excel.csv")
    (command,) = [line for line in refused.splitlines() if "whybox check" in line]

    status, printed = check(*[word.strip("'") for word in command.split()[2:]])

    assert status == 0
    assert "60 rows, 5 columns" in printed
    assert "delimiter=%3B&encoding=cp1252&decimal=%2C" in refused


def test_where_other_options_only_come_further_the_next_problem_is_told(check: Run, here: Path) -> None:
    (here / "t.csv").write_bytes(b"a;b\n" + b"1;2\n" * 30 + b"5;6;7\n")

    _, printed = check("t.csv")

    told = " ".join(printed.split())
    assert "this comes further whybox check --delimiter ';' t.csv" in told
    assert "The next problem is then: 1 row has another number of cells" in told


def test_a_proposal_keeps_the_options_that_were_given(check: Run, here: Path) -> None:
    (here / "t t.csv").write_bytes(write(delimiter=";", decimal=","))

    _, printed = check(
        "--delimiter", ";", "--missing", "?", "--task", "regression", "--target", "price", "t t.csv"
    )

    expected = (
        "whybox check --delimiter ';' --missing '?' --target price --task regression --decimal , 't t.csv'"
    )
    assert expected in printed


def test_a_good_file_is_summed_up(check: Run, here: Path) -> None:
    rows = [(*row[:3], "" if row[0] in (3, 5) else row[3], row[4]) for row in houses()]
    (here / "houses.csv").write_bytes(write(rows))

    status, printed = check("houses.csv")

    assert status == 0
    lines = [line.split() for line in printed.splitlines()]
    assert printed.startswith("houses.csv: can be read\n")
    assert lines[1][:4] == ["60", "rows,", "5", "columns,"]
    assert ["id", "whole", "numbers", "0", "60"] in lines
    assert ["city", "categories", "0", "3"] in lines
    assert ["rooms", "whole", "numbers", "2", "6"] in lines


def test_a_file_for_a_task_says_what_each_column_is_used_as(check: Run, here: Path) -> None:
    (here / "houses.csv").write_bytes(write())

    status, printed = check("--task", "regression", "--target", "price", "houses.csv")

    assert status == 0
    assert printed.startswith("houses.csv: fits the task\n")
    assert "regression of price by 4 features: 42 rows to learn from, 18 to predict" in printed
    assert "like an identifier" in " ".join(printed.split())
    assert [line.split()[-1] for line in printed.splitlines() if line.startswith("  price")] == ["target"]


def test_a_summary_for_a_program_holds_the_same(check: Run, here: Path) -> None:
    (here / "houses.csv").write_bytes(write())

    _, printed = check("--json", "--task", "regression", "--target", "price", "houses.csv")

    document = json.loads(printed)
    assert (document["file"], document["n_rows"], document["n_columns"]) == ("houses.csv", 60, 5)
    assert document["columns"][1] == {
        "name": "city",
        "kind": "categories",
        "n_missing": 0,
        "n_distinct": 3,
        "role": "feature",
    }
    assert document["task"]["n_training_rows"] == 42
    assert {"code": "split-drawn"}.items() <= document["warnings"][0].items()


def test_declared_missing_words_count_as_missing(check: Run, here: Path) -> None:
    (here / "t.csv").write_bytes(b"a,b\n1,2\nNA,3\n.,4\n")

    _, printed = check("--missing", "NA", "--missing", ".", "t.csv")

    assert ["a", "whole", "numbers", "2", "1"] in [line.split() for line in printed.splitlines()]


def test_standard_input_is_read_where_the_file_is_a_dash(check: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(write(delimiter="\t"))))

    status, printed = check("--delimiter", "tab", "-")

    assert (status, printed.splitlines()[0]) == (0, "-: can be read")


def test_of_several_files_each_is_judged_and_one_bad_one_decides(check: Run, here: Path) -> None:
    (here / "good.csv").write_bytes(write())
    (here / "bad.csv").write_bytes(b"")

    status, printed = check("bad.csv", "good.csv")
    _, lines = check("--json", "bad.csv", "good.csv")

    assert status == 1
    assert "bad.csv: The file is empty (csv-empty)" in printed
    assert "\n\ngood.csv: can be read" in printed
    assert [("type" in json.loads(line)) for line in lines.splitlines()] == [True, False]


def test_a_file_that_cannot_be_opened_does_not_end_the_rest(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "good.csv").write_bytes(write())

    assert main(["check", "nothing.csv", ".", "good.csv"]) == 1

    out, err = capsys.readouterr()
    assert out.startswith("good.csv: can be read")
    assert err == "whybox: nothing.csv: No such file or directory\nwhybox: .: Is a directory\n"


def test_a_file_beyond_the_limit_is_not_read_to_its_end(check: Run, here: Path) -> None:
    with (here / "huge.csv").open("wb") as file:
        file.truncate(3 * 2**30)  # of zeros that take no room

    _, printed = check("--json", "huge.csv")

    document = json.loads(printed)
    assert document["type"] == "/problems/csv-too-large"
    assert document["actual"] == 3 * 2**30


def test_a_table_larger_than_one_request_is_told_before_it_is_sent(check: Run, here: Path) -> None:
    (here / "large.csv").write_bytes(b"a,b\n" + b"1234567,7654321\n" * 280_000)

    status, printed = check("large.csv")

    assert status == 0
    assert "more than one request carries" in " ".join(printed.split())


@pytest.mark.parametrize("name", ["\x1b[31mred", "[bold]b", "\u202egpj"])
def test_no_name_in_a_file_commands_the_terminal(check: Run, here: Path, name: str) -> None:
    (here / "t.csv").write_bytes(f"{name.strip(chr(27))},b\n1,2\n".encode())
    (here / f"{name}.csv").write_bytes(b"a,b\n1,2\n")

    _, printed = check("t.csv", f"{name}.csv")

    assert "\x1b" not in printed
    assert "\u202e" not in printed
    assert printed.count("[bold]b") == (2 if name.startswith("[") else 0)


def test_a_wide_table_lists_its_first_columns_and_says_how_many_follow(check: Run, here: Path) -> None:
    names = ",".join(f"c{column}" for column in range(100))
    (here / "wide.csv").write_text(f"{names}\n{','.join(['1'] * 100)}\n")

    _, printed = check("wide.csv")

    assert "60 more columns" in printed
    assert len(printed.splitlines()) < 60


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        (["--delimiter", "x"], "a delimiter is one of"),
        (["--decimal", "x"], "invalid choice"),
        (["--target", "x"], "--target and --split need --task"),
        (["--task", "clustering"], "invalid choice"),
    ],
)
def test_an_option_that_makes_no_sense_is_refused_with_the_choices(
    options: list[str], hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["check", *options, "t.csv"])

    assert ended.value.code == 2
    assert hint in capsys.readouterr().err


def test_options_that_contradict_each_other_are_a_problem_of_the_catalogue(check: Run) -> None:
    status, printed = check("--json", "--decimal", ",", "t.csv")

    assert (status, json.loads(printed)["type"]) == (1, "/problems/parameter-invalid")


def test_help_shows_examples(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["check", "--help"])

    told = capsys.readouterr().out
    assert "whybox check --delimiter ';' --decimal , sales.csv" in told
    assert "never leaves this machine" in told
