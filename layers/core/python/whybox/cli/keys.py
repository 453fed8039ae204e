"""``whybox keys``: make, list and revoke API keys, for programs that cannot fetch a new token every day."""

from __future__ import annotations

import argparse
from datetime import timedelta

from whybox.cli.options import add_subject, read_settings
from whybox.cli.token import SCOPES
from whybox.domain.api_keys import is_key_id
from whybox.errors import ConfigurationError
from whybox.ports import ApiKey
from whybox.services.create_key import MAX_KEY_DAYS, create_key
from whybox.services.verify_token import tenant_of
from whybox.wiring import connect

_EXAMPLES = """\
examples:
  whybox keys create --sub ada --name laptop
  KEY=$(whybox keys create --sub ada --days 30 --scope jobs:read)
  curl -H "Authorization: Bearer $KEY" http://127.0.0.1:8000/usage
  whybox keys list --sub ada
  whybox keys revoke ID              it is refused from the next request on

A key acts as ID until it ends or is revoked, and counts towards the same quota as ID's tokens. It is shown
once: the service keeps only a digest of it. The first 12 characters after wbx_ are its ID.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "keys",
        help="make, list and revoke API keys",
        description="Make, list and revoke API keys: like tokens, but for months.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)

    create = actions.add_parser("create", help="print a new key, once")
    add_subject(create)
    create.add_argument("--name", default="", help="what the key is for, to know it by in the list")
    create.add_argument(
        "--scope",
        action="append",
        choices=SCOPES,
        help=f"what the key may do, once for each scope (default: {' and '.join(SCOPES)})",
    )
    create.add_argument(
        "--days",
        type=int,
        choices=range(1, MAX_KEY_DAYS + 1),
        default=365,
        metavar=f"1..{MAX_KEY_DAYS}",
        help="how long the key is valid (default: %(default)s)",
    )
    create.set_defaults(run=_create)

    listing = actions.add_parser("list", help="print all keys, or those of one person or program")
    add_subject(listing, is_required=False)
    listing.set_defaults(run=_list)

    revoke = actions.add_parser("revoke", help="refuse a key from now on")
    revoke.add_argument("id", metavar="ID", help="the key's ID, as the list shows it")
    revoke.set_defaults(run=_revoke)


def _create(options: argparse.Namespace) -> None:
    """Print the key and nothing else."""
    settings = read_settings()
    ports = connect(settings)
    text, _ = create_key(
        options.sub,
        issuer=settings.jwt_issuer,
        scopes=options.scope or SCOPES,
        lifetime=timedelta(days=options.days),
        now=ports.clock.now(),
        keys=ports.accounts.keys,
        name=options.name,
    )
    print(text)


def _list(options: argparse.Namespace) -> None:
    """Print a line for each key, without its secret."""
    settings = read_settings()
    ports = connect(settings)
    tenant = None if options.sub is None else tenant_of(settings.jwt_issuer, options.sub)
    now = ports.clock.now()
    print(f"{'id':<12}  {'state':<7}  {'made':<10}  {'ends':<10}  scopes, owner, name")
    for key in ports.accounts.keys.of_tenant(tenant):
        state = "revoked" if key.revoked_at is not None else "expired" if now >= key.expires_at else "valid"
        days = f"{key.created_at:%Y-%m-%d}  {key.expires_at:%Y-%m-%d}"
        print(f"{key.key_id:<12}  {state:<7}  {days}  {_description(key)}")


def _description(key: ApiKey) -> str:
    """Return what a key may do and whose it is; a subject may hold anything, so escapes are written out."""
    subject = "".join(letter if letter.isprintable() else "\ufffd" for letter in key.subject)
    return ", ".join(filter(None, (" ".join(sorted(key.scopes)), subject, key.name)))


def _revoke(options: argparse.Namespace) -> None:
    """Revoke a key, and say so."""
    ports = connect(read_settings())
    if not is_key_id(options.id):
        raise ConfigurationError(
            "That is no ID of a key: 12 letters and digits, as whybox keys list shows them."
        )
    if not ports.accounts.keys.revoke(options.id, now=ports.clock.now()):
        raise ConfigurationError("There is no key of this ID; whybox keys list shows them all.")
    print(f"revoked {options.id}")
