"""The replies kept for Idempotency-Key in a DynamoDB table: claimed, then stored, in time forgotten.

    pk            sk                              attributes
    T#<tenant>    REPLY#<sha256 of route, key>    fingerprint, claim, ends_at, expires_at, and once stored:
                                                  status, headers, body (compressed), parts, n_parts
    T#<tenant>    PART#<parts>#<number>           body of the parts after the first

``ends_at`` is the end of the lease while there is no status, of the retention afterwards. An item holds
400 KB, so a larger body goes into several; the first one, which has the status, is written last. What a
process that died left of its parts expires.
"""

from __future__ import annotations

import hashlib
import json
import math
import uuid
import zlib
from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, cast

from botocore.exceptions import BotoCoreError, ClientError

from whybox.adapters.aws.failures import failing_as
from whybox.errors import IdempotencyInProgressError, IdempotencyKeyReusedError, RepliesUnavailableError
from whybox.ports import REPLY_RETENTION, StoredReply

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

PART_BYTES: Final = 380_000
"""An item may have 400 KB with its names; DynamoDB counts a KB as 1,024 bytes."""

Item = Mapping[str, Any]


class DynamodbReplies:
    """ReplyStore on DynamoDB."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def begin(
        self, tenant: str, *, route: str, key: str, fingerprint: str, lease_seconds: float, now: datetime
    ) -> StoredReply | None:
        """Claim the key, or return the reply stored under it; see the port."""
        moment = now.timestamp()
        name = _name(tenant, route, key)
        claim = {"S": uuid.uuid4().hex}  # tells a lost answer to this call from another request's claim
        with _unavailable():
            try:
                self._client.put_item(
                    TableName=self._table,
                    Item=dict(name)
                    | {
                        "fingerprint": {"S": fingerprint},
                        "claim": claim,
                        "ends_at": _number(moment + lease_seconds),
                        "expires_at": _number(math.ceil(moment + lease_seconds)),
                    },
                    ConditionExpression="attribute_not_exists(pk) OR ends_at < :now",
                    ExpressionAttributeValues={":now": _number(moment)},
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
            except self._client.exceptions.ConditionalCheckFailedException as error:
                found = cast("Item", error.response.get("Item", {}))
                if found.get("fingerprint", {}).get("S", fingerprint) != fingerprint:
                    raise IdempotencyKeyReusedError from None
                if "status" in found:
                    return self._read(found)
                if found.get("claim") != claim:
                    raise IdempotencyInProgressError from None
        return None

    def complete(self, tenant: str, *, route: str, key: str, reply: StoredReply, now: datetime) -> None:
        """Store the outcome of a claim; the first outcome stands."""
        name = _name(tenant, route, key)
        body = zlib.compress(reply.body, level=1)
        parts = [body[start : start + PART_BYTES] for start in range(0, len(body), PART_BYTES)]
        parts_id = uuid.uuid4().hex
        ends_at = (now + REPLY_RETENTION).timestamp()
        expiry = _number(math.ceil(ends_at))
        with _unavailable():
            for number, part in enumerate(parts[1:], start=1):
                item = _part(name["pk"], parts_id, number) | {"body": {"B": part}, "expires_at": expiry}
                self._client.put_item(TableName=self._table, Item=item)
            try:
                self._client.update_item(
                    TableName=self._table,
                    Key=dict(name),
                    UpdateExpression="SET #status = :status, headers = :headers, body = :body,"
                    " #parts = :parts, n_parts = :n_parts, ends_at = :ends_at, expires_at = :expiry",
                    ConditionExpression="attribute_exists(pk) AND attribute_not_exists(#status)",
                    ExpressionAttributeNames={"#status": "status", "#parts": "parts"},
                    ExpressionAttributeValues={
                        ":parts": {"S": parts_id},
                        ":status": _number(reply.status),
                        ":headers": {"S": json.dumps(reply.headers)},
                        ":body": {"B": parts[0]},
                        ":n_parts": _number(len(parts)),
                        ":ends_at": _number(ends_at),
                        ":expiry": expiry,
                    },
                )
            except self._client.exceptions.ConditionalCheckFailedException:
                return  # stored already (by this very call, its answer lost), or not claimed any more

    def abandon(self, tenant: str, *, route: str, key: str) -> None:
        """Free a claimed key; an outcome already stored stays."""
        with _unavailable():
            try:
                self._client.delete_item(
                    TableName=self._table,
                    Key=dict(_name(tenant, route, key)),
                    ConditionExpression="attribute_not_exists(#status)",
                    ExpressionAttributeNames={"#status": "status"},
                )
            except self._client.exceptions.ConditionalCheckFailedException:
                return

    def _read(self, first: Item) -> StoredReply:
        body = bytes(first["body"]["B"])
        for number in range(1, int(first["n_parts"]["N"])):
            key = _part(first["pk"], first["parts"]["S"], number)
            part = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True)
            if "Item" not in part:
                raise RepliesUnavailableError
            body += bytes(part["Item"]["body"]["B"])
        headers = tuple((header, value) for header, value in json.loads(first["headers"]["S"]))
        return StoredReply(status=int(first["status"]["N"]), headers=headers, body=zlib.decompress(body))


def _unavailable() -> AbstractContextManager[None]:
    return failing_as(RepliesUnavailableError, BotoCoreError, ClientError)


def _name(tenant: str, route: str, key: str) -> dict[str, Item]:
    digest = hashlib.sha256(f"{len(route)}:{route}{key}".encode()).hexdigest()
    return {"pk": {"S": f"T#{tenant}"}, "sk": {"S": f"REPLY#{digest}"}}


def _part(partition: Item, parts_id: str, number: int) -> dict[str, Any]:
    return {"pk": partition, "sk": {"S": f"PART#{parts_id}#{number}"}}


def _number(value: float) -> dict[str, str]:
    return {"N": repr(value)}
