"""``whybox tenant``: the name a caller's data is stored under, and what the operator decides about it."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from whybox.cli.options import add_subject, read_settings
from whybox.services.verify_token import tenant_of
from whybox.settings import MAX_MONTHLY_LIMIT
from whybox.wiring import Ports, connect

_EXAMPLES = """\
examples:
  whybox tenant --sub ada            find ada's rows in usage.sqlite3 by this name
  whybox tenant disable --sub ada    refuse ada's tokens and keys, from the next request on
  whybox tenant enable --sub ada
  whybox tenant limit --sub ada 500  requests ada may make in a calendar month

Everything stored for a caller is filed under sha256(issuer|subject); the issuer is WHYBOX_JWT_ISSUER.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "tenant",
        help="print the name a caller's data is stored under; turn a caller off and on",
        description="Print the name under which everything of a caller is stored, or turn the caller off.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    # Not required by argparse, which would then ask for --sub twice where an action follows.
    add_subject(parser, is_required=False)
    parser.set_defaults(run=_for_one(parser, _show))
    actions = parser.add_subparsers(title="actions", metavar="ACTION")
    for name, act, text in (
        ("disable", _disable, "refuse the caller's tokens and keys"),
        ("enable", _enable, "let the caller in again"),
        ("limit", _limit, "set how many requests the caller may make in a month"),
    ):
        action = actions.add_parser(name, help=text)
        add_subject(action, is_required=False, default=argparse.SUPPRESS)
        action.set_defaults(run=_for_one(action, act))
        if act is _limit:
            action.add_argument("n", metavar="N", type=_number, help=f"0 to {MAX_MONTHLY_LIMIT}")


def _for_one(
    parser: argparse.ArgumentParser, act: Callable[[argparse.Namespace, str], None]
) -> Callable[[argparse.Namespace], None]:
    """Return a command that needs to know about whom."""

    def run(options: argparse.Namespace) -> None:
        if options.sub is None:
            parser.error("the following arguments are required: --sub")
        act(options, tenant_of(read_settings().jwt_issuer, options.sub))

    return run


def _show(_options: argparse.Namespace, tenant: str) -> None:
    """Print the tenant and nothing else."""
    print(tenant)


def _disable(_options: argparse.Namespace, tenant: str) -> None:
    _ports().accounts.tenants.disable(tenant)
    print(f"disabled {tenant}")


def _enable(_options: argparse.Namespace, tenant: str) -> None:
    _ports().accounts.tenants.enable(tenant)
    print(f"enabled {tenant}")


def _limit(options: argparse.Namespace, tenant: str) -> None:
    _ports().plans.change_plan(tenant, monthly_limit=options.n)
    print(f"{options.n} requests a month for {tenant}")


def _ports() -> Ports:
    return connect(read_settings())


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and int(text) <= MAX_MONTHLY_LIMIT):
        raise argparse.ArgumentTypeError(f"a limit is a whole number from 0 to {MAX_MONTHLY_LIMIT}")
    return int(text)
