"""``whybox result``: the result of a job into a file."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

from whybox.cli.service_calls import add_service, reach_service
from whybox.cli.transfer_progress import watch_transfer

FORMATS = ("json", "parquet", "csv", "html", "predictions")

_EXAMPLES = """\
examples:
  whybox result JOB                                   the result document, printed
  whybox result JOB --format parquet -o big.parquet   predictions and attributions, a line for each row
  whybox result JOB --format csv -o big.csv           the same for spreadsheets
  whybox result JOB --format html -o report.html      the report, for people

A large result comes from a signed link, which the command follows. Its document holds a summary, and --format
predictions fetches the Parquet with the predictions that it leaves out.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "result",
        help="fetch the result of a job",
        description="Fetch the result of a job that is done.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("id", metavar="JOB", help="the id of a job")
    parser.add_argument("--format", choices=FORMATS, default="json", help="default: json")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="where to write it (default: standard output)"
    )
    add_service(parser)
    parser.set_defaults(run=lambda options: run(options, refuse=parser.error))


def run(options: argparse.Namespace, *, refuse: Callable[[str], Any]) -> None:
    """Write the result beside its name first: what has the name is whole."""
    output: Path | None = options.output
    if output is None and options.format == "parquet" and sys.stdout.isatty():
        refuse("a terminal cannot show Parquet; give -o FILE")
    if output is None:
        _fetch(options, sys.stdout.buffer)
        return
    draft = output.with_name(output.name + ".draft")
    try:
        with draft.open("wb") as file:
            _fetch(options, file)
        draft.replace(output)
    finally:
        draft.unlink(missing_ok=True)
    print(f"{output}: {output.stat().st_size:,} bytes", file=sys.stderr)


def _fetch(options: argparse.Namespace, target: IO[bytes]) -> None:
    service = reach_service(options)
    path = f"/v1/jobs/{quote(options.id, safe='')}/result?format={options.format}"
    with watch_transfer("fetching", None) as on_bytes:
        service.fetch(path, target, accept="*/*", on_bytes=on_bytes)
    target.flush()
