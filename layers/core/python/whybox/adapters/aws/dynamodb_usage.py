"""The usage ledger in a DynamoDB table: a receipt per charged request and a counter per tenant and month.

    pk            sk                 attributes
    T#<tenant>    PLAN               monthly_limit
    T#<tenant>    MONTH#2026-11      used
    T#<tenant>    RECEIPT#<id>       state, period, lease_ends_at, expires_at, and while reserved: open_shard

A receipt and its counter change in one transaction or not at all. That makes every call safe to repeat: an
SDK that sends a request again after a lost answer finds the receipt and charges nothing.
"""

from __future__ import annotations

import random
import time
import uuid
import zlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from whybox.adapters.aws.failures import failing_as
from whybox.domain.calendar_months import CalendarMonth
from whybox.errors import QuotaExceededError, QuotaUnavailableError, ReservationLostError
from whybox.ports import RECEIPT_RETENTION, Usage

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

OPEN_INDEX: Final = "open-reservations"
"""Index on (open_shard, lease_ends_at): only reserved receipts are in it."""

N_SHARDS: Final = 8
"""Partitions of that index, so that many reservations at once do not all write to one."""

MAX_CONFLICTS: Final = 5
FIRST_PAUSE_SECONDS: Final = 0.02

Item = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Failed:
    """Which writes of a cancelled transaction failed their condition, in order."""

    conditions: Sequence[bool]


