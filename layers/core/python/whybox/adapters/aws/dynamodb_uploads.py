"""The announced uploads in the table of jobs: one item each, and one of the links that are open.

    pk            sk               attributes
    T#<tenant>    UPLOAD#<id>      the fields of the record, revision, expires_at
    T#<tenant>    OPEN-UPLOADS     revision, links: upload id -> end of its link

An announcement is stored together with the list of open links, or not at all, and the list only over the
revision that was read: so no two requests at once can open one link too many.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import AbstractContextManager
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from whybox.adapters.aws.failures import failing_as
from whybox.domain.jobs.job_records import Field, UnreadableRecordError
from whybox.domain.jobs.upload_records import fields_of, upload_of
from whybox.domain.jobs.uploads import UPLOAD_RETENTION, Announcement, Arrival, with_arrival
from whybox.errors import DependencyUnavailableError, TooManyPendingUploadsError, UploadNotFoundError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

MAX_CONFLICTS: Final = 20
"""Requests of one tenant at the same moment; each round of a race has a winner."""

Item = Mapping[str, Any]


class DynamodbUploads:
    """UploadStore on DynamoDB."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def add(self, announcement: Announcement, *, max_pending: int) -> None:
        """Store a new announcement while few links are open; see the port."""
        with _unavailable():
            for _ in range(MAX_CONFLICTS + 1):
                found = self._find(_open_key(announcement.tenant)) or {}
                links = _open_links(found, announcement)
                others = links.keys() - {announcement.upload_id}
                if len(others) >= max_pending:
                    now = announcement.created_at.timestamp()
                    wait = math.ceil(min(links[link] for link in others) - now)
                    raise TooManyPendingUploadsError(limit=max_pending, retry_after_seconds=wait)
                if announcement.upload_id in links:
                    return  # this very call, its answer lost
                if self._write_both(announcement, links, revision=_revision(found)):
                    return
        raise DependencyUnavailableError("upload store")

    def read(self, tenant: str, upload_id: str) -> Announcement:
        """Return the announcement as it is now; see the port."""
        with _unavailable():
            return _upload(self._get(tenant, upload_id))

    def mark_received(self, tenant: str, upload_id: str, arrival: Arrival) -> Announcement:
        """Remember what arrived first; see the port."""
        with _unavailable():
            for _ in range(MAX_CONFLICTS + 1):
                item = self._get(tenant, upload_id)
                before = _upload(item)
                after = with_arrival(before, arrival)
                if after == before or self._put(after, revision=_revision(item)):
                    self._close_link(after)
                    return after
        raise DependencyUnavailableError("upload store")

    def delete_all(self, tenant: str) -> int:
        """Forget every upload of a tenant; see the port."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :prefix)",
            ExpressionAttributeValues={":pk": _key(tenant, "")["pk"], ":prefix": _key(tenant, "")["sk"]},
            ProjectionExpression="pk, sk",
            ConsistentRead=True,
        )
        n_deleted = 0
        with _unavailable():
            for item in [item for page in pages for item in page["Items"]]:
                self._client.delete_item(TableName=self._table, Key=item)
                n_deleted += 1
            self._client.delete_item(TableName=self._table, Key=_open_key(tenant))
        return n_deleted

    def _get(self, tenant: str, upload_id: str) -> Item:
        item = self._find(_key(tenant, upload_id))
        if item is None:
            raise UploadNotFoundError
        return item

    def _find(self, key: Item) -> Item | None:
        found = self._client.get_item(TableName=self._table, Key=dict(key), ConsistentRead=True)
        return found.get("Item")

    def _write_both(self, announcement: Announcement, links: Mapping[str, float], *, revision: int) -> bool:
        """Store the announcement and the links it is one of; False when there is another revision by now."""
        links = {**links, announcement.upload_id: announcement.expires_at.timestamp()}
        try:
            self._client.transact_write_items(
                TransactItems=[
                    {"Put": self._over(_open_item(announcement, links, revision=revision + 1), revision)},
                    {"Put": self._over(_item(announcement, revision=1), 0)},
                ]
            )
        except self._client.exceptions.TransactionCanceledException:
            return False
        return True

    def _put(self, announcement: Announcement, *, revision: int) -> bool:
        """Store the announcement over a revision; False when there is another one by now."""
        item = _item(announcement, revision=revision + 1)
        try:
            self._client.put_item(**self._over(item, revision))
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def _close_link(self, announcement: Announcement) -> None:
        """Take an upload that has arrived off the list; its link is of no use any more."""
        try:
            self._client.update_item(
                TableName=self._table,
                Key=_open_key(announcement.tenant),
                UpdateExpression="REMOVE links.#id ADD revision :one",
                ConditionExpression="attribute_exists(links.#id)",
                ExpressionAttributeNames={"#id": announcement.upload_id},
                ExpressionAttributeValues={":one": {"N": "1"}},
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return

    def _over(self, item: dict[str, Any], revision: int) -> Any:
        """Return the request that stores an item over one revision of it, 0 where there is none yet."""
        if revision == 0:
            return {"TableName": self._table, "Item": item, "ConditionExpression": "attribute_not_exists(pk)"}
        return {
            "TableName": self._table,
            "Item": item,
            "ConditionExpression": "revision = :read",
            "ExpressionAttributeValues": {":read": {"N": str(revision)}},
        }


def _unavailable() -> AbstractContextManager[None]:
    return failing_as(
        partial(DependencyUnavailableError, "upload store"), BotoCoreError, ClientError, UnreadableRecordError
    )


def _key(tenant: str, upload_id: str) -> dict[str, Any]:
    return {"pk": {"S": f"T#{tenant}"}, "sk": {"S": f"UPLOAD#{upload_id}"}}


def _open_key(tenant: str) -> dict[str, Any]:
    return {"pk": {"S": f"T#{tenant}"}, "sk": {"S": "OPEN-UPLOADS"}}


def _open_links(found: Item, announcement: Announcement) -> dict[str, float]:
    """Return the ends of the links that can still be used when another one is announced."""
    ends = {link: float(end["N"]) for link, end in found.get("links", {"M": {}})["M"].items()}
    return {link: end for link, end in ends.items() if end > announcement.created_at.timestamp()}


def _open_item(announcement: Announcement, links: Mapping[str, float], *, revision: int) -> dict[str, Any]:
    return _open_key(announcement.tenant) | {
        "revision": {"N": str(revision)},
        "links": {"M": {link: {"N": repr(end)} for link, end in links.items()}},
        "expires_at": {"N": str(math.ceil(max(links.values())))},
    }


def _item(announcement: Announcement, *, revision: int) -> dict[str, Any]:
    fields: dict[str, Field] = fields_of(announcement)
    item: dict[str, Any] = {
        name: {"N": str(value)} if isinstance(value, int) else {"S": value} for name, value in fields.items()
    }
    # Its own end is not the table's time to live: the link is over in minutes, the record is kept.
    item["link_ends_at"] = item.pop("expires_at")
    item["expires_at"] = {"N": str(math.ceil((announcement.created_at + UPLOAD_RETENTION).timestamp()))}
    item["revision"] = {"N": str(revision)}
    return _key(announcement.tenant, announcement.upload_id) | item


def _upload(item: Item) -> Announcement:
    fields: dict[str, Field] = {name: int(it["N"]) for name, it in item.items() if it.get("N", "").isdigit()}
    fields |= {name: it["S"] for name, it in item.items() if "S" in it}
    return upload_of(item["pk"]["S"].removeprefix("T#"), fields | {"expires_at": fields["link_ends_at"]})


def _revision(item: Item) -> int:
    return int(item["revision"]["N"]) if "revision" in item else 0
