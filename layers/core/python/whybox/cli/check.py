"""``whybox check``: whether the service would take a table, and if not, what to mend and where."""

from __future__ import annotations

import argparse
import json
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whybox.errors import RequestError, TooLargeError

if TYPE_CHECKING:
    from collections.abc import Callable

    from whybox.cli.table_checks import Check

_DELIMITERS = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|"}

_EXAMPLES = """\
examples:
  whybox check table.csv                       can it be read, and as what?
  whybox check --delimiter ';' --decimal , sales.csv
                                               written by a spreadsheet in much of Europe
  whybox check --encoding cp1252 old.csv       written by an older Windows program
  whybox check --missing NA --missing . survey.csv
                                               cells NA and . are missing values, not words
  whybox check --target price --task regression houses.csv
                                               can price be learned from the other columns?
  whybox check --json *.csv | jq .type         one document per line, for a program
  zcat table.csv.gz | whybox check -           - is standard input

The file is read by the very reader of the service, and never leaves this machine; nothing is stored. Rows
count from 1 as an editor counts lines without quoted line breaks: the header is row 1.
Ends with 0 if every file can be used, with 1 if one cannot.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "check",
        help="tell whether the service would take a table, and what to mend",
        description="Read tables as the service does, and say what they hold or what is wrong with them.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("files", metavar="FILE", nargs="+", help="a CSV file; - reads standard input")
    dialect = parser.add_argument_group("how the file is written")
    dialect.add_argument(
        "--delimiter", type=_delimiter, default=",", help="what separates cells: , ; | or tab (default: ,)"
    )
    dialect.add_argument("--decimal", choices=(".", ","), default=".", help="the decimal sign (default: .)")
    dialect.add_argument("--encoding", default="utf-8", help="utf-8, utf-16, cp1252, latin-1 and others")
    dialect.add_argument(
        "--missing",
        metavar="WORD",
        action="append",
        default=[],
        help="a cell that means a missing value, besides the empty one; may be given several times",
    )
    task = parser.add_argument_group("what it is for")
    task.add_argument("--task", choices=("classification", "regression"), help="also check the task")
    task.add_argument("--target", metavar="COL", help="the column to predict (default: target)")
    task.add_argument(
        "--split", metavar="COL", help="marks training rows with 1 (default: training_index, if there is one)"
    )
    parser.add_argument("--json", action="store_true", help="print documents as the service answers them")
    parser.set_defaults(run=partial(run, refuse=parser.error))


def run(options: argparse.Namespace, *, refuse: Callable[[str], Any]) -> int:
    """Check every file; return 0 if all can be used, else 1."""
    if options.task is None and (options.target is not None or options.split is not None):
        refuse("--target and --split need --task: classification (classes) or regression (a quantity)")
    # Imported here: the other commands must not wait for the numeric stack and the terminal library.
    from whybox.cli.table_checks import Check

    check = Check(
        delimiter=options.delimiter,
        decimal=options.decimal,
        encoding=options.encoding,
        missing=tuple(options.missing),
        kind=options.task,
        target="target" if options.target is None else options.target,
        split="training_index" if options.split is None else options.split,
    )
    tell = _tell_programs if options.json else _people_teller()
    return max(_check_file(name, check, tell) for name in options.files)


def _check_file(name: str, check: Check, tell: Callable[..., None]) -> int:
    from whybox.cli.table_checks import check_table

    data = b""
    try:
        data = _read(name, limit=check.read_options().max_bytes)
        summary = check_table(data, check, name=name)
    except RequestError as error:
        tell(name, error, check=check, data=data)
        return 1
    except OSError as error:
        print(f"whybox: {name}: {error.strerror or error}", file=sys.stderr)
        return 1
    tell(name, summary, check=check, data=data)
    return 0


def _read(name: str, *, limit: int) -> bytes:
    """Return a file's bytes; one beyond the limit is not read to its end."""
    if name == "-":
        data = sys.stdin.buffer.read(limit + 1)
        size = len(data)
    else:
        path = Path(name)
        with path.open("rb") as file:
            data = file.read(limit + 1)
        size = max(len(data), path.stat().st_size)
    if len(data) > limit:
        raise TooLargeError(limit=limit, actual=size)
    return data


def _tell_programs(name: str, found: dict[str, Any] | RequestError, *, check: Check, data: bytes) -> None:
    """Print one line of JSON: the summary, or the problem document with the file's name as its instance."""
    del check, data
    if isinstance(found, RequestError):
        from whybox.http.problems import problem_answer

        _, _, body = problem_answer(found, request_id=name)
        found = json.loads(body)
    print(json.dumps(found))


def _people_teller() -> Callable[..., None]:
    """Return what prints for people, with an empty line between two files."""
    from whybox.cli.table_checks import try_other_dialects
    from whybox.cli.table_reports import print_refusal, print_summary
    from whybox.cli.terminal_reports import open_console

    console = open_console()
    is_first = True

    def tell(name: str, found: dict[str, Any] | RequestError, *, check: Check, data: bytes) -> None:
        nonlocal is_first
        if not is_first:
            console.print()
        is_first = False
        if isinstance(found, RequestError):
            trial = try_other_dialects(data, check, found)
            print_refusal(console, name, found, check=check, trial=trial)
        else:
            print_summary(console, found)

    return tell


def _delimiter(text: str) -> str:
    character = _DELIMITERS.get(text.lower(), text)
    if character not in _DELIMITERS.values():
        raise argparse.ArgumentTypeError("a delimiter is one of: , ; | tab")
    return character