class DynamodbUsage:
    """UsageLedger on DynamoDB."""

    def __init__(
        self,
        client: DynamoDBClient,
        table: str,
        *,
        default_limit: int,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._table = table
        self._default_limit = default_limit
        self._sleep = sleep

    def reserve(self, tenant: str, *, receipt_id: str, lease_seconds: float, now: datetime) -> Usage:
        """Charge one unit under ``receipt_id``, or find it charged already; see the port."""
        month = CalendarMonth.of(now)
        lease_ends_at = _number(now.timestamp() + lease_seconds)
        with _unavailable():
            limit = self._limit(tenant)
            failed = self._transact(
                self._put_receipt(tenant, receipt_id, month, lease_ends_at=lease_ends_at, now=now),
                self._change_count(tenant, month.name, by=1, limit=limit),
            )
            if failed and failed.conditions[0]:
                self._extend(tenant, receipt_id, lease_ends_at=lease_ends_at)
            usage = self._usage(tenant, month, limit)
        if failed and not failed.conditions[0]:
            raise QuotaExceededError(limit=limit, used=usage.used, period=month.name, resets_at=month.ends_at)
        return usage

    def commit(self, tenant: str, *, receipt_id: str) -> None:
        """Make the reservation final; see the port."""
        with _unavailable():
            is_held = self._update_if(
                _receipt_key(tenant, receipt_id),
                "SET #state = :committed REMOVE open_shard",
                "attribute_exists(pk) AND #state <> :refunded",
                names={"#state": "state"},
                values={":committed": _text("committed"), ":refunded": _text("refunded")},
            )
        if not is_held:
            raise ReservationLostError

    def refund(self, tenant: str, *, receipt_id: str) -> bool:
        """Take a reservation back in the month it was made; see the port."""
        with _unavailable():
            return self._take_back(tenant, receipt_id)

    def refund_abandoned(self, *, now: datetime) -> int:
        """Refund every reservation whose lease is over; see the port. Old receipts expire by themselves."""
        moment = _number(now.timestamp())
        n_refunded = 0
        with _unavailable():
            for shard in range(N_SHARDS):
                pages = self._client.get_paginator("query").paginate(
                    TableName=self._table,
                    IndexName=OPEN_INDEX,
                    KeyConditionExpression="open_shard = :shard AND lease_ends_at < :now",
                    ExpressionAttributeValues={":shard": _number(shard), ":now": moment},
                    ProjectionExpression="pk, sk",
                )
                for item in [item for page in pages for item in page["Items"]]:
                    tenant, receipt_id = _names(item)
                    n_refunded += self._take_back(tenant, receipt_id, abandoned_at=moment)
        return n_refunded

    def read(self, tenant: str, *, now: datetime) -> Usage:
        """Return the tenant's usage in the month of ``now``; see the port."""
        with _unavailable():
            return self._usage(tenant, CalendarMonth.of(now), self._limit(tenant))

    def change_plan(self, tenant: str, *, monthly_limit: int) -> None:
        """Give the tenant a limit of its own, at once and without touching what is used."""
        with _unavailable():
            self._client.update_item(
                TableName=self._table,
                Key=_key(tenant, "PLAN"),
                UpdateExpression="SET monthly_limit = :limit",
                ExpressionAttributeValues={":limit": _number(monthly_limit)},
            )

    def _limit(self, tenant: str) -> int:
        plan = self._get(_key(tenant, "PLAN"))
        return int(plan["monthly_limit"]["N"]) if "monthly_limit" in plan else self._default_limit

    def _usage(self, tenant: str, month: CalendarMonth, limit: int) -> Usage:
        counter = self._get(_key(tenant, f"MONTH#{month.name}"))
        used = int(counter["used"]["N"]) if counter else 0
        return Usage(limit=limit, used=used, period=month.name, resets_at=month.ends_at)

    def _get(self, key: Item) -> Item:
        found = self._client.get_item(TableName=self._table, Key=dict(key), ConsistentRead=True)
        return found.get("Item", {})

    def _put_receipt(
        self, tenant: str, receipt_id: str, month: CalendarMonth, *, lease_ends_at: Item, now: datetime
    ) -> Item:
        """Return the write of a receipt that is not held: new, refunded, or older than receipts are kept."""
        shard = zlib.crc32(f"{tenant}{receipt_id}".encode()) % N_SHARDS
        item = _receipt_key(tenant, receipt_id) | {
            "state": _text("reserved"),
            "period": _text(month.name),
            "lease_ends_at": lease_ends_at,
            "open_shard": _number(shard),
            "expires_at": _number(int((month.ends_at + RECEIPT_RETENTION).timestamp())),
        }
        return {
            "Put": {
                "TableName": self._table,
                "Item": item,
                "ConditionExpression": "attribute_not_exists(pk) OR #state = :refunded OR period < :oldest",
                "ExpressionAttributeNames": {"#state": "state"},
                "ExpressionAttributeValues": {
                    ":refunded": _text("refunded"),
                    ":oldest": _text(CalendarMonth.of(now - RECEIPT_RETENTION).name),
                },
            }
        }

    def _change_count(self, tenant: str, period: str, *, by: int, limit: int = 0) -> Item:
        """Return the write of a counter: up while it is below the limit, down while it is above zero."""
        is_possible = "used > :bound"
        if by > 0:
            is_possible = "used < :bound" + (" OR attribute_not_exists(used)" if limit > 0 else "")
        return {
            "Update": {
                "TableName": self._table,
                "Key": _key(tenant, f"MONTH#{period}"),
                "UpdateExpression": "ADD used :by",
                "ConditionExpression": is_possible,
                "ExpressionAttributeValues": {":by": _number(by), ":bound": _number(limit)},
            }
        }

    def _extend(self, tenant: str, receipt_id: str, *, lease_ends_at: Item) -> None:
        """Let a held reservation live as long as its latest delivery needs."""
        self._update_if(
            _receipt_key(tenant, receipt_id),
            "SET lease_ends_at = :ends",
            "#state = :reserved AND lease_ends_at < :ends",
            names={"#state": "state"},
            values={":reserved": _text("reserved"), ":ends": lease_ends_at},
        )

    def _take_back(self, tenant: str, receipt_id: str, *, abandoned_at: Item | None = None) -> bool:
        """Refund a reserved receipt (after its lease, where a moment is given); whether this call did it."""
        receipt = self._get(_receipt_key(tenant, receipt_id))
        if not receipt:
            return False
        mark = uuid.uuid4().hex  # tells a lost answer to this call from another call's refund
        condition = "#state = :reserved AND period = :period"
        values: dict[str, Item] = {":reserved": _text("reserved")}
        if abandoned_at is not None:
            condition += " AND lease_ends_at < :now"
            values[":now"] = abandoned_at
        update = {
            "TableName": self._table,
            "Key": _receipt_key(tenant, receipt_id),
            "UpdateExpression": "SET #state = :refunded, refund_mark = :mark REMOVE open_shard",
            "ConditionExpression": condition,
            "ExpressionAttributeNames": {"#state": "state"},
            "ExpressionAttributeValues": values
            | {":refunded": _text("refunded"), ":mark": _text(mark), ":period": receipt["period"]},
        }
        failed = self._transact({"Update": update}, self._change_count(tenant, receipt["period"]["S"], by=-1))
        if failed is None:
            return True
        found = self._get(_receipt_key(tenant, receipt_id))
        return found.get("refund_mark") == _text(mark)

    def _update_if(
        self, key: Item, update: str, condition: str, *, names: Mapping[str, str], values: Item
    ) -> bool:
        try:
            self._client.update_item(
                TableName=self._table,
                Key=dict(key),
                UpdateExpression=update,
                ConditionExpression=condition,
                ExpressionAttributeNames=dict(names),
                ExpressionAttributeValues=dict(values),
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def _transact(self, *writes: Any) -> _Failed | None:
        """Write all or nothing; None when written. A conflict with another transaction is tried again."""
        for attempt in range(MAX_CONFLICTS + 1):
            try:
                self._client.transact_write_items(TransactItems=list(writes))
            except self._client.exceptions.TransactionCanceledException as error:
                reasons = [reason.get("Code", "None") for reason in error.response["CancellationReasons"]]
                if "ConditionalCheckFailed" in reasons:
                    return _Failed([reason == "ConditionalCheckFailed" for reason in reasons])
                if attempt == MAX_CONFLICTS:
                    raise
                ceiling = FIRST_PAUSE_SECONDS * 2**attempt
                self._sleep(random.uniform(0, ceiling))  # noqa: S311 - jitter, not a secret
            else:
                break
        return None


def _unavailable() -> AbstractContextManager[None]:
    return failing_as(QuotaUnavailableError, BotoCoreError, ClientError)


def _key(tenant: str, sort: str) -> dict[str, Item]:
    return {"pk": _text(f"T#{tenant}"), "sk": _text(sort)}


def _receipt_key(tenant: str, receipt_id: str) -> dict[str, Item]:
    return _key(tenant, f"RECEIPT#{receipt_id}")


def _names(item: Item) -> tuple[str, str]:
    """Return tenant and receipt id of a receipt's key."""
    return item["pk"]["S"].removeprefix("T#"), item["sk"]["S"].removeprefix("RECEIPT#")


def _text(value: str) -> dict[str, str]:
    return {"S": value}


def _number(value: float) -> dict[str, str]:
    return {"N": repr(value)}
