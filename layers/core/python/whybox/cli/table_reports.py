"""A checked table in a terminal: what it holds, or what is wrong with it, where, and what to do."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from whybox.cli.table_checks import Check, Trial
from whybox.cli.terminal_reports import print_facts, printable
from whybox.errors import Fault, RequestError
from whybox.http.problems import MAX_ERRORS, problem_of

if TYPE_CHECKING:
    from rich.console import Console

N_COLUMNS: Final = 40  # listed of a wide table; --json lists them all
N_WARNINGS: Final = 20
_FLAGS: Final = ("delimiter", "decimal", "encoding", "missing", "target", "split")
# A parameter of a request in a sentence, as in: pass delimiter=';'. In a column's name it is not one.
_PARAMETER: Final = re.compile(rf"(?<![\w'\"])({'|'.join(_FLAGS)})=(?=(['\"\w])?)")


def print_summary(console: Console, summary: dict[str, Any]) -> None:
    """Print what a file that can be used holds."""
    size = f"{summary['n_rows']:,} rows, {summary['n_columns']:,} columns, {summary['n_bytes']:,} bytes"
    _print_heading(console, summary["file"], "can be read" if summary["task"] is None else "fits the task")
    _print_text(console, size)
    if summary["task"] is not None:
        _print_text(console, _task_words(summary["task"]))
    console.print(_column_table(summary["columns"]))
    n_more = len(summary["columns"]) - N_COLUMNS
    if n_more > 0:
        _print_text(console, f"{n_more:,} more columns; --json lists them all.")
    warnings = summary["warnings"]
    if warnings:
        console.print()
        _print_text(console, "warnings" if len(warnings) > 1 else "warning", style="bold")
        print_facts(console, map(_warning_words, warnings[:N_WARNINGS]), indent=4)
    if len(warnings) > N_WARNINGS:
        _print_text(console, f"{len(warnings) - N_WARNINGS:,} more warnings; --json lists them all.")


def print_refusal(
    console: Console, name: str, error: RequestError, *, check: Check, trial: Trial | None = None
) -> None:
    """Print why a file cannot be used, the places, and what to do; with the options that read it, if any."""
    problem = problem_of(error)
    _print_heading(console, name, f"{problem.title} ({problem.code})")
    _print_text(console, _with_options(error.detail))
    shown = error.faults[:MAX_ERRORS]
    if any(fault.row is not None or fault.column is not None for fault in shown):
        console.print(_fault_table(shown))
        n_faults = max(error.n_faults, len(error.faults))
        if n_faults > len(shown):
            _print_text(console, f"These are the first {len(shown)} of {n_faults:,} places.")
    console.print()
    _print_text(console, "what to do", style="bold")
    _print_text(console, _with_options(problem.remedy), indent=4)
    if trial is not None:
        console.print()
        _print_trial(console, name, check, trial)


def _print_heading(console: Console, name: str, verdict: str) -> None:
    # Never folded: a script may look for the name.
    heading = Text.assemble((printable(name), "bold"), ": ", printable(verdict))
    console.print(heading, soft_wrap=True)


def _print_text(console: Console, text: str, *, style: str = "", indent: int = 2) -> None:
    console.print(Padding(Text(printable(text), style=style), (0, 0, 0, indent), expand=False))


def _print_trial(console: Console, name: str, check: Check, trial: Trial) -> None:
    """Print the command that was tried, and how far it came."""
    flags = "".join(f" --{option} {shlex.quote(value)}" for option, value in trial.changes.items())
    query = "&".join(f"{option}={quote(value, safe='')}" for option, value in trial.changes.items())
    if trial.error is None:
        _print_text(console, "this reads it", style="bold")
    else:
        _print_text(console, "this comes further", style="bold")
    command = f"whybox check{_given_flags(check, without=trial.changes)}{flags} {shlex.quote(name)}"
    console.print(Text(f"    {printable(command)}"), soft_wrap=True)
    _print_text(console, f"In a request, add to the query: {query}", indent=4)
    if "encoding" in trial.changes:
        _print_text(
            console,
            f"{trial.changes['encoding']} is what Windows programs write most; see that accented letters "
            "in the names are right.",
            indent=4,
        )
    if trial.error is not None:
        _print_text(console, f"The next problem is then: {_with_options(trial.error.detail)}", indent=4)


def _given_flags(check: Check, *, without: dict[str, str]) -> str:
    """Return the flags of the command at work that are not at their default."""
    plain = Check()
    flags = [
        f" --{flag} {shlex.quote(word)}"
        for flag in _FLAGS
        if flag not in without and getattr(check, flag) != getattr(plain, flag)
        for word in ([getattr(check, flag)] if flag != "missing" else check.missing)
    ]
    if check.kind is not None:
        flags.append(f" --task {check.kind}")
    return "".join(flags)


def _with_options(text: str) -> str:
    """Return a sentence about a request's parameters as one about this command's options."""
    return _PARAMETER.sub(lambda found: f"--{found[1]}" + (" " if found[2] else ""), text)


def _task_words(task: dict[str, Any]) -> str:
    classes = "" if task["n_classes"] is None else f" into {task['n_classes']} classes"
    return (
        f"{task['kind']} of {task['target']}{classes} by {task['n_features']:,} features: "
        f"{task['n_training_rows']:,} rows to learn from, {task['n_test_rows']:,} to predict"
    )


def _column_table(columns: Sequence[dict[str, Any]]) -> Table:
    table = Table(box=None, padding=(0, 2), pad_edge=True, header_style="dim")
    table.add_column("column", overflow="fold")
    table.add_column("kind", no_wrap=True)
    table.add_column("missing", justify="right", no_wrap=True)
    table.add_column("distinct", justify="right", no_wrap=True)
    has_roles = "role" in columns[0]
    if has_roles:
        table.add_column("use", no_wrap=True)
    for column in columns[:N_COLUMNS]:
        cells = [column["kind"], f"{column['n_missing']:,}", f"{column['n_distinct']:,}"]
        table.add_row(Text(printable(column["name"])), *cells, *([column["role"]] if has_roles else []))
    return table


def _warning_words(warning: dict[str, Any]) -> tuple[str, str]:
    return printable(warning.get("column", "table")), printable(warning["detail"])


def _fault_table(faults: Sequence[Fault]) -> Table:
    """Return the places, those that say the same of one column on one line."""
    table = Table(box=None, padding=(0, 2), pad_edge=True, header_style="dim")
    rows_of: dict[tuple[str, str], list[int]] = {}
    for fault in faults:
        rows = rows_of.setdefault((fault.column or "", fault.detail), [])
        if fault.row is not None:
            rows.append(fault.row)
    has_rows = any(rows_of.values())
    has_columns = any(column for column, _ in rows_of)
    for name, is_there in (("row", has_rows), ("column", has_columns), ("what", True)):
        if is_there:
            table.add_column(name, overflow="fold")
    for (column, what), rows in rows_of.items():
        cells = [_row_words(rows)] * has_rows + [column] * has_columns + [what]
        table.add_row(*(Text(printable(cell)) for cell in cells))
    return table


def _row_words(rows: Sequence[int]) -> str:
    """Return row numbers with runs of three and more drawn together: 2-21, 30, 31."""
    runs: list[list[int]] = []
    for row in rows:
        if runs and row == runs[-1][-1] + 1:
            runs[-1].append(row)
        else:
            runs.append([row])
    words = [f"{run[0]}-{run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs]
    return ", ".join(words)
