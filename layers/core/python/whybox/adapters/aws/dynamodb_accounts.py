"""API keys and shut-out tenants in a DynamoDB table: what every request's caller is held against.

    pk                  attributes
    KEY#<id>            tenant, issuer, subject, name, scopes, digest, created_at, expires_at, and revoked_at
    TENANT#<tenant>     an item for each tenant that is shut out, and none for the others

Every read is consistent: what was revoked or shut out is refused at the next request.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from whybox.adapters.aws.failures import failing_as
from whybox.errors import DependencyUnavailableError
from whybox.ports import ApiKey

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

OWNER_INDEX: Final = "keys-by-tenant"
"""Index on (tenant, created_at): what a list of one tenant's keys is read from."""

Item = Mapping[str, Any]


class DynamodbKeys:
    """KeyStore on DynamoDB."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def add(self, key: ApiKey) -> None:
        """Store a new key; see the port. Sent twice because an answer was lost, it is stored once."""
        with _unavailable("store of API keys"):
            try:
                self._client.put_item(
                    TableName=self._table,
                    Item=dict(_item(key)),
                    ConditionExpression="attribute_not_exists(pk) OR (digest = :digest AND tenant = :tenant)",
                    ExpressionAttributeValues={
                        ":digest": {"S": key.digest},
                        ":tenant": {"S": key.tenant},
                    },
                )
            except self._client.exceptions.ConditionalCheckFailedException as error:
                raise DependencyUnavailableError("store of API keys") from error

    def find(self, key_id: str) -> ApiKey | None:
        """Return the key of an id; see the port."""
        with _unavailable("store of API keys"):
            found = self._client.get_item(TableName=self._table, Key=_key(key_id), ConsistentRead=True)
        return _api_key(found["Item"]) if "Item" in found else None

    def of_tenant(self, tenant: str | None) -> Sequence[ApiKey]:
        """Return the keys of a tenant, or all; see the port. A new key is in it within about a second."""
        with _unavailable("store of API keys"):
            if tenant is None:
                pages = self._client.get_paginator("scan").paginate(TableName=self._table)
                items = [
                    item for page in pages for item in page["Items"] if item["pk"]["S"].startswith("KEY#")
                ]
            else:
                found = self._client.get_paginator("query").paginate(
                    TableName=self._table,
                    IndexName=OWNER_INDEX,
                    KeyConditionExpression="tenant = :tenant",
                    ExpressionAttributeValues={":tenant": {"S": tenant}},
                )
                items = [item for page in found for item in page["Items"]]
        return tuple(sorted(map(_api_key, items), key=lambda key: (key.created_at, key.key_id)))

    def revoke(self, key_id: str, *, now: datetime) -> bool:
        """Revoke a key for good; see the port."""
        with _unavailable("store of API keys"):
            try:
                self._client.update_item(
                    TableName=self._table,
                    Key=_key(key_id),
                    UpdateExpression="SET revoked_at = if_not_exists(revoked_at, :now)",
                    ConditionExpression="attribute_exists(pk)",
                    ExpressionAttributeValues={":now": _moment(now)},
                )
            except self._client.exceptions.ConditionalCheckFailedException:
                return False
        return True


class DynamodbTenants:
    """TenantStore on DynamoDB."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def is_disabled(self, tenant: str) -> bool:
        """Whether the tenant is shut out; see the port."""
        with _unavailable("store of tenants"):
            found = self._client.get_item(TableName=self._table, Key=_tenant(tenant), ConsistentRead=True)
        return "Item" in found

    def disable(self, tenant: str) -> None:
        """Shut the tenant out; see the port."""
        with _unavailable("store of tenants"):
            self._client.put_item(TableName=self._table, Item=_tenant(tenant))

    def enable(self, tenant: str) -> None:
        """Let the tenant in again; see the port."""
        with _unavailable("store of tenants"):
            self._client.delete_item(TableName=self._table, Key=_tenant(tenant))


def _unavailable(what: str) -> AbstractContextManager[None]:
    return failing_as(partial(DependencyUnavailableError, what), BotoCoreError, ClientError)


def _key(key_id: str) -> dict[str, Any]:
    return {"pk": {"S": f"KEY#{key_id}"}}


def _tenant(tenant: str) -> dict[str, Any]:
    return {"pk": {"S": f"TENANT#{tenant}"}}


def _item(key: ApiKey) -> Item:
    item = _key(key.key_id) | {
        "tenant": {"S": key.tenant},
        "issuer": {"S": key.issuer},
        "subject": {"S": key.subject},
        "name": {"S": key.name},
        "scopes": {"S": " ".join(sorted(key.scopes))},
        "digest": {"S": key.digest},
        "created_at": _moment(key.created_at),
        "expires_at": _moment(key.expires_at),
    }
    return item if key.revoked_at is None else item | {"revoked_at": _moment(key.revoked_at)}


def _api_key(item: Item) -> ApiKey:
    revoked_at = item.get("revoked_at")
    return ApiKey(
        key_id=item["pk"]["S"].removeprefix("KEY#"),
        tenant=item["tenant"]["S"],
        issuer=item["issuer"]["S"],
        subject=item["subject"]["S"],
        name=item["name"]["S"],
        scopes=frozenset(item["scopes"]["S"].split()),
        digest=item["digest"]["S"],
        created_at=datetime.fromisoformat(item["created_at"]["S"]),
        expires_at=datetime.fromisoformat(item["expires_at"]["S"]),
        revoked_at=None if revoked_at is None else datetime.fromisoformat(revoked_at["S"]),
    )


def _moment(moment: datetime) -> dict[str, str]:
    """Write a moment in UTC, so that the order of texts is the order of moments."""
    return {"S": moment.astimezone(UTC).isoformat(timespec="microseconds")}
