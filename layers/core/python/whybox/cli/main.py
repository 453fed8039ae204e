"""The entry point: finds the command, and turns an error raised on purpose into one clear line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import whybox
from whybox.cli import check, demo, jobs, keys, result, sample, serve, tenant, token, upload
from whybox.errors import WhyboxError

_COMMANDS = (demo, serve, check, sample, upload, jobs, result, token, keys, tenant)

_EXAMPLES = """\
examples:
  whybox demo                        explain a real table on this machine and show the answer
  whybox serve                       keep the service running on http://127.0.0.1:8000
  whybox check table.csv             tell whether the service would take a table, and what to mend
  whybox sample --rows 200000 --columns 30 -o big.csv
  whybox upload big.csv              upload a table that is too large for one request
  whybox jobs JOB --follow           watch a job until it ends
  whybox result JOB --format parquet -o big.parquet
  whybox token --sub ada             print a token for the person or program called ada
  whybox keys create --sub ada       print a key that lasts a year, for scripts

The service keeps its state in the folder WHYBOX_HOME names (.whybox if it names none).
It needs no AWS account and no Docker, and listens on this machine only.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns 0, 1 after a failure, 130 after Ctrl-C. argparse itself ends with 2."""
    options = _parser().parse_args(arguments)
    try:
        status: int | None = options.run(options)
    except WhyboxError as error:
        print(f"whybox: {error.detail}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"whybox: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return status or 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="whybox",
        description="Why did the model say that? Fit, predict and explain a table over HTTP.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"whybox {whybox.__version__}")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in _COMMANDS:
        command.add_parser(subparsers)
    return parser


if __name__ == "__main__":
    sys.exit(main())
