"""Settings in, connected ports out: the one place that chooses adapters."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from whybox.adapters.https.documents import fetch_json, trusted_authorities
from whybox.adapters.https.jwks_keys import JwksKeys
from whybox.adapters.local.secret_file import read_or_make_secret
from whybox.adapters.local.sqlite_keys import SqliteKeys
from whybox.adapters.local.sqlite_replies import SqliteReplies
from whybox.adapters.local.sqlite_tenants import SqliteTenants
from whybox.adapters.local.sqlite_usage import SqliteUsage
from whybox.adapters.local.system_clock import SystemClock
from whybox.errors import ConfigurationError
from whybox.ports import Accounts, Clock, PlanStore, ReplyStore, TokenKeys, UsageLedger
from whybox.services.verify_token import TOKEN_TYPES, SharedSecret, TokenKey
from whybox.settings import AwsSettings, Settings, checked_secret

if TYPE_CHECKING:
    from whybox.adapters.aws.secret_keys import SecretKeys

__all__ = ["Ports", "connect"]


@dataclass(frozen=True, slots=True)
class Ports:
    """Everything outside the process that a service may be given."""

    clock: Clock
    token_key: TokenKey
    usage: UsageLedger
    replies: ReplyStore
    accounts: Accounts
    plans: PlanStore


def connect(settings: Settings) -> Ports:
    """Return the ports of the settings: on AWS, or in SQLite files and a secret in ``settings.home``.

    Nothing is connected to before a port is used.

    Raises
    ------
    ConfigurationError
        The secret cannot be made or read, or is unsafe.

    """
    if settings.aws is not None:
        return _connect_aws(settings, settings.aws)
    usage = SqliteUsage(settings.home / "usage.sqlite3", default_limit=settings.monthly_limit)
    return Ports(
        clock=SystemClock(),
        token_key=_token_key(settings),
        usage=usage,
        replies=SqliteReplies(settings.home / "replies.sqlite3"),
        accounts=Accounts(
            keys=SqliteKeys(settings.home / "keys.sqlite3"),
            tenants=SqliteTenants(settings.home / "tenants.sqlite3"),
        ),
        plans=usage,
    )


def _connect_aws(settings: Settings, aws: AwsSettings) -> Ports:
    """Return the ports on AWS; the SDK is loaded only here."""
    from whybox.adapters.aws.clients import AwsClients
    from whybox.adapters.aws.dynamodb_accounts import DynamodbKeys, DynamodbTenants
    from whybox.adapters.aws.dynamodb_replies import DynamodbReplies
    from whybox.adapters.aws.dynamodb_usage import DynamodbUsage

    clients = AwsClients(endpoint_url=aws.endpoint_url)
    dynamodb = clients.dynamodb()
    usage = DynamodbUsage(dynamodb, aws.usage_table, default_limit=settings.monthly_limit)
    return Ports(
        clock=SystemClock(),
        token_key=_token_key(settings),
        usage=usage,
        replies=DynamodbReplies(dynamodb, aws.usage_table),
        accounts=Accounts(
            keys=DynamodbKeys(dynamodb, aws.accounts_table),
            tenants=DynamodbTenants(dynamodb, aws.accounts_table),
        ),
        plans=usage,
    )


def _own_keys(settings: Settings) -> TokenKeys:
    """Return the one secret, from where the settings say it is."""
    return SharedSecret(signing_secret(settings)) if settings.aws is None else _secret_in_aws(settings.aws)


def _secret_in_aws(aws: AwsSettings) -> SecretKeys:
    from whybox.adapters.aws.clients import AwsClients
    from whybox.adapters.aws.secret_keys import SecretKeys

    client = AwsClients(endpoint_url=aws.endpoint_url).secretsmanager()
    return SecretKeys(client, aws.secret_arn or "", check=checked_secret)


def _token_key(settings: Settings) -> TokenKey:
    """Return what tokens are verified with: one secret, or the keys that an issuer publishes."""
    issuer, audience, jwks = settings.jwt_issuer, settings.jwt_audience, settings.jwks
    if jwks is None:
        return TokenKey(_own_keys(settings), issuer, audience)
    fetch = partial(fetch_json, jwks.url, trust=trusted_authorities(jwks.ca_file))
    return TokenKey(
        JwksKeys(fetch),
        issuer,
        audience,
        types=TOKEN_TYPES[jwks.token_type],
        clients=jwks.clients,
        scope_prefix=jwks.scope_prefix,
        is_from_issuer=True,
    )


def signing_secret(settings: Settings) -> bytes:
    """Return the HS256 secret of the settings, or the one in ``settings.home``, made if there is none.

    Raises ConfigurationError where tokens are another issuer's.
    """
    if settings.jwks is not None:
        raise ConfigurationError(
            f"Tokens come from the issuer {settings.jwt_issuer}: ask it for an access token. whybox makes "
            "them only where they are verified with a shared secret, without WHYBOX_JWKS_URL."
        )
    if settings.aws is not None:
        return _secret_in_aws(settings.aws).secret()
    return settings.jwt_secret or read_or_make_secret(settings.home)
