"""Findings in a terminal: the answer in words, a ranked table with bars, and the facts to judge it by."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from rich.bar import Bar
from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from whybox.domain.pages.numerals import align_decimals, format_column, format_number
from whybox.domain.reports.answers import algorithm_words, answer_in_words, unit_words
from whybox.domain.reports.findings import Findings
from whybox.domain.reports.report_metrics import headline_score

N_RANKED = 10  # columns of the table; the report holds them all
_PLAIN_WIDTH = 100  # of a log file, which has no width of its own
_BAR_WIDTH = 24
_NAME_WIDTH = 28  # letters of a name that the bar makes room for; a longer one is folded


def open_console() -> Console:
    """Return a console that draws and colours in a terminal, and writes plain lines anywhere else."""
    # A terminal of another encoding shows "?" for a letter it does not have; it must not end the command.
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")
    is_terminal = sys.stdout.isatty()
    return Console(
        width=None if is_terminal else _PLAIN_WIDTH,
        force_terminal=is_terminal,
        no_color=None if is_terminal else True,
        highlight=False,
    )


def print_findings(console: Console, findings: Findings) -> None:
    """Print the answer and the columns that matter most."""
    headline, lead = answer_in_words(findings, write=_quoted)
    console.print(Text(headline, style="bold"))
    if lead:
        console.print(Text(lead, style="dim"))
    console.print(_ranked_table(console, findings))
    n_more = len(findings.feature_names) - N_RANKED
    if n_more > 0:
        console.print(Text(f"  {n_more} more columns are in the report.", style="dim"))


def print_facts(console: Console, facts: Iterable[tuple[str, str]], *, indent: int = 0) -> None:
    """Print names and texts in two columns."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in facts:
        table.add_row(Text(name), Text(text))
    console.print(Padding(table, (0, 0, 0, indent)))


def findings_facts(findings: Findings) -> list[tuple[str, str]]:
    """Return what the answer has to be judged by: how good the model is, how the numbers came to be."""
    facts = []
    score = headline_score(findings)
    if score is not None:
        facts.append((score[0], f"{score[1]} {score[2]}"))
    facts.append(("algorithm", algorithm_words(findings)))
    ranking, attributions = findings.ranking, findings.attributions
    if ranking.noise_floor is not None:
        n_columns = len(findings.feature_names)
        floor = format_number(ranking.noise_floor, digits=2)
        facts.append(
            ("noise floor", f"{floor}, and {ranking.n_above_noise} of {n_columns} columns are above")
        )
    if attributions is not None and attributions.stated_residual is not None:
        residual = format_number(attributions.stated_residual, digits=2)
        facts.append(
            ("additivity residual", f"{residual}: base value + attributions = prediction, row by row")
        )
    return facts


def _ranked_table(console: Console, findings: Findings) -> Table:
    ranking = findings.ranking
    shown = ranking.order[:N_RANKED]
    pairs = format_column(ranking.importance[shown].tolist(), ranking.error[shown].tolist())
    numbers = align_decimals([number for number, _ in pairs], pad=" ")
    table = Table(box=None, pad_edge=False, padding=(0, 1), header_style="dim")
    table.add_column("rank", justify="right", no_wrap=True)
    names = [printable(findings.feature_names[column]) for column in shown.tolist()]
    table.add_column("column", overflow="fold", min_width=min(_NAME_WIDTH, max(map(cell_len, names))))
    table.add_column("importance", justify="right", no_wrap=True)
    table.add_column("± std. error", no_wrap=True)
    table.add_column("unit", no_wrap=True)
    bar_width = _BAR_WIDTH if console.width >= _PLAIN_WIDTH else _BAR_WIDTH // 3
    table.add_column("", width=bar_width)
    longest = max(0.0, float(ranking.importance[shown[0]]), ranking.noise_floor or 0.0) or 1.0
    for place, column in enumerate(shown.tolist()):
        value = max(0.0, float(ranking.importance[column]))
        is_faint = ranking.noise_floor is not None and value <= ranking.noise_floor
        table.add_row(
            str(place + 1),
            escape(names[place]),
            numbers[place],
            f"± {pairs[place][1]}" if pairs[place][1] else "",
            unit_words(findings),
            Bar(longest, 0, value, width=bar_width, color="blue"),
            style="dim" if is_faint else None,
        )
    return table


def _quoted(name: str) -> str:
    return f"“{printable(name)}”"


def printable(name: str) -> str:
    """Return a name that cannot command the terminal: no control characters, no change of direction."""
    return "".join(character if character.isprintable() else "\ufffd" for character in name)
