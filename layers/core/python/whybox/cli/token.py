"""``whybox token``: make an access token for the gateway of this home."""

from __future__ import annotations

import argparse
from datetime import timedelta

from whybox.cli.options import add_subject, read_settings
from whybox.services.issue_token import issue_token
from whybox.settings import Settings
from whybox.wiring import Ports, connect, signing_secret

SCOPES = ("explain:write", "jobs:read")
MAX_HOURS = 24

_EXAMPLES = """\
examples:
  whybox token --sub ada
  TOKEN=$(whybox token --sub ada --hours 1)
  curl -H "Authorization: Bearer $TOKEN" http://127.0.0.1:8000/v1/usage

Nothing but the token is printed. It is signed with WHYBOX_JWT_SECRET if that is set, otherwise with the
secret in WHYBOX_HOME, which is made when there is none. Who has the token acts as ID until it ends.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "token",
        help="print an access token",
        description="Print an access token for the service on this machine.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_subject(parser)
    parser.add_argument(
        "--hours",
        type=_hours,
        default=24,
        metavar="1..24",
        help="how long the token is valid (default: %(default)s)",
    )
    parser.set_defaults(run=run)


def _hours(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 2 and 1 <= int(text) <= MAX_HOURS):
        raise argparse.ArgumentTypeError(f"a token lives for 1 to {MAX_HOURS} whole hours")
    return int(text)


def run(options: argparse.Namespace) -> None:
    """Print the token and nothing else."""
    settings = read_settings()
    print(make_token(options.sub, hours=options.hours, settings=settings, ports=connect(settings)))


def make_token(subject: str, *, hours: int, settings: Settings, ports: Ports) -> str:
    """Return a token that the gateway of these settings accepts."""
    return issue_token(
        subject,
        secret=signing_secret(settings),
        issuer=settings.jwt_issuer,
        audience=settings.jwt_audience or "",
        now=ports.clock.now(),
        scopes=SCOPES,
        lifetime=timedelta(hours=hours),
    )
