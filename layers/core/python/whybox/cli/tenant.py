"""``whybox tenant``: print the name under which everything of a caller is stored."""

from __future__ import annotations

import argparse

from whybox.cli.options import add_subject, read_settings
from whybox.services.verify_token import tenant_of

_EXAMPLES = """\
examples:
  whybox tenant --sub ada            find ada's rows in usage.sqlite3 by this name

Everything stored for a caller is filed under sha256(issuer|subject); the issuer is WHYBOX_JWT_ISSUER.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "tenant",
        help="print the name a caller's data is stored under",
        description="Print the name under which everything of a caller is stored.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_subject(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Print the tenant and nothing else."""
    print(tenant_of(read_settings().jwt_issuer, options.sub))
