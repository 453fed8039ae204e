"""``whybox sample``: a table of any size to try the service with."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

_EXAMPLES = """\
examples:
  whybox sample -o table.csv                                    1,000 rows, 10 columns
  whybox sample --rows 200000 --columns 30 -o big.csv           about 57 MB, in a few seconds
  whybox sample --task classification --seed 7 -o classes.csv

The columns x1 to x5 make the target (Friedman's first function), all others are noise: a good explanation
says so. A column training_index marks seven of ten rows for training. Same arguments, same bytes.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "sample",
        help="write a table of any size to try things with",
        description="Write a synthetic table whose target is a known function of five columns.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rows", type=_count, default=1_000, metavar="N", help="default: 1000")
    parser.add_argument("--columns", type=_count, default=10, metavar="N", help="5 or more (default: 10)")
    parser.add_argument(
        "--task",
        choices=("regression", "classification"),
        default="regression",
        help="whether the target is a number or one of two words (default: %(default)s)",
    )
    parser.add_argument("--seed", type=_count, default=0, metavar="N", help="default: 0")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help="where to write it")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Write the table beside its name first: what has the name is whole."""
    # Imported here: the other commands must not wait for the numeric stack.
    from whybox.domain.tables.synthetic_tables import write_synthetic_table

    blocks = write_synthetic_table(options.rows, options.columns, kind=options.task, seed=options.seed)
    first = next(blocks)  # before a file is made: the sizes may be refused
    draft = options.output.with_name(options.output.name + ".draft")
    with draft.open("wb") as file:
        file.write(first)
        file.writelines(blocks)
    draft.replace(options.output)
    n_bytes = options.output.stat().st_size
    print(f"{options.output}: {options.rows:,} rows, {n_bytes / 1e6:,.1f} MB", file=sys.stderr)


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise argparse.ArgumentTypeError("must be a whole number")
    return int(text)
