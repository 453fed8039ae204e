"""Small tables for generated requests: most can be fitted, some have a fault with an answer of its own."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Callable
from typing import Any, Literal

Kind = Literal["classification", "regression"]
Rows = list[list[Any]]

MARKS = ("1", "1", "1", "0")
CELLS = ("", "NA", "nan", "1e999", "007", "1,5", "true", "2026-11-24", "x" * 40, "é", "=1+1", "\U0001f600")
BREAKS = ("\0", '"', "\r", "\n\n", "\ufffd", "\ufeff", "\u2028")
LABELS = (("a", "b"), ("0", "1"), ("low", "middle", "high"), ("True", "False"), ("no", "0", "1.0"))


def write_small_table(rng: random.Random, kind: Kind, *, target: str, split: str, separator: str) -> str:
    """Return 8 to 40 rows with numbers, words and the two named columns; three in ten tables have a fault."""
    rows = _rows(rng, kind, target=target, split=split)
    if rng.random() < 0.3:
        rng.choice(ROW_FAULTS)(rng, rows)
    file = io.StringIO()
    writer = csv.writer(file, delimiter=separator, lineterminator=rng.choice(("\n", "\r\n")))
    writer.writerows(rows)
    text = file.getvalue()
    return _break_text(rng, text) if rng.random() < 0.1 else text


def _rows(rng: random.Random, kind: Kind, *, target: str, split: str) -> Rows:
    n_numbers, has_words = rng.randrange(1, 5), rng.random() < 0.4
    names = [f"x{column}" for column in range(n_numbers)] + (["word"] if has_words else [])
    labels = rng.choice(LABELS)
    rows: Rows = [[*names, target, split]]
    for number in range(rng.randrange(8, 41)):
        numbers = [round(rng.gauss(0, 10 ** rng.randrange(3)), 4) for _ in range(n_numbers)]
        words = [rng.choice(("red", "green", "blue"))] if has_words else []
        label = labels[number % len(labels)] if kind == "classification" else round(sum(numbers), 3)
        rows.append([*numbers, *words, label, MARKS[number % len(MARKS)]])
    return rows


def _set_cell(rng: random.Random, rows: Rows) -> None:
    row = rng.choice(rows[1:])
    row[rng.randrange(len(row))] = rng.choice(CELLS)


def _set_column(rng: random.Random, rows: Rows) -> None:
    column, cell = rng.randrange(len(rows[0])), rng.choice(CELLS)
    for row in rows[1:]:
        row[column] = cell


def _drop_cell(rng: random.Random, rows: Rows) -> None:
    rng.choice(rows).pop()


def _add_cell(rng: random.Random, rows: Rows) -> None:
    rng.choice(rows).append("")


def _rename(rng: random.Random, rows: Rows) -> None:
    rows[0][rng.randrange(len(rows[0]))] = rng.choice(("", rows[0][0], "Target", "x" * 300))


def _shorten(rng: random.Random, rows: Rows) -> None:
    del rows[rng.randrange(6) :]


ROW_FAULTS: tuple[Callable[[random.Random, Rows], None], ...] = (
    _set_cell,
    _set_column,
    _drop_cell,
    _add_cell,
    _rename,
    _shorten,
)


def _break_text(rng: random.Random, text: str) -> str:
    place = rng.randrange(len(text) + 1)
    piece = rng.choice(BREAKS)
    return rng.choice((text[:place] + piece + text[place:], text[:place]))
