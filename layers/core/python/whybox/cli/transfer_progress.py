"""How far something is: a bar in a terminal, plain lines anywhere else, always on standard error."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_PLAIN_STEPS = 4  # lines of a transfer that nobody watches


@contextmanager
def watch_transfer(title: str, n_bytes: int | None) -> Iterator[Callable[[int], None]]:
    """Yield what is told of every block of bytes; the total may be unknown."""
    if not sys.stderr.isatty():
        yield _plain_counter(title, n_bytes)
        return
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TransferSpeedColumn

    with _bar(TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn()) as bar:
        task = bar.add_task(title, total=n_bytes)
        yield lambda n_new: bar.advance(task, n_new)


@contextmanager
def watch_rows() -> Iterator[Callable[[str, int, int | None], None]]:
    """Yield what is told the state of a job, its rows done and all its rows."""
    if not sys.stderr.isatty():
        yield _plain_rows()
        return
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description:<9}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with _bar(*columns) as bar:
        task = bar.add_task("waiting", total=None)
        yield lambda status, done, total: bar.update(task, description=status, completed=done, total=total)


def _bar(*columns: Any) -> Any:
    from rich.console import Console
    from rich.progress import Progress

    return Progress(*columns, console=Console(stderr=True, highlight=False))


def _plain_counter(title: str, n_bytes: int | None) -> Callable[[int], None]:
    """Return a counter that says at each quarter how far it is."""
    done, told = 0, 0

    def count(n_new: int) -> None:
        nonlocal done, told
        done += n_new
        step = 0 if not n_bytes else _PLAIN_STEPS * done // n_bytes
        if step > told:
            told = step
            print(
                f"{title}: {done / 1e6:,.1f} of {(n_bytes or 0) / 1e6:,.1f} MB", file=sys.stderr, flush=True
            )

    return count


def _plain_rows() -> Callable[[str, int, int | None], None]:
    """Return what prints a line whenever something changed."""
    before: tuple[str, int, int | None] | None = None

    def tell(status: str, done: int, total: int | None) -> None:
        nonlocal before
        if (status, done, total) != before:
            before = (status, done, total)
            rows = "" if total is None else f" {done:,} of {total:,} rows"
            print(f"{status}{rows}", file=sys.stderr, flush=True)

    return tell
