"""Settings in, connected ports out: the one place that chooses adapters."""

from __future__ import annotations

from dataclasses import dataclass

from whybox.adapters.local.secret_file import read_or_make_secret
from whybox.adapters.local.sqlite_replies import SqliteReplies
from whybox.adapters.local.sqlite_usage import SqliteUsage
from whybox.adapters.local.system_clock import SystemClock
from whybox.ports import Clock, ReplyStore, UsageLedger
from whybox.services.verify_token import SharedSecret, TokenKey
from whybox.settings import Settings

__all__ = ["Ports", "connect"]


@dataclass(frozen=True, slots=True)
class Ports:
    """Everything outside the process that a service may be given."""

    clock: Clock
    token_key: TokenKey
    usage: UsageLedger
    replies: ReplyStore


def connect(settings: Settings) -> Ports:
    """Return the ports on this machine: SQLite files and a secret in ``settings.home``.

    Raises
    ------
    ConfigurationError
        The secret cannot be made or read, or is unsafe.

    """
    return Ports(
        clock=SystemClock(),
        token_key=TokenKey(
            keys=SharedSecret(signing_secret(settings)),
            issuer=settings.jwt_issuer,
            audience=settings.jwt_audience,
        ),
        usage=SqliteUsage(settings.home / "usage.sqlite3", default_limit=settings.monthly_limit),
        replies=SqliteReplies(settings.home / "replies.sqlite3"),
    )


def signing_secret(settings: Settings) -> bytes:
    """Return the HS256 secret of the settings, or the one in ``settings.home``, made if there is none."""
    return settings.jwt_secret or read_or_make_secret(settings.home)
